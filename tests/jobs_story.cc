// When a job runs, and what it offers, by the keys of its file. docs/jobs.md names these.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/jobs.hpp"

namespace reeve::test {
namespace {

// What is run.

TEST_F(Jobs, ARelativeProgramStartsFromItsFilesFolder) {
  fs::copy_file(actor_job(kLabel).program, session.jobs() + "/copy");
  JobFile job = actor_job(kLabel);
  job.program = "copy";
  write(job, "");
  EXPECT_EQ(error_of_call(kLabel), Error{});
}

TEST_F(Jobs, ProgramArgumentsNameTheProgramWhereThereIsNoOther) {
  std::ofstream(session.jobs() + "/a.plist")
      << "<plist><dict>" << string_key("Label", kLabel)
      << "<key>ProgramArguments</key><array><string>/bin/echo</string><string>-n</string><string>two words</string>"
         "</array>"
      << string_key("StandardOutPath", out) << true_key("RunAtLoad")
      << dictionary_key("Reeve", string_key("Preset", "none")) << "</dict></plist>";
  load();
  EXPECT_TRUE(comes_true([&] { return contents_of(out) == "two words"; })) << contents_of(out);
}

TEST_F(Jobs, AServiceOffersSeveralNamesAndNoneThatIsFalse) {
  JobFile job = actor_job(kLabel, {"--also", "org.example.b"});
  job.names =
      "<dict><key>org.example.a</key><true/><key>org.example.b</key><dict/><key>org.example.c</key><false/></dict>";
  write(job, "");
  EXPECT_EQ(error_of_call("org.example.a"), Error{});
  EXPECT_EQ(connect<Namesake>("org.example.b").call<&Namesake::name>(), "org.example.b");
  EXPECT_EQ(details_of(kLabel).starts, 1U);
  EXPECT_EQ(error_of_call("org.example.c").code, code::kUnknownService);
}

TEST_F(Jobs, AJobThatOffersNothingRunsAsAnyProgramDoes) {
  // As daemons do that close all they did not open themselves.
  write(script("exec 3>&-; echo begun; exec sleep 1000"), true_key("RunAtLoad"));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  EXPECT_TRUE(wait_for_state(kLabel, "running"));
  EXPECT_TRUE(comes_true([] { return details_of(kLabel).uptime_s >= 7U; })) << last_exit_of(kLabel);
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

TEST_F(Jobs, ResetAtCloseEndsWhatWaitsWithTheInstance) {
  JobFile job = actor_job(kLabel, {"--exit-at-once"});
  job.names = "<dict><key>org.example.a</key><dict><key>ResetAtClose</key><true/></dict></dict>";
  write(job, "");
  const Error error = error_of_call(kLabel);
  EXPECT_EQ(error.kind, Kind::gone);
  EXPECT_EQ(error.code, code::kClosed) << error.message;
  EXPECT_EQ(details_of(kLabel).starts, 1U) << "nobody waits for another instance";
}

TEST_F(Jobs, HideUntilCheckInHidesTheNameUntilAnInstanceHasCheckedIn) {
  JobFile job = actor_job(kLabel);
  job.names = "<dict><key>org.example.a</key><dict><key>HideUntilCheckIn</key><true/></dict></dict>";
  write(job, "");
  EXPECT_EQ(error_of_call(kLabel).code, code::kUnknownService);
  EXPECT_EQ(details_of(kLabel).starts, 0U) << "a call starts nothing that is hidden";
  ASSERT_TRUE(ask_broker(contract::Start{kLabel}));
  EXPECT_TRUE(comes_true([] { return error_of_call(kLabel) == Error{}; }));
}

TEST_F(Jobs, AScriptIsNoProgram) {
  JobFile job = actor_job(kLabel);
  job.program = folder.path() + "/script";
  std::ofstream(job.program) << "#!/bin/sh\necho ran\n";
  EXPECT_NE(launch_problem(job, "").find("execveat: No such file"), std::string::npos);
}

// When it runs.

TEST_F(Jobs, KeepAliveStartsItAgainWheneverItEnds) {
  write(script("echo ran"), true_key("KeepAlive"));
  load();
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() >= 3; }));
}

TEST_F(Jobs, AServiceThatIsKeptAliveDoesNotStopForBeingIdle) {
  JobFile job = actor_job(kLabel);
  job.idle_seconds = 1;
  write(job, true_key("KeepAlive"));
  load();
  ASSERT_TRUE(wait_for_state(kLabel, "running"));
  const auto first = details_of(kLabel);
  EXPECT_TRUE(comes_true([] { return details_of(kLabel).uptime_s >= 3U; }))
      << "it goes on although nobody is connected";
  EXPECT_EQ(details_of(kLabel).pid, first.pid);
}

