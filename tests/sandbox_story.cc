// What a service in the parser preset has, and has not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "../examples/probe/probe.hpp"
#include "support/actor.hpp"
#include "support/jobs.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
    write_job(session.jobs(), actor_job(kActor));
  }
  // Before the session: the broker is to inherit it.
  struct Secret {
    Secret() { ::setenv("SECRET", "x", 1); }
    ~Secret() { ::unsetenv("SECRET"); }
  } secret;
  Session session;
};

JobFile actor_in(const std::string& preset) {
  JobFile job = actor_job("org.example.actor-" + preset);
  job.preset = preset;
  return job;
}

std::vector<Attempt> attempts_in(const Session& session, const std::string& preset) {
  JobFile job;
  job.label = "org.example.probe-" + preset;
  job.program = build_folder() + "/examples/probe";
  job.arguments = {job.label};
  job.preset = preset;
  job.reeve = array_key("Groups", "org.example.probe");
  write_job(session.jobs(), job);
  auto probe = connect<Probe>(job.label);
  auto attempts = probe.call<&Probe::attempts>(::getpid());
  EXPECT_TRUE(attempts) << attempts.error().message;
  return attempts.value_or(std::vector<Attempt>());
}

TEST_F(Sandbox, RefusesEverythingThatTheProbeTries) {
  const auto attempts = attempts_in(session, "parser");
  EXPECT_GE(attempts.size(), 60U);
  for (const Attempt& attempt : attempts) EXPECT_TRUE(attempt.refused) << attempt.what;
}

// | attempt | parser | compute | network-client | group-files |, as docs/presets.md has it.
TEST_F(Sandbox, LetsAProbePassInEachPresetWhereItsPageSaysSo) {
  const std::vector<std::string> presets{"parser", "compute", "network-client", "group-files"};
  std::map<std::string, std::string> rows;
  std::vector<std::string> order;
  for (const std::string& preset : presets) {
    for (const Attempt& attempt : attempts_in(session, preset)) {
      if (preset == presets.front()) order.push_back(attempt.what);
      rows[attempt.what] += " " + attempt.answer + " |";
    }
  }
  std::string table;
  for (const std::string& what : order) table += "| " + what + " |" + rows[what] + "\n";
  std::string page;
  for (const std::string& line : lines_of(build_folder() + "/tests/presets.md")) {
    if (line.starts_with("| ") && rows.contains(line.substr(2, line.find(" |") - 2))) page += line + "\n";
  }
  EXPECT_EQ(page, table);
}

TEST_F(Sandbox, KillsAServiceForACallThatNobodyThoughtOf) {
  const auto is_killed = [&](const std::string& preset, const char* call) {
    const std::string name = "org.example.actor-" + preset;
    EXPECT_EQ(connect<Actor>(name).call<&Actor::attempt>(call).error().kind, Kind::interrupted) << preset << call;
    EXPECT_TRUE(wait_for_state(name, "idle"));
    EXPECT_TRUE(last_exit_of(name).starts_with("killed by SIGSYS")) << call << ": " << last_exit_of(name);
  };
  for (const std::string preset : {"parser", "compute", "network-client"}) {
    write_job(session.jobs(), actor_in(preset));
    for (const char* call : {"keyctl", "bpf", "io_uring", "send_oob", "recv_oob"}) is_killed(preset, call);
  }
  for (const std::string preset : {"compute", "network-client"}) is_killed(preset, "thread in a namespace");
  is_killed("network-client", "raw socket");
}

TEST_F(Sandbox, HoldsThreadsThatWereThereBeforeToTheRunningFilterToo) {
  for (const std::string preset : {"compute", "network-client"}) {
    JobFile job = actor_in(preset);
    job.extra += dictionary_key("EnvironmentVariables", string_key("EARLY_THREAD", "1"));
    write_job(session.jobs(), job);
    auto actor = connect<Actor>(job.label);
    const auto early = actor.call<&Actor::early_attempts>();
    ASSERT_TRUE(early) << early.error().message;
    EXPECT_EQ(early->at("list /usr/lib"), 0) << "the loader needs it";
    const auto outcome = actor.call<&Actor::attempt_of_early_thread>();
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(*outcome, EPERM) << preset;
  }
}

TEST_F(Sandbox, LeavesAServiceExactlyItsDescriptors) {
  auto actor = connect<Actor>(kActor);
  const auto open = actor.call<&Actor::descriptors>();
  ASSERT_TRUE(open);
  // Input, output, error, control channel; then the loop's, the signals', this connection's own, and the spare one.
  EXPECT_EQ(open->size(), 8U);
}

TEST_F(Sandbox, GivesAServiceAnEnvironmentMadeFromScratch) {
  auto actor = connect<Actor>(kActor);
  const auto variables = actor.call<&Actor::environment>();
  ASSERT_TRUE(variables);
  for (const auto& [name, value] : *variables) {
    EXPECT_TRUE(name == "PATH" || name == "LANG" || name == "HOME" || name == "USER" || name == "XDG_RUNTIME_DIR" ||
                name.starts_with("REEVE_"))
        << name;
  }
}

