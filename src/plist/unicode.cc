#include "unicode.hpp"

#include <cstdint>
#include <cstring>

#include "../vocab/text.hpp"

namespace reeve::plist {
namespace {

std::uint32_t unit_at(std::span<const std::byte> units, std::size_t at) {
  return std::to_integer<std::uint32_t>(units[at]) << 8 | std::to_integer<std::uint32_t>(units[at + 1]);
}
bool is_high(std::uint32_t unit) { return (unit & 0xfc00U) == 0xd800U; }
bool is_low(std::uint32_t unit) { return (unit & 0xfc00U) == 0xdc00U; }

void append_utf8(std::string& out, std::uint32_t character) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto tail = [&](unsigned shift) { put(0x80U | (character >> shift & 0x3fU)); };
  if (character < 0x80) return put(character);
  if (character < 0x800) return put(0xc0U | character >> 6), tail(0);
  if (character < 0x10000) return put(0xe0U | character >> 12), tail(6), tail(0);
  put(0xf0U | character >> 18);
  tail(12);
  tail(6);
  tail(0);
}

// Of well-formed UTF-8 the character at its front, which is taken off.
std::uint32_t take_character(std::string_view& utf8) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(utf8[i])); };
  const std::uint32_t first = byte(0);
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t character = size == 1 ? first : first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) character = character << 6 | (byte(i) & 0x3fU);
  utf8.remove_prefix(size);
  return character;
}

}  // namespace

bool is_ascii(std::string_view bytes) {
  std::uint64_t all = 0;
  while (bytes.size() >= sizeof all) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    all |= word;
    bytes.remove_prefix(sizeof word);
  }
  for (const char c : bytes) all |= static_cast<unsigned char>(c);
  return (all & 0x8080808080808080U) == 0;
}

bool is_utf8(std::string_view bytes) {
  while (true) {
    const std::size_t nul = bytes.find('\0');
    if (!is_text(bytes.substr(0, nul))) return false;
    if (nul == std::string_view::npos) return true;
    bytes.remove_prefix(nul + 1);
  }
}

bool is_utf16(std::span<const std::byte> units) {
  for (std::size_t at = 0; at < units.size(); at += 2) {
    const std::uint32_t unit = unit_at(units, at);
    if (is_low(unit)) return false;
    if (!is_high(unit)) continue;
    at += 2;
    if (at == units.size() || !is_low(unit_at(units, at))) return false;
  }
  return true;
}

std::size_t utf16_length(std::string_view utf8) {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0U) != 0x80U) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

std::string utf8_of(std::span<const std::byte> units) {
  std::string out;
  out.reserve(units.size());
  for (std::size_t at = 0; at < units.size(); at += 2) {
    std::uint32_t character = unit_at(units, at);
    if (is_high(character)) {
      at += 2;
      character = 0x10000 + ((character & 0x3ffU) << 10) + (unit_at(units, at) & 0x3ffU);
    }
    append_utf8(out, character);
  }
  return out;
}

std::vector<std::byte> utf16_of(std::string_view utf8) {
  std::vector<std::byte> out;
  out.reserve(2 * utf8.size());
  const auto put = [&](std::uint32_t unit) {
    out.push_back(static_cast<std::byte>(unit >> 8));
    out.push_back(static_cast<std::byte>(unit & 0xffU));
  };
  while (!utf8.empty()) {
    const std::uint32_t character = take_character(utf8);
    if (character < 0x10000) {
      put(character);
      continue;
    }
    put(0xd800U + ((character - 0x10000) >> 10));
    put(0xdc00U + ((character - 0x10000) & 0x3ffU));
  }
  return out;
}

}  // namespace reeve::plist
