// The texts of plain values in property lists.
#pragma once

#include <string_view>

#include "../object/text.hpp"

namespace reeve::xml {

/// Decimal or 0x hexadecimal; an int64, or a uint64 where it fits no int64. Errors: bad-property-list.
Result<Object> parse_integer(std::string_view text);
Result<Object> parse_real(std::string_view text);
/// YYYY-MM-DDThh:mm:ssZ.
Result<object::Moment> parse_date(std::string_view text);
/// Base64, with white space anywhere.
Result<Object> parse_data(std::string_view text);

}  // namespace reeve::xml
