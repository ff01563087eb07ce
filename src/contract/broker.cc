#include "broker.hpp"

#include "../vocab/name.hpp"

namespace reeve::contract {
namespace {

Dictionary call(const char* method, Array arguments) { return object::call_message({method, std::move(arguments)}); }

using Received = object::ReceivedCall<const Array*>;

template <class T>
Result<T> only_argument(const Received& call) {
  REEVE_TRY(object::check_count(call.method, call.arguments->size(), 1));
  const object::Path method{&object::kRoot, call.method};
  return object::from_object<T>(call.arguments->front(), object::Path{&method, {}, 0});
}

Result<void> no_arguments(const Received& call) { return object::check_count(call.method, call.arguments->size(), 0); }

}  // namespace

Dictionary encode(const LookUp& request) { return call("look_up", {Object(request.name)}); }
Dictionary encode(const List&) { return call("list", {}); }
Dictionary encode(const CheckIn&) { return call("check_in", {}); }
Dictionary encode(const Retire& request) { return call("retire", {Object(request.last)}); }
Dictionary encode(const Redeem& request) { return call("redeem", {Object(request.endpoint)}); }

Dictionary encode(const Taken& message) { return *object::to_object(message).get<Dictionary>(); }

Result<Taken> decode_taken(const Dictionary& message) { return object::from_object<Taken>(Object(message)); }

Result<Request> decode_request(const Dictionary& message) {
  const Received call = REEVE_TRY(object::parse_call(message));
  if (call.method == "look_up") {
    LookUp request{REEVE_TRY(only_argument<std::string>(call))};
    REEVE_TRY(vocab::check_name(request.name));
    return request;
  }
  if (call.method == "retire") return Retire{REEVE_TRY(only_argument<std::uint64_t>(call))};
  if (call.method == "redeem") return Redeem{REEVE_TRY(only_argument<Endpoint>(call))};
  if (call.method == "list") {
    REEVE_TRY(no_arguments(call));
    return List{};
  }
  if (call.method == "check_in") {
    REEVE_TRY(no_arguments(call));
    return CheckIn{};
  }
  return fail(Kind::invalid, code::kUnknownMethod, "the broker has no method \"" + call.method + "\"");
}

}  // namespace reeve::contract
