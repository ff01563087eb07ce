// For every system call of the table, every errno of it, and N = 1, 2, 3, …: the N-th such call of one process fails,
// until the story is over before that call is made. Whatever failed, each call has one outcome, nothing leaks, nobody
// crashes, and the next client is served.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/pipe.hpp"
#include "../src/os/process.hpp"
#include "support/actor.hpp"
#include "support/session.hpp"
#include "support/watcher.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
constexpr std::size_t kLargeBytes = 1024 * 1024;
constexpr std::size_t kMemoryBytes = 64 * 1024;

// What became of the calls of a story.
struct Outcomes {
  int answered = 0;
  int refused = 0;
  std::string last_refusal;
  std::vector<std::string> faults;

  template <class T>
  bool take(const Result<T>& outcome, const char* what) {
    ++(outcome ? answered : refused);
    if (outcome) return true;
    const Error& error = outcome.error();
    last_refusal = std::string(what) + ": " + text_of(error);
    if (error.kind == Kind::timeout) faults.push_back(std::string(what) + " hung: " + error.message);
    if (error.message.empty()) faults.push_back(std::string(what) + " failed and does not say why");
    return false;
  }
  void add(const Outcomes& other) {
    answered += other.answered;
    refused += other.refused;
    if (other.refused > 0) last_refusal = other.last_refusal;
    faults.insert(faults.end(), other.faults.begin(), other.faults.end());
  }
  template <class T, class U>
  void expect(const Result<T>& outcome, const U& value, const char* what) {
    if (take(outcome, what) && *outcome != value) faults.push_back(std::string(what) + " had a wrong answer");
  }
};

constexpr CallOptions kBounded{.timeout = 20s};

// A small call, a large one, one with a file, one with memory, and a small one again.
Outcomes tell_story(const std::string& file_path) {
  Outcomes outcomes;
  auto actor = connect<Actor>(kActor);
  Everything small;
  small.text = "small";
  outcomes.expect(actor.call_with<&Actor::repeat>(kBounded, small), small, "a small call");
  Everything large;
  large.data = Data(std::vector<std::byte>(kLargeBytes, std::byte{7}));
  outcomes.expect(actor.call_with<&Actor::repeat>(kBounded, large), large, "a large call");
  const auto file = File::open(file_path);
  if (outcomes.take(file, "opening a file")) {
    outcomes.expect(actor.call_with<&Actor::size_of>(kBounded, *file), 5U, "a call with a file");
  }
  auto builder = MemoryBuilder::make(kMemoryBytes);
  if (outcomes.take(builder, "making memory")) {
    builder->bytes()[0] = std::byte{42};
    const auto memory = builder->seal();
    if (outcomes.take(memory, "sealing memory")) {
      outcomes.expect(actor.call_with<&Actor::sum_of>(kBounded, *memory), 42U, "a call with memory");
    }
  }
  outcomes.expect(actor.call_with<&Actor::repeat>(kBounded, small), small, "a small call again");
  return outcomes;
}

class Failure : public testing::Test {
 protected:
  Failure() {
    const int file = ::open(file_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)!::write(file, "12345", 5);
    ::close(file);
  }

  void expect_honest_client_is_served(const std::string& when) const {
    for (int attempt = 0; attempt < 4; ++attempt) {
      auto honest = connect<Actor>(kActor);
      const auto served = honest.call_with<&Actor::sleep>(kBounded, 0U);
      if (served) return;
      // One that is just ending may be met once; a fresh one is not ending.
      if (attempt == 3) ADD_FAILURE() << when << ": an honest client is not served: " << served.error().message;
    }
  }