TEST_F(Jobs, KeepAliveSuccessfulExitStartsItAgainUntilItFails) {
  write(script("echo ran; [ $(wc -l < " + out + ") -lt 3 ]"), dictionary_key("KeepAlive", true_key("SuccessfulExit")));
  load();
  EXPECT_TRUE(has_settled_after(3));
  EXPECT_EQ(last_exit_of(kLabel), "exited with 1");
}

TEST_F(Jobs, KeepAliveWithoutSuccessfulExitStartsItAgainUntilItSucceeds) {
  write(script("echo ran; [ $(wc -l < " + out + ") -ge 3 ]"),
        dictionary_key("KeepAlive", "<key>SuccessfulExit</key><false/>"));
  load();
  EXPECT_TRUE(has_settled_after(3));
  EXPECT_EQ(last_exit_of(kLabel), "exited with 0");
}

TEST_F(Jobs, KeepAliveCrashedStartsItAgainUntilItEndsInOrder) {
  write(script("echo ran; [ $(wc -l < " + out + ") -ge 3 ] || kill -SEGV $$"),
        dictionary_key("KeepAlive", true_key("Crashed")));
  load();
  EXPECT_TRUE(has_settled_after(3));
  EXPECT_TRUE(last_exit_of(kLabel).starts_with("exited with 0")) << last_exit_of(kLabel);
}

TEST_F(Jobs, KeepAlivePathStateRunsItWhileThePathIsThereOrIsNot) {
  const std::string flag = folder.path() + "/below/flag";
  write(script("echo ran"), dictionary_key("KeepAlive", dictionary_key("PathState", true_key(flag))));
  JobFile other = script_job("org.example.b", "echo ran", folder.path() + "/other");
  write(other, dictionary_key("KeepAlive", dictionary_key("PathState", "<key>" + flag + "</key><false/>")));
  load();
  EXPECT_TRUE(comes_true([&] { return lines_of(folder.path() + "/other").size() >= 2; })) << "there is no such path";
  EXPECT_EQ(details_of(kLabel).starts, 0U);
  fs::create_directory(folder.path() + "/below");
  std::ofstream(flag) << "x";
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() >= 2; })) << "now there is";
  EXPECT_TRUE(comes_true([] { return details_of("org.example.b").kept_alive_by.empty(); }));
  fs::remove(flag);
  EXPECT_TRUE(comes_true([] { return details_of(kLabel).kept_alive_by.empty(); }));
}

TEST_F(Jobs, KeepAliveOtherJobEnabledRunsItWhileTheOtherIsThere) {
  write(script("echo ran"), dictionary_key("KeepAlive", dictionary_key("OtherJobEnabled", true_key("org.example.b"))));
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U);
  write(script_job("org.example.b", "true", out), true_key("Disabled"));
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U) << "it is there, and disabled";
  write(script_job("org.example.b", "true", out), "");
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() >= 2; }));
  fs::remove(session.jobs() + "/org.example.b.plist");
  EXPECT_TRUE(comes_true([] { return details_of(kLabel).kept_alive_by.empty(); }));
}

TEST_F(Jobs, KeepAliveOtherJobEnabledHearsOfAJobThatIsLoadedByHand) {
  write(script("echo ran"), dictionary_key("KeepAlive", dictionary_key("OtherJobEnabled", true_key("org.example.b"))));
  load();
  const Folder elsewhere;
  write_job(elsewhere.path(), script_job("org.example.b", "true", out));
  const std::string file = elsewhere.path() + "/org.example.b.plist";
  ASSERT_TRUE(ask_broker(contract::Load{file, contents_of(file)}));
  EXPECT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
}

TEST_F(Jobs, KeepAliveAfterInitialDemandWaitsForTheFirst) {
  write(script("echo ran"), dictionary_key("KeepAlive", true_key("SuccessfulExit") + true_key("AfterInitialDemand")));
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U);
  ASSERT_TRUE(ask_broker(contract::Start{kLabel}));
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() >= 2; }));
}

TEST_F(Jobs, RunAtLoadRunsItOnceItsFileIsThere) {
  write(script("echo ran"), true_key("RunAtLoad"));
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() == 1; })) << "without anybody's asking";
  EXPECT_TRUE(has_settled_after(1));
}

TEST_F(Jobs, LaunchOnlyOnceRefusesASecondStart) {
  write(actor_job(kLabel), true_key("LaunchOnlyOnce"));
  auto actor = connect<Actor>(kLabel);
  EXPECT_EQ(actor.call<&Actor::crash>().error().kind, Kind::interrupted);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  const Error error = error_of_call(kLabel);
  EXPECT_EQ(error.kind, Kind::denied);
  EXPECT_NE(error.message.find("is started only once, and was"), std::string::npos) << error.message;
}

