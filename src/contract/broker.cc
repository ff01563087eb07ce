#include "broker.hpp"

#include "../vocab/name.hpp"

namespace reeve::contract {
namespace {

using Received = object::ReceivedCall<const Array*>;

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public>;

// Method names, in the order of the alternatives of Request. What wants no answer is no method.
constexpr const char* kMethods[] = {"look_up", "list",  "check_in", "retire", "redeem", "register", "unregister",
                                    "status",  "load",  "unload",   "start",  "stop",   "kill",     "print",
                                    "replace", "prove", "identify", "join",   nullptr};
static_assert(std::size(kMethods) == std::variant_size_v<Request>);

template <class T>
Array arguments_of(const T& request) {
  Array arguments;
  boost::mp11::mp_for_each<MembersOf<T>>(
      [&](auto member) { arguments.push_back(object::to_object(request.*member.pointer)); });
  return arguments;
}

template <class T>
Result<Request> decode_as(const Received& call) {
  REEVE_TRY(object::check_count(call.method, call.arguments->size(), boost::mp11::mp_size<MembersOf<T>>::value));
  const object::Path method{&object::kRoot, call.method};
  T request;
  std::size_t index = 0;
  std::optional<Error> error;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    if (error) return;
    using Member = std::remove_reference_t<decltype(request.*member.pointer)>;
    auto value = object::from_object<Member>((*call.arguments)[index], object::Path{&method, {}, index});
    ++index;
    if (value) {
      request.*member.pointer = std::move(*value);
    } else {
      error = value.error();
    }
  });
  if (error) return std::unexpected(std::move(*error));
  if constexpr (requires { request.name; }) REEVE_TRY(vocab::check_name(request.name));
  if constexpr (requires { request.label; }) REEVE_TRY(vocab::check_name(request.label));
  if constexpr (requires { request.group; }) REEVE_TRY(vocab::check_name(request.group));
  return Request(std::move(request));
}

template <std::size_t kIndex = 0>
Result<Request> decode_method(const Received& call) {
  if constexpr (kIndex == std::variant_size_v<Request>) {
    return fail(Kind::invalid, code::kUnknownMethod, "the broker has no method \"" + std::string(call.method) + "\"");
  } else {
    if constexpr (kMethods[kIndex] != nullptr) {
      if (call.method == kMethods[kIndex]) return decode_as<std::variant_alternative_t<kIndex, Request>>(call);
    }
    return decode_method<kIndex + 1>(call);
  }
}

}  // namespace

Dictionary encode(const Request& request) {
  if (const Taken* taken = std::get_if<Taken>(&request)) return *object::to_object(*taken).get<Dictionary>();
  return object::call_message(
      {kMethods[request.index()], std::visit([](const auto& what) { return arguments_of(what); }, request)});
}

Result<Taken> decode_taken(const Dictionary& message) { return object::from_object<Taken>(Object(message)); }

Result<Told> decode_told(const Dictionary& message) {
  if (message.find("broker") != nullptr) {
    return Told(REEVE_TRY(object::from_object<Succession>(Object(message))));
  }
  return Told(REEVE_TRY(object::from_object<Handover>(Object(message))));
}

Result<Request> decode_request(const Dictionary& message) {
  return decode_method(REEVE_TRY(object::parse_call(message)));
}

}  // namespace reeve::contract
