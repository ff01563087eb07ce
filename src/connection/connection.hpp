// The caller's end of a conversation: sends requests, and has their answers in one of three ways.
//
// Owns:    one channel at a time, made when it is first needed and made again after the service died.
// Threads: one owner. Without a loop its calls block. With one it belongs to the loop's thread: outcomes come while
//          that runs, and calls that block may be mixed in. For several threads make several connections.
// Errors:  interrupted (the service died with the request in hand; the next call starts a fresh one), timeout, gone,
//          and whatever the service answers.
#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "context.hpp"
#include "link.hpp"
#include "stream.hpp"

namespace reeve::connection {

/// @cond
/// A request that is kept until it is sent.
class KeptDictionary final : public Message {
 public:
  explicit KeptDictionary(Dictionary dictionary) : dictionary_(std::move(dictionary)) {}
  void write(wire::Writer& writer) const override { writer.put(dictionary_); }

 private:
  Dictionary dictionary_;
};
/// @endcond

/// An answer that a coroutine waits for: `Result<wire::Body> answer = co_await connection.async(request)`. The request
/// is sent when it is awaited. (g++ 12 takes no Dictionary in braces there: give it a name first.) Errors: those of
/// Connection; invalid where that has no loop; busy where 1,024 calls of the connection wait already.
///
/// Owns:    the request. A coroutine that is destroyed while it waits cancels it: the service is told.
template <class Request>
class [[nodiscard]] BasicExchange : public Waiter {
 public:
  /// As Connection::async makes it.
  BasicExchange(std::shared_ptr<Link> link, Request request, const CallOptions& options)
      : link_(std::move(link)), request_(std::move(request)), options_(options) {}
  /// Before it is awaited.
  BasicExchange(BasicExchange&& other) noexcept
      : link_(other.link_), request_(std::move(other.request_)), options_(other.options_) {}
  ~BasicExchange() { link_->abandon(*this); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    coroutine_ = coroutine;
    context_ = Context::current();
    return link_->begin(request_, options_, *this);
  }
  Result<wire::Body> await_resume() { return answer(); }

 private:
  void wake() override {
    const OnBehalf again(context_);
    coroutine_.resume();
  }

  std::shared_ptr<Link> link_;
  Request request_;
  CallOptions options_;
  std::coroutine_handle<> coroutine_;
  Context context_;
};
/// ... of a dictionary.
using Exchange = BasicExchange<KeptDictionary>;

/// The caller's end of a conversation with a service: sends dictionaries, and has their answers. Connects when it is
/// first used, and again after the service died.
/// Threads: one owner; with a loop, that loop's.
/// Errors: interrupted; timeout; busy; gone; and whatever the service answers.
class Connection {
 public:
  /// As open_connection makes it, to a name, an endpoint or a right. Without a loop its calls block.
  explicit Connection(std::unique_ptr<Dialer> dialer, os::Loop::Reference loop = {},
                      const quota::Amount& held = kHeldOfOne)
      : link_(std::make_shared<Link>(std::move(dialer), std::move(loop), held)) {}
  Connection(Connection&& other) noexcept = default;
  Connection& operator=(Connection&& other) noexcept {
    std::swap(link_, other.link_);
    return *this;
  }
  /// As cancel.
  ~Connection() {
    if (link_) link_->close();
  }

  /// Gives it up, for good: those who wait still are told that it is gone, by the loop or where they wait, and so is
  /// whoever calls later.
  void cancel() { link_->close(); }

  /// Sends a dictionary and returns the dictionary that answers it. Exactly one outcome.
  Result<Dictionary> call(const Dictionary& request, CallOptions options = {});

  /// The same, and the answer as it lies in the packet that brought it.
  Result<wire::Body> exchange(const Dictionary& request, CallOptions options = {}) {
    return exchange(WholeMessage(request), options);
  }
  /// The same, as it is written.
  Result<wire::Body> exchange(const Message& request, CallOptions options = {}) {
    return link_->exchange(request, options);
  }

  /// The same for a coroutine.
  Exchange async(Dictionary request, CallOptions options = {}) {
    return async_kept(KeptDictionary(std::move(request)), options);
  }
  /// The same, of what writes itself and is kept until it is sent.
  template <class Request>
  BasicExchange<Request> async_kept(Request request, CallOptions options = {}) {
    return {link_, std::move(request), options};
  }

  /// Asks for a stream: the items that answer the dictionary, one after the other. Nothing is sent before the first is
  /// wanted.
  std::unique_ptr<BodyReader> stream(Dictionary request, CallOptions options = {}) {
    return std::make_unique<BodyReader>(link_, std::move(request), options);
  }

  /// Sends a dictionary that wants no answer. It is on its way when this returns; whether the service takes it up,
  /// nobody tells: it does not while it has 64 of this connection's in hand. Errors: timeout where the service does not
  /// read; gone.
  Result<void> post(const Dictionary& message, CallOptions options = {}) {
    return post(WholeMessage(message), options);
  }

  /// The same, as it is written.
  Result<void> post(const Message& message, CallOptions options = {}) { return link_->post(message, options); }

  /// Nothing more is sent, and no outcome told, until it is resumed as often as it was suspended. What is begun
  /// meanwhile waits; deadlines pass. Calls that block are refused: they would wait for whoever resumes it. One that is
  /// suspended before it is first used does nothing before it is resumed.
  void suspend() { link_->suspend(); }
  /// Errors: invalid where it is not suspended.
  Result<void> resume() { return link_->resume(); }

  /// Calls `then`, by the loop, once all that was begun before this is on its way or over. Without a loop that is so
  /// already, and it is called at once. What it throws ends the process.
  void barrier(std::function<void()> then) { link_->barrier(std::move(then)); }

  /// How many answers have come that nobody waited for: late, double or forged ones. They went nowhere.
  std::uint64_t stray_answers() const { return link_->stray_answers(); }

  /// Connects now, and not when it is first used. Errors: those of calls.
  Result<void> connect(CallOptions options = {}) { return link_->connect(options); }

  /// Connects, and calls `ended` once, by the loop, when that channel has ended: the service has died, has been
  /// stopped, or has ended it, which `why` tells. The next call makes another where there can be one. It takes the
  /// place of what was to be called before. Errors: invalid without a loop.
  Result<void> on_end(std::function<void(const Error& why)> ended, CallOptions options = {}) {
    return link_->on_end(std::move(ended), options);
  }

  /// Whether it is connected at present. Looks what has come; waits for nothing.
  bool is_connected() { return link_->is_connected(); }

  /// A channel of its own to the same service, for another process: the service sees it only after everything that was
  /// sent here before, and thinks no more of it than of this side.
  Result<object::Right> introduce(CallOptions options = {}) { return link_->introduce(options); }

  /// Who is at the other end, connecting first if need be. Its pid is the kernel's word.
  Result<Peer> peer(CallOptions options = {}) { return link_->peer(options); }

 private:
  std::shared_ptr<Link> link_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::CallOptions;
using connection::Connection;
using os::Loop;
}  // namespace reeve
