// The supervisor is killed: all that it had is gone, and the next call starts afresh.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/socket.hpp"
#include "support/storm.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;
constexpr int kClients = 4;

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Doom : public testing::Test {
 protected:
  Doom() {
    ::setenv("REEVE_RUNTIME_DIR", runtime.c_str(), 1);
    ::setenv("REEVE_JOBS_DIR", jobs.c_str(), 1);
    fs::create_directory(jobs);
    for (int i = 0; i < kClients; ++i) write_job(jobs, actor_job(name(i)));
  }
  ~Doom() override {
    if (const int last = supervisor(); last > 0) ::kill(last, SIGTERM);
    EXPECT_TRUE(wait_for_no_broker(runtime));
    expect_nobody_but(0);
  }

  // No other session has such names.
  std::string name(int client) const { return mark + ".doomed" + std::to_string(client); }

  static int supervisor() {
    const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
    return socket ? os::connected_by(*socket)->pid : 0;
  }

  static int parent_of(int pid) {
    const std::string text = contents("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) return 0;
    char state = 0;
    int parent = 0;
    std::istringstream(text.substr(close + 1)) >> state >> parent;
    return parent;
  }

  static bool descends_from(int pid, int ancestor) {
    for (int steps = 0; pid > 1 && steps < 32; ++steps) {
      if (pid == ancestor) return true;
      pid = parent_of(pid);
    }
    return false;
  }

  // Processes that this session has started, by their words or, where they let themselves be looked at, by their world.
  std::vector<int> processes() const {
    std::vector<int> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 0 || pid == ::getpid()) continue;
      const std::string words = contents(entry.path() / "cmdline");
      if (words.find(runtime) != std::string::npos || words.find(mark) != std::string::npos ||
          contents(entry.path() / "environ").find(runtime) != std::string::npos) {
        found.push_back(pid);
      }
    }
    return found;
  }

  // Within 10 seconds.
  void expect_nobody_but(int present) const {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    std::string left;
    do {
      left.clear();
      for (const int pid : processes()) {
        if (present != 0 && descends_from(pid, present)) continue;
        const std::string words = contents("/proc/" + std::to_string(pid) + "/cmdline");
        if (!words.empty()) left += " " + std::to_string(pid) + " (" + words.substr(0, words.find('\0')) + ")";
      }
      if (left.empty()) return;
      std::this_thread::sleep_for(10ms);
    } while (std::chrono::steady_clock::now() < give_up);
    ADD_FAILURE() << "left behind:" << left;
  }

  Folder folder;
  std::string mark = "org.example" + fs::path(folder.path()).filename().string().substr(sizeof "reeve-test-" - 1);
  std::string runtime = folder.path() + "/run";
  std::string jobs = folder.path() + "/jobs";
  std::mt19937 random{1};
};

TEST_F(Doom, OfTheSupervisorTakesAllThatItHadAndTheNextCallStartsAfresh) {
  const int wanted = in_full_or(200, 5);
  Tally clean;
  Tally under_fire;
  std::set<int> seen;
  for (int i = 0; i < wanted; ++i) {
    auto first = connect<Actor>(name(0));
    ASSERT_TRUE(clean.take("the first call afterwards", first.call_with<&Actor::sleep>(kStormCall, 0U)))
        << clean.text();
    const int present = supervisor();
    EXPECT_TRUE(seen.insert(present).second) << "a session goes on without its supervisor";
    expect_nobody_but(present);
    // In the middle of launches, of calls, and of a look at the job files.
    std::vector<std::thread> callers;
    for (int client = 0; client < kClients; ++client) {
      callers.emplace_back([&, client] {
        auto service = connect<Actor>(name(client));
        for (int call = 0; call < 3; ++call) {
          (void)under_fire.take("a call", service.call_with<&Actor::sleep>(kStormCall, 0U));
        }
        (void)under_fire.take("a list", bootstrap::Broker().list());
      });
    }
    std::this_thread::sleep_for(up_to(20ms, random));
    const os::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, present, 0)));
    EXPECT_EQ(supervisor(), present);
    ::syscall(SYS_pidfd_send_signal, pidfd.raw(), SIGKILL, nullptr, 0);
    EXPECT_TRUE(os::wait_for(pidfd, os::Readiness::readable, os::now() + 20s).value_or(false));
    for (std::thread& caller : callers) caller.join();
  }
  std::printf("supervisor killed %d times: meanwhile %s; afterwards %s\n", wanted, under_fire.text().c_str(),
              clean.text().c_str());
}

}  // namespace
}  // namespace reeve::test
