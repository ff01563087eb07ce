// Conversations in which everything happens in whatever order a seed says: calls, streams and messages begin, are
// answered, dropped, given up; connections are suspended, resumed, given up, within outcomes too; services die and
// stop. REEVE_SEED replays one seed. With threads that answer, it is for the thread sanitiser.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "staged.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

Dictionary numbered(std::uint64_t number) { return {{"number", Object(number)}}; }
std::optional<std::uint64_t> number_in(const wire::DictionaryView& message) {
  const auto found = message.find("number");
  return found ? found->get<std::uint64_t>() : std::nullopt;
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Requests that were kept, and who answers them: a thread of its own, or whoever asks for it.
class Keep {
 public:
  void put(std::uint64_t number, Request request) {
    const std::lock_guard lock(mutex_);
    all_.emplace_back(number, std::move(request));
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }
  // One of them, some way or other. False where there is none.
  bool settle(std::uint64_t choice) {
    std::optional<std::pair<std::uint64_t, Request>> one;
    {
      const std::lock_guard lock(mutex_);
      if (all_.empty()) return false;
      const auto at = all_.begin() + static_cast<std::ptrdiff_t>(choice / 8 % all_.size());
      one.emplace(std::move(*at));
      all_.erase(at);
    }
    auto& [number, request] = *one;
    if (request.wants_items()) return give(number, std::move(request), choice % 4), true;
    if (choice % 8 == 0) return true;  // dropped
    if (choice % 8 == 1) return (void)request.answer(fail(Kind::denied, 7, "not this one")), true;
    (void)request.answer(numbered(2 * number));
    (void)request.answer(numbered(3 * number));  // which goes nowhere
    return true;
  }

 private:
  static Detached give(std::uint64_t number, Request request, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const Dictionary item = numbered(number + i);
      if (const auto given = co_await request.give(item); !given) co_return;
    }
    (void)request.answer(Dictionary());
  }

  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, Request>> all_;
};

