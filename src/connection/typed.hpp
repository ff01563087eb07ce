// Interfaces: plain C++ classes of pure virtual functions, described once by BOOST_DESCRIBE_STRUCT.
//
// A method returns Result<T>; Task<T> where its answer may come later; Stream<T> where there are many; void where it is
// one way and has none. One whose first parameter is a `const Caller&` is told who calls; that parameter does not
// travel.
//
// A call travels as {"method": NAME, "arguments": […]}, its reply as {"value": …}. Everything is checked against the
// declaration before a line of the service's code runs, and again before the caller sees the reply.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../object/call.hpp"
#include "../object/interface.hpp"
#include "connection.hpp"
#include "server.hpp"
#include "task.hpp"

namespace reeve::connection {

/// @cond
/// A method's parameters that travel: all but a Caller in the first place.
template <class... P>
struct Parameters {
  static constexpr bool kWantsCaller = false;
  using Travelling = std::tuple<std::decay_t<P>...>;
};
template <class... P>
struct Parameters<const Caller&, P...> {
  static constexpr bool kWantsCaller = true;
  using Travelling = std::tuple<std::decay_t<P>...>;
};

template <class T>
struct MethodTraits;
template <class I, class R, class... P>
struct MethodTraits<Result<R> (I::*)(P...)> {
  using Interface = I;
  using Value = R;
  using Arguments = typename Parameters<P...>::Travelling;
  static constexpr bool kWantsCaller = Parameters<P...>::kWantsCaller;
  static constexpr bool kIsTask = false;
  static constexpr bool kIsStream = false;
  static constexpr bool kIsOneWay = false;
};
template <class I, class R, class... P>
struct MethodTraits<Result<R> (I::*)(P...) const> : MethodTraits<Result<R> (I::*)(P...)> {};
template <class I, class R, class... P>
struct MethodTraits<Task<R> (I::*)(P...)> : MethodTraits<Result<R> (I::*)(P...)> {
  static constexpr bool kIsTask = true;
};
template <class I, class R, class... P>
struct MethodTraits<Task<R> (I::*)(P...) const> : MethodTraits<Task<R> (I::*)(P...)> {};

template <class I, class R, class... P>
struct MethodTraits<Stream<R> (I::*)(P...)> : MethodTraits<Result<R> (I::*)(P...)> {
  static constexpr bool kIsStream = true;
};
template <class I, class R, class... P>
struct MethodTraits<Stream<R> (I::*)(P...) const> : MethodTraits<Stream<R> (I::*)(P...)> {};

template <class I, class... P>
struct MethodTraits<void (I::*)(P...)> : MethodTraits<Result<void> (I::*)(P...)> {
  static constexpr bool kIsOneWay = true;
};
template <class I, class... P>
struct MethodTraits<void (I::*)(P...) const> : MethodTraits<void (I::*)(P...)> {};

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

template <class Traits>
Result<typename Traits::Arguments> arguments_of(const ReceivedCall& call) {
  using Arguments = typename Traits::Arguments;
  constexpr std::size_t kCount = std::tuple_size_v<Arguments>;
  REEVE_TRY(object::check_count(call.method, call.arguments->size(), kCount));
  return decode_arguments<Arguments>(call, std::make_index_sequence<kCount>());
}

/// Writes what a method returned.
template <class T>
void put_outcome(wire::Writer& writer, const Result<T>& outcome) {
  if constexpr (std::is_void_v<T>) {
    object::put_no_value(writer);
  } else {
    object::put_value<T>(writer, *outcome);
  }
}

template <class T>
void answer_with(Request& request, Result<T>&& outcome) {
  if (outcome) {
    (void)request.answer(Written([&](wire::Writer& writer) { put_outcome<T>(writer, outcome); }));
  } else {
    (void)request.answer(std::unexpected(std::move(outcome).error()));
  }
}

template <class Traits, class I, class Pointer>
auto call_method(I& service, Pointer method, const Caller& caller, typename Traits::Arguments& arguments) {
  return std::apply(
      [&](auto&... each) {
        if constexpr (Traits::kWantsCaller) {
          return (service.*method)(caller, std::move(each)...);
        } else {
          return (service.*method)(std::move(each)...);
        }
      },
      arguments);
}

// What the method was called with lives until it has ended.
template <class Traits, class I, class Pointer>
Detached answer_later(I& service, Pointer method, typename Traits::Arguments arguments, Request request) {
  using Value = typename Traits::Value;
  auto begun = guarded(
      [&]() -> Result<Task<Value>> { return call_method<Traits>(service, method, request.caller(), arguments); });
  if (begun) {
    auto outcome = co_await std::move(*begun);
    answer_with<Value>(request, std::move(outcome));
  } else {
    (void)request.answer(std::unexpected(std::move(begun).error()));
  }
}

template <class Traits>
constexpr const char* wrong_number() {
  return Traits::kIsOneWay   ? ": is one way, and an answer was wanted"
         : Traits::kIsStream ? ": answers by a stream of items, and one answer was wanted"
                             : ": answers once, and a stream of items was wanted";
}

// Whether what is wanted is what the method gives. One answer more than anybody wants goes nowhere.
template <class Traits>
bool gives_what_is_wanted(const Request& request) {
  if (Traits::kIsOneWay && request.wants_answer()) return false;
  return request.wants_items() == Traits::kIsStream;
}

// Gives what the method yields, as fast as the caller takes it.
template <class Traits, class I, class Pointer>
Detached answer_many(I& service, Pointer method, typename Traits::Arguments arguments, Request request) {
  using Value = typename Traits::Value;
  auto begun = guarded(
      [&]() -> Result<Stream<Value>> { return call_method<Traits>(service, method, request.caller(), arguments); });
  Result<void> outcome;
  if (!begun) outcome = std::unexpected(std::move(begun).error());
  while (outcome) {
    auto item = co_await begun->next();
    if (!item) break;
    if (!*item) {
      outcome = std::unexpected(std::move(*item).error());
    } else {
      const Written message([&](wire::Writer& writer) { put_outcome<Value>(writer, *item); });
      outcome = co_await request.give(message);
    }
  }
  answer_with<void>(request, std::move(outcome));
}

template <class I, class Method>
void invoke(I& service, Method method, const ReceivedCall& call, Request&& request) {
  using Traits = MethodTraits<std::remove_const_t<decltype(method.pointer)>>;
  auto arguments = arguments_of<Traits>(call);
  if (!gives_what_is_wanted<Traits>(request)) {
    (void)request.answer(fail(Kind::invalid, code::kWrongType, std::string(call.method) + wrong_number<Traits>()));
  } else if (!arguments) {
    (void)request.answer(std::unexpected(std::move(arguments).error()));
  } else if constexpr (Traits::kIsOneWay) {
    (void)guarded([&]() -> Result<void> {
      call_method<Traits>(service, method.pointer, request.caller(), *arguments);
      return {};
    });
  } else if constexpr (Traits::kIsStream) {
    answer_many<Traits>(service, method.pointer, std::move(*arguments), std::move(request));
  } else if constexpr (Traits::kIsTask) {
    answer_later<Traits>(service, method.pointer, std::move(*arguments), std::move(request));
  } else {
    auto outcome = guarded([&] { return call_method<Traits>(service, method.pointer, request.caller(), *arguments); });
    answer_with<typename Traits::Value>(request, std::move(outcome));
  }
}

/// What an interface looks like from outside.
template <class I>
object::InterfaceFacts describe() {
  object::InterfaceFacts facts;
  object::Describer describer(facts);
  facts.name = describer.name_for(object::whole_name<I>());
  boost::mp11::mp_for_each<MethodsOf<I>>([&](auto method) {
    using Traits = MethodTraits<std::remove_const_t<decltype(method.pointer)>>;
    object::MethodFacts each{
        method.name, {}, describer.type<typename Traits::Value>(), Traits::kIsStream, Traits::kIsOneWay};
    boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, typename Traits::Arguments>>(
        [&]<class A>(std::type_identity<A>) { each.arguments.push_back(describer.type<A>()); });
    facts.methods.push_back(std::move(each));
  });
  return facts;
}

/// Whether whoever may call an interface is told what it looks like.
enum class Shows : bool { no, yes };

/// Answers one typed call by the method of that name.
template <class I>
void dispatch(I& service, const wire::DictionaryView& message, Request&& request, Shows shows = Shows::no) {
  const auto call = object::parse_call(message);
  if (!call) return (void)request.answer(std::unexpected(call.error()));
  if (shows == Shows::yes && call->method == object::kInterfaceMethod) {
    return (void)request.answer(object::value_message(object::to_object(describe<I>())));
  }
  bool is_known = false;
  boost::mp11::mp_for_each<MethodsOf<I>>([&](auto method) {
    if (is_known || call->method != method.name) return;
    is_known = true;
    invoke(service, method, *call, std::move(request));
  });
  if (is_known) return;
  (void)request.answer(
      fail(Kind::invalid, code::kUnknownMethod, "the interface has no method \"" + std::string(call->method) + "\""));
}

/// An implementation that lives on the heap. As a member it is destroyed as what it is: an interface needs no virtual
/// destructor.
template <class Implementation>
struct Kept {
  Implementation implementation;
};
template <class Implementation>
std::shared_ptr<Kept<Implementation>> keep(Implementation implementation) {
  return std::make_shared<Kept<Implementation>>(Kept<Implementation>{std::move(implementation)});
}

/// A handler that answers typed calls with an implementation: one that outlives it, or one that it keeps.
template <class I, class Implementation>
Handler handler_of(Implementation& implementation, Shows shows) {
  static_assert(std::is_base_of_v<I, Implementation>, "the implementation must derive from its interface");
  return [&service = static_cast<I&>(implementation), shows](const wire::DictionaryView& message, Request request) {
    dispatch(service, message, std::move(request), shows);
  };
}
template <class I, class Implementation>
Handler handler_keeping(std::shared_ptr<Kept<Implementation>> kept, Shows shows) {
  static_assert(std::is_base_of_v<I, Implementation>, "the implementation must derive from its interface");
  return [kept, shows](const wire::DictionaryView& message, Request request) {
    dispatch<I>(kept->implementation, message, std::move(request), shows);
  };
}

/// What travels as a call of a method, with its arguments.
template <auto kMethod>
class CallOf final : public Message {
 public:
  using Arguments = typename MethodTraits<decltype(kMethod)>::Arguments;
  template <class... A>
  explicit CallOf(std::in_place_t, A&&... arguments) : arguments_(std::forward<A>(arguments)...) {
    static_assert(std::tuple_size_v<Arguments> == sizeof...(A), "another number of arguments");
    static_assert(method_name<kMethod>() != nullptr, "BOOST_DESCRIBE_STRUCT does not name this method");
  }
  void write(wire::Writer& writer) const override { put(writer); }
  template <class Sink>
  void put(Sink& sink) const {
    std::apply([&](const auto&... each) { object::put_call(sink, method_name<kMethod>(), each...); }, arguments_);
  }

