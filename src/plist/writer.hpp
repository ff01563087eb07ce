// Writes a property list in its binary form, value after value, the inner ones first. Equal plain values are written
// once.
//
// Owns:    a copy of what was put.
// Threads: one owner.
// Errors:  bad-property-list for text that is not UTF-8, keys that stand twice or hold a NUL, dates that are no
// numbers;
//          too-large. The first one is what finish returns.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "property_list.hpp"

namespace reeve::plist {

/// What was put, to be held by a container. It counts from 0, in the order in which it was put.
enum class Ref : std::uint32_t {};

class Writer {
 public:
  Writer();

  Ref null();
  Ref boolean(bool value);
  Ref integer(std::int64_t value);
  Ref integer(std::uint64_t value);
  Ref integer(Integer value) { return value.is_large ? integer(value.bits) : integer(value.value()); }
  Ref real(double value);
  /// Seconds since 2001-01-01T00:00:00Z.
  Ref date(double seconds);
  Ref data(std::span<const std::byte> bytes);
  Ref string(std::string_view utf8);
  Ref uid(std::uint32_t number);

  struct Entry {
    Ref key;  ///< a string
    Ref value;
  };
  Ref array(std::span<const Ref> values);
  Ref ordered_set(std::span<const Ref> values);
  Ref set(std::span<const Ref> values);
  Ref dictionary(std::span<const Entry> entries);

  /// The whole, whose topmost value that is. Nothing is put after it.
  Result<std::vector<std::byte>> finish(Ref root);

 private:
  // Of a plain value all its bytes; of a container its marker, before it is known how long numbers are.
  struct Written {
    std::size_t begin;    // in bytes_, or in members_
    std::uint32_t count;  // of bytes, or members
    std::uint32_t hash;   // of a plain value
    std::uint8_t marker;  // of a container; else 0
    bool may_be_key;
    std::uint16_t height;  // containers within each other
  };
  static constexpr std::size_t kFrontBytes = 17;  // the longest plain value that is no text and no data
  using Front = std::array<std::byte, kFrontBytes>;

  Ref scalar(std::uint8_t marker);
  Ref number(std::uint8_t marker, std::uint64_t value, std::size_t size);
  // A plain value that was put before, or where it is to be kept.
  struct Place {
    std::uint32_t hash = 0;
    std::size_t slot = 0;  // in known_
    std::optional<Ref> known{};
  };
  Place find(std::span<const std::byte> front, std::span<const std::byte> content);
  Ref add(std::span<const std::byte> front, std::span<const std::byte> content, const Place& place);
  Ref unique(std::span<const std::byte> front, std::span<const std::byte> content);
  Ref sized(std::uint8_t marker, std::size_t count, std::span<const std::byte> content);
  Ref container(std::uint8_t marker, std::span<const Ref> members);
  Ref keep(const Written& written);
  void grow_known();
  bool has_key_twice();
  void refuse(std::int32_t code, const char* what);

  std::vector<std::byte> bytes_;
  std::vector<Ref> members_;
  std::vector<Written> all_;
  std::vector<std::uint32_t> known_;  // plain values by their hash: a place in all_, and one; 0 where there is none
  std::size_t known_count_ = 0;
  std::vector<Ref> keys_;
  std::vector<Ref> sorted_;
  std::optional<Error> error_;
};

/// A value of a message. Errors: unsupported for what no property list holds.
Result<std::vector<std::byte>> encode(const Object& object);

}  // namespace reeve::plist
