// A property list in its binary form, checked and then read where it lies.
//
//   offset size
//        0    8  "bplist0" and one more character
//        8       objects, each a marker and what follows it; in a container, numbers of other objects
//             n  the table: where each object begins
//      -32    6  of no meaning here
//      -26    1  bytes of an offset in the table, 1 to 8
//      -25    1  bytes of an object's number in a container, 1 to 8
//      -24    8  count of objects
//      -16    8  number of the topmost
//       -8    8  offset of the table, which ends where this trailer begins
//
// What is taken is what Core Foundation takes, less: integers that fit no 64 bits, dates that are no numbers, text that
// is not Unicode, keys that are no strings, stand twice or hold a NUL, objects that are longer together than the file,
// and offsets of more than 8 bytes are refused. Several containers may hold one object: it is there once, and known by
// its number.
//
// Owns:    nothing beside the bytes.
// Trust:   bytes come from strangers. Checking takes time and memory by their count alone, whatever they say.
// Threads: const access from many.
// Errors:  bad-property-list, with the object's number; too-large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "../object/object.hpp"

namespace reeve::plist {

/// What a property list is made of. `uid` stands in keyed archives alone.
enum class ValueType : std::uint8_t {
  null,
  boolean,
  integer,
  real,
  date,
  data,
  string,
  uid,
  array,
  set,
  ordered_set,
  dictionary,
};

/// "null", "bool", "integer", … as they stand in messages to people.
std::string_view name_of(ValueType type);

/// 64 bits with a sign, or without one.
struct Integer {
  std::uint64_t bits = 0;
  bool is_large = false;  ///< it is `bits`, which fit no int64
  std::int64_t value() const { return static_cast<std::int64_t>(bits); }
  friend bool operator==(const Integer&, const Integer&) = default;
};

class PropertyList;

/// One of its objects. What is asked of it is to fit its type. It does not outlive the property list.
class Value {
 public:
  ValueType type() const;
  /// Its number in the property list: the same object has the same.
  std::uint32_t number() const { return number_; }

  bool boolean() const;
  Integer integer() const;
  double real() const;
  /// Seconds since 2001-01-01T00:00:00Z; finite.
  double date() const;
  std::span<const std::byte> data() const;
  std::uint32_t uid() const;
  /// UTF-8, which may hold a NUL where it is no key.
  std::string text() const;
  /// The same where it lies, if it lies there in that form.
  std::optional<std::string_view> plain_text() const;
  bool is_text(std::string_view utf8) const;

  /// Of a container; a dictionary has a key for each of its values.
  /// @{
  std::size_t count() const { return count_; }
  Value key(std::size_t i) const;
  Value value(std::size_t i) const;
  /// @}
  /// The value of a key. Looks at each.
  std::optional<Value> find(std::string_view key) const;

  /// As a value of a message. What is shared is there as often as it is met. Errors: too-large beyond kObjectCountMax
  /// values and 128 MiB of text; unsupported for sets and UIDs, and dates beyond the years 1678 to 2261.
  Result<Object> object() const;

 private:
  friend class PropertyList;
  friend class Checker;
  Value(const PropertyList& list, std::uint32_t number);
  std::uint8_t kind() const { return marker_ & 0xf0U; }
  Value member(std::size_t i) const;
  const PropertyList* list_;
  std::uint32_t number_;
  std::uint8_t marker_;
  std::size_t at_;     // where its content lies
  std::size_t count_;  // of bytes, of units of two bytes, or of members
};

class PropertyList {
 public:
  /// Errors: bad-property-list; too-large beyond kPlistBytesMax.
  static Result<PropertyList> check(Data bytes);

  Value root() const { return {*this, top_}; }
  std::uint32_t count() const { return count_; }
  const Data& bytes() const { return bytes_; }

 private:
  friend class Value;
  friend class Checker;
  std::uint64_t big_endian(std::size_t at, std::size_t size) const;
  std::size_t offset_of(std::uint32_t number) const { return big_endian(table_ + number * offset_size_, offset_size_); }

  Data bytes_;
  std::size_t table_ = 0;
  std::size_t offset_size_ = 0;
  std::size_t number_size_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t top_ = 0;
};

/// The value that a binary property list holds: see Value::object.
Result<Object> decode(Data bytes);

}  // namespace reeve::plist