  // Runs `story` once for each site and errno. `before` makes ready, and says whose calls count.
  struct Sweep {
    const char* whose;
    std::function<Watcher::Plan()> before;
    std::function<Outcomes()> story;
    std::function<void(const std::string& when, const Watcher::Seen& seen)> after;
    std::size_t errnos_each = 99;                  ///< of each call, at most
    std::set<std::pair<std::string, int>> lies{};  ///< what the kernel never answers this process, as its peers are
  };
  void run(Watcher& watcher, const Sweep& sweep) const {
    std::size_t sites = 0;
    std::size_t failures = 0;
    std::size_t answered = 0;
    std::size_t refused = 0;
    std::size_t errnos = 0;
    for (const FailingCall& call : failing_calls()) {
      int most = 0;
      std::size_t tried = 0;
      for (const int error : call.errors) {
        if (sweep.lies.contains({call.name, error}) || tried == sweep.errnos_each) continue;
        ++tried;
        ++errnos;
        for (int nth = 1; nth <= 2000; ++nth) {
          Watcher::Plan plan = sweep.before();
          plan.call = &call;
          plan.error = error;
          plan.nth = nth;
          watcher.begin(plan);
          const Outcomes outcomes = sweep.story();
          const Watcher::Seen seen = watcher.end();
          const std::string when = std::string(sweep.whose) + "'s " + call.name + " " + std::to_string(nth) +
                                   " failed with " + ::strerrorname_np(error);
          for (const std::string& fault : outcomes.faults) ADD_FAILURE() << when << ": " << fault;
          if (!seen.has_failed()) {
            EXPECT_EQ(outcomes.refused, 0)
                << when << ": not so, and yet something was refused: " << outcomes.last_refusal;
            most = std::max(most, seen.count);
            break;
          }
          ++failures;
          answered += static_cast<std::size_t>(outcomes.answered);
          refused += static_cast<std::size_t>(outcomes.refused);
          sweep.after(when, seen);
          if (HasFatalFailure()) return;
        }
      }
      sites += static_cast<std::size_t>(most);
    }
    std::printf("%s: %zu sites x %zu errnos: %zu failures, %zu calls answered, %zu refused\n", sweep.whose, sites,
                errnos, failures, answered, refused);
    EXPECT_GT(failures, 0U);
  }

  void expect_census(const Session& session, const Census& wanted, const std::string& when) const {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    Census now = session.census();
    while (now != wanted && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(2ms);
      now = session.census();
    }
    ASSERT_EQ(now, wanted) << when;
  }

  Folder folder;
  std::string file_path = folder.path() + "/file";
  int ended_ = 0;
};

// The pid of the instance that serves now.
pid_t service_pid() {
  auto actor = connect<Actor>(kActor);
  const auto peer = actor.peer({.timeout = 20s});
  return peer && peer->pid ? *peer->pid : 0;
}

// Ends it, so that the next call meets a fresh one.
void end_service() {
  const os::Fd last(static_cast<int>(::syscall(SYS_pidfd_open, service_pid(), 0)));
  ::syscall(SYS_pidfd_send_signal, last.raw(), SIGKILL, nullptr, 0);
  EXPECT_TRUE(os::wait_for(last, os::Readiness::readable, os::now() + 20s).value_or(false));
}

TEST_F(Failure, OfAnyOneSystemCallOfAClientIsOneOutcomeAndNoLeak) {
  Session session;
  write_job(session.jobs(), actor_job(kActor));
  expect_honest_client_is_served("before");
  Watcher watcher;
  leave_broker();
  const std::size_t descriptors = own_descriptor_count() + 1;  // and the filter
  const pid_t service = service_pid();
  std::thread client([&] {
    os::Fd filter = watch_own_calls();
    ASSERT_TRUE(filter) << "this machine has no user notification of seccomp";
    watcher.add(std::move(filter));
    const auto tid = static_cast<pid_t>(::syscall(SYS_gettid));
    (void)tell_story(file_path);
    run(watcher, {"client", [&] { return Watcher::Plan{.pid = tid}; }, [&] { return tell_story(file_path); },
                  [&](const std::string& when, const Watcher::Seen&) {
                    leave_broker();
                    ASSERT_EQ(own_descriptor_count(), descriptors) << when;
                    ASSERT_TRUE(session.is_alive()) << when;
                    expect_honest_client_is_served(when);
                  }});
  });
  client.join();
  EXPECT_EQ(service_pid(), service) << "whatever fails at a client, the service goes on";
}