 private:
  Arguments arguments_;
};

/// The same as a dictionary.
template <auto kMethod, class... A>
Dictionary request_of(A&&... arguments) {
  object::Builder builder;
  CallOf<kMethod>(std::in_place, std::forward<A>(arguments)...).put(builder);
  return std::move(*builder.take().template get<Dictionary>());
}

template <auto kMethod>
using ValueOf = typename MethodTraits<decltype(kMethod)>::Value;

/// What a method's answer holds.
template <auto kMethod>
Result<ValueOf<kMethod>> value_of(Result<wire::Body>&& answer) {
  if (!answer) return std::unexpected(std::move(answer).error());
  const auto value = REEVE_TRY(object::parse_value(answer->root()));
  if constexpr (std::is_void_v<ValueOf<kMethod>>) {
    return {};
  } else {
    return object::from_object<ValueOf<kMethod>>(*value, object::Path{&object::kRoot, method_name<kMethod>()});
  }
}

/// @endcond
/// A method's answer, for which a coroutine waits: an Exchange that is typed.
template <auto kMethod>
class [[nodiscard]] TypedExchange : public BasicExchange<CallOf<kMethod>> {
 public:
  using Base = BasicExchange<CallOf<kMethod>>;  ///< as the answer came
  /// As Proxy::async makes it.
  explicit TypedExchange(Base exchange) : Base(std::move(exchange)) {}
  Result<ValueOf<kMethod>> await_resume() { return value_of<kMethod>(Base::await_resume()); }
};

/// A service as its interface. Connects when it is first used, and again after the service died.
/// Threads: as Connection. Errors: the service's own, and those of Connection.
template <class I>
class Proxy {
 public:
  /// Takes the connection. Whether its service is of that interface shows when it is called.
  explicit Proxy(Connection connection) : connection_(std::move(connection)) {}

