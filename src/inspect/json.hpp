// Objects as JSON, for people and their scripts.
//
// Numbers without a fraction are int64, others double. What JSON lacks is tagged: {"$uint64": "…"}, {"$data": base64},
// {"$date": RFC 3339}, {"$uuid": …}, {"$fd": path}; a descriptor is printed as {"$fd": its kind}.
#pragma once

#include <string>
#include <string_view>

#include "../object/object.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::inspect {

/// What becomes of a dictionary of one key that begins with $: what it stands for, or itself.
enum class Tags { stand_for, are_themselves };

/// Errors: invalid, with the position: no JSON, a key twice, an integer beyond 64 bits, a tag that does not fit,
/// containers that nest deeper.
Result<Object> parse_json(std::string_view text, Tags tags = Tags::stand_for, std::size_t depth_max = kDepthMax);

/// One line.
std::string to_json(const Object& object);

/// {"error":{"kind","code","message","advice"}}.
std::string to_json(const Error& error);

}  // namespace reeve::inspect
