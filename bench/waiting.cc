#include "waiting.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "allocations.hpp"
#include "bare.hpp"
#include "measured.hpp"

namespace bench {
namespace {

constexpr std::size_t kBytes = 64;

using Adder = reeve::Proxy<Measured>;

Adder adder(Waits waits) { return reeve::connect<Measured>(name_of(waits, "typed")); }

void add(Adder& proxy) {
  const auto sum = proxy.call<&Measured::add>(20U, 22U);
  if (!sum || *sum != 42) die(sum ? "a wrong sum" : sum.error().message);
}

std::string named(const char* what, Waits waits, const Placement& where) {
  return std::string(what) + ", " + text_of(waits) + ", " + where.name;
}

// Processes that want a processor, for as long as it lives.
class Hogs {
 public:
  explicit Hogs(const Placement& where) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    for (int core = 0; core < cores; ++core) {
      if (where.ours >= 0 && core != where.ours && core != where.theirs) continue;
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        stand_on(core);
        for (std::atomic<unsigned> turn = 0;; ++turn) {
        }
      }
      pids_.push_back(pid);
    }
  }
  Hogs(const Hogs&) = delete;
  Hogs& operator=(const Hogs&) = delete;
  ~Hogs() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }

 private:
  std::vector<pid_t> pids_;
};

// A coroutine that waits for one call.
reeve::connection::Detached add_later(Adder& proxy, bool& is_over) {
  const auto sum = co_await proxy.async<&Measured::add>(20U, 22U);
  if (!sum || *sum != 42) die(sum ? "a wrong sum" : sum.error().message);
  is_over = true;
}

}  // namespace

