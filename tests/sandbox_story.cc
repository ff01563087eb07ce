// What a service in the parser preset has, and has not.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "../examples/probe/probe.hpp"
#include "support/actor.hpp"
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

TEST_F(Sandbox, RefusesEverythingThatTheProbeTries) {
  JobFile job;
  job.label = kProbeName;
  job.program = build_folder() + "/examples/probe";
  write_job(session.jobs(), job);
  auto probe = connect<Probe>(kProbeName);
  const auto attempts = probe.call<&Probe::attempts>(::getpid());
  ASSERT_TRUE(attempts) << attempts.error().message;
  EXPECT_GE(attempts->size(), 13U);
  for (const Attempt& attempt : *attempts) EXPECT_TRUE(attempt.refused) << attempt.what;
}

TEST_F(Sandbox, KillsAServiceForACallThatNobodyThoughtOf) {
  auto actor = connect<Actor>(kActor);
  for (const char* call : {"keyctl", "bpf", "io_uring"}) {
    EXPECT_EQ(actor.call<&Actor::attempt>(call).error().kind, Kind::interrupted) << call;
    ASSERT_TRUE(wait_for_state(kActor, "idle"));
    EXPECT_TRUE(last_exit_of(kActor).starts_with("killed by SIGSYS")) << call << ": " << last_exit_of(kActor);
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

TEST_F(Sandbox, KeepsAServicesOwnUserOutOfIt) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may look into everything; the unprivileged run tests this";
  auto actor = connect<Actor>(kActor);
  const pid_t pid = *actor.peer()->pid;
  EXPECT_LT(::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr), 0);
  EXPECT_EQ(errno, EPERM);
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  EXPECT_LT(::process_vm_readv(pid, &here, 1, &there, 1, 0), 0);
  EXPECT_EQ(errno, EPERM);
  EXPECT_FALSE(std::ifstream("/proc/" + std::to_string(pid) + "/mem"));
  EXPECT_FALSE(std::ifstream("/proc/" + std::to_string(pid) + "/environ").get() != EOF);
}

TEST_F(Sandbox, RunsWithTwoFiltersNoPrivilegesAndNoCapabilities) {
  auto actor = connect<Actor>(kActor);
  std::ifstream status("/proc/" + std::to_string(*actor.peer()->pid) + "/status");
  std::map<std::string, std::string> facts;
  for (std::string line; std::getline(status, line);) {
    const std::size_t colon = line.find(":\t");
    if (colon != std::string::npos) facts[line.substr(0, colon)] = line.substr(colon + 2);
  }
  EXPECT_EQ(facts["Seccomp_filters"], "2");
  EXPECT_EQ(facts["NoNewPrivs"], "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(facts[set], "0000000000000000") << set;
  if (::geteuid() == 0) {
    EXPECT_NE(facts["Uid"].substr(0, 2), "0\t") << "root's services are not root";
  }
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
