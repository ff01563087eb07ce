#include "checks.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "../plist/unicode.hpp"

namespace reeve::archive {

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadArchive, what); }

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

namespace {

// `value`: of whatever kind. 'q' and 'l' are int64 on the machines that write archives.
bool is_of_type(char type, const std::variant<std::int64_t, std::uint64_t, double>& value) {
  return std::visit(
      [type](auto number) {
        if constexpr (std::is_same_v<decltype(number), double>) {
          return type == 'd' || type == 'f';
        } else {
          switch (type) {
            case 'c':
              return std::in_range<std::int8_t>(number);
            case 'C':
              return std::in_range<std::uint8_t>(number);
            case 's':
              return std::in_range<std::int16_t>(number);
            case 'S':
              return std::in_range<std::uint16_t>(number);
            case 'i':
              return std::in_range<std::int32_t>(number);
            case 'I':
              return std::in_range<std::uint32_t>(number);
            case 'l':
            case 'q':
              return std::in_range<std::int64_t>(number);
            case 'L':
            case 'Q':
              return std::in_range<std::uint64_t>(number);
            default:
              return false;
          }
        }
      },
      value);
}

}  // namespace

bool is_number_type(char type) { return std::string_view("cCsSiIlLqQfd").find(type) != std::string_view::npos; }

bool are_of_their_type(const Numbers& numbers) {
  return std::ranges::all_of(numbers.numbers, [&](const auto& value) { return is_of_type(numbers.type, value); });
}

bool ends_its_bases(const Graph& graph, Ref url) {
  constexpr int kBasesMax = 64;
  const Url* next = graph.get<Url>(url);
  for (int steps = 0; next != nullptr && next->base; ++steps) {
    if (steps == kBasesMax) return false;
    next = graph.get<Url>(*next->base);
  }
  return true;
}

std::uint32_t KeyCheck::id_of(Ref key) {
  const auto place = static_cast<std::uint32_t>(key);
  if (ids_[place] != kUnknown) return ids_[place];
  const auto* text = graph_.get<std::string>(key);
  return ids_[place] = text == nullptr ? place : known_.emplace(*text, place).first->second;
}

// Of a few short texts each is compared with each. Whatever is shared, that takes no longer than to read them anew.
std::optional<bool> KeyCheck::has_twice_of_few(const Map& map) {
  constexpr std::size_t kFew = 16;
  constexpr std::size_t kShort = 64;
  if (map.entries.size() > kFew) return std::nullopt;
  std::array<std::string_view, kFew> texts;
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const auto* text = graph_.get<std::string>(map.entries[i].first);
    if (text == nullptr || text->size() > kShort) return std::nullopt;
    texts[i] = *text;
    if (std::find(texts.begin(), texts.begin() + i, texts[i]) != texts.begin() + i) return true;
  }
  return false;
}

bool KeyCheck::has_twice(const Map& map) {
  if (const auto has = has_twice_of_few(map)) return *has;
  if (ids_.empty()) ids_.assign(graph_.count(), kUnknown);
  keys_.clear();
  for (const auto& [key, value] : map.entries) keys_.push_back(id_of(key));
  std::ranges::sort(keys_);
  return std::ranges::adjacent_find(keys_) != keys_.end();
}

}  // namespace reeve::archive