std::vector<Row> small_calls(const Placement& where, const Broker& broker, Waits waits) {
  stand_on(where.theirs);
  const BareServer server(broker.bare(kBytes), kBytes, waits);
  stand_on(where.ours);
  const Waiting waiting(waits);
  BareClient bare(broker.bare(kBytes), kBytes);
  const Side base{[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }};
  Echo echo(name_of(waits, "echo"));
  const reeve::Dictionary message = message_of(kBytes);
  auto typed = adder(waits);
  const Side messages{[&] { echo.call(message); }, [&] { return cpu_with(echo.pid()); }};
  const Side calls{[&] { add(typed); }, [&] { return cpu_with(echo.pid()); }};
  return {compare(named("round trip", waits, where), kBytes, 20'000, messages, base),
          compare(named("typed call", waits, where), kBytes, 20'000, calls, base)};
}

// What the service's filters take of a call: the same bare pair twice, its server behind them or not.
Row bare_behind_filters(const Placement& where, const Broker& broker, Waits waits) {
  stand_on(where.theirs);
  const std::string folder = broker.bare(kBytes);
  const BareServer confined(folder + "-confined", kBytes, waits, need(reeve::sandbox::preset_named("parser")));
  const BareServer server(folder, kBytes, waits);
  stand_on(where.ours);
  const Waiting waiting(waits);
  BareClient behind(folder + "-confined", kBytes);
  BareClient bare(folder, kBytes);
  return compare(named("bare, behind a service's filters", waits, where), kBytes, 20'000,
                 {[&] { behind.call(); }, [&] { return cpu_with(confined.pid()); }},
                 {[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }});
}

Row contended(const Placement& where) {
  stand_on(where.ours);
  auto awake = adder(Waits::awake);
  auto asleep = adder(Waits::asleep);
  const Hogs hogs(where);
  const auto calling = [](Adder& proxy, Waits waits) {
    return Side{[&proxy, waits] {
                  const Waiting waiting(waits);
                  add(proxy);
                },
                {}};
  };
  return compare(std::string("typed call, contended, awake beside asleep, ") + where.name, kBytes, 2000,
                 calling(awake, Waits::awake), calling(asleep, Waits::asleep));
}

Row coroutine_call(const Placement& where, Waits waits) {
  stand_on(where.ours);
  const Waiting waiting(waits);
  const Echo echo(name_of(waits, "echo"));
  auto loop = need(reeve::Loop::make());
  auto blocking = adder(waits);
  auto later = reeve::connect<Measured>(name_of(waits, "typed"), {.loop = loop});
  const auto cpu = [&] { return cpu_with(echo.pid()); };
  const auto wait = [&] {
    bool is_over = false;
    add_later(later, is_over);
    while (!is_over) need(loop.run_once());
  };
  return compare(named("coroutine beside a call that blocks", waits, where), kBytes, 20'000, {wait, cpu},
                 {[&] { add(blocking); }, cpu});
}

Row eight_clients(const Placement& where, const Broker& broker, Waits waits, Waits bare_waits) {
  constexpr int kClients = 8;
  constexpr int kCalls = 2000;
  stand_on(where.theirs);
  const BareServer server(broker.bare(kBytes), kBytes, bare_waits);
  stand_on(where.ours);
  const auto at_once = [&](Waits how, auto make) {
    return [=, &where] {
      const Waiting waiting(how);
      std::vector<std::jthread> threads;
      for (int i = 0; i < kClients; ++i) {
        threads.emplace_back([&where, make] {
          stand_on(where.ours);
          auto call = make();
          for (int n = 0; n < kCalls; ++n) call();
        });
      }
    };
  };
  const auto ours = at_once(waits, [name = name_of(waits, "echo")] {
    return [echo = std::make_shared<Echo>(name), message = message_of(kBytes)] { echo->call(message); };
  });
  const auto theirs = at_once(bare_waits, [folder = broker.bare(kBytes)] {
    return [bare = std::make_shared<BareClient>(folder, kBytes)] { bare->call(); };
  });
  const std::string name = std::string("8 clients, ") + text_of(waits) + " beside bare " + text_of(bare_waits);
  Row row = compare(name + ", " + where.name, kBytes, 5, {ours, {}}, {theirs, {}});
  for (Figures* figures : {&row.reeve, &row.base}) {
    *figures = {kClients * kCalls * 1e6 / figures->p50, kClients * kCalls * 1e6 / figures->p99};
  }
  row.unit = "/s";
  return row;
}

Row built_and_sent(const Placement& where, std::size_t bytes, int count) {
  stand_on(where.ours);
  auto proxy = adder(Waits::awake);
  const auto send = [&](reeve::Buffer buffer) {
    const auto sum = proxy.call<&Measured::sum>(std::move(buffer));
    if (!sum || *sum != bytes / 4096 * 'x') die(sum ? "a wrong sum" : sum.error().message);
  };
  const auto beside = [&] {
    auto builder = need(reeve::MemoryBuilder::make(bytes));
    std::memset(builder.bytes().data(), 'x', bytes);
    send(reeve::Buffer(need(builder.seal())));
  };
  const auto within = [&] { send(reeve::Data(std::vector<std::byte>(bytes, std::byte{'x'}))); };
  return compare(std::string("built and sent, in memory beside in the message, ") + where.name, bytes, count,
                 {beside, {}}, {within, {}});
}

Row allocations_per_call(const Placement& where) {
  constexpr std::uint64_t kCalls = 1000;
  stand_on(where.ours);
  auto proxy = adder(Waits::awake);
  const auto theirs = [&] { return need(proxy.call<&Measured::allocations>()); };
  for (int i = 0; i < 100; ++i) add(proxy);
  (void)theirs();
  // Two questions after one another tell what asking takes.
  const std::uint64_t asked = theirs();
  const std::uint64_t before = theirs();
  const std::uint64_t ours_before = allocations();
  for (std::uint64_t i = 0; i < kCalls; ++i) add(proxy);
  const std::uint64_t ours = allocations() - ours_before;
  const std::uint64_t all = ours + (theirs() - before) - (before - asked);
  Row row{std::string("allocations of both sides, a typed call, ") + where.name, kBytes, "", {}, {}, 0, 0};
  row.reeve.p50 = row.reeve.p99 = static_cast<double>(all) / kCalls;
  return row;
}

}  // namespace bench
