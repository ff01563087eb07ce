// What a call costs beside what the kernel's own socket pair costs, in one run:   bench [--json FILE]
//
// Two processes, replies checked. The bare pair waits the same way (poll, then receive) and carries as many bytes.
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

#include "../src/os/socket.hpp"

namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr int kRounds = 5;
constexpr const char* kEcho = "org.reeve.echo";

struct Figures {
  double p50 = 0;
  double p99 = 0;
};

struct Row {
  std::string name;
  std::size_t bytes = 0;
  Figures reeve;
  Figures base;
};

Figures figures_of(std::vector<double>& samples) {
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100]};
}

void die(const char* what) {
  std::fprintf(stderr, "bench: %s\n", what);
  std::exit(1);
}

// A child that sends back whatever comes, until the pair ends.
class BarePair {
 public:
  explicit BarePair(std::size_t bytes) : sent_(bytes, std::byte{'x'}), room_(bytes) {
    auto pair = reeve::os::channel_pair();
    if (!pair) die("no socket pair");
    child_ = ::fork();
    if (child_ == 0) {
      pair->first.close();
      echo(pair->second);
      ::_exit(0);
    }
    ours_ = std::move(pair->first);
  }
  BarePair(const BarePair&) = delete;
  BarePair& operator=(const BarePair&) = delete;
  ~BarePair() {
    ours_.close();
    ::waitpid(child_, nullptr, 0);
  }
  void call() {
    send(ours_, sent_);
    if (receive(ours_) != sent_.size()) die("the pair lost something");
  }

 private:
  static void send(const reeve::os::Fd& socket, std::span<const std::byte> bytes) {
    const std::array parts{bytes};
    while (*reeve::os::send_packet(socket, parts, {}) == reeve::os::Sent::not_now) {
      (void)reeve::os::wait_for(socket, reeve::os::Readiness::writable, {});
    }
  }
  std::size_t receive(const reeve::os::Fd& socket) {
    while (true) {
      const auto received = reeve::os::receive_packet(socket, room_, reeve::os::Rights::accept);
      if (const auto* arrival = std::get_if<reeve::os::Arrival>(&*received)) return arrival->size;
      if (std::holds_alternative<reeve::os::EndOfChannel>(*received)) return 0;
      (void)reeve::os::wait_for(socket, reeve::os::Readiness::readable, {});
    }
  }
  void echo(const reeve::os::Fd& socket) {
    while (const std::size_t size = receive(socket)) send(socket, std::span(room_).first(size));
  }

  std::vector<std::byte> sent_;
  std::vector<std::byte> room_;
  reeve::os::Fd ours_;
  pid_t child_ = -1;
};

std::vector<double> time_calls(int count, const std::function<void()>& call) {
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    call();
    samples.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  return samples;
}

// The two in turn, so that a machine whose speed drifts slows both.
Row compare(const std::string& name, std::size_t bytes, int count, const std::function<void()>& reeve,
            const std::function<void()>& base) {
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int round = 0; round < kRounds; ++round) {
    for (const double sample : time_calls(count / kRounds, reeve)) ours.push_back(sample);
    for (const double sample : time_calls(count / kRounds, base)) theirs.push_back(sample);
  }
  return {name, bytes, figures_of(ours), figures_of(theirs)};
}

std::span<const std::byte> data_in(const reeve::Dictionary& message) {
  const reeve::Object* data = message.find("data");
  const auto* bytes = data == nullptr ? nullptr : data->get<reeve::Data>();
  return bytes == nullptr ? std::span<const std::byte>() : std::span<const std::byte>(bytes->bytes);
}

// The pair is made by the caller, so that its far end can stand on another core.
Row round_trip(const std::string& name, std::size_t bytes, BarePair& pair) {
  auto echo = reeve::open_connection(kEcho);
  const reeve::Dictionary message{{"data", reeve::Object(reeve::Data{std::vector<std::byte>(bytes, std::byte{'x'})})}};
  const auto sent = data_in(message);
  return compare(
      name, bytes, 10'000,
      [&] {
        const auto reply = echo.call(message);
        if (!reply) die(reply.error().message.c_str());
        const auto back = data_in(*reply);
        if (back.size() != sent.size() || std::memcmp(back.data(), sent.data(), sent.size()) != 0) {
          die("the echo is not what was sent");
        }
      },
      [&] { pair.call(); });
}

// A new connection each time: the broker introduces, the first call follows. The base makes a pair and sends once.
Row connect_and_call(const std::string& name) {
  const reeve::Dictionary message{{"n", reeve::Object(1)}};
  auto warm = reeve::open_connection(kEcho);
  if (!warm.call(message)) die("no echo");
  return compare(
      name, 64, 1000,
      [&] {
        auto echo = reeve::open_connection(kEcho);
        if (!echo.call(message)) die("no echo");
      },
      [] {
        auto pair = reeve::os::channel_pair();
        const std::array<std::byte, 64> bytes{};
        const std::array parts{std::span<const std::byte>(bytes)};
        (void)reeve::os::send_packet(pair->first, parts, {});
        std::array<std::byte, 64> room;
        (void)reeve::os::receive_packet(pair->second, room, reeve::os::Rights::accept);
      });
}

