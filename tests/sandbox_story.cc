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
    EXPECT_EQ(*status_of(kActor).find("last_exit"), Object("killed by SIGSYS")) << call;
  }
}

TEST_F(Sandbox, LeavesAServiceExactlyItsDescriptors) {
  auto actor = connect<Actor>(kActor);
  const auto open = actor.call<&Actor::descriptors>();
  ASSERT_TRUE(open);
  // Input, output, error, control channel; then the loop's, the signals' and this connection's own.
  EXPECT_EQ(open->size(), 7U);
}

TEST_F(Sandbox, GivesAServiceAnEnvironmentMadeFromScratch) {
  ::setenv("LD_PRELOAD", "/nowhere/evil.so", 1);
  ::setenv("SECRET", "x", 1);
  auto actor = connect<Actor>(kActor);
  const auto variables = actor.call<&Actor::environment>();
  ::unsetenv("LD_PRELOAD");
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
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  EXPECT_LT(::process_vm_readv(pid, &here, 1, &there, 1, 0), 0);
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
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U));
}

}  // namespace
}  // namespace reeve::test
