// XML property lists of any size and their binary form, one as the other.
//
// Owns:    nothing.
// Trust:   texts may come from anybody: see reader.hpp.
// Errors:  bad-property-list, with the line; unsupported for what XML has no form for; too-large.
#pragma once

#include <string>
#include <string_view>

#include "../plist/property_list.hpp"

namespace reeve::xml {

/// A dictionary with the one key CF$UID, and a number of 32 bits, is a UID, as everybody writes it.
/// Errors: too-large beyond kPlistBytesMax.
Result<plist::PropertyList> parse_list(std::string_view text);

/// What is shared is written as often as it is met.
/// Errors: unsupported for null, sets, dictionaries that would be UIDs, text with control characters, and dates that
/// are no whole seconds of the years 1 to 9999; too-large beyond kPlistBytesMax.
Result<std::string> write_list(const plist::Value& value);

}  // namespace reeve::xml