TEST_F(Failure, OfAnyOneSystemCallOfAServiceIsOneOutcomeAndNoLeak) {
  Session session;
  Watcher watcher;
  JobFile job = actor_job(kActor, {"--watched", watcher.path()});
  job.preset = "none";  // A confined one could not be reached by the watcher.
  write_job(session.jobs(), job);
  expect_honest_client_is_served("before");
  const auto open_in_service = [] {
    auto actor = connect<Actor>(kActor);
    return actor.call_with<&Actor::descriptors>(kBounded);
  };
  const auto descriptors = open_in_service();
  ASSERT_TRUE(descriptors);
  const Census census = session.settled_census();
  run(watcher, {"service",
                [&] {
                  // Each time a fresh instance, watched from its first line on.
                  end_service();
                  return Watcher::Plan();
                },
                [&] { return tell_story(file_path); },
                [&](const std::string& when, const Watcher::Seen& seen) {
                  expect_honest_client_is_served(when);
                  if (service_pid() != seen.pid) {
                    ++ended_;
                    const std::string how = last_exit_of(kActor);
                    ASSERT_TRUE(how.starts_with("exited with")) << when << ": " << how;
                  }
                  // Those who have left are seen to leave.
                  const auto give_up = std::chrono::steady_clock::now() + 10s;
                  auto now = open_in_service();
                  while ((!now || now->size() > descriptors->size()) && std::chrono::steady_clock::now() < give_up) {
                    now = open_in_service();
                  }
                  ASSERT_TRUE(now && now->size() <= descriptors->size()) << when << ": descriptors leak";
                  expect_census(session, census, when);
                }});
  std::printf("service: ended %d times, and was started again\n", ended_);
  EXPECT_EQ(session.settled_census(), census);
}

// The broker and the spawner live on whatever the kernel lacks; EPIPE and ECONNRESET would be lies about each other.
class FailureOfTheBroker : public Failure {
 protected:
  std::set<std::pair<std::string, int>> lies{
      {"sendmsg", EPIPE}, {"sendmsg", ECONNRESET}, {"recvmsg", ECONNRESET}, {"connect", ECONNREFUSED}};

  // `whom`: whose calls count. `end`: what the story ends with. `may_replace`: broker and spawner may be others
  // afterwards.
  void sweep(const char* whose, const std::function<Watcher::Plan(const Session&)>& whom,
             const std::function<void(const Session&, Outcomes&)>& end = {}, bool may_replace = false) {
    Watcher watcher;
    Session session({build_folder() + "/tests/under", "--watched", watcher.path()});
    ASSERT_TRUE(session.is_alive()) << session.printed();
    JobFile job = actor_job(kActor);
    const std::string program = folder.path() + "/program";
    std::filesystem::copy_file(job.program, program);
    job.program = program;
    write_job(session.jobs(), job);
    expect_honest_client_is_served("before");
    const Census census = session.settled_census();
    const pid_t broker = session.broker();
    const pid_t spawner = session.spawner();
    ASSERT_GT(spawner, 0);
    run(watcher, {whose,
                  [&] {
                    end_service();
                    // A program that was changed is copied once more.
                    (void)::utimensat(AT_FDCWD, program.c_str(), nullptr, 0);
                    return whom(session);
                  },
                  [&] {
                    Outcomes outcomes = tell_story(file_path);
                    outcomes.take(bootstrap::Broker().list(), "a list");
                    if (end) end(session, outcomes);
                    return outcomes;
                  },
                  [&](const std::string& when, const Watcher::Seen&) {
                    ASSERT_TRUE(session.is_alive()) << when << ": the broker ended: " << session.printed();
                    if (!may_replace) {
                      ASSERT_EQ(session.spawner(), spawner) << when;
                      ASSERT_EQ(session.broker(), broker) << when;
                    }
                    expect_honest_client_is_served(when);
                    if (may_replace) launch_once_more(when);
                    expect_census(session, census, when);
                  },
                  std::getenv("REEVE_LONG") != nullptr ? 99U : 3U, lies});
    if (may_replace) launch_once_more("at the end");
    EXPECT_EQ(session.settled_census(), census);
  }
  // A new spawner has copied no program yet.
  void launch_once_more(const std::string& when) const {
    end_service();
    expect_honest_client_is_served(when);
  }
};

TEST_F(FailureOfTheBroker, OfAnyOneSystemCallIsOneOutcomeAndNoLeak) {
  sweep("broker", [](const Session& session) { return Watcher::Plan{.pid = session.broker()}; });
}

TEST_F(FailureOfTheBroker, OfAnyOneSystemCallOfItsSpawnerIsOneOutcomeAndNoLeak) {
  // When the process in between is gone, what it reported is there.
  lies.insert({"recvmsg", EAGAIN});
  sweep("spawner", [](const Session& session) { return Watcher::Plan{.pid = session.spawner()}; });
}

// From the fork to the program's first line, and the program itself.
TEST_F(FailureOfTheBroker, OfAnyOneSystemCallOfWhatItStartsIsOneOutcomeAndNoLeak) {
  sweep("whatever is started", [](const Session& session) {
    return Watcher::Plan{.others = {session.supervisor(), session.broker(), session.spawner()}};
  });
}

