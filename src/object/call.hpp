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

/// Puts the same into a sink, of arguments that are no objects.
template <class Sink, class... A>
void put_call(Sink& sink, std::string_view method, const A&... arguments) {
  sink.begin_dictionary();
  sink.key("arguments");
  sink.begin_array();
  (put<A>(sink, arguments), ...);
  sink.end();
  sink.key("method");
  sink.put(method);
  sink.end();
}

/// A call as it was received, for as long as the message is there: its arguments are a pointer to an Array, or a view
/// of one.
template <class Arguments>
struct ReceivedCall {
  std::string_view method;
  Arguments arguments;
};

/// The text that a source holds, where it lies; nothing where it holds none.
inline std::optional<std::string_view> text_in(const Object& object) {
  const auto* text = object.get<std::string>();
  return text != nullptr ? std::optional<std::string_view>(*text) : std::nullopt;
}
template <class View>
std::optional<std::string_view> text_in(const View& view) {
  return view.template get<std::string_view>();
}

/// Errors: wrong-type, naming the key that is missing, superfluous or of another type.
template <class Message>
auto parse_call(const Message& message) -> Result<ReceivedCall<decltype(message.find("")->template get<Array>())>> {
  const auto method = message.find("method");
  if (!method) return fault(Path{&kRoot, "method"}, "missing");
  const auto arguments = message.find("arguments");
  if (!arguments) return fault(Path{&kRoot, "arguments"}, "missing");
  const auto name = text_in(*method);
  if (!name) return mismatch(Path{&kRoot, "method"}, "string", method->type());
  const auto array = arguments->template get<Array>();
  if (!array) return mismatch(Path{&kRoot, "arguments"}, "array", arguments->type());
  if (message.count() != 2) return fault({}, "a typed call has exactly the keys \"method\" and \"arguments\"");
  return ReceivedCall<std::remove_const_t<decltype(array)>>{*name, array};
}

/// `METHOD: expected 2 arguments, got 3`, unless they are as many as expected.
Result<void> check_count(std::string_view method, std::size_t got, std::size_t expected);

Dictionary value_message(Object value);

/// Puts the same into a sink, of a value that is no object.
template <class T, class Sink>
void put_value(Sink& sink, const T& value) {
  sink.begin_dictionary();
  sink.key("value");
  put<T>(sink, value);
  sink.end();
}

/// ... of no value.
template <class Sink>
void put_no_value(Sink& sink) {
  sink.begin_dictionary();
  sink.key("value");
  sink.put(std::monostate());
  sink.end();
}

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
