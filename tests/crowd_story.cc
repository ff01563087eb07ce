// Crowds at the broker's door: of those who never read, of those who mean harm, and of those who merely are many.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "support/crowd.hpp"
#include "support/storm.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

struct Percentiles {
  double p50 = 0;
  double p99 = 0;
};
Percentiles percentiles_of(std::vector<double> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

template <class Action>
double microseconds_of(Action&& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

// What a process has in memory, in KiB.
long resident(int pid) { return std::atol(facts_of(pid)["VmRSS"].c_str()); }

// Two threads of which each waits for the other, over nothing but a socket pair: what a message there and back takes on
// this machine just now.
class BarePair {
 public:
  BarePair() {
    int raw[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw) != 0) return;
    ours_ = os::Fd(raw[0]);
    theirs_ = os::Fd(raw[1]);
    echo_ = std::thread([this] {
      char byte = 0;
      while (::read(theirs_.raw(), &byte, 1) == 1 && ::write(theirs_.raw(), &byte, 1) == 1) {
      }
    });
  }
  BarePair(const BarePair&) = delete;
  BarePair& operator=(const BarePair&) = delete;
  ~BarePair() {
    ours_.close();
    if (echo_.joinable()) echo_.join();
  }
  void there_and_back() const {
    char byte = 1;
    EXPECT_TRUE(::write(ours_.raw(), &byte, 1) == 1 && ::read(ours_.raw(), &byte, 1) == 1);
  }

 private:
  os::Fd ours_;
  os::Fd theirs_;
  std::thread echo_;
};

class Crowd : public testing::Test {
 protected:
  void SetUp() override {
    raise_descriptor_limit();
    write_job(session.jobs(), actor_job(kActor));
    ASSERT_TRUE(honest.call<&Actor::sleep>(0U));
    pid = *honest.peer()->pid;
    ASSERT_TRUE(bootstrap::Broker().list());
    before = session.settled_census();
    open_before = open_in_service();
    broker_before = session.broker();
  }

  std::size_t open_in_service() {
    const auto open = honest.call_with<&Actor::descriptors>(kStormCall);
    return open ? open->size() : 0;
  }

  // All that the crowd had is given back within 30 seconds, and the same processes are there.
  void expect_as_before() {
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < give_up &&
           (session.census() != before || open_in_service() != open_before)) {
      std::this_thread::sleep_for(20ms);
    }
    EXPECT_EQ(session.census(), before);
    EXPECT_EQ(open_in_service(), open_before);
    EXPECT_EQ(session.broker(), broker_before) << session.printed();
    EXPECT_EQ(honest.peer()->pid.value_or(0), pid) << "another instance serves";
    EXPECT_TRUE(session.is_alive());
  }

  // Calls over an open connection, and a look-up with a first call for every tenth of them.
  struct Times {
    std::vector<double> calls;
    std::vector<double> firsts;
    std::vector<double> bare;
    int put_off = 0;  ///< told to call again later
  };
  Times measure(int calls, Tally& tally) {
    Times times;
    for (int i = 0; i < calls; ++i) {
      Everything what;
      what.list = {i};
      times.calls.push_back(microseconds_of([&] {
        const auto repeated = honest.call_with<&Actor::repeat>(kStormCall, what);
        if (tally.take("a call", repeated) && *repeated != what) tally.wrong("a call", "another's");
      }));
      if (i % 10 != 0) continue;
      times.firsts.push_back(microseconds_of([&] {
        auto fresh = connect<Actor>(kActor);
        auto outcome = fresh.call_with<&Actor::sleep>(kStormCall, 0U);
        // Others fill the service's waiting room: it is called again, as the error says, and the time goes on.
        for (int again = 0; again < 1000 && !outcome && outcome.error().kind == Kind::busy; ++again) {
          ++times.put_off;
          std::this_thread::sleep_for(5ms);
          outcome = fresh.call_with<&Actor::sleep>(kStormCall, 0U);
        }
        tally.take("a first call", outcome);
      }));
    }
    // Apart from the calls: its second thread would keep a core busy that they need.
    const BarePair pair;
    for (int i = 0; i < calls; ++i) times.bare.push_back(microseconds_of([&] { pair.there_and_back(); }));
    return times;
  }

  static void print(const char* what, const std::vector<double>& crowded, const std::vector<double>& alone) {
    const auto now = percentiles_of(crowded);
    const auto then = percentiles_of(alone);
    std::printf("  %s: p50 %.0f p99 %.0f us, alone %.0f %.0f: x %.1f, x %.1f\n", what, now.p50, now.p99, then.p50,
                then.p99, now.p50 / then.p50, now.p99 / then.p99);
  }

  void expect_served(const char* whom, int number, const Times& idle,
                     const std::function<void(Tally&, Times&)>& crowd) {
    const long memory = resident(session.broker());
    Tally tally;
    Times times;
    crowd(tally, times);
    const long memory_after = resident(session.broker());
    std::printf("%d %s: %s, %d times put off; broker %ld KiB, before %ld\n", number, whom, tally.text().c_str(),
                times.put_off, memory_after, memory);
    print("a bare socket pair", times.bare, idle.bare);
    print("call", times.calls, idle.calls);
    print("first call", times.firsts, idle.firsts);
    std::fflush(stdout);
    EXPECT_EQ(tally.failed(), 0U) << tally.text();
    EXPECT_EQ(tally.wrong(), 0U) << tally.text();
  }

  static int calls() { return in_full_or(2000, 200); }
  // Against a crowd that leaves the machine no moment of rest.
  static int fewer_calls() { return in_full_or(300, 60); }

  Session session;
  Proxy<Actor> honest = connect<Actor>(kActor);
  std::int32_t pid = 0;
  Census before;
  std::size_t open_before = 0;
  int broker_before = 0;
};

