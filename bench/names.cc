#include "names.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "bare.hpp"

namespace bench {
namespace {

// Processes that do something until they are told to stop, and then end.
class Crowd {
 public:
  Crowd(int count, const std::function<void()>& each) {
    if (::pipe(ready_) != 0) die("no pipe");
    for (int i = 0; i < count; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        each();
        if (::write(ready_[1], "r", 1) == 1) ::pause();
        ::_exit(0);
      }
      pids_.push_back(pid);
    }
    for (int i = 0; i < count; ++i) {
      char word = 0;
      if (::read(ready_[0], &word, 1) != 1) die("a process of a crowd ended");
    }
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    ::close(ready_[0]);
    ::close(ready_[1]);
  }

 private:
  int ready_[2] = {-1, -1};
  std::vector<pid_t> pids_;
};

void look_up_and_call() {
  auto connection = reeve::open_connection(kEcho);
  if (!connection.call(message_of(64))) die("no echo");
}

}  // namespace

Row look_up_storm(const Broker& broker) {
  constexpr int kClients = 8;
  constexpr int kCalls = 250;
  static constexpr std::size_t kBytes = 64;
  const BareServer server(broker.bare(kBytes), kBytes);
  look_up_and_call();
  const auto together = [](const std::function<void()>& call) {
    return [call] {
      const Crowd crowd(kClients, [&] {
        for (int n = 0; n < kCalls; ++n) call();
      });
    };
  };
  const std::string folder = broker.bare(kBytes);
  Row row = compare("look-ups + first calls of 8 clients", kBytes, 5, {together(look_up_and_call), {}},
                    {together([&] { BareClient(folder, kBytes).call(); }), {}});
  for (Figures* figures : {&row.reeve, &row.base}) {
    *figures = {kClients * kCalls * 1e6 / figures->p50, kClients * kCalls * 1e6 / figures->p99};
  }
  row.unit = "/s";
  return row;
}

Row broker_memory(const Broker& broker) {
  constexpr int kProcesses = 8;
  constexpr int kEach = 1250;
  look_up_and_call();
  const int pid = broker.pid_of("broker");
  const double before = resident_kib(pid);
  const Crowd crowd(kProcesses, [] {
    std::vector<reeve::os::Fd> held;
    for (int i = 0; i < kEach; ++i) {
      auto socket = reeve::bootstrap::connect_to_broker(reeve::bootstrap::WhenAbsent::fail);
      if (!socket) die("a connection was refused: " + socket.error().message);
      held.push_back(std::move(*socket));
    }
    for (reeve::os::Fd& fd : held) (void)fd.release();  // Held until this process is ended.
  });
  // All of them are accepted once one that came after them is answered.
  look_up_and_call();
  const double each = (resident_kib(pid) - before) / (kProcesses * kEach);
  return {"broker memory per connection, of 10,000", 0, "KiB", {each, each}, {}, 0, 0};
}

Row after_a_death(const Broker& broker) {
  constexpr int kDeaths = 200;
  look_up_and_call();  // The service runs: ends that are looked up are taken at once.
  std::vector<double> after;
  std::vector<double> alive;
  const auto timed = [] {
    const double start = now_us();
    if (!reeve::bootstrap::Broker().look_up({kEcho}, {})) die("a look-up was lost");
    return now_us() - start;
  };
  for (int i = 0; i < kDeaths; ++i) {
    alive.push_back(timed());
    ::kill(broker.pid_of("broker"), SIGKILL);
    after.push_back(timed());
  }
  return {"look-up after the broker's death", 0, "us", figures_of(after), figures_of(alive), 0, 0};
}

}  // namespace bench
