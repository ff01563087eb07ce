// Property lists as JSON, and back again, without a loss.
//
// What JSON lacks is tagged: {"$data": base64}, {"$date": RFC 3339} or {"$seconds": since 2001} where that says more,
// {"$uint64": "…"}, {"$real": "nan"}, {"$uid": 7}, {"$set": […]}, {"$ordered_set": […]}; a dictionary that looks like
// one of these is {"$dictionary": {…}}. Numbers with a fraction or exponent are reals, others integers.
#pragma once

#include <string>
#include <string_view>

#include "../plist/property_list.hpp"

namespace reeve::inspect {

/// What is shared is written as often as it is met. Errors: too-large beyond kPlistBytesMax.
Result<std::string> plist_to_json(const plist::Value& value);

/// The same JSON in lines, the inner values indented.
std::string indented(const std::string& json);

/// Errors: invalid: see parse_json; bad-property-list.
Result<plist::PropertyList> plist_from_json(std::string_view text);

}  // namespace reeve::inspect
