// Threads that are asked for.
#include "runtime.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <thread>

#include "connection.hpp"
#include "listener.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

struct Threads : testing::Test {
  Runtime runtime = *Runtime::make(3);
};

TEST_F(Threads, RunWhatIsBegunInTurn) {
  std::set<std::thread::id> ids{std::this_thread::get_id()};
  for (int i = 0; i < 3; ++i) {
    const auto id = runtime.run([](os::Loop&) -> Task<std::thread::id> { co_return std::this_thread::get_id(); });
    ASSERT_TRUE(id);
    ids.insert(*id);
  }
  EXPECT_EQ(ids.size(), 4U);
}

TEST_F(Threads, TellWhatCameOfIt) {
  const auto failed = runtime.run([](os::Loop&) -> Task<int> { co_return fail(Kind::denied, 7, "no"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, 7);
  const auto later = runtime.run([](os::Loop& loop) -> Task<int> {
    Promise<int> promise;
    loop.post([&] { (void)promise.set(42); });
    co_return co_await promise.value();
  });
  EXPECT_EQ(later, 42);
}

// Each thread asks one that another serves.
TEST_F(Threads, HaveConnectionsOfTheirOwn) {
  struct Echo {
    static void answer(const wire::DictionaryView& message, Request request) { (void)request.answer(message.object()); }
  };
  std::optional<Listener> listener;
  const auto right = runtime.run([&](os::Loop& loop) -> Task<Right> {
    listener.emplace(loop, Echo::answer);
    co_return listener->right();
  });
  ASSERT_TRUE(right);
  const auto echo = runtime.run([&](os::Loop& loop) -> Task<Dictionary> {
    Connection connection(dialer_over(*right), loop);
    Dictionary request{{"word", Object("hello")}};
    const auto answer = co_await connection.async(std::move(request));
    if (!answer) co_return std::unexpected(answer.error());
    co_return answer->root().object();
  });
  ASSERT_TRUE(echo) << echo.error().message;
  EXPECT_EQ(*echo->find("word"), Object("hello"));
  // It has to be ended where it lives: on the first of three, whose turn comes again after the third's.
  ASSERT_TRUE(runtime.run([](os::Loop&) -> Task<void> { co_return {}; }));
  (void)runtime.run([&](os::Loop&) -> Task<void> {
    listener.reset();
    co_return {};
  });
}

TEST(Runtime, EndsWhatStillWaitsWhereItWaits) {
  std::atomic<int> ended = 0;
  {
    auto runtime = *Runtime::make(2);
    std::promise<void> is_waiting;
    runtime.begin([&](os::Loop&) -> Task<void> {
      struct Mark {
        std::atomic<int>& count;
        ~Mark() { ++count; }
      };
      const Mark mark{ended};
      const Promise<int> never;
      auto value = never.value();
      is_waiting.set_value();
      (void)co_await value;
      co_return {};
    });
    is_waiting.get_future().wait();
    EXPECT_EQ(ended, 0);
  }
  EXPECT_EQ(ended, 1);
}

// Whoever keeps a promise runs a coroutine on; it ends where it was begun.
TEST(Runtime, EndsOnItsOwnThreadsWhatOthersHaveRunOn) {
  for (int i = 0; i < 200; ++i) {
    std::thread giver;
    {
      auto runtime = *Runtime::make(1);
      const auto given = runtime.run([&](os::Loop&) -> Task<int> {
        Promise<int> promise;
        auto value = promise.value();
        giver = std::thread([kept = std::move(promise), i]() mutable { (void)kept.set(i); });
        co_return co_await value;
      });
      EXPECT_EQ(given, i);
    }
    giver.join();
  }
}

TEST(Runtime, WhatThrowsInsteadOfBeginningHarmsNobody) {
  auto runtime = *Runtime::make(1);
  runtime.begin([](os::Loop&) -> Task<void> { throw std::runtime_error("no"); });
  EXPECT_EQ(runtime.run([](os::Loop&) -> Task<int> { co_return 5; }), 5);
}

}  // namespace
}  // namespace reeve::connection
