// Streams: one request that is answered by many items. What a service makes them with, and what a caller takes them
// from.
//
// Threads: as the coroutine, or the connection, that each belongs to.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "../object/call.hpp"
#include "../object/typed.hpp"
#include "context.hpp"
#include "link.hpp"
#include "task.hpp"

namespace reeve::connection {

/// @cond
/// Whose turn it is: of a coroutine that makes things, or of the one that takes them. Either may be run on by any
/// thread, the other one's own among them.
class Turn {
 public:
  /// There is something to take: runs whoever waits for it on.
  void give() {
    void* const waiter = state_.exchange(&given_);
    if (waiter == nullptr) return;
    state_ = nullptr;
    const OnBehalf again(context_);
    std::coroutine_handle<>::from_address(waiter).resume();
  }
  /// Takes what was given. False where nothing was.
  bool take() {
    void* expected = &given_;
    return state_.compare_exchange_strong(expected, nullptr);
  }
  /// Waits for what is to be given. False where it was, in this moment.
  bool wait(std::coroutine_handle<> waiter) {
    void* expected = nullptr;
    context_ = Context::current();
    if (state_.compare_exchange_strong(expected, waiter.address())) return true;
    state_ = nullptr;
    return false;
  }

 private:
  std::atomic<void*> state_ = nullptr;  // nobody's turn; &given_; or whoever waits
  char given_ = 0;
  Context context_;  // of whoever waits
};

/// @endcond
/// A coroutine that answers a stream: `co_yield item` gives the caller the next one and goes on when there is room for
/// more; its end ends the stream. `co_yield fail(…)` ends it with an error, and so does what it throws. It is destroyed
/// where it yields once nobody wants any more.
///
/// Owns:    the coroutine.
template <class T>
class [[nodiscard]] Stream {
 public:
  struct promise_type {
    Turn turn;
    std::optional<Result<T>> item;  // nothing at the end

    struct Yielded {
      Turn& turn;
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) noexcept { turn.give(); }
      void await_resume() noexcept {}
    };
    Stream get_return_object() { return Stream(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Yielded final_suspend() noexcept { return {turn}; }
    template <class U>
    Yielded yield_value(U&& value) {
      item.emplace(std::forward<U>(value));
      return {turn};
    }
    void return_void() { item.reset(); }
    void unhandled_exception() { item.emplace(std::unexpected(thrown())); }
  };

  Stream(Stream&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Stream() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Runs it on to its next item: `std::optional<Result<T>> item = co_await stream.next()`. Nothing at its end; after
  /// that, or an error, it is not awaited again.
  auto next() {
    struct Awaiter {
      std::coroutine_handle<promise_type> coroutine;
      Turn& turn() { return coroutine.promise().turn; }
      bool await_ready() {
        coroutine.resume();
        return turn().take();
      }
      bool await_suspend(std::coroutine_handle<> waiter) { return turn().wait(waiter); }
      std::optional<Result<T>> await_resume() { return std::exchange(coroutine.promise().item, std::nullopt); }
    };
    return Awaiter{coroutine_};
  }

 private:
  explicit Stream(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

/// A stream's items as they lie in the packets that brought them. Asks for it when the first one is wanted.
///
/// Owns:    the request, and the items that have come: a window's worth. Destroyed before its end it cancels the
///          stream: the service is told.
/// Errors:  as Connection's; interrupted, after all items that came before.
class BodyReader final : public Waiter {
 public:
  /// As Connection::stream makes it.
  BodyReader(std::shared_ptr<Link> link, Dictionary request, const CallOptions& options)
      : link_(std::move(link)), request_(std::move(request)), options_(options) {}
  ~BodyReader() {
    if (next_ != nullptr) next_->reader_ = nullptr;
    link_->abandon(*this);
  }

  /// The next item; nothing after the last. Blocks.
  Result<std::optional<wire::Body>> next() {
    REEVE_TRY(link_->may_block());
    if (!std::exchange(is_begun_, true)) link_->open(WholeMessage(request_), options_, *this);
    link_->await_news(*this);
    return take();
  }

  /// An item that a coroutine waits for.
  class [[nodiscard]] Next {
   public:
    /// @private
    explicit Next(BodyReader& reader) : reader_(&reader) { reader.next_ = this; }
    Next(const Next&) = delete;
    Next& operator=(const Next&) = delete;
    ~Next() {
      if (reader_ == nullptr) return;
      reader_->next_ = nullptr;
      reader_->link_->wait_no_longer(*reader_);
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) { return reader_->wait(coroutine); }
    Result<std::optional<wire::Body>> await_resume() { return reader_->take(); }

   private:
    friend class BodyReader;
    BodyReader* reader_;  // null once that is destroyed: whoever waits is not run on
  };
  /// The next item for a coroutine: `co_await reader.async_next()`; one at a time.
  Next async_next() { return Next(*this); }

 private:
  bool wait(std::coroutine_handle<> coroutine) {
    if (!std::exchange(is_begun_, true)) link_->begin_stream(WholeMessage(request_), options_, *this);
    coroutine_ = coroutine;
    context_ = Context::current();
    return link_->wait(*this);
  }
  void wake() override {
    const OnBehalf again(context_);
    coroutine_.resume();
  }
  Result<std::optional<wire::Body>> take() {
    if (auto item = link_->take_item(*this)) return item;
    if (auto ended = outcome(); !ended) return std::unexpected(std::move(ended).error());
    return std::nullopt;
  }

  std::shared_ptr<Link> link_;
  Dictionary request_;
  CallOptions options_;
  bool is_begun_ = false;
  Next* next_ = nullptr;  // that is awaited
  std::coroutine_handle<> coroutine_;
  Context context_;
};

/// What a caller takes a method's items from: as BodyReader, and typed. An item of another type is an error, after
/// which the next one may be asked for.
template <class T>
class [[nodiscard]] StreamReader {
 public:
  /// As Proxy::stream makes it: errors name the method.
  StreamReader(std::unique_ptr<BodyReader> reader, const char* method) : reader_(std::move(reader)), method_(method) {}

  /// The next item; nothing after the last. Blocks: `while (auto item = REEVE_TRY(reader.next())) use(*item);`
  Result<std::optional<T>> next() { return decoded(reader_->next(), method_); }

  /// The same for a coroutine: `Result<std::optional<T>> item = co_await reader.async_next()`.
  auto async_next() {
    struct Next : BodyReader::Next {
      Next(BodyReader& reader, const char* m) : BodyReader::Next(reader), method(m) {}
      Result<std::optional<T>> await_resume() { return decoded(BodyReader::Next::await_resume(), method); }
      const char* method;
    };
    return Next(*reader_, method_);
  }

 private:
  static Result<std::optional<T>> decoded(Result<std::optional<wire::Body>>&& item, const char* method) {
    const std::optional<wire::Body> body = REEVE_TRY(std::move(item));
    if (!body) return std::nullopt;
    const auto value = REEVE_TRY(object::parse_value(body->root()));
    return REEVE_TRY(object::from_object<T>(*value, object::Path{&object::kRoot, method}));
  }
  std::unique_ptr<BodyReader> reader_;
  const char* method_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Stream;
using connection::StreamReader;
}  // namespace reeve
