#include "awake.hpp"

#include <gtest/gtest.h>

#include "../vocab/bounds.hpp"

namespace reeve::os {
namespace {

// Looks in vain until it is time to sleep; how often.
int looks_of(Awake& awake, const Deadline& until = {}) {
  int count = 0;
  while (count < 1'000'000 && awake.look_again(until)) ++count;
  return count;
}

// A short wait.
Awake hot() {
  Awake awake;
  while (awake.look_again({})) {
  }
  awake.done();
  return awake;
}

struct Awakeness : testing::Test {
  ~Awakeness() override { set_awake(may_be_before); }
  bool may_be_before = may_be_awake();
};

TEST_F(Awakeness, BeginsWithAShortWait) {
  set_awake(true);
  Awake awake;
  EXPECT_FALSE(awake.is_worth_it());
  EXPECT_EQ(looks_of(awake), 0);
  awake.done();
  // The machine may have been busy with others in between.
  bool has_looked = false;
  for (int i = 0; i < 1000 && !has_looked; ++i) {
    Awake again = hot();
    has_looked = again.is_worth_it() && looks_of(again) > 0;
  }
  EXPECT_TRUE(has_looked);
}

TEST_F(Awakeness, Ends) {
  set_awake(true);
  for (int i = 0; i < 10; ++i) {
    Awake awake = hot();
    EXPECT_LT(looks_of(awake), 1'000'000);
    EXPECT_FALSE(awake.look_again({}));
  }
}

TEST_F(Awakeness, IsOverAfterALongWait) {
  set_awake(true);
  Awake awake = hot();
  (void)looks_of(awake);
  wait_until(now() + kShortWait + std::chrono::milliseconds(1));
  awake.done();
  EXPECT_FALSE(awake.is_worth_it());
  EXPECT_EQ(looks_of(awake), 0);
}

// As on one processor, where whoever looks keeps others from answering; and it is tried again, now and then.
TEST_F(Awakeness, IsOverWhereSleepingTakesLess) {
  set_awake(true);
  Awake awake = hot();
  int looked = 0;
  constexpr int kWaits = 2000;
  for (int i = 0; i < kWaits; ++i) {
    const bool looks = awake.is_worth_it();
    (void)awake.look_again({});
    // Answers that come later to whoever looks.
    if (looks) wait_until(now() + std::chrono::microseconds(100));
    awake.done();
    looked += looks ? 1 : 0;
  }
  EXPECT_GT(looked, 0);
  EXPECT_LT(looked, kWaits / 10);
}

TEST_F(Awakeness, LooksNoLongerThanUntilTheDeadline) {
  set_awake(true);
  Awake awake = hot();
  EXPECT_FALSE(awake.look_again(now()));
}

TEST_F(Awakeness, IsForbidden) {
  set_awake(true);
  Awake awake = hot();
  set_awake(false);
  EXPECT_FALSE(awake.is_worth_it());
  EXPECT_EQ(looks_of(awake), 0);
}

}  // namespace
}  // namespace reeve::os
