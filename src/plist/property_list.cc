#include "property_list.hpp"

#include <bit>

#include "markers.hpp"
#include "unicode.hpp"

namespace reeve::plist {

std::string_view name_of(ValueType type) {
  constexpr std::string_view kNames[] = {"null",   "bool", "integer", "real", "date",        "data",
                                         "string", "uid",  "array",   "set",  "ordered set", "dictionary"};
  return kNames[static_cast<std::size_t>(type)];
}

std::uint64_t PropertyList::big_endian(std::size_t at, std::size_t size) const {
  return read_big_endian(bytes_.bytes().data() + at, size);
}

// Of an object that was checked.
Value::Value(const PropertyList& list, std::uint32_t number) : list_(&list), number_(number) {
  const std::byte* const object = list.bytes_.bytes().data() + list.offset_of(number);
  marker_ = std::to_integer<std::uint8_t>(*object);
  at_ = static_cast<std::size_t>(object - list.bytes_.bytes().data()) + 1;
  count_ = static_cast<std::size_t>(marker_ & ~kKind);
  if (kind() < kData || kind() == kUid || count_ != kCountFollows) return;
  const std::size_t size = std::size_t{1} << (std::to_integer<unsigned>(object[1]) & 3U);
  count_ = read_big_endian(object + 2, size);
  at_ += 1 + size;
}

ValueType Value::type() const {
  switch (kind()) {
    case kInteger:
      return ValueType::integer;
    case kReal:
      return ValueType::real;
    case kDate& kKind:
      return ValueType::date;
    case kData:
      return ValueType::data;
    case kAscii:
    case kUtf16:
    case kUtf8:
      return ValueType::string;
    case kUid:
      return ValueType::uid;
    case kArray:
      return ValueType::array;
    case kSet:
      return ValueType::set;
    case kOrderedSet:
      return ValueType::ordered_set;
    case kDictionary:
      return ValueType::dictionary;
    default:
      return marker_ == kNull ? ValueType::null : ValueType::boolean;
  }
}

bool Value::boolean() const { return marker_ == kTrue; }

// Eight bytes have a sign, fewer have none, and of sixteen the lower half is all there is.
Integer Value::integer() const {
  if (count_ < 4) return {list_->big_endian(at_, std::size_t{1} << count_), false};
  const std::uint64_t bits = list_->big_endian(at_ + 8, 8);
  return {bits, list_->big_endian(at_, 8) == 0 && bits >> 63 != 0};
}

double Value::real() const {
  if (count_ == 2) return std::bit_cast<float>(static_cast<std::uint32_t>(list_->big_endian(at_, 4)));
  return std::bit_cast<double>(list_->big_endian(at_, 8));
}

double Value::date() const { return std::bit_cast<double>(list_->big_endian(at_, 8)); }

std::span<const std::byte> Value::data() const { return list_->bytes_.bytes().subspan(at_, count_); }

std::uint32_t Value::uid() const { return static_cast<std::uint32_t>(list_->big_endian(at_, count_ + 1)); }

std::optional<std::string_view> Value::plain_text() const {
  if (kind() == kUtf16) return std::nullopt;
  return text_in(list_->bytes_.bytes().subspan(at_, count_));
}

std::string Value::text() const {
  if (kind() == kUtf16) return utf8_of(list_->bytes_.bytes().subspan(at_, 2 * count_));
  return std::string(*plain_text());
}

bool Value::is_text(std::string_view utf8) const {
  const auto plain = plain_text();
  if (plain) return *plain == utf8;
  return count_ <= utf8.size() && text() == utf8;
}

Value Value::member(std::size_t i) const {
  const std::size_t size = list_->number_size_;
  return {*list_, static_cast<std::uint32_t>(list_->big_endian(at_ + i * size, size))};
}

Value Value::key(std::size_t i) const { return member(i); }
Value Value::value(std::size_t i) const { return member(kind() == kDictionary ? count_ + i : i); }

std::optional<Value> Value::find(std::string_view wanted) const {
  for (std::size_t i = 0; i < count_; ++i) {
    if (key(i).is_text(wanted)) return value(i);
  }
  return std::nullopt;
}

}  // namespace reeve::plist
