#include "call.hpp"

#include "typed.hpp"

namespace reeve::object {
namespace {

// The shapes of the dictionaries; described once, like anybody's structs.
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

Dictionary value_message(Object value) { return Dictionary{{"value", std::move(value)}}; }

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

Result<void> check_count(std::string_view method, std::size_t got, std::size_t expected) {
  if (got == expected) return {};
  return fail(
      Kind::invalid, code::kWrongType,
      std::string(method) + ": expected " + std::to_string(expected) + " arguments, got " + std::to_string(got));
}

}  // namespace reeve::object
