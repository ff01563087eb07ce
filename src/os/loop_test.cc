// A loop whose callbacks wait for something in the middle.
#include "loop.hpp"

#include <gtest/gtest.h>

#include <array>

#include "bell.hpp"

namespace reeve::os {
namespace {

using namespace std::chrono_literals;

struct Waiting : testing::Test {
  // What is watched, and how often it was called.
  struct Watched {
    Bell bell = *Bell::make();
    int calls = 0;
    Loop::Watch watch;
  };
  void watch(Watched& what, Attends attends, bool is_silenced = true) {
    const auto call = [&what, is_silenced](Ready) {
      ++what.calls;
      if (is_silenced) what.bell.hush();
    };
    what.watch = *loop.watch(what.bell.descriptor(), {.readable = true}, call, attends);
  }
  // Has a callback of the loop do so.
  void within_a_callback(const std::function<void()>& what) {
    bool is_done = false;
    loop.post([&] {
      what();
      is_done = true;
    });
    const Time give_up = now() + 20s;
    while (!is_done && now() < give_up) ASSERT_TRUE(loop.run_once(give_up));
  }
  Result<bool> wait(Deadline deadline) { return loop.wait_for(nobody.first, Readiness::readable, deadline); }

  Loop loop = *Loop::make();
  std::pair<Fd, Fd> nobody = *channel_pair();
};

TEST_F(Waiting, IsWithinACallbackOfThatLoop) {
  EXPECT_FALSE(Loop::running());
  within_a_callback([&] {
    EXPECT_TRUE(Loop::running());
    EXPECT_FALSE(loop.is_attending());
  });
  EXPECT_FALSE(Loop::running());
}

TEST_F(Waiting, AttendsToWhatAsksForItAndToNothingElse) {
  Watched attending;
  Watched other;
  watch(attending, Attends::yes);
  watch(other, Attends::no);
  bool is_timer_called = false;
  const auto timer = loop.at(now(), [&] { is_timer_called = true; });
  within_a_callback([&] {
    is_timer_called = false;
    loop.post([&] { is_timer_called = true; });
    attending.bell.ring();
    other.bell.ring();
    EXPECT_TRUE(*wait(now() + 20s)) << "something was attended to";
    EXPECT_EQ(attending.calls, 1);
    EXPECT_EQ(*wait(now() + 10ms), false);
    EXPECT_EQ(attending.calls, 1);
    EXPECT_EQ(other.calls, 0);
    EXPECT_FALSE(is_timer_called);
  });
  ASSERT_TRUE(loop.run_once(now() + 20s));
  ASSERT_TRUE(loop.run_once(now()));
  EXPECT_EQ(other.calls, 1) << "it has its turn afterwards";
  EXPECT_TRUE(is_timer_called);
}

TEST_F(Waiting, ComesToAnEndWhenTheSocketIsReady) {
  within_a_callback([&] {
    const std::array part{std::as_bytes(std::span("x", 1))};
    EXPECT_TRUE(send_packet(nobody.second, part, {}));
    EXPECT_TRUE(*wait(now() + 20s));
  });
}

TEST_F(Waiting, LeavesAloneWhatCanDoNothingMore) {
  Watched stuck;
  stuck.watch = *loop.watch(
      stuck.bell.descriptor(), {.readable = true},
      [&](Ready) {
        ++stuck.calls;
        if (loop.is_attending()) return loop.leave_alone();
        stuck.bell.hush();
      },
      Attends::yes);
  within_a_callback([&] {
    stuck.bell.ring();
    EXPECT_TRUE(*wait(now() + 20s));
    EXPECT_EQ(*wait(now() + 10ms), false);
    EXPECT_EQ(stuck.calls, 1);
  });
  ASSERT_TRUE(loop.run_once(now() + 20s));
  EXPECT_EQ(stuck.calls, 2);
}

TEST_F(Waiting, KeepsToChangesOfWhatItLeavesAlone) {
  Watched changed;
  Watched dropped;
  watch(changed, Attends::no);
  watch(dropped, Attends::no);
  within_a_callback([&] {
    changed.bell.ring();
    dropped.bell.ring();
    EXPECT_EQ(*wait(now() + 10ms), false);
    EXPECT_TRUE(changed.watch.change({}));
    dropped.watch.drop();
  });
  ASSERT_TRUE(loop.run_once(now() + 10ms));
  EXPECT_EQ(changed.calls, 0);
  ASSERT_TRUE(changed.watch.change({.readable = true}));
  ASSERT_TRUE(loop.run_once(now() + 20s));
  EXPECT_EQ(changed.calls, 1);
  EXPECT_EQ(dropped.calls, 0);
}

TEST_F(Waiting, LeavesALoopThatOthersWatchWatchable) {
  const Fd& descriptor = **loop.descriptor();
  const auto timer = loop.at(now() + 1h, [] {});
  Watched other;
  watch(other, Attends::no);
  within_a_callback([&] {
    const auto due = loop.at(now(), [] {});
    other.bell.ring();
    EXPECT_EQ(*wait(now() + 10ms), false);
  });
  EXPECT_TRUE(*wait_for(descriptor, Readiness::readable, now() + 20s));
  ASSERT_TRUE(loop.dispatch());
  EXPECT_EQ(other.calls, 1);
  bool is_called = false;
  const auto soon = loop.at(now() + 1ms, [&] { is_called = true; });
  EXPECT_TRUE(*wait_for(descriptor, Readiness::readable, now() + 20s)) << "its alarm rings still";
  ASSERT_TRUE(loop.dispatch());
  EXPECT_TRUE(is_called);
}

}  // namespace
}  // namespace reeve::os