  /// Calls a method and waits for its outcome.
  template <auto kMethod, class... A>
  auto call(A&&... arguments) -> Result<ValueOf<kMethod>> {
    return call_with<kMethod>(CallOptions{}, std::forward<A>(arguments)...);
  }
  /// The same with a time-out: call_with<&I::method>({.timeout = 5s}, …).
  template <auto kMethod, class... A>
  auto call_with(CallOptions options, A&&... arguments) -> Result<ValueOf<kMethod>> {
    static_assert(kIsOurs<kMethod>, "a method of another interface");
    static_assert(!kIsStream<kMethod>, "a method that answers by a stream: have one");
    static_assert(!kIsOneWay<kMethod>, "a method that is one way: tell it");
    const CallOf<kMethod> call(std::in_place, std::forward<A>(arguments)...);
    return value_of<kMethod>(connection_.exchange(call, options));
  }

  /// Has a one-way method called. It is on its way when this returns; what comes of it nobody tells. As
  /// Connection::post.
  template <auto kMethod, class... A>
  Result<void> tell(A&&... arguments) {
    return tell_with<kMethod>(CallOptions{}, std::forward<A>(arguments)...);
  }
  /// The same with a time-out.
  template <auto kMethod, class... A>
  Result<void> tell_with(CallOptions options, A&&... arguments) {
    static_assert(kIsOurs<kMethod>, "a method of another interface");
    static_assert(kIsOneWay<kMethod>, "a method that answers: call it");
    const CallOf<kMethod> call(std::in_place, std::forward<A>(arguments)...);
    return connection_.post(call, options);
  }