TEST_F(Jobs, AThrottledJobRecoversWhenItsIntervalHasPassed) {
  JobFile job = actor_job(kLabel);
  job.extra = integer_key("ThrottleInterval", 3);
  write(job, "");
  auto actor = connect<Actor>(kLabel);
  Error error;
  // Slow machines: starts that are three seconds apart are not throttled, so that it is tried until they are not.
  for (int i = 0; i < 60 && error.code != code::kThrottled; ++i) {
    const auto outcome = actor.call_with<&Actor::crash>({.timeout = 60s});
    if (!outcome) error = outcome.error();
    EXPECT_TRUE(error.kind == Kind::interrupted || error.code == code::kThrottled) << error.message;
  }
  EXPECT_EQ(error.kind, Kind::busy);
  EXPECT_EQ(error.code, code::kThrottled);
  EXPECT_NE(error.advice.find("it may start again in "), std::string::npos) << error.advice;
  EXPECT_TRUE(comes_true([] { return error_of_call(kLabel) == Error{}; }));
}

TEST_F(Jobs, EveryCallerWhoWaitsIsToldThatTheJobIsThrottled) {
  JobFile job = actor_job(kLabel);
  job.extra = integer_key("ThrottleInterval", 600);
  write(job, "");
  auto actor = connect<Actor>(kLabel);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(actor.call<&Actor::crash>().error().kind, Kind::interrupted);
  // The third instance is stopped, and dies with others waiting for it.
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  const pid_t pid = *actor.peer()->pid;
  ASSERT_TRUE(ask_broker(contract::KillJob{kLabel, SIGSTOP}));
  ASSERT_TRUE(comes_true([&] { return status_field(pid, "State").starts_with("T"); }));
  std::vector<Error> errors(4);
  {
    std::vector<std::jthread> callers;
    for (Error& error : errors) callers.emplace_back([&error] { error = error_of_call(kLabel); });
    EXPECT_TRUE(comes_true([&] { return details_of(kLabel).waiting >= errors.size(); }));
    EXPECT_TRUE(ask_broker(contract::KillJob{kLabel, SIGKILL}));
  }
  for (const Error& error : errors) {
    EXPECT_EQ(error.kind, Kind::busy) << error.message;
    EXPECT_EQ(error.code, code::kThrottled) << error.message;
  }
}

TEST_F(Jobs, StartIntervalRunsItAgainAndAgain) {
  write(script("echo ran"), integer_key("StartInterval", 1));
  EXPECT_TRUE(comes_true([&] { return lines_of(out).size() >= 2; }));
}

TEST_F(Jobs, StartCalendarIntervalRunsItAtItsMinute) {
  write(script("echo ran"), "<key>StartCalendarInterval</key><dict/>");
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U);
  // Every minute: the next comes within one.
  EXPECT_TRUE(comes_true([&] { return !lines_of(out).empty(); }) || comes_true([&] { return !lines_of(out).empty(); }));
}

TEST_F(Jobs, WatchPathsRunsItWheneverOneChanges) {
  const std::string file = folder.path() + "/watched";
  const std::string inner = folder.path() + "/inner";
  fs::create_directory(inner);
  write(script("echo ran"),
        "<key>WatchPaths</key><array><string>" + file + "</string><string>" + inner + "</string></array>");
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U) << "nothing has changed yet";
  // The watch begins some time after the file is read: what changes is changed until it is noticed.
  const auto runs_when = [&](const std::function<void(int)>& change) {
    const std::size_t before = lines_of(out).size();
    int round = 0;
    return comes_true([&] {
      change(round++);
      return lines_of(out).size() > before;
    });
  };
  EXPECT_TRUE(runs_when([&](int round) { std::ofstream(file) << round; })) << "it comes to be, or is written to";
  EXPECT_TRUE(runs_when([&](int round) {
    std::ofstream(file + ".new") << round;
    fs::rename(file + ".new", file);
  })) << "it is replaced";
  EXPECT_TRUE(runs_when([&](int round) { std::ofstream(inner + "/" + std::to_string(round)) << round; }))
      << "something comes into the folder";
}

TEST_F(Jobs, QueueDirectoriesRunsItWhileThereIsSomethingInThem) {
  const std::string queue = folder.path() + "/queue";
  fs::create_directory(queue);
  write(script("echo ran; rm -f " + queue + "/*"), array_key("QueueDirectories", queue));
  load();
  EXPECT_EQ(details_of(kLabel).starts, 0U) << "there is nothing in it";
  std::ofstream(queue + "/a") << "x";
  EXPECT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  EXPECT_TRUE(comes_true([] {
    const auto details = details_of(kLabel);
    return details.state == "idle" && details.kept_alive_by.empty();
  })) << "it is empty again";
}

}  // namespace
}  // namespace reeve::test
