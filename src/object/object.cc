#include "object.hpp"

#include <algorithm>

namespace reeve::object {

Dictionary::Dictionary() = default;
Dictionary::Dictionary(const Dictionary&) = default;
Dictionary::Dictionary(Dictionary&&) noexcept = default;
Dictionary& Dictionary::operator=(const Dictionary&) = default;
Dictionary& Dictionary::operator=(Dictionary&&) noexcept = default;
Dictionary::~Dictionary() = default;

Dictionary::Dictionary(std::initializer_list<Entry> entries) {
  for (const Entry& entry : entries) set(entry.first, entry.second);
}

namespace {

auto place_of(auto& entries, std::string_view key) {
  return std::lower_bound(entries.begin(), entries.end(), key,
                          [](const Dictionary::Entry& entry, std::string_view k) { return entry.first < k; });
}

}  // namespace

std::optional<Dictionary> Dictionary::from(std::vector<Entry> entries) {
  const auto by_key = [](const Entry& a, const Entry& b) { return a.first < b.first; };
  if (!std::is_sorted(entries.begin(), entries.end(), by_key)) std::sort(entries.begin(), entries.end(), by_key);
  const auto same_key = [](const Entry& a, const Entry& b) { return a.first == b.first; };
  if (std::adjacent_find(entries.begin(), entries.end(), same_key) != entries.end()) return std::nullopt;
  Dictionary dictionary;
  dictionary.entries_ = std::move(entries);
  return dictionary;
}

std::size_t Dictionary::count() const { return entries_.size(); }

const Object* Dictionary::find(std::string_view key) const {
  const auto place = place_of(entries_, key);
  return place != entries_.end() && place->first == key ? &place->second : nullptr;
}

Object* Dictionary::find(std::string_view key) { return const_cast<Object*>(std::as_const(*this).find(key)); }

void Dictionary::set(std::string key, Object value) {
  const auto place = place_of(entries_, key);
  if (place != entries_.end() && place->first == key) {
    place->second = std::move(value);
  } else {
    entries_.emplace(place, std::move(key), std::move(value));
  }
}

const Dictionary::Entry* Dictionary::begin() const { return entries_.data(); }
const Dictionary::Entry* Dictionary::end() const { return entries_.data() + entries_.size(); }
Dictionary::Entry* Dictionary::begin() { return entries_.data(); }
Dictionary::Entry* Dictionary::end() { return entries_.data() + entries_.size(); }

bool operator==(const Dictionary& a, const Dictionary& b) { return a.entries_ == b.entries_; }

std::string_view name_of(Type type) {
  static constexpr std::array<std::string_view, 15> kNames{
      "null", "bool",  "int64",      "uint64",     "double",        "date",     "data", "string",
      "uuid", "array", "dictionary", "descriptor", "shared memory", "endpoint", "right"};
  return kNames[static_cast<std::size_t>(type)];
}

}  // namespace reeve::object
