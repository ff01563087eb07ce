// Coroutines whose outcome comes later, and what they wait for.
//
// Threads: a coroutine runs on whichever thread gives it what it waits for; it begins on that of its caller. Its calls
//          are made on behalf of the request that it was begun for, wherever it runs.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "../os/bell.hpp"
#include "../os/loop.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"
#include "context.hpp"

namespace reeve::connection {

/// @cond
/// What is being thrown, as the error handler-threw: within a catch clause, or where a coroutine ends by it.
Error thrown();

/// Calls a user's own code. What it throws becomes an error.
template <class Call>
auto guarded(const Call& call) -> decltype(call()) {
#ifdef __cpp_exceptions
  try {
    return call();
  } catch (...) {
    return std::unexpected(thrown());
  }
#else
  return call();
#endif
}

/// A coroutine that nobody waits for.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// @endcond
/// A coroutine that returns a Result<T>, begun when it is awaited: `Result<T> outcome = co_await std::move(task)`. What
/// it throws becomes the error handler-threw.
///
/// Owns:    the coroutine; destroyed before its end it is destroyed where it waits.
template <class T>
class [[nodiscard]] Task {
 public:
  using Value = T;  ///< what it is a Result of

  struct promise_type {
    std::optional<Result<T>> outcome;
    std::coroutine_handle<> waiter = std::noop_coroutine();

    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
        return ended.promise().waiter;
      }
      void await_resume() noexcept {}
    };
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void return_value(Result<T> value) { outcome.emplace(std::move(value)); }
    void unhandled_exception() { outcome.emplace(std::unexpected(thrown())); }
  };

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Begins it with nobody to await it. It goes on for as long as this lives.
  void start() { coroutine_.resume(); }

  /// Whether one that was started has ended.
  bool is_over() const { return coroutine_.done(); }

  /// Begins it and runs the loop until it has ended, on whichever thread; what it returns. Not for callbacks of that
  /// loop, which has more to do than to wait. Errors: those of the coroutine; busy where no descriptor is left.
  Result<T> run(os::Loop& loop) && {
    const os::Bell bell = REEVE_TRY(os::Bell::make());
    bool is_over = false;
    const auto watch = REEVE_TRY(loop.watch(bell.descriptor(), {.readable = true}, [&](os::Ready) {
      bell.hush();  // After which all that was done before it was rung is seen here.
      is_over = true;
    }));
    std::optional<Result<T>> outcome;
    finish(std::move(*this), outcome, bell);
    // Rung, nobody else has anything to do with this any more.
    while (!is_over) {
      if (!loop.run_once()) os::wait_until(os::now() + kAcceptPause);  // The kernel may have again what it lacks.
    }
    return std::move(*outcome);
  }

  /// Begins it, and waits for its outcome. Once.
  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> coroutine;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
        coroutine.promise().waiter = waiter;
        return coroutine;
      }
      Result<T> await_resume() { return std::move(*coroutine.promise().outcome); }
    };
    return Awaiter{coroutine_};
  }

 private:
  static Detached finish(Task task, std::optional<Result<T>>& outcome, const os::Bell& bell) {
    {
      Task own = std::move(task);
      outcome.emplace(co_await std::move(own));
    }
    bell.ring();
  }
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

/// What somebody else gives later, to the one coroutine that waits for it: `Result<T> given = co_await
/// promise.value()`.
///
/// Owns:    the power to give it, once. Destroyed before that it gives the error dropped.
/// Threads: one owner; may move to another thread, which then runs the coroutine on: take value() first. While another
///          thread may give it, the coroutine that waits may not be destroyed.
template <class T>
class Promise {
  struct State {
    std::mutex mutex;
    std::optional<Result<T>> value;
    std::coroutine_handle<> waiter;
    Context context;  // the waiter's
  };

 public:
  Promise() : state_(std::make_shared<State>()) {}
  Promise(Promise&& other) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Promise() {
    if (state_) {
      (void)set(fail(Kind::gone, code::kDropped, "what was waited for was dropped before it was there"));
    }
  }

  /// Gives it, and runs whoever waits for it on until that waits again or ends. Errors: invalid where it was given
  /// before: this one goes nowhere.
  Result<void> set(Result<T> value) {
    REEVE_INVARIANT(state_ != nullptr);
    const std::shared_ptr<State> state = state_;  // Whoever is run on may destroy this.
    std::coroutine_handle<> waiter;
    {
      const std::lock_guard lock(state->mutex);
      if (state->value) return fail(Kind::invalid, code::kAnswered, "the promise was kept before");
      state->value.emplace(std::move(value));
      waiter = std::exchange(state->waiter, {});
    }
    if (!waiter) return {};
    const OnBehalf again(state->context);
    waiter.resume();
    return {};
  }

  /// What a coroutine awaits.
  class [[nodiscard]] Value {
   public:
    /// @private
    explicit Value(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Value(const Value&) = delete;
    Value& operator=(const Value&) = delete;
    // A coroutine that is destroyed where it waits is not run on.
    ~Value() {
      const std::lock_guard lock(state_->mutex);
      if (waiter_ && state_->waiter == waiter_) state_->waiter = {};
    }
    bool await_ready() {
      const std::lock_guard lock(state_->mutex);
      return state_->value.has_value();
    }
    bool await_suspend(std::coroutine_handle<> waiter) {
      const std::shared_ptr<State> state = state_;  // Another thread may run it on, and end it, from here.
      const std::lock_guard lock(state->mutex);
      if (state->value) return false;
      state->waiter = waiter_ = waiter;
      state->context = Context::current();
      return true;
    }
    Result<T> await_resume() {
      const std::lock_guard lock(state_->mutex);
      return std::move(*state_->value);
    }

   private:
    std::shared_ptr<State> state_;
    std::coroutine_handle<> waiter_;
  };
  /// Of a promise that was not moved from. One coroutine may await it, once.
  Value value() const {
    REEVE_INVARIANT(state_ != nullptr);
    return Value(state_);
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Promise;
using connection::Task;
}  // namespace reeve
