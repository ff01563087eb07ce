// A service killed at random moments under eight clients: every call ends exactly once, and nothing is left behind.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "support/actor.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
constexpr int kClients = 8;

int kill_count() { return std::getenv("REEVE_LONG") != nullptr ? 1000 : 100; }

struct Tally {
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<std::uint64_t> interrupted = 0;
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<std::uint64_t> other = 0;
};

void call_until(const std::atomic<bool>& over, int client, Tally& tally) {
  auto actor = connect<Actor>(kActor);
  for (std::int32_t i = 0; !over; ++i) {
    Everything what;
    what.list = {client, i};
    ++tally.calls;
    const auto outcome = actor.call_with<&Actor::repeat>({.timeout = 30s}, what);
    if (outcome) {
      ++tally.answered;
      if (*outcome != what) ++tally.wrong;
    } else if (outcome.error().kind == Kind::interrupted) {
      ++tally.interrupted;
    } else {
      ++tally.other;
      std::fprintf(stderr, "client %d: %s\n", client, outcome.error().message.c_str());
    }
  }
}

// Kills the instance that answers now, some microseconds later.
bool kill_once(std::mt19937& random, std::int32_t& last) {
  auto actor = connect<Actor>(kActor);
  const auto peer = actor.peer({.timeout = 30s});
  if (!peer || !peer->pid || *peer->pid == last) return false;
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution(0, 3000)(random)));
  if (::kill(*peer->pid, SIGKILL) != 0) return false;
  last = *peer->pid;
  return true;
}

TEST(Kill, AtRandomMomentsUnderEightClientsLosesNoCallAndLeavesNothing) {
  Session session;
  write_job(session.jobs(), actor_job(kActor));
  {
    // The census is taken with the image in the cache and the service down.
    auto warm = connect<Actor>(kActor);
    ASSERT_TRUE(warm.call<&Actor::sleep>(0U));
    ::kill(*warm.peer()->pid, SIGKILL);
    ASSERT_TRUE(wait_for_state(kActor, "idle"));
  }
  const Census before = session.settled_census();

  Tally tally;
  std::atomic<bool> over = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back([&, i] { call_until(over, i, tally); });
  std::mt19937 random(1);
  std::int32_t last = 0;
  int killed = 0;
  const auto give_up = std::chrono::steady_clock::now() + 600s;
  while (killed < kill_count() && std::chrono::steady_clock::now() < give_up) killed += kill_once(random, last) ? 1 : 0;
  over = true;
  for (std::thread& client : clients) client.join();

  std::printf("%d kills, %llu calls: %llu answered, %llu interrupted\n", killed,
              static_cast<unsigned long long>(tally.calls), static_cast<unsigned long long>(tally.answered),
              static_cast<unsigned long long>(tally.interrupted));
  EXPECT_EQ(killed, kill_count());
  EXPECT_EQ(tally.answered + tally.interrupted, tally.calls) << "every call has one outcome, and one of these two";
  EXPECT_EQ(tally.wrong, 0U);
  EXPECT_EQ(tally.other, 0U);

  if (status_of(kActor).find("pid") != nullptr && status_of(kActor).find("pid")->get<std::int64_t>() != nullptr) {
    ::kill(static_cast<pid_t>(*status_of(kActor).find("pid")->get<std::int64_t>()), SIGKILL);
  }
  ASSERT_TRUE(wait_for_state(kActor, "idle"));
  EXPECT_EQ(session.settled_census(), before);
}

}  // namespace
}  // namespace reeve::test
