#include "task.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "typed.hpp"

namespace reeve::connection {
namespace {

// Runs a task until it first waits; its outcome comes here.
template <class T>
Detached run(Task<T> task, std::optional<Result<T>>& outcome) {
  outcome = co_await std::move(task);
}

Task<int> twice(const Promise<int>& promise) {
  const auto given = co_await promise.value();
  if (!given) co_return std::unexpected(given.error());
  co_return 2 * *given;
}

Task<int> sum_of(const Promise<int>& first, const Promise<int>& second) {
  const auto one = co_await twice(first);
  const auto other = co_await twice(second);
  if (!one || !other) co_return fail(Kind::invalid, 1, "one of the two is not there");
  co_return *one + *other;
}

TEST(Task, ThatThrowsEndsWithAnError) {
  std::optional<Result<int>> outcome;
  run(
      []() -> Task<int> {
        throw std::runtime_error("its own trouble");
        co_return 1;
      }(),
      outcome);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().code, code::kHandlerThrew);
  EXPECT_EQ(outcome->error().message, "the service threw: its own trouble");
}

TEST(Task, ThatWaitsForWhatIsDroppedGetsAnError) {
  std::optional<Result<int>> outcome;
  {
    const Promise<int> promise;
    run(twice(promise), outcome);
    EXPECT_FALSE(outcome);
  }
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error().code, code::kDropped);
}

TEST(Task, DestroyedWhereItWaitsIsNotRunOn) {
  Promise<int> promise;
  bool is_destroyed = false;
  {
    struct Mark {
      bool& is_destroyed;
      ~Mark() { is_destroyed = true; }
    };
    const auto waits = [](const Promise<int>& value, bool& flag) -> Task<int> {
      const Mark mark{flag};
      co_return co_await value.value();
    };
    auto task = waits(promise, is_destroyed);
    // Whoever waits for it is destroyed first, and with it what it waits for.
    struct Step {
      struct promise_type {
        Step get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
      };
      std::coroutine_handle<promise_type> coroutine;
    };
    const Step step = [](Task<int> awaited) -> Step { (void)co_await std::move(awaited); }(std::move(task));
    step.coroutine.destroy();
    EXPECT_TRUE(is_destroyed);
  }
  EXPECT_TRUE(promise.set(1)) << "to nobody";
}

TEST(Task, ThatIsNeverAwaitedNeverBegins) {
  bool has_begun = false;
  {
    const auto begins = [](bool& flag) -> Task<void> {
      flag = true;
      co_return {};
    };
    const auto task = begins(has_begun);
  }
  EXPECT_FALSE(has_begun);
}

TEST(Task, IsRunToItsEnd) {
  os::Loop loop = *os::Loop::make();
  Promise<int> promise;
  loop.post([&] { (void)promise.set(21); });
  EXPECT_EQ(twice(promise).run(loop), 42);
  Promise<int> broken;
  loop.post([&] { (void)broken.set(fail(Kind::denied, 7, "no")); });
  EXPECT_EQ(twice(broken).run(loop).error().code, 7);
  const auto at_once = []() -> Task<int> { co_return 5; };
  EXPECT_EQ(at_once().run(loop), 5);
}

TEST(Task, IsRunToItsEndByAnotherThreadToo) {
  os::Loop loop = *os::Loop::make();
  for (int i = 0; i < 100; ++i) {
    Promise<int> promise;
    auto task = twice(promise);
    std::thread giver([&] { (void)promise.set(i); });
    EXPECT_EQ(std::move(task).run(loop), 2 * i);
    giver.join();
  }
}

TEST(Task, WaitsForOthers) {
  Promise<int> first;
  Promise<int> second;
  std::optional<Result<int>> outcome;
  run(sum_of(first, second), outcome);
  EXPECT_TRUE(second.set(4));
  EXPECT_FALSE(outcome);
  EXPECT_TRUE(first.set(3));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(**outcome, 14);
}

TEST(Promise, IsKeptOnce) {
  Promise<int> promise;
  EXPECT_TRUE(promise.set(1));
  EXPECT_EQ(promise.set(2).error().code, code::kAnswered);
  std::optional<Result<int>> outcome;
  run(twice(promise), outcome);
  EXPECT_EQ(**outcome, 2);
}

TEST(Promise, ThatAnotherThreadKeepsRunsItsWaiterThere) {
  for (int i = 0; i < 1000; ++i) {
    Promise<int> promise;
    std::optional<Result<int>> outcome;
    std::thread other([&] { EXPECT_TRUE(promise.set(i)); });
    run(twice(promise), outcome);
    other.join();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(**outcome, 2 * i);
  }
}

}  // namespace
}  // namespace reeve::connection
