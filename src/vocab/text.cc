#include "text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace reeve::vocab {
namespace {

// The size of the well-formed sequence at the front of `s`, or 0. The ranges are those of Unicode's table 3-7.
std::size_t sequence_size(std::string_view s) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<std::uint8_t>(s[i]) : std::uint8_t{0}; };
  const auto within = [&](std::size_t i, int low, int high) { return byte(i) >= low && byte(i) <= high; };
  const std::uint8_t first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return within(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const int low = first == 0xe0 ? 0xa0 : 0x80;
    const int high = first == 0xed ? 0x9f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const int low = first == 0xf0 ? 0x90 : 0x80;
    const int high = first == 0xf4 ? 0x8f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool is_text(std::string_view bytes) {
  // Eight at a time while they are plain ASCII, as most text is.
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    const bool has_zero = ((word - 0x0101010101010101U) & ~word & 0x8080808080808080U) != 0;
    if ((word & 0x8080808080808080U) != 0 || has_zero) break;
    bytes.remove_prefix(8);
  }
  while (!bytes.empty()) {
    const auto first = static_cast<std::uint8_t>(bytes.front());
    const std::size_t size = first >= 0x01 && first <= 0x7f ? 1 : sequence_size(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t size = sequence_size(bytes);
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    // U+0000 to U+001F, U+007F, and U+0080 to U+009F, which stand as C2 80 to C2 9F.
    const bool is_control =
        first < 0x20 || first == 0x7f || (size == 2 && first == 0xc2 && static_cast<std::uint8_t>(bytes[1]) < 0xa0);
    if (size == 0 || is_control) {
      out += '?';
    } else {
      out += bytes.substr(0, size);
    }
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace reeve::vocab