// The service is killed, and the next call starts it in its full sandbox. The base starts /bin/true and waits for it.
Row cold_start(const std::string& name) {
  const reeve::Dictionary message{{"n", reeve::Object(1)}};
  auto echo = reeve::open_connection(kEcho);
  const auto stop = [&] {
    const auto peer = echo.peer();
    if (!peer || !peer->pid) die("no peer");
    ::kill(*peer->pid, SIGKILL);
    while (::kill(*peer->pid, 0) == 0) ::sched_yield();
  };
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int i = 0; i < 100; ++i) {
    stop();
    auto fresh = reeve::open_connection(kEcho);
    for (const double sample : time_calls(1, [&] {
           if (!fresh.call(message)) die("no echo");
         })) {
      ours.push_back(sample);
    }
    echo = std::move(fresh);
    for (const double sample : time_calls(1, [] {
           const pid_t child = ::vfork();
           if (child == 0) {
             ::execl("/bin/true", "true", nullptr);
             ::_exit(1);
           }
           ::waitpid(child, nullptr, 0);
         })) {
      theirs.push_back(sample);
    }
  }
  return {name, 64, figures_of(ours), figures_of(theirs)};
}

void stand_on(int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

// A broker of this run's own, without the throttle that killing its service a hundred times would meet.
class Broker {
 public:
  Broker() {
    std::string pattern = fs::temp_directory_path().string() + "/reeve-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) die("no temporary folder");
    folder_ = pattern;
    fs::create_directory(folder_ + "/jobs");
    std::ofstream(folder_ + "/jobs/echo.plist")
        << "<plist><dict><key>Label</key><string>org.reeve.echo</string><key>Program</key><string>" REEVE_STAGE
           "/libexec/reeve/echo</string><key>MachServices</key><dict><key>org.reeve.echo</key><true/></dict>"
           "<key>ThrottleInterval</key><integer>0</integer><key>Reeve</key><dict><key>Preset</key>"
           "<string>parser</string></dict></dict></plist>";
    ::setenv("REEVE_RUNTIME_DIR", (folder_ + "/run").c_str(), 1);
    ::setenv("REEVE_JOBS_DIR", (folder_ + "/jobs").c_str(), 1);
    child_ = ::fork();
    if (child_ == 0) {
      ::execl(REEVE_STAGE "/bin/reeve", "reeve", "broker", nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 5000 && !fs::exists(folder_ + "/run/broker.socket"); ++i) ::usleep(1000);
  }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker() {
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
    fs::remove_all(folder_);
  }

 private:
  std::string folder_;
  pid_t child_ = -1;
};

void print(const std::vector<Row>& rows) {
  std::printf("%-34s %7s %10s %10s %10s %10s %7s\n", "", "BYTES", "p50 us", "p99 us", "bare p50", "bare p99", "RATIO");
  for (const Row& r : rows) {
    std::printf("%-34s %7zu %10.1f %10.1f %10.1f %10.1f %6.2fx\n", r.name.c_str(), r.bytes, r.reeve.p50, r.reeve.p99,
                r.base.p50, r.base.p99, r.reeve.p50 / r.base.p50);
  }
}

void write_json(const std::string& path, const std::vector<Row>& rows) {
  std::ofstream out(path);
  out << "[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    out << (i == 0 ? "" : ",") << "{\"name\":\"" << r.name << "\",\"bytes\":" << r.bytes
        << ",\"unit\":\"us\",\"p50\":" << r.reeve.p50 << ",\"p99\":" << r.reeve.p99 << ",\"base_p50\":" << r.base.p50
        << ",\"ratio\":" << r.reeve.p50 / r.base.p50 << "}";
  }
  out << "]\n";
}

// What is started inherits the core of who starts it: broker, service and the pair's far end stand on `theirs`.
void measure(const std::string& where, int theirs, int ours, std::vector<Row>& rows) {
  stand_on(theirs);
  const Broker broker;
  BarePair small(64);
  BarePair large(60'000);
  stand_on(ours);
  rows.push_back(round_trip("round trip, " + where, 64, small));
  rows.push_back(round_trip("round trip, " + where, 60'000, large));
  rows.push_back(connect_and_call("connect + first call, " + where));
  rows.push_back(cold_start("cold start to first reply, " + where));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Row> rows;
  measure("one core", 0, 0, rows);
  measure("two cores", 1, 0, rows);
  print(rows);
  if (argc == 3 && std::string(argv[1]) == "--json") write_json(argv[2], rows);
  return 0;
}
