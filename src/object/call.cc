#include "call.hpp"

#include "typed.hpp"

namespace reeve::object {
namespace {

// The shapes of the dictionaries; described once, like anybody's structs.
struct CallShape {
  std::string method;
  Array arguments;
};
BOOST_DESCRIBE_STRUCT(CallShape, (), (method, arguments))

struct ErrorShape {
  std::string kind;
  std::int32_t code = 0;
  std::string message;
  std::optional<std::string> advice;
};
BOOST_DESCRIBE_STRUCT(ErrorShape, (), (kind, code, message, advice))

struct ErrorMessage {
  ErrorShape error;
};
BOOST_DESCRIBE_STRUCT(ErrorMessage, (), (error))

}  // namespace

Dictionary call_message(Call call) {
  return Dictionary{{"arguments", Object(std::move(call.arguments))}, {"method", Object(std::move(call.method))}};
}

Result<Call> parse_call(const Dictionary& message) {
  CallShape shape = REEVE_TRY(from_object<CallShape>(Object(message)));
  return Call{std::move(shape.method), std::move(shape.arguments)};
}

Dictionary value_message(Object value) { return Dictionary{{"value", std::move(value)}}; }

Result<Object> parse_value(const Dictionary& message) {
  const Object* value = message.find("value");
  if (value == nullptr || message.count() != 1) return fault({}, "a typed reply has exactly the key \"value\"");
  return *value;
}

Dictionary error_message(const Error& error) {
  ErrorShape shape{std::string(vocab::name_of(error.kind)), error.code, error.message, std::nullopt};
  if (!error.advice.empty()) shape.advice = error.advice;
  return *to_object(ErrorMessage{std::move(shape)}).get<Dictionary>();
}

Error parse_error(const Dictionary& message) {
  auto parsed = from_object<ErrorMessage>(Object(message));
  if (!parsed) return Error{Kind::invalid, code::kBadBody, "the peer sent an error of no known shape", ""};
  ErrorShape& shape = parsed->error;
  return Error{vocab::kind_named(shape.kind), shape.code, std::move(shape.message), shape.advice.value_or("")};
}

Result<void> check_count(const Call& call, std::size_t expected) {
  if (call.arguments.size() == expected) return {};
  return fail(Kind::invalid, code::kWrongType,
              call.method + ": expected " + std::to_string(expected) + " arguments, got " +
                  std::to_string(call.arguments.size()));
}

}  // namespace reeve::object
