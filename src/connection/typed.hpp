// Interfaces: plain C++ classes of pure virtual functions, described once by BOOST_DESCRIBE_STRUCT.
//
// A call travels as {"method": NAME, "arguments": […]}, its reply as {"value": …}. Everything is checked against the
// declaration before a line of the service's code runs, and again before the caller sees the reply.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <exception>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../object/call.hpp"
#include "../object/typed.hpp"
#include "connection.hpp"

namespace reeve::connection {

template <class T>
struct MethodTraits;
template <class I, class R, class... P>
struct MethodTraits<Result<R> (I::*)(P...)> {
  using Interface = I;
  using Value = R;
  using Arguments = std::tuple<std::decay_t<P>...>;
};
template <class I, class R, class... P>
struct MethodTraits<Result<R> (I::*)(P...) const> : MethodTraits<Result<R> (I::*)(P...)> {};

template <class I>
using MethodsOf = boost::describe::describe_members<I, boost::describe::mod_public | boost::describe::mod_function>;

template <auto kMethod>
struct MethodTag {};

/// The name under which an interface describes a method. A method that it does not describe does not compile.
template <auto kMethod>
constexpr const char* method_name() {
  using Interface = typename MethodTraits<decltype(kMethod)>::Interface;
  const char* name = nullptr;
  boost::mp11::mp_for_each<MethodsOf<Interface>>([&](auto method) {
    if constexpr (std::is_same_v<MethodTag<decltype(method)::pointer>, MethodTag<kMethod>>) name = method.name;
  });
  return name;
}

using ReceivedCall = object::ReceivedCall<std::optional<wire::ArrayView>>;

template <class Tuple, std::size_t... kIndex>
Result<Tuple> decode_arguments(const ReceivedCall& call, std::index_sequence<kIndex...>) {
  Tuple arguments;
  std::optional<Error> error;
  const object::Path method{&object::kRoot, call.method};
  [[maybe_unused]] auto next = call.arguments->begin();
  [[maybe_unused]] const auto decode_one = [&](auto& argument, std::size_t index) {
    if (error) return;
    auto decoded =
        object::from_object<std::remove_reference_t<decltype(argument)>>(*next, object::Path{&method, {}, index});
    ++next;
    if (decoded) {
      argument = std::move(*decoded);
    } else {
      error = std::move(decoded).error();
    }
  };
  (decode_one(std::get<kIndex>(arguments), kIndex), ...);
  if (error) return std::unexpected(std::move(*error));
  return arguments;
}

/// Calls the service's own code. What it throws becomes an error at its caller.
template <class Call>
auto guarded(const Call& call) -> decltype(call()) {
#ifdef __cpp_exceptions
  try {
    return call();
  } catch (const std::exception& e) {
    return fail(Kind::invalid, code::kHandlerThrew, std::string("the service threw: ") + e.what());
  } catch (...) {
    return fail(Kind::invalid, code::kHandlerThrew, "the service threw something");
  }
#else
  return call();
#endif
}

template <class I, class Method>
Result<Dictionary> invoke(I& service, Method method, const ReceivedCall& call) {
  using Traits = MethodTraits<std::remove_const_t<decltype(method.pointer)>>;
  using Arguments = typename Traits::Arguments;
  constexpr std::size_t kCount = std::tuple_size_v<Arguments>;
  REEVE_TRY(object::check_count(call.method, call.arguments->size(), kCount));
  Arguments arguments = REEVE_TRY((decode_arguments<Arguments>(call, std::make_index_sequence<kCount>())));
  auto outcome = guarded([&] {
    return std::apply([&](auto&... each) { return (service.*method.pointer)(std::move(each)...); }, arguments);
  });
  if (!outcome) return std::unexpected(std::move(outcome).error());
  if constexpr (std::is_void_v<typename Traits::Value>) {
    return object::value_message(Object());
  } else {
    return object::value_message(object::to_object<typename Traits::Value>(std::move(*outcome)));
  }
}

/// Answers one typed call by the method of that name.
template <class I>
Result<Dictionary> dispatch(I& service, const wire::DictionaryView& request) {
  const ReceivedCall call = REEVE_TRY(object::parse_call(request));
  std::optional<Result<Dictionary>> answer;
  boost::mp11::mp_for_each<MethodsOf<I>>([&](auto method) {
    if (!answer && call.method == method.name) answer = invoke(service, method, call);
  });
  if (answer) return std::move(*answer);
  return fail(Kind::invalid, code::kUnknownMethod, "the interface has no method \"" + call.method + "\"");
}

/// A service as its interface. Connects when it is first used, and again after the service died.
/// Threads: one owner; calls block.
template <class I>
class Proxy {
 public:
  explicit Proxy(Connection connection) : connection_(std::move(connection)) {}

  /// Calls a method and waits for its outcome. Errors: the service's own, and those of Connection.
  template <auto kMethod, class... A>
  auto call(A&&... arguments) -> Result<typename MethodTraits<decltype(kMethod)>::Value> {
    return call_with<kMethod>(CallOptions{}, std::forward<A>(arguments)...);
  }

  /// The same with a time-out: call_with<&I::method>({.timeout = 5s}, …).
  template <auto kMethod, class... A>
  auto call_with(CallOptions options, A&&... arguments) -> Result<typename MethodTraits<decltype(kMethod)>::Value> {
    using Traits = MethodTraits<decltype(kMethod)>;
    static_assert(std::is_base_of_v<typename Traits::Interface, I>, "a method of another interface");
    static_assert(std::tuple_size_v<typename Traits::Arguments> == sizeof...(A), "another number of arguments");
    constexpr const char* kName = method_name<kMethod>();
    static_assert(kName != nullptr, "BOOST_DESCRIBE_STRUCT does not name this method");
    typename Traits::Arguments values(std::forward<A>(arguments)...);
    object::Call call{kName, {}};
    std::apply(
        [&](auto&... each) {
          (call.arguments.push_back(object::to_object<std::decay_t<decltype(each)>>(std::move(each))), ...);
        },
        values);
    const wire::Body reply = REEVE_TRY(connection_.exchange(object::call_message(std::move(call)), options));
    const auto value = REEVE_TRY(object::parse_value(reply.root()));
    if constexpr (std::is_void_v<typename Traits::Value>) {
      return {};
    } else {
      return object::from_object<typename Traits::Value>(*value, object::Path{&object::kRoot, kName});
    }
  }

  /// Who serves, as the kernel and the broker know it.
  Result<Peer> peer(CallOptions options = {}) { return connection_.peer(options); }

 private:
  Connection connection_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Proxy;
}  // namespace reeve