// It restarts both others while calls go on, and ends what is left of a service that has ended.
TEST_F(FailureOfTheBroker, OfAnyOneSystemCallOfTheSupervisorIsOneOutcomeAndNoLeak) {
  const auto replace = [this](const Session& session, Outcomes& outcomes) {
    const pid_t before = session.spawner();
    if (outcomes.take(ask_broker(contract::Replace{}), "a replacement")) {
      EXPECT_TRUE(comes_true([&] { return session.spawner() > 0 && session.spawner() != before; }));
    }
    outcomes.take(bootstrap::Broker().list(), "a list of the next");
    outcomes.add(tell_story(file_path));
  };
  sweep("supervisor", [](const Session& session) { return Watcher::Plan{.pid = session.supervisor()}; }, replace, true);
}

// All that a broker and what it started print until the last of them is gone; nothing where that takes too long.
std::optional<std::string> read_to_the_end(const os::Fd& reader) {
  std::string text;
  std::array<char, 1024> room;
  const os::Deadline deadline = os::now() + 20s;
  while (os::wait_for(reader, os::Readiness::readable, deadline).value_or(false)) {
    const auto got = os::read_available(reader, room);
    if (got && *got == 0) return text;
    if (got) text.append(room.data(), *got);
  }
  return std::nullopt;
}

// True where the call was made and failed. Whatever happens, a broker listens, or has said why not and is gone.
bool start_and_stop_broker(Watcher& watcher, const Watcher::Plan& plan, const std::string& runtime,
                           const std::string& when) {
  auto pipe = os::make_pipe();
  os::Start start;
  start.program = build_folder() + "/tests/under";
  start.arguments = {"--watched", watcher.path(), stage() + "/libexec/reeve/supervisor", "--jobs", "/nonexistent"};
  start.environment = {"REEVE_RUNTIME_DIR=" + runtime};
  start.descriptors = {{&pipe->second, 2}};
  watcher.begin(plan);
  const auto child = os::start(start);
  pipe->second.close();
  if (!child) return false;
  const os::Time give_up = os::now() + 20s;
  std::optional<os::ExitStatus> ended;
  bool listens = false;
  while (!ended && !listens && os::now() < give_up) {
    listens = bootstrap::Broker(bootstrap::WhenAbsent::fail).list().has_value();
    ended = os::wait_for_exit(*child, os::now() + 2ms).value_or(std::nullopt);
  }
  const bool has_failed = watcher.end().has_failed();
  EXPECT_TRUE(ended || listens) << when << ": neither listens nor ends";
  const bool has_begun = ended.has_value();
  if (!ended) {
    (void)os::send_signal(child->pidfd, SIGTERM);
    ended = os::wait_for_exit(*child, os::now() + 20s).value_or(std::nullopt);
  }
  const auto text = read_to_the_end(pipe->first);
  EXPECT_TRUE(text) << when << ": something is left behind";
  EXPECT_TRUE(ended && !ended->by_signal) << when << ": " << (ended ? os::describe(*ended) : "does not end");
  if (has_begun && ended) {
    EXPECT_NE(ended->value, 0) << when;
    const bool could_say_why = std::string(plan.call->name) != "write";
    EXPECT_TRUE(!could_say_why || !text.value_or("").empty()) << when << ": ends without a reason";
  }
  return has_failed;
}

TEST_F(Failure, OfAnyOneSystemCallAtTheStartOfABrokerLeavesAListenerOrAReason) {
  const std::string runtime = folder.path() + "/run";
  ::setenv("REEVE_RUNTIME_DIR", runtime.c_str(), 1);
  Watcher watcher;
  const bool is_long = std::getenv("REEVE_LONG") != nullptr;
  std::size_t failures = 0;
  for (const FailingCall& call : failing_calls()) {
    const std::size_t errors = is_long ? call.errors.size() : 1;
    for (std::size_t i = 0; i < errors; ++i) {
      // The first program that is executed is what it is all about.
      for (int nth = call.number == SYS_execve ? 2 : 1; nth <= 200; ++nth) {
        const std::string when = std::string("a new broker's ") + call.name + " " + std::to_string(nth) +
                                 " failed with " + ::strerrorname_np(call.errors[i]);
        // Of all its processes together: nobody is nobody.
        if (!start_and_stop_broker(watcher, {&call, call.errors[i], nth, 0, {-1}}, runtime, when)) break;
        ++failures;
        if (HasFailure()) return;
      }
    }
  }
  std::printf("a broker's start: %zu failures\n", failures);
  EXPECT_GT(failures, 0U);
}

}  // namespace
}  // namespace reeve::test
