// Property lists as values of messages.
#include "../vocab/bounds.hpp"
#include "moments.hpp"
#include "property_list.hpp"

namespace reeve::plist {
namespace {

std::unexpected<Error> no_object(const std::string& what) {
  return fail(Kind::unsupported, code::kBadPropertyList, what + " is no value of a message");
}

// How deep it goes was checked, and is little.
class Conversion {
 public:
  explicit Conversion(const Data& whole) : whole_(whole) {}

  Result<Object> object(const Value& value) {
    if (++count_ > kObjectCountMax) return too_many();
    switch (value.type()) {
      case ValueType::null:
        return Object();
      case ValueType::boolean:
        return Object(value.boolean());
      case ValueType::integer: {
        const Integer integer = value.integer();
        return integer.is_large ? Object(integer.bits) : Object(integer.value());
      }
      case ValueType::real:
        return Object(value.real());
      case ValueType::date:
        return date(value.date());
      case ValueType::data:
        return Object(Data(value.data(), whole_.keeper(), whole_.kept()));
      case ValueType::string:
        return Object(REEVE_TRY(text(value)));
      case ValueType::array:
        return array(value);
      case ValueType::dictionary:
        return dictionary(value);
      case ValueType::uid:
      case ValueType::set:
      case ValueType::ordered_set:
        break;
    }
    return no_object("a " + std::string(name_of(value.type())));
  }

 private:
  static constexpr std::size_t kTextBytesMax = 2 * kPlistBytesMax;  // What is shared counts as often as it is met.

  static std::unexpected<Error> too_many() {
    return fail(Kind::invalid, code::kTooLarge, "a property list holds more than 262144 values, or 128 MiB of text",
                "what is shared counts as often as it is met; read it in place");
  }

  Result<std::string> text(const Value& value) {
    const std::size_t bytes = value.plain_text() ? value.count() : 3 * value.count();
    if (bytes > kTextBytesMax - text_bytes_) return too_many();
    text_bytes_ += bytes;
    return value.text();
  }

  static Result<Object> date(double seconds) {
    const auto moment = moment_of(seconds);
    const auto date = moment ? object::date_of(*moment) : std::nullopt;
    if (!date) return no_object("a date before 1678 or after 2261");
    return Object(*date);
  }

  Result<Object> array(const Value& value) {
    const std::size_t count = value.count();
    if (count > kObjectCountMax - count_) return too_many();
    Array all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) all.push_back(REEVE_TRY(object(value.value(i))));
    return Object(std::move(all));
  }

  Result<Object> dictionary(const Value& value) {
    const std::size_t count = value.count();
    if (count > kObjectCountMax - count_) return too_many();
    std::vector<Dictionary::Entry> entries;
    entries.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      std::string key = REEVE_TRY(text(value.key(i)));
      entries.emplace_back(std::move(key), REEVE_TRY(object(value.value(i))));
    }
    auto whole = Dictionary::from(std::move(entries));
    REEVE_INVARIANT(whole.has_value());
    return Object(std::move(*whole));
  }

  const Data& whole_;
  std::size_t count_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

Result<Object> Value::object() const { return Conversion(list_->bytes_).object(*this); }

Result<Object> decode(Data bytes) { return REEVE_TRY(PropertyList::check(std::move(bytes))).root().object(); }

}  // namespace reeve::plist
