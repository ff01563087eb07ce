// Broker, spawner and both are killed at random moments and at the worst ones, while clients call: nobody notices.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>

#include "support/crowd.hpp"
#include "support/storm.hpp"

namespace reeve::test {
namespace {

constexpr int kClients = 8;

class Storm : public testing::Test {
 protected:
  // Until the broker answers: from then on its start does not count as failed.
  static bool broker_serves() { return ask_broker(contract::Status{Clients::kSteady}).has_value(); }

  // Until the spawner has started something: whoever has never served is not killed a third time in a row.
  static bool spawner_serves() { return ask_broker(contract::List{}).has_value(); }

  // Until a process is there that was not: a launch is under way. At most a second.
  bool sees_birth() const {
    const auto now = [this] {
      const auto children = children_of(session.supervisor());
      return std::set<int>(children.begin(), children.end());
    };
    const std::set<int> known = now();
    const auto give_up = std::chrono::steady_clock::now() + 1s;
    while (std::chrono::steady_clock::now() < give_up) {
      const std::set<int> there = now();
      if (!std::includes(known.begin(), known.end(), there.begin(), there.end())) return true;
    }
    return false;
  }

  void report(const char* what, int times, Clients& clients) const {
    std::printf("%s %d times: %d launches; %s\n", what, times, clients.launches(), clients.tally().text().c_str());
    std::fflush(stdout);
  }

  std::chrono::microseconds up_to(std::chrono::microseconds most) { return test::up_to(most, random); }

