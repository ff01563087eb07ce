// A typed call as a dictionary: {"method": string, "arguments": array}; its reply {"value": …};
// an Error as a dictionary: {"error": {"kind", "code", "message", "advice"}}.
//
// What is read may be an owned Dictionary or a view of one in a message.
#pragma once

#include <string>

#include "typed.hpp"

namespace reeve::object {

struct Call {
  std::string method;
  Array arguments;
};

Dictionary call_message(Call call);

/// A call as it was received: its arguments are a pointer to an Array, or a view of one.
template <class Arguments>
struct ReceivedCall {
  std::string method;
  Arguments arguments;
};

/// Errors: wrong-type, naming the key that is missing, superfluous or of another type.
template <class Message>
auto parse_call(const Message& message) -> Result<ReceivedCall<decltype(message.find("")->template get<Array>())>> {
  const auto method = message.find("method");
  if (!method) return fault(Path{&kRoot, "method"}, "missing");
  const auto arguments = message.find("arguments");
  if (!arguments) return fault(Path{&kRoot, "arguments"}, "missing");
  auto name = REEVE_TRY(from_object<std::string>(*method, Path{&kRoot, "method"}));
  const auto array = arguments->template get<Array>();
  if (!array) return mismatch(Path{&kRoot, "arguments"}, "array", arguments->type());
  if (message.count() != 2) return fault({}, "a typed call has exactly the keys \"method\" and \"arguments\"");
  return ReceivedCall<std::remove_const_t<decltype(array)>>{std::move(name), array};
}

/// `METHOD: expected 2 arguments, got 3`, unless they are as many as expected.
Result<void> check_count(const std::string& method, std::size_t got, std::size_t expected);

Dictionary value_message(Object value);

/// The value in a typed reply, as a pointer to an Object or a view of one.
template <class Message>
auto parse_value(const Message& message) -> Result<decltype(message.find(""))> {
  auto value = message.find("value");
  if (value && message.count() == 1) return value;
  return fault({}, "a typed reply has exactly the key \"value\"");
}

Dictionary error_message(const Error& error);

/// The Error in a message; an `invalid` one where the message holds none.
Error parse_error(const Dictionary& message);

}  // namespace reeve::object
