// A service killed at random moments under fifty clients: every call ends exactly once, and nothing is left behind.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "support/storm.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
constexpr int kClients = 50;

struct Outcomes {
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<std::uint64_t> interrupted = 0;
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<std::uint64_t> other = 0;
};

void call_until(const std::atomic<bool>& over, int client, Outcomes& outcomes) {
  auto actor = connect<Actor>(kActor);
  for (std::int32_t i = 0; !over; ++i) {
    Everything what;
    what.list = {client, i};
    ++outcomes.calls;
    const auto outcome = actor.call_with<&Actor::repeat>(kStormCall, what);
    if (outcome) {
      ++outcomes.answered;
      if (*outcome != what) ++outcomes.wrong;
    } else if (outcome.error().kind == Kind::interrupted) {
      ++outcomes.interrupted;
    } else {
      ++outcomes.other;
      std::fprintf(stderr, "client %d: %s\n", client, outcome.error().message.c_str());
    }
  }
}

// Kills the instance that answers now, some microseconds later.
bool kill_once(const Session& session, std::mt19937& random, std::int32_t& last) {
  auto actor = connect<Actor>(kActor);
  const auto peer = actor.peer(kStormCall);
  if (!peer || !peer->pid || *peer->pid == last) return false;
  std::this_thread::sleep_for(up_to(3000us, random));
  if (!kill_child(session.supervisor(), *peer->pid)) return false;
  last = *peer->pid;
  return true;
}

TEST(Kill, AtRandomMomentsUnderFiftyClientsLosesNoCallAndLeavesNothing) {
  Session session;
  write_job(session.jobs(), actor_job(kActor));
  {
    // The census is taken with the image in the cache and the service down.
    auto warm = connect<Actor>(kActor);
    ASSERT_TRUE(warm.call<&Actor::sleep>(0U));
    ASSERT_TRUE(kill_child(session.supervisor(), *warm.peer()->pid));
    ASSERT_TRUE(wait_for_state(kActor, "idle"));
  }
  const Census before = session.settled_census();

  Outcomes outcomes;
  std::atomic<bool> over = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back([&, i] { call_until(over, i, outcomes); });
  std::mt19937 random(1);
  std::int32_t last = 0;
  int killed = 0;
  const int wanted = in_full_or(10'000, 100);
  const auto give_up = std::chrono::steady_clock::now() + 850s;
  while (killed < wanted && std::chrono::steady_clock::now() < give_up) {
    killed += kill_once(session, random, last) ? 1 : 0;
  }
  over = true;
  for (std::thread& client : clients) client.join();

  std::printf("service killed %d times under %d clients: %llu calls, %llu answered, %llu interrupted\n", killed,
              kClients, static_cast<unsigned long long>(outcomes.calls),
              static_cast<unsigned long long>(outcomes.answered),
              static_cast<unsigned long long>(outcomes.interrupted));
  EXPECT_EQ(killed, wanted);
  EXPECT_EQ(outcomes.answered + outcomes.interrupted, outcomes.calls)
      << "every call has one outcome, and one of these two";
  EXPECT_EQ(outcomes.wrong, 0U);
  EXPECT_EQ(outcomes.other, 0U);

  if (const auto peer = connect<Actor>(kActor).peer(kStormCall); peer && peer->pid) {
    EXPECT_TRUE(kill_child(session.supervisor(), *peer->pid));
  }
  ASSERT_TRUE(wait_for_state(kActor, "idle"));
  EXPECT_EQ(session.settled_census(), before);
}

}  // namespace
}  // namespace reeve::test