TEST_F(Crowd, OfThoseWhoAskAndNeverReadDelaysNobodyForGood) {
  Tally alone;
  const Times idle = measure(calls(), alone);
  const int wanted = in_full_or(1000, 100);
  constexpr int kProcesses = 10;
  int there = 0;
  expect_served("stalled readers", wanted, idle, [&](Tally& tally, Times& times) {
    std::vector<Neighbour> crowd;
    for (int i = 0; i < kProcesses; ++i) {
      crowd.emplace_back([&](const Neighbour::Ready& ready) {
        const auto readers = stalled_readers(kActor, wanted / kProcesses);
        ready(static_cast<int>(readers.size()));
        for (;;) ::pause();
      });
    }
    for (const Neighbour& neighbour : crowd) there += neighbour.ready();
    times = measure(calls(), tally);
  });
  EXPECT_EQ(there, wanted) << "not all of them came in";
  expect_as_before();
}

TEST_F(Crowd, OfHostileClientsOfEveryKindHarmsNobody) {
  Tally alone;
  const Times idle = measure(calls(), alone);
  const int wanted = in_full_or(100, static_cast<int>(hostilities().size()));
  expect_served("hostile clients", wanted, idle, [&](Tally& tally, Times& times) {
    std::vector<Neighbour> crowd;
    for (int i = 0; i < wanted; ++i) {
      crowd.emplace_back([i](const Neighbour::Ready& ready) {
        const Hostility& hostility = hostilities()[static_cast<std::size_t>(i) % hostilities().size()];
        hostility.act(kActor);
        ready(1);
        for (;;) hostility.act(kActor);
      });
    }
    for (const Neighbour& neighbour : crowd) EXPECT_EQ(neighbour.ready(), 1);
    times = measure(fewer_calls(), tally);
  });
  expect_as_before();
}

