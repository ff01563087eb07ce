// The numbers of the wire form: Apple's XPC serialisation, version 5, as docs/wire.md describes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reeve::wire {

inline constexpr std::uint32_t kMagic = 0x42133742;      // Standalone: the bytes 42 37 13 42.
inline constexpr std::uint32_t kMachMagic = 0x40585043;  // In the body of a Mach message: "CPX@".
inline constexpr std::uint32_t kVersion = 5;
inline constexpr std::size_t kEnvelopeBytes = 8;

enum class Tag : std::uint32_t {
  null = 0x1000,
  boolean = 0x2000,
  int64 = 0x3000,
  uint64 = 0x4000,
  real = 0x5000,
  date = 0x7000,
  data = 0x8000,
  string = 0x9000,
  uuid = 0xa000,
  descriptor = 0xb000,
  memory = 0xc000,
  send_right = 0xd000,
  array = 0xe000,
  dictionary = 0xf000,
  endpoint = 0x12000,
  receive_right = 0x15000,
};

// Everything starts at a multiple of four.
constexpr std::size_t padding_after(std::size_t size) { return (4 - size % 4) % 4; }
constexpr std::size_t padded(std::size_t size) { return size + padding_after(size); }

}  // namespace reeve::wire