// What a process of the service's own user gets at, which is none of these.
std::string reached_by_its_user(pid_t pid) {
  std::string reached;
  const auto note = [&](const char* what, bool is_reached) {
    if (is_reached) reached += std::string(what) + " ";
  };
  const std::string process = "/proc/" + std::to_string(pid);
  note("ptrace", ::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == 0);
  note("ptrace without a stop", ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  for (int number = 0; number < 8; ++number) note("pidfd_getfd", ::syscall(SYS_pidfd_getfd, pidfd, number, 0) >= 0);
  note("setns", ::setns(pidfd, CLONE_NEWUSER) == 0);
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  note("process_vm_readv", ::process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0);
  note("process_vm_writev", ::process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0);
  note("mem", ::open((process + "/mem").c_str(), O_RDWR) >= 0 || ::open((process + "/mem").c_str(), O_RDONLY) >= 0);
  note("environ", std::ifstream(process + "/environ").get() != EOF);
  note("exe", ::open((process + "/exe").c_str(), O_RDONLY) >= 0);
  note("root", ::open((process + "/root").c_str(), O_PATH) >= 0);
  note("a descriptor", ::open((process + "/fd/3").c_str(), O_PATH) >= 0);
  for (const char* kind : {"user", "mnt", "pid", "net"}) {
    const int space = ::open((process + "/ns/" + kind).c_str(), O_RDONLY);
    note("a namespace", space >= 0 && ::setns(space, 0) == 0);
  }
  return reached;
}

// By the session's recipe, and by root's, where it has a user of its own.
TEST_F(Sandbox, KeepsAServicesOwnUserOutOfIt) {
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  const pid_t pid = *actor.peer()->pid;
  const auto user = static_cast<uid_t>(std::stoul(status_field(pid, "Uid")));
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    if (::geteuid() == 0 && (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0)) ::_exit(1);
    const std::string reached = "reached: " + reached_by_its_user(pid);
    ::_exit(::write(report[1], reached.data(), reached.size()) > 0 ? 0 : 1);
  }
  ::close(report[1]);
  char said[1024]{};
  EXPECT_GT(::read(report[0], said, sizeof said - 1), 0);
  ::close(report[0]);
  ::waitpid(attacker, nullptr, 0);
  EXPECT_STREQ(said, "reached: ");
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U)) << "and it serves on";
}

TEST_F(Sandbox, RunsWithTwoFiltersNoPrivilegesAndNoCapabilities) {
  auto actor = connect<Actor>(kActor);
  auto facts = facts_of(*actor.peer()->pid);
  EXPECT_EQ(facts["Seccomp_filters"], "2");
  EXPECT_EQ(facts["NoNewPrivs"], "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(facts[set], "0000000000000000") << set;
  if (::geteuid() == 0) {
    EXPECT_NE(facts["Uid"].substr(0, 2), "0\t") << "root's services are not root";
  }
}

// Its own user may, or a cleaner of /tmp: what was mounted there goes with it.
TEST_F(Sandbox, IsMadeAnewAfterItsRootWasTakenAway) {
  ASSERT_TRUE(connect<Actor>(kActor).call<&Actor::sleep>(0U));
  std::filesystem::remove_all(session.runtime_folder() + "/root");
  write_job(session.jobs(), actor_job("org.example.next"));
  const auto first = connect<Actor>("org.example.next").call<&Actor::sleep>(0U);
  EXPECT_TRUE(first || first.error().code == code::kLaunchFailed) << first.error().message;
  const auto second = connect<Actor>("org.example.next").call<&Actor::sleep>(0U);
  EXPECT_TRUE(second) << second.error().message;
}

TEST_F(Sandbox, RunsTheImageThatWasSealedNotWhatStandsAtItsPathNow) {
  const std::string copy = session.jobs() + "/actor-copy";
  std::filesystem::copy_file(build_folder() + "/tests/actor", copy);
  JobFile job = actor_job("org.example.copy");
  job.program = copy;
  write_job(session.jobs(), job);
  auto actor = connect<Actor>("org.example.copy");
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  // Writing to it is no longer refused with "text file busy": the running image is another file.
  std::ofstream(copy, std::ios::trunc) << "no program";
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U));
}

TEST_F(Sandbox, ShowsWhatAServicePrintsWithItsControlCharactersMadeHarmless) {
  auto actor = connect<Actor>(kActor);
  EXPECT_TRUE(actor.call<&Actor::print>("\x1b[31mred"));
  EXPECT_TRUE(session.prints("org.example.actor: ?[31mred"));
  EXPECT_EQ(session.printed().find('\x1b'), std::string::npos);
}

// The running filter refuses all of these by itself; what stands behind it shows before it is loaded.
TEST_F(Sandbox, HidesFilesByItsRootAndByLandlockToo) {
  auto actor = connect<Actor>(kActor);
  const auto early = actor.call<&Actor::early_attempts>();
  ASSERT_TRUE(early) << early.error().message;
  EXPECT_EQ(early->at("open /etc/passwd"), ENOENT) << "the root is empty";
  EXPECT_EQ(early->at("list /"), EACCES) << "Landlock";
  EXPECT_EQ(early->at("list /usr/lib"), 0) << "the loader needs it";
  EXPECT_TRUE(early->at("write /usr/lib/x") == EROFS || early->at("write /usr/lib/x") == EACCES);
}

TEST_F(Sandbox, HasNamespacesAndLimitsOfItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "a service's own user may not look at its namespaces; root's run tests this";
  auto actor = connect<Actor>(kActor);
  const std::string process = "/proc/" + std::to_string(*actor.peer()->pid);
  for (const char* kind : {"user", "mnt", "pid", "ipc", "uts", "net"}) {
    const std::string path = std::string("/ns/") + kind;
    EXPECT_NE(std::filesystem::read_symlink(process + path), std::filesystem::read_symlink("/proc/self" + path))
        << kind;
  }
  std::ifstream limits(process + "/limits");
  std::string text;
  std::getline(limits, text, '\0');
  EXPECT_NE(text.find("Max processes             1 "), std::string::npos) << text;
  EXPECT_NE(text.find("Max address space         1073741824 "), std::string::npos) << text;
  EXPECT_NE(text.find("Max core file size        0 "), std::string::npos) << text;
}

}  // namespace
}  // namespace reeve::test
