#include "quota.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <set>

namespace reeve::quota {
namespace {

TEST(Quota, RefusesWhatExceedsAShareAndKeepsNothingOfIt) {
  Ledger ledger({.bytes = 120, .descriptors = 4, .objects = 0});
  const Account a = ledger.account_of(1);
  const auto too_much = a.charge({.bytes = 61});
  ASSERT_FALSE(too_much);
  EXPECT_EQ(too_much.error().kind, Kind::busy);
  EXPECT_FALSE(a.charge({.bytes = 1, .descriptors = 3})) << "one resource too many refuses all";
  EXPECT_FALSE(a.charge({.objects = 1}));
  EXPECT_FALSE(a.charge({.bytes = ~0ULL}));
  EXPECT_EQ(ledger.used(), Amount{});
  EXPECT_TRUE(a.charge({.bytes = 60, .descriptors = 2})) << "alone it may have half";
}

TEST(Quota, GivesBackWithTheChargeWhereverThatWent) {
  Ledger ledger({.bytes = 100, .descriptors = 0, .objects = 0});
  std::deque<Charge> kept;
  {
    const Account a = ledger.account_of(1);
    kept.push_back(*a.charge({.bytes = 10}));
    kept.push_back(*a.charge({.bytes = 20}));
  }
  EXPECT_EQ(ledger.account_of(1).share().bytes, 30U) << "the account lasts as long as what it pays for";
  kept.front() = Charge();
  kept.pop_front();
  EXPECT_EQ(ledger.used().bytes, 20U);
  kept.clear();
  EXPECT_EQ(ledger.used(), Amount{});
}

// Any history of charges and returns, each as greedy as it is let: whoever is there can always have R/(n(n+1)), and
// never more than R/(n+1), where n are the users with this one.
RC_GTEST_PROP(Quota, EachOfNUsersCanAlwaysGetBetweenOneNthAndOneNthSquared, ()) {
  const std::uint64_t limit = *rc::gen::inRange<std::uint64_t>(1, 1 << 20);
  Ledger ledger({.bytes = limit, .descriptors = 0, .objects = 0});
  std::multimap<std::uint64_t, Charge> held;
  const auto largest = [&](const Account& account) {
    std::uint64_t low = 0;
    std::uint64_t high = limit;
    while (low < high) {
      const std::uint64_t middle = (low + high + 1) / 2;
      if (account.charge({.bytes = middle})) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  };
  const auto steps = *rc::gen::container<std::vector<std::tuple<std::uint64_t, int, std::uint64_t>>>(rc::gen::tuple(
      rc::gen::inRange<std::uint64_t>(0, 8), rc::gen::inRange(0, 4), rc::gen::inRange<std::uint64_t>(1, limit + 1)));
  for (const auto& [user, action, amount] : steps) {
    const Account account = ledger.account_of(user);
    if (action == 0) {
      if (const auto any = held.find(user); any != held.end()) held.erase(any);
    } else {
      const std::uint64_t wanted = action == 1 ? largest(account) : amount;
      if (wanted == 0) continue;
      if (auto charge = account.charge({.bytes = wanted})) held.emplace(user, std::move(*charge));
    }
    std::set<std::uint64_t> users;
    for (const auto& [owner, charge] : held) users.insert(owner);
    for (std::uint64_t other = 0; other < 8; ++other) {
      const std::uint64_t n = users.size() + (users.contains(other) ? 0 : 1);
      const Account theirs = ledger.account_of(other);
      const std::uint64_t can_have = theirs.share().bytes + largest(theirs);
      RC_ASSERT(can_have >= limit / (n * (n + 1)));
      RC_ASSERT(largest(theirs) == 0 || can_have <= limit / (n + 1));
    }
    RC_ASSERT(ledger.used().bytes <= limit);
  }
  held.clear();
  RC_ASSERT(ledger.used() == Amount{});
}

}  // namespace
}  // namespace reeve::quota
