// A typed call as a dictionary: {"method": string, "arguments": array}; its reply {"value": …};
// an Error as a dictionary: {"error": {"kind", "code", "message", "advice"}}.
#pragma once

#include <string>

#include "object.hpp"

namespace reeve::object {

struct Call {
  std::string method;
  Array arguments;
};

Dictionary call_message(Call call);
/// Errors: wrong-type, naming the key that is missing, superfluous or of another type.
Result<Call> parse_call(const Dictionary& message);

Dictionary value_message(Object value);
Result<Object> parse_value(const Dictionary& message);

Dictionary error_message(const Error& error);
/// The Error in a message; an `invalid` one where the message holds none.
Error parse_error(const Dictionary& message);

/// `METHOD: expected 2 arguments, got 3`, unless they are as many as expected.
Result<void> check_count(const Call& call, std::size_t expected);

}  // namespace reeve::object
