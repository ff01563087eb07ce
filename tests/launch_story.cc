// Jobs that cannot be started, will not check in, or have files that say nothing of use.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/actor.hpp"
#include "support/session.hpp"

namespace reeve::vocab {
void PrintTo(const Error& error, std::ostream* out) {
  *out << name_of(error.kind) << " " << error.code << ": " << error.message;
}
}  // namespace reeve::vocab

namespace reeve::test {
namespace {

Error error_of_call(const std::string& name) {
  auto actor = connect<Actor>(name);
  const auto outcome = actor.call_with<&Actor::sleep>({.timeout = 30s}, 0U);
  return outcome ? Error{} : outcome.error();
}

class Launch : public testing::Test {
 protected:
  Session session;
};

TEST_F(Launch, OfAProgramThatIsNotThereSaysSo) {
  JobFile job = actor_job("org.example.a");
  job.program = "/nowhere/program";
  write_job(session.jobs(), job);
  const Error error = error_of_call("org.example.a");
  EXPECT_EQ(error.code, code::kLaunchFailed);
  EXPECT_NE(error.message.find("/nowhere/program: open: No such file"), std::string::npos) << error.message;
}

TEST_F(Launch, OfAFileThatIsNoProgramSaysSo) {
  JobFile job = actor_job("org.example.a");
  job.program = session.jobs() + "/not-a-program";
  std::ofstream(job.program) << "text";
  write_job(session.jobs(), job);
  const Error error = error_of_call("org.example.a");
  EXPECT_EQ(error.code, code::kLaunchFailed);
  EXPECT_NE(error.message.find("execveat: Exec format error"), std::string::npos) << error.message;
}

TEST_F(Launch, OfAProgramThatOthersCanWriteToIsRefused) {
  JobFile job = actor_job("org.example.a");
  const std::string copy = session.jobs() + "/copy";
  std::filesystem::copy_file(job.program, copy);
  std::filesystem::permissions(copy, std::filesystem::perms::all);
  job.program = copy;
  write_job(session.jobs(), job);
  EXPECT_NE(error_of_call("org.example.a").message.find("can be written by its group or by others"), std::string::npos);
}

TEST_F(Launch, OfAProgramThatExitsAtOnceIsGivenUpAfterThreeStarts) {
  write_job(session.jobs(), actor_job("org.example.a", {"--exit-at-once"}));
  const Error error = error_of_call("org.example.a");
  EXPECT_EQ(error.code, code::kLaunchFailed);
  EXPECT_NE(error.message.find("it last exited with 3"), std::string::npos) << error.message;
}

TEST_F(Launch, OfAJobThatKeepsCrashingIsThrottled) {
  JobFile job = actor_job("org.example.a");
  job.extra = "<key>ThrottleInterval</key><integer>600</integer>";
  write_job(session.jobs(), job);
  auto actor = connect<Actor>("org.example.a");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(actor.call<&Actor::crash>().error().kind, Kind::interrupted);
  ASSERT_TRUE(wait_for_state("org.example.a", "idle"));
  const auto outcome = actor.call<&Actor::sleep>(0U);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kThrottled);
  EXPECT_EQ(outcome.error().kind, Kind::busy);
}

TEST_F(Launch, OfAServiceThatNeverChecksInEndsWithTheCallersDeadline) {
  write_job(session.jobs(), actor_job("org.example.a", {"--never-check-in"}));
  auto actor = connect<Actor>("org.example.a");
  EXPECT_EQ(actor.call_with<&Actor::sleep>({.timeout = 300ms}, 0U).error().kind, Kind::timeout);
}

TEST_F(Launch, OfAProgramThatServesAnotherNameIsGivenUp) {
  JobFile job = actor_job("org.example.a");
  job.arguments = {"org.example.another"};
  write_job(session.jobs(), job);
  const Error error = error_of_call("org.example.a");
  EXPECT_EQ(error.code, code::kLaunchFailed) << error.message;
}

TEST_F(Launch, AServiceStartedByHandIsToldWhy) {
  const Output output = run({build_folder() + "/tests/actor", "org.example.a"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.err.find("the broker did not start it"), std::string::npos);
  EXPECT_NE(output.err.find("MachServices"), std::string::npos);
}

TEST_F(Launch, BadJobFilesAreReportedAndTheOthersWork) {
  write_job(session.jobs(), actor_job("org.example.good"));
  std::ofstream(session.jobs() + "/a-bad.plist")
      << "<plist><dict>\n<key>Label</key>\n<integer>1</integer></dict></plist>";
  std::ofstream(session.jobs() + "/b-junk.plist") << "junk";
  std::ofstream(session.jobs() + "/c-open.plist") << "<plist/>";
  std::filesystem::permissions(session.jobs() + "/c-open.plist", std::filesystem::perms::all);
  std::filesystem::create_directory(session.jobs() + "/d-folder.plist");
  EXPECT_EQ(error_of_call("org.example.good"), Error{});
  const Output listed = reeve_tool({"list"});
  EXPECT_EQ(listed.exit_code, 0);
  for (const char* problem :
       {"a-bad.plist:3: Label: expected string, got int64", "b-junk.plist: line 1: syntax error",
        "c-open.plist: can be written by its group or by others", "d-folder.plist: is not a regular file"}) {
    EXPECT_NE(listed.out.find(problem), std::string::npos) << problem << "\n" << listed.out;
  }
}

TEST_F(Launch, ANewJobFileWorksAtOnceAndARemovedOneNoLonger) {
  EXPECT_EQ(error_of_call("org.example.a").code, code::kUnknownService);
  write_job(session.jobs(), actor_job("org.example.a"));
  EXPECT_EQ(error_of_call("org.example.a"), Error{});
  std::filesystem::remove(session.jobs() + "/org.example.a.plist");
  reeve_tool({"list"});  // Lists read the files anew.
  EXPECT_EQ(error_of_call("org.example.a").code, code::kUnknownService);
}

TEST_F(Launch, AnIdleServiceStopsAndTheNextCallStartsIt) {
  JobFile job = actor_job("org.example.a");
  job.idle_seconds = 1;
  write_job(session.jobs(), job);
  EXPECT_EQ(error_of_call("org.example.a"), Error{});
  EXPECT_TRUE(wait_for_state("org.example.a", "idle"));
  EXPECT_EQ(*status_of("org.example.a").find("last_exit"), Object("exited with 0"));
  EXPECT_EQ(error_of_call("org.example.a"), Error{});
}

TEST(Broker, ThatWasStartedWithSignalsIgnoredGivesServicesTheDefault) {
  Session session({"/bin/sh", "-c", "trap '' HUP PIPE USR1 TERM; exec \"$0\" \"$@\""});
  write_job(session.jobs(), actor_job("org.example.a"));
  auto actor = connect<Actor>("org.example.a");
  ASSERT_TRUE(actor.call_with<&Actor::sleep>({.timeout = 30s}, 0U));
  const auto pid = actor.peer()->pid;
  ASSERT_TRUE(pid) << "a service in a preset has a pid here";
  const std::string mask = facts_of(*pid)["SigIgn"];
  ASSERT_FALSE(mask.empty());
  const std::uint64_t ignored = std::stoull(mask, nullptr, 16);
  for (const int number : {SIGHUP, SIGPIPE, SIGUSR1, SIGTERM}) EXPECT_EQ(ignored >> (number - 1) & 1U, 0U) << number;
}

// Each session ends with the broker's good exit, and with nothing left behind.
TEST(Broker, ThatIsAskedToLeaveAsSoonAsItCanBeSeenLeavesInOrder) {
  for (int i = 0; i < 20 && !testing::Test::HasFailure(); ++i) const Session session;
}

}  // namespace
}  // namespace reeve::test
