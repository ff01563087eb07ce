// Text as property lists have it: UTF-16 in big-endian order, and UTF-8. Either may hold a NUL.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::plist {

bool is_ascii(std::string_view bytes);
bool is_utf8(std::string_view bytes);
/// Whether each half of a character has its other half.
bool is_utf16(std::span<const std::byte> units);

/// In units of UTF-16, of what is UTF-8.
std::size_t utf16_length(std::string_view utf8);

/// Of what is UTF-16.
std::string utf8_of(std::span<const std::byte> units);
/// Of what is UTF-8.
std::vector<std::byte> utf16_of(std::string_view utf8);

}  // namespace reeve::plist
