// A typed value: what messages are made of.
//
// Owns:    all that it holds; copies share descriptors.
// Threads: one owner; const access from many.
// Errors:  a wrong type is an Error that names what was expected and what was found, never a default.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "../os/descriptor.hpp"
#include "../vocab/result.hpp"
#include "data.hpp"
#include "memory.hpp"

namespace reeve::object {

/// Nanoseconds since 1970-01-01T00:00:00Z; may be negative.
struct Date {
  std::chrono::nanoseconds since_epoch{};  ///< a count that leaves leap seconds out, as the system clock does
  friend bool operator==(const Date&, const Date&) = default;
};

/// Sixteen bytes that name something; which kind of UUID they are nobody looks at.
struct Uuid {
  std::array<std::byte, 16> bytes{};  ///< in the order in which they are written
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

/// A descriptor with what its sender declares it to be. Copies share it; two are equal only if they share.
struct Descriptor {
  std::shared_ptr<const os::Fd> fd;                    ///< null: there is none, and it cannot be sent
  os::DescriptorKind kind = os::DescriptorKind::file;  ///< which the receiver makes sure of
  os::Access access = os::Access::read;                ///< what it is open for, at least
  std::uint64_t size = 0;                              ///< of memory, in bytes
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

/// What proves that its holder may connect to one listener; the broker gives it out and takes it back for a channel.
struct Endpoint {
  std::array<std::byte, 16> token{};  ///< nobody can guess it; all zero: none
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// What a right lets its holder do.
enum class RightKind : std::uint8_t { send, receive };

/// The power to send to, or to receive from, a port: an end of a channel on its way to another process.
struct Right {
  std::shared_ptr<const os::Fd> end;  ///< null: none, or used up
  RightKind kind = RightKind::send;   ///< which of the two
  friend bool operator==(const Right&, const Right&) = default;
};

/// What travels beside the bytes of a message, in the order in which its carriers stand there.
using Attachment = std::variant<Descriptor, Endpoint>;

class Object;
/// Objects in order, of one type or of several.
using Array = std::vector<Object>;

/// Keys and values. Keys are unique, UTF-8, without NUL, and kept in ascending order.
class Dictionary {
 public:
  /// A key and its value.
  using Entry = std::pair<std::string, Object>;

  Dictionary();
  /// Entries in whatever order; of a key that stands twice the later value counts.
  Dictionary(std::initializer_list<Entry> entries);
  Dictionary(const Dictionary&);
  Dictionary(Dictionary&&) noexcept;
  Dictionary& operator=(const Dictionary&);
  Dictionary& operator=(Dictionary&&) noexcept;
  ~Dictionary();

  /// A dictionary of these entries in whatever order, or nothing where a key stands twice.
  static std::optional<Dictionary> from(std::vector<Entry> entries);

  /// How many entries there are.
  std::size_t count() const;
  /// Whether there are none.
  bool empty() const { return count() == 0; }
  /// The value of a key, or null where there is none.
  const Object* find(std::string_view key) const;
  /// The same, to be changed.
  Object* find(std::string_view key);
  /// Enters the value, in the place of the one that the key has, if it has one.
  void set(std::string key, Object value);

  /// The entries by ascending key, until this is changed. Values may be changed in place, keys may not.
  /// @{
  const Entry* begin() const;
  const Entry* end() const;
  Entry* begin();
  Entry* end();
  /// @}

  friend bool operator==(const Dictionary&, const Dictionary&);

 private:
  std::vector<Entry> entries_;
};

/// What an Object holds, in the order of Object::Value.
enum class Type : std::uint8_t {
  null,
  boolean,
  int64,
  uint64,
  real,
  date,
  data,
  string,
  uuid,
  array,
  dictionary,
  descriptor,
  memory,
  endpoint,
  right,
};

/// "null", "bool", "int64", … as they stand in messages to people.
std::string_view name_of(Type type);

/// A value of one of the types that travel. By default null.
class Object {
 public:
  /// What it may hold.
  using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, Date, Data, std::string, Uuid,
                             Array, Dictionary, Descriptor, Memory, Endpoint, Right>;

  Object() = default;
  /// An object of that type; an int is an int64, and text a string. Text that is no UTF-8 is refused when it is sent.
  /// @{
  Object(bool value) : value_(value) {}
  Object(std::int64_t value) : value_(value) {}
  Object(std::uint64_t value) : value_(value) {}
  Object(int value) : value_(static_cast<std::int64_t>(value)) {}
  Object(double value) : value_(value) {}
  Object(Date value) : value_(value) {}
  Object(Data value) : value_(std::move(value)) {}
  Object(std::string value) : value_(std::move(value)) {}
  Object(std::string_view value) : value_(std::string(value)) {}
  Object(const char* value) : value_(std::string(value)) {}
  Object(Uuid value) : value_(value) {}
  Object(Array value) : value_(std::move(value)) {}
  Object(Dictionary value) : value_(std::move(value)) {}
  Object(Descriptor value) : value_(std::move(value)) {}
  Object(Memory value) : value_(std::move(value)) {}
  Object(Endpoint value) : value_(value) {}
  Object(Right value) : value_(std::move(value)) {}
  /// @}

  /// What it holds.
  Type type() const { return static_cast<Type>(value_.index()); }

  /// The value if it is a T, else null.
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  /// The same, to be changed.
  template <class T>
  T* get() {
    return std::get_if<T>(&value_);
  }
  /// The value, whatever it is.
  const Value& value() const { return value_; }

  friend bool operator==(const Object&, const Object&) = default;

 private:
  Value value_;
};

static_assert(std::variant_size_v<Object::Value> == static_cast<std::size_t>(Type::right) + 1);

}  // namespace reeve::object

namespace reeve {
using object::Array;
using object::Date;
using object::Dictionary;
using object::Endpoint;
using object::Object;
using object::Right;
using object::Uuid;
}  // namespace reeve
