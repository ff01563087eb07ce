// The bytes of a binary property list: what reading and writing it share.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace reeve::plist {

inline constexpr std::string_view kMagic = "bplist0";
inline constexpr std::size_t kHeaderBytes = 8;
inline constexpr std::size_t kTrailerBytes = 32;

enum Marker : std::uint8_t {
  kNull = 0x00,
  kFalse = 0x08,
  kTrue = 0x09,
  kInteger = 0x10,
  kReal = 0x20,
  kDate = 0x33,
  kData = 0x40,
  kAscii = 0x50,
  kUtf16 = 0x60,
  kUtf8 = 0x70,
  kUid = 0x80,
  kArray = 0xa0,
  kOrderedSet = 0xb0,
  kSet = 0xc0,
  kDictionary = 0xd0,
};
inline constexpr std::uint8_t kKind = 0xf0;
inline constexpr std::uint8_t kCountFollows = 0x0f;

inline std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

template <class T>
T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::byteswap(value);
}

[[gnu::noinline]] inline std::uint64_t read_odd_big_endian(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

// Once or twice for each object: what most lists have is told apart in place.
[[gnu::always_inline]] inline std::uint64_t read_big_endian(const std::byte* from, std::size_t size) {
  if (size == 2) return load_big_endian<std::uint16_t>(from);
  if (size == 1) return std::to_integer<std::uint64_t>(*from);
  if (size == 4) return load_big_endian<std::uint32_t>(from);
  if (size == 8) return load_big_endian<std::uint64_t>(from);
  return read_odd_big_endian(from, size);
}

inline std::string_view text_in(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace reeve::plist
