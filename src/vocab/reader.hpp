// Reads little-endian values off bytes that a stranger sent, and never past their end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "error.hpp"

namespace reeve::vocab {

static_assert(std::endian::native == std::endian::little, "the wire is little endian, and so is every machine we know");

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  /// The next value, or nothing (and no progress) where too few bytes remain.
  template <class T>
  std::optional<T> read() {
    static_assert(std::is_trivially_copyable_v<T>);
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  /// All that has not been read yet, in place.
  std::span<const std::byte> rest() const { return bytes_.subspan(position_); }

  /// The next `size` bytes, in place.
  std::optional<std::span<const std::byte>> bytes(std::size_t size) {
    if (remaining() < size) return std::nullopt;
    auto out = bytes_.subspan(position_, size);
    position_ += size;
    return out;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

}  // namespace reeve::vocab