class World {
 public:
  World(std::uint64_t seed, Keep* others_answer)
      : random_(seed), keep_(others_answer != nullptr ? *others_answer : own_) {
    handler_ = std::make_shared<const Handler>([this](const wire::DictionaryView& message, Request request) {
      const auto number = number_in(message);
      ASSERT_TRUE(number);
      if (!request.wants_answer()) return take_message(*number);
      keep_.put(*number, std::move(request));
    });
    server_.emplace(loop_);
    for (std::size_t i = 0; i < kClients; ++i) connect(i);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { flights_.clear(); }

  void step() {
    // Not where one may be running.
    std::erase_if(flights_, [](const auto& flight) { return flight->outcomes > 0; });
    const std::uint64_t choice = random_() % 32;
    const std::uint64_t rest = random_();
    Client& client = clients_[rest % kClients];
    if (choice < 8) return pump();
    if (choice < 14) return begin(rest % kClients, rest / kClients);
    if (choice < 16) return begin_stream(rest % kClients);
    if (choice < 21) return (void)keep_.settle(rest);
    if (choice < 24) return give_up(rest);
    if (choice < 25) return suspend(client);
    if (choice < 28) return resume(client);
    if (choice < 29) return tell(client);
    if (choice < 30) return set_barrier(client);
    if (choice < 31 && rest % 16 == 0) return replace_server(rest);
    if (choice == 31 && rest % 8 == 0) connect(rest % kClients);
  }

  // All that was begun comes to its end, once.
  void finish() {
    const os::Time give_up = os::now() + 20s;
    while ((in_flight() > 0 || barriers_left() > 0) && os::now() < give_up) {
      for (Client& client : clients_) {
        while (client.suspensions > 0) resume(client);
      }
      pump();
      for (std::uint64_t choice = 2; keep_.settle(choice); choice += 8) {
      }
    }
    EXPECT_EQ(in_flight(), 0U) << "something was begun and never came to its end";
    EXPECT_EQ(barriers_left(), 0U);
  }

 private:
  static constexpr std::size_t kClients = 3;
  static constexpr std::size_t kFlightsMax = 64;

  struct Client {
    std::optional<Connection> connection;
    int suspensions = 0;
    std::uint64_t barriers_asked = 0;
    std::uint64_t barriers_passed = 0;
  };
  // A call or a stream. Destroyed, it is given up.
  struct Flight {
    std::uint64_t number = 0;
    int outcomes = 0;
    std::optional<Task<void>> task;
  };
  struct WorldDialer : Dialer {
    explicit WorldDialer(World& w) : world(w) {}
    Result<Dialed> dial(const os::Deadline&) override {
      if (world.random_() % 16 == 0) return fail(Kind::denied, code::kUnknownService, "nobody is there");
      auto [ours, theirs] = *os::channel_pair();
      EXPECT_TRUE(world.server_->add(channel::Channel(std::move(theirs)), {}, {}, world.handler_));
      return Dialed{channel::Channel(std::move(ours)), {}};
    }
    World& world;
  };

  void pump() { ASSERT_TRUE(loop_.run_once(os::now())); }
  std::size_t in_flight() const {
    return static_cast<std::size_t>(
        std::count_if(flights_.begin(), flights_.end(), [](const auto& flight) { return flight->outcomes == 0; }));
  }

  std::uint64_t barriers_left() const {
    std::uint64_t left = 0;
    for (const Client& client : clients_) left += client.barriers_asked - client.barriers_passed;
    return left;
  }

  void connect(std::size_t which) {
    Client& client = clients_[which];
    client.connection.emplace(std::make_unique<WorldDialer>(*this), loop_);
    client.suspensions = 0;
  }

  Flight* new_flight() {
    if (flights_.size() >= kFlightsMax) return nullptr;
    flights_.push_back(std::make_unique<Flight>());
    flights_.back()->number = ++last_number_;
    return flights_.back().get();
  }
  void begin(std::size_t which, std::uint64_t how) {
    if (Flight* flight = new_flight()) {
      flight->task.emplace(fly(*flight, which, how));
      flight->task->start();
    }
  }
  Task<void> fly(Flight& flight, std::size_t which, std::uint64_t how) {
    CallOptions options;
    if (how % 16 == 0) options.timeout = 0ns;
    const std::uint64_t number = flight.number;
    Dictionary request = numbered(number);
    const auto answer = co_await clients_[which].connection->async(std::move(request), options);
    EXPECT_EQ(++flight.outcomes, 1);
    if (answer) {
      EXPECT_EQ(number_in(answer->root()), 2 * number);
    } else {
      EXPECT_TRUE(is_expected(answer.error())) << text_of(answer.error());
    }
    // Whoever is told may do what it likes.
    if (how % 32 == 1) suspend(clients_[which]);
    if (how % 32 == 2) give_up(how);
    if (how % 32 == 3) begin(which, how / 32);
    if (how % 64 == 4) connect(which);
    co_return {};
  }
  void begin_stream(std::size_t which) {
    if (Flight* flight = new_flight()) {
      flight->task.emplace(take_all(*flight, which));
      flight->task->start();
    }
  }
  Task<void> take_all(Flight& flight, std::size_t which) {
    const auto reader = clients_[which].connection->stream(numbered(flight.number));
    for (std::uint64_t next = flight.number;; ++next) {
      const auto item = co_await reader->async_next();
      EXPECT_TRUE(item || is_expected(item.error())) << text_of(item.error());
      if (!item || !*item) break;
      EXPECT_EQ(number_in((*item)->root()), next) << "in their order, and none is missing";
    }
    EXPECT_EQ(++flight.outcomes, 1);
    co_return {};
  }
  // Not one that runs at present: a coroutine may not destroy itself.
  void give_up(std::uint64_t which) {
    if (flights_.empty()) return;
    Flight& flight = *flights_[which % flights_.size()];
    if (flight.outcomes > 0) return;
    flight.task.reset();
    flight.outcomes = 1;
  }

  static bool is_expected(const Error& error) {
    static const std::set<std::int32_t> kExpected{7,
                                                  code::kUnknownService,
                                                  code::kInterrupted,
                                                  code::kNotTakenUp,
                                                  code::kTimedOut,
                                                  code::kDropped,
                                                  code::kClosed,
                                                  code::kQueueFull};
    return kExpected.contains(error.code);
  }

  static void set_barrier(Client& client) {
    client.connection->barrier(
        [&client, asked = ++client.barriers_asked] { EXPECT_EQ(++client.barriers_passed, asked) << "in their order"; });
  }
  void suspend(Client& client) {
    client.connection->suspend();
    ++client.suspensions;
  }
  void resume(Client& client) {
    const bool is_suspended = client.suspensions > 0;
    EXPECT_EQ(client.connection->resume().has_value(), is_suspended);
    if (is_suspended) --client.suspensions;
  }

  // Messages are told in their order; some may be lost with their service, or where too much is in hand.
  void tell(Client& client) {
    if (client.suspensions == 0) (void)client.connection->post(numbered(++last_message_), {.timeout = 1s});
  }
  void take_message(std::uint64_t number) { EXPECT_TRUE(messages_.insert(number).second) << "it was taken up twice"; }

  void replace_server(std::uint64_t how) {
    if (how % 32 < 16) {
      server_->wind_up();
      for (int i = 0; i < 3; ++i) pump();
    }
    server_.reset();
    server_.emplace(loop_);
  }

  std::mt19937_64 random_;
  os::Loop loop_ = *os::Loop::make();
  Keep own_;
  Keep& keep_;
  std::optional<Server> server_;
  SharedHandler handler_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_message_ = 0;
  std::set<std::uint64_t> messages_;
  std::array<Client, kClients> clients_;
  std::vector<std::unique_ptr<Flight>> flights_;
};

constexpr int kStepsOfASeed = 2000;

void run_seed(std::uint64_t seed, Keep* others_answer = nullptr) {
  SCOPED_TRACE("REEVE_SEED=" + std::to_string(seed));
  World world(seed, others_answer);
  for (int step = 0; step < kStepsOfASeed && !testing::Test::HasFailure(); ++step) world.step();
  world.finish();
}

TEST(Storm, OfOneThreadComesToTheSameEndInWhateverOrder) {
  if (const char* seed = std::getenv("REEVE_SEED")) return run_seed(std::strtoull(seed, nullptr, 10));
  const std::size_t before = open_descriptors();
  int seeds = 500;
#ifdef REEVE_SANITIZED
  seeds = 100;
#endif
  int seed = 0;
  while (seed < seeds && !HasFailure()) run_seed(static_cast<std::uint64_t>(++seed));
  EXPECT_EQ(open_descriptors(), before);
  std::printf("storm: %d steps of one thread, seeds 1 to %d\n", seed * kStepsOfASeed, seed);
}

// As long as REEVE_STORM_SECONDS says, in as many threads as there are processors; each has one beside it that answers.
TEST(Storm, OfManyThreadsComesToTheSameEnd) {
  const char* text = std::getenv("REEVE_STORM_SECONDS");
  const auto until = os::now() + std::chrono::seconds(text != nullptr ? std::atoi(text) : 2);
  std::atomic<std::uint64_t> seeds = 1'000'000;
  std::vector<std::thread> worlds;
  for (unsigned i = 0; i < std::max(2U, std::thread::hardware_concurrency()); ++i) {
    worlds.emplace_back([&] {
      while (os::now() < until && !testing::Test::HasFailure()) {
        Keep keep;
        std::atomic<bool> is_over = false;
        std::thread answers([&] {
          for (std::uint64_t choice = 0; !is_over; choice += 7) {
            if (!keep.settle(choice)) std::this_thread::yield();
          }
        });
        run_seed(++seeds, &keep);
        is_over = true;
        answers.join();
      }
    });
  }
  for (std::thread& world : worlds) world.join();
  std::printf("storm: %d steps of many threads\n", static_cast<int>(seeds - 1'000'000) * kStepsOfASeed);
}

}  // namespace
}  // namespace reeve::connection
