#include "checks.hpp"

#include <algorithm>

#include "../plist/unicode.hpp"

namespace reeve::archive {

bool is_index_set(const IndexSet& set) {
  std::optional<std::uint64_t> end;
  for (const Range& range : set.ranges) {
    if (end && range.location <= *end) return false;
    if (range.length == 0 || range.location > INT64_MAX || range.length > INT64_MAX - range.location) return false;
    end = range.location + range.length;
  }
  return true;
}

bool fits_its_runs(const AttributedText& text) {
  std::uint64_t left = plist::utf16_length(text.text);
  for (const AttributedText::Run& run : text.runs) {
    if (run.length == 0 || run.length > left) return false;
    left -= run.length;
  }
  return left == 0 || text.runs.empty();
}

std::uint32_t KeyCheck::id_of(Ref key) {
  const auto place = static_cast<std::uint32_t>(key);
  if (ids_[place] != kUnknown) return ids_[place];
  const auto* text = graph_.get<std::string>(key);
  return ids_[place] = text == nullptr ? place : known_.emplace(*text, place).first->second;
}

bool KeyCheck::has_twice(const Map& map) {
  keys_.clear();
  for (const auto& [key, value] : map.entries) keys_.push_back(id_of(key));
  std::ranges::sort(keys_);
  return std::ranges::adjacent_find(keys_) != keys_.end();
}

}  // namespace reeve::archive