  Session session;
  std::mt19937 random{1};
};

TEST_F(Storm, ABrokerKilledAtAnyMomentIsMissedByNobody) {
  Clients clients(session, kClients);
  clients.begin();
  const int wanted = in_full_or(1000, 20);
  int killed = 0;
  for (int i = 0; killed < wanted && i < 2 * wanted; ++i) {
    std::this_thread::sleep_for(up_to(20ms));
    // Alone; then with the one that follows it, as it starts; then with two that follow.
    const int times = std::min(1 + i % 3, wanted - killed);
    if (kill_part(session, {"broker", times, i % 2 == 0 ? 500us : 5000us}, random)) killed += times;
    ASSERT_TRUE(broker_serves()) << session.printed();
  }
  clients.end();
  report("broker killed", killed, clients);
  EXPECT_EQ(killed, wanted);
  clients.expect_nothing_lost();
}

// More than a queue of the kernel's holds, and no more than an unconfined service has descriptors for.
TEST_F(Storm, ChannelsThatAServiceHasNoTimeToTakeOutliveTheBroker) {
  static const std::string name = "org.example." + std::string(100, 'x');
  JobFile job = actor_job(name);
  job.preset = "none";
  write_job(session.jobs(), job);
  auto steady = connect<Actor>(name);
  ASSERT_TRUE(steady.call<&Actor::sleep>(0U));
  const int service = *steady.peer()->pid;
  constexpr int kNeighbours = 4;
  constexpr int kChannelsEach = 60;
  int asked = 0;
  int answered = 0;
  {
    ASSERT_EQ(::kill(service, SIGSTOP), 0);
    std::vector<Neighbour> crowd;
    for (int i = 0; i < kNeighbours; ++i) {
      crowd.emplace_back([](const Neighbour::Ready& ready) {
        const auto channels = ask_over_fresh_channels(name, kChannelsEach);
        ready(static_cast<int>(channels.size()));
        ready(count_answers(channels));
      });
    }
    for (const Neighbour& neighbour : crowd) asked += neighbour.ready();
    EXPECT_TRUE(kill_part(session, {"broker", 2, 500us}, random));
    EXPECT_TRUE(ask_broker(contract::Status{name}));
    ASSERT_EQ(::kill(service, SIGCONT), 0);
    for (const Neighbour& neighbour : crowd) answered += neighbour.ready();
  }
  std::printf("broker killed while %d channels waited for a stopped service: %d answered\n", asked, answered);
  EXPECT_EQ(asked, kNeighbours * kChannelsEach);
  EXPECT_EQ(answered, asked) << session.printed();
  const auto still = steady.peer();
  ASSERT_TRUE(still) << still.error().message;
  EXPECT_EQ(still->pid.value_or(0), service);
}

TEST_F(Storm, ASpawnerKilledAtAnyMomentIsMissedByNobody) {
  Clients clients(session, kClients);
  clients.begin();
  std::atomic<bool> over = false;
  std::atomic<int> printed = 0;
  Tally prints;
  std::thread printer([&] {
    auto steady = clients.steady();
    while (!over) {
      prints.take("a print", steady.call_with<&Actor::print>(kStormCall, "line " + std::to_string(++printed)));
      std::this_thread::sleep_for(500us);
    }
  });
  const int wanted = in_full_or(200, 10);
  int killed = 0;
  for (int i = 0; killed < wanted && i < 2 * wanted; ++i) {
    // Anywhere; in the middle of a launch; and twice, the second as it tries out the machine.
    if (i % 3 == 1) {
      (void)sees_birth();
      std::this_thread::sleep_for(up_to(5ms));
    } else {
      std::this_thread::sleep_for(up_to(50ms));
    }
    const int times = std::min(i % 3 == 2 ? 2 : 1, wanted - killed);
    if (kill_part(session, {"spawner", times, 20ms}, random)) killed += times;
    ASSERT_TRUE(spawner_serves()) << session.printed();
  }
  over = true;
  printer.join();
  clients.end();
  report("spawner killed", killed, clients);
  EXPECT_EQ(killed, wanted);
  EXPECT_EQ(prints.failed(), 0U) << prints.text();
  auto steady = clients.steady();
  EXPECT_TRUE(steady.call<&Actor::print>(std::string("the last words")));
  EXPECT_TRUE(session.prints("the last words")) << "what services print is shown by whoever comes after";
  clients.expect_nothing_lost();
}

TEST_F(Storm, BothKilledAtOnceAreMissedByNobody) {
  Clients clients(session, kClients);
  clients.begin();
  const int wanted = in_full_or(50, 5);
  int killed = 0;
  for (int i = 0; killed < wanted && i < 2 * wanted; ++i) {
    if (i % 2 == 0) (void)sees_birth();
    std::this_thread::sleep_for(up_to(i % 2 == 0 ? 5ms : 50ms));
    const bool is_spawner_first = i % 4 < 2;
    const bool one = kill_part(session, {is_spawner_first ? "spawner" : "broker"}, random);
    const bool other = kill_part(session, {is_spawner_first ? "broker" : "spawner"}, random);
    killed += one && other ? 1 : 0;
    ASSERT_TRUE(spawner_serves()) << session.printed();
  }
  clients.end();
  report("both killed", killed, clients);
  EXPECT_EQ(killed, wanted);
  clients.expect_nothing_lost();
}

TEST_F(Storm, BrokerAndSpawnerAreReplacedWhileEverybodyCalls) {
  Clients clients(session, kClients);
  clients.begin();
  const int wanted = in_full_or(20, 3);
  for (int i = 0; i < wanted; ++i) {
    std::this_thread::sleep_for(up_to(100ms));
    const int broker = session.broker();
    const int spawner = session.spawner();
    EXPECT_TRUE(ask_broker(contract::Replace{}));
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    const auto is_replaced = [&] {
      const int next = session.broker();
      const int next_spawner = session.spawner();
      return next != 0 && next != broker && next_spawner != 0 && next_spawner != spawner;
    };
    while (!is_replaced() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(is_replaced());
    ASSERT_TRUE(spawner_serves()) << session.printed();
  }
  clients.end();
  report("both replaced", wanted, clients);
  clients.expect_nothing_lost();
}

}  // namespace
}  // namespace reeve::test