  /// Calls a method for a coroutine: `co_await proxy.async<&I::method>(…)` is its Result. As Connection::async.
  template <auto kMethod, class... A>
  auto async(A&&... arguments) {
    return async_with<kMethod>(CallOptions{}, std::forward<A>(arguments)...);
  }
  /// The same with a time-out.
  template <auto kMethod, class... A>
  auto async_with(CallOptions options, A&&... arguments) {
    static_assert(kIsOurs<kMethod>, "a method of another interface");
    static_assert(!kIsStream<kMethod>, "a method that answers by a stream: have one");
    static_assert(!kIsOneWay<kMethod>, "a method that is one way: tell it");
    CallOf<kMethod> call(std::in_place, std::forward<A>(arguments)...);
    return TypedExchange<kMethod>(connection_.async_kept(std::move(call), options));
  }

  /// Calls a method that answers by a stream, and has its items from what this returns, as fast as they are taken. The
  /// time-out is that of the whole stream.
  template <auto kMethod, class... A>
  auto stream(A&&... arguments) {
    return stream_with<kMethod>(CallOptions{}, std::forward<A>(arguments)...);
  }
  /// The same with a time-out.
  template <auto kMethod, class... A>
  auto stream_with(CallOptions options, A&&... arguments) {
    static_assert(kIsOurs<kMethod>, "a method of another interface");
    static_assert(kIsStream<kMethod>, "a method that answers once: call it");
    return StreamReader<ValueOf<kMethod>>(
        connection_.stream(request_of<kMethod>(std::forward<A>(arguments)...), options), method_name<kMethod>());
  }

  /// Calls a method, and `then` with its Result when that is there: by the connection's loop, once. Where the call
  /// cannot even begin (busy; no loop; what cannot be encoded) that is before this returns. What `then` throws ends the
  /// process.
  template <auto kMethod, class Then, class... A>
  void call_then(Then then, A&&... arguments) {
    call_then_with<kMethod>(CallOptions{}, std::move(then), std::forward<A>(arguments)...);
  }
  /// The same with a time-out.
  template <auto kMethod, class Then, class... A>
  void call_then_with(CallOptions options, Then then, A&&... arguments) {
    hand_on<kMethod>(async_with<kMethod>(options, std::forward<A>(arguments)...), std::move(then));
  }

  /// Who serves, as the kernel and the broker know it.
  Result<Peer> peer(CallOptions options = {}) { return connection_.peer(options); }

  /// What it calls over: to suspend it, or to send what has no type.
  Connection& connection() { return connection_; }

 private:
  template <auto kMethod>
  static constexpr bool kIsOurs = std::is_base_of_v<typename MethodTraits<decltype(kMethod)>::Interface, I>;

  template <auto kMethod>
  static constexpr bool kIsStream = MethodTraits<decltype(kMethod)>::kIsStream;
  template <auto kMethod>
  static constexpr bool kIsOneWay = MethodTraits<decltype(kMethod)>::kIsOneWay;

  template <auto kMethod, class Then>
  static Detached hand_on(TypedExchange<kMethod> exchange, Then then) {
    then(co_await exchange);
  }

  Connection connection_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Proxy;
}  // namespace reeve
