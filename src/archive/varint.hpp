// Numbers in sevens of bits, the lowest first, as index sets and attributed texts have them in their data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace reeve::archive {

/// All of them; nothing where the last does not end, or one has more than 64 bits.
inline std::optional<std::vector<std::uint64_t>> varints_in(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> numbers;
  std::uint64_t number = 0;
  unsigned shift = 0;
  for (const std::byte byte : bytes) {
    const auto bits = std::to_integer<std::uint64_t>(byte & std::byte{0x7f});
    if (shift > 63 || (shift == 63 && bits > 1)) return std::nullopt;
    number |= bits << shift;
    shift += 7;
    if ((byte & std::byte{0x80}) != std::byte{0}) continue;
    numbers.push_back(number);
    number = 0;
    shift = 0;
  }
  if (shift != 0) return std::nullopt;
  return numbers;
}

inline void put_varint(std::vector<std::byte>& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U) out.push_back(static_cast<std::byte>(number | 0x80U));
  out.push_back(static_cast<std::byte>(number));
}

}  // namespace reeve::archive