TEST_F(Crowd, OfConnectionsAndNamesIsServedAndForgotten) {
  const int wanted = in_full_or(10'000, 1000);
  const int names = in_full_or(1000, 100);
  constexpr int kOfferers = 10;
  // The first to come may have half of what the broker gives, and those who follow less and less.
  const std::vector<int> shares{wanted * 6 / 10, wanted * 25 / 100, wanted * 15 / 100};
  Tally tally;
  // Ends that nobody uses fill the service's waiting room faster than it can empty it: then it is waited for.
  const auto look_up_times = [&](const char* what, const std::function<Result<void>(int)>& look_up) {
    std::vector<double> times;
    const auto give_up = std::chrono::steady_clock::now() + 120s;
    while (static_cast<int>(times.size()) < calls() && std::chrono::steady_clock::now() < give_up) {
      Result<void> outcome;
      const double time = microseconds_of([&] { outcome = look_up(static_cast<int>(times.size())); });
      if (!outcome && outcome.error().kind == Kind::busy) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      tally.take(what, outcome);
      times.push_back(time);
    }
    return percentiles_of(times);
  };
  const auto by_job = [&](int) -> Result<void> {
    REEVE_TRY(bootstrap::Broker().look_up({kActor}, os::now() + 60s));
    return {};
  };
  const Percentiles first = look_up_times("a look-up", by_job);
  const long broker = resident(session.broker());
  const long supervisor = resident(session.supervisor());
  int live = 0;
  Percentiles crowded;
  Percentiles registered;
  long broker_crowded = 0;
  long supervisor_crowded = 0;
  {
    std::vector<Neighbour> crowd;
    for (const int share : shares) {
      crowd.emplace_back([share](const Neighbour::Ready& ready) {
        raise_descriptor_limit();
        std::vector<os::Fd> connections;
        for (int i = 0; i < share; ++i) {
          auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail, os::now() + 10s);
          if (!socket) break;
          connections.push_back(std::move(*socket));
        }
        ready(static_cast<int>(connections.size()));
        for (;;) ::pause();
      });
      live += crowd.back().ready();
      // Those in the backlog have come in when the broker has answered one who came after them.
      EXPECT_TRUE(ask_broker(contract::Status{kActor}));
    }
    std::vector<std::unique_ptr<Offerer>> offerers;
    for (int i = 0; i < kOfferers; ++i) {
      offerers.push_back(std::make_unique<Offerer>("org.example.offerer" + std::to_string(i), names / kOfferers));
    }
    for (const auto& offerer : offerers) EXPECT_TRUE(offerer->has_registered_all());
    crowded = look_up_times("a look-up", by_job);
    registered = look_up_times("a look-up of a registered name", [&](int i) -> Result<void> {
      const Offerer& offerer = *offerers[static_cast<std::size_t>(i) % kOfferers];
      REEVE_TRY(ask_broker(contract::LookUp{offerer.name(i / kOfferers % offerer.count()), ::getpid()}));
      return {};
    });
    for (int i = 0; i < names; ++i) {
      const Offerer& offerer = *offerers[static_cast<std::size_t>(i) % kOfferers];
      tally.take("a call to a registered name", call_registered(offerer.name(i / kOfferers), ::getpid()));
    }
    const std::size_t held = session.census().descriptors.at("broker") - before.descriptors.at("broker");
    EXPECT_GE(held, static_cast<std::size_t>(live)) << "some were turned away";
    live = std::min(live, static_cast<int>(held));
    broker_crowded = resident(session.broker());
    supervisor_crowded = resident(session.supervisor());
  }
  expect_as_before();
  const Percentiles last = look_up_times("a look-up", by_job);
  std::printf(
      "%d connections and %d names: %s; look-up p50 %.0f p99 %.0f us, with them %.0f, %.0f, of a registered name %.0f, "
      "%.0f, afterwards %.0f, %.0f; broker %ld KiB, with them %ld, afterwards %ld; supervisor %ld, %ld, %ld\n",
      live, names, tally.text().c_str(), first.p50, first.p99, crowded.p50, crowded.p99, registered.p50, registered.p99,
      last.p50, last.p99, broker, broker_crowded, resident(session.broker()), supervisor, supervisor_crowded,
      resident(session.supervisor()));
  EXPECT_EQ(live, wanted);
  if (!is_sanitised() && std::getenv("REEVE_LONG") != nullptr) {
    EXPECT_LT((resident(session.broker()) - broker) * 4, broker_crowded - broker) << "KiB stay";
  }
  EXPECT_EQ(tally.failed(), 0U) << tally.text();
  expect_as_before();
}

}  // namespace
}  // namespace reeve::test
