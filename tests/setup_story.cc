// How a job runs, how it ends, and whose files count, by the keys of its file. docs/jobs.md names these.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "support/jobs.hpp"
#include "support/stalled.hpp"

namespace reeve::test {
namespace {

// What it runs with.

TEST_F(Jobs, EnvironmentVariablesAreAddedAndCountOverWhatAllJobsAreGiven) {
  // No shell: it would tidy up what it was given.
  JobFile job = script("");
  job.program = "/usr/bin/env";
  job.arguments.clear();
  write(job, true_key("RunAtLoad") +
                 dictionary_key("EnvironmentVariables", string_key("WORD", "a b") + string_key("PATH", "/bin")));
  EXPECT_TRUE(has_settled_after(1));
  const auto lines = lines_of(out);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "WORD=a b"), 1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "PATH=/bin"), 1);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.starts_with("PATH="); }), 1)
      << "one value each";
}

TEST_F(Jobs, WorkingDirectoryIsWhereItRuns) {
  fs::create_directory(session.jobs() + "/below");
  EXPECT_EQ(printed_by("pwd -P", string_key("WorkingDirectory", "below")),
            std::vector<std::string>{fs::canonical(session.jobs() + "/below").string()});
}

TEST_F(Jobs, WithoutAWorkingDirectoryItRunsInTheRoot) {
  EXPECT_EQ(printed_by("pwd -P", ""), std::vector<std::string>{"/"});
}

TEST_F(Jobs, AWorkingDirectoryThatIsNotThereIsTold) {
  EXPECT_NE(launch_problem(script("true"), string_key("WorkingDirectory", "/nowhere")).find("chdir /nowhere: No such"),
            std::string::npos);
}

TEST_F(Jobs, UmaskIsItsMaskInEitherPreset) {
  EXPECT_EQ(printed_by("umask", string_key("Umask", "027")), std::vector<std::string>{"0027"});
  EXPECT_EQ(status_field(actor_with(integer_key("Umask", 18)), "Umask"), "0022") << "a number is decimal";
}

TEST_F(Jobs, WithoutAUmaskNobodyElseReadsWhatItMakes) {
  EXPECT_EQ(printed_by("umask", ""), std::vector<std::string>{"0077"});
}

TEST_F(Jobs, NiceIsItsNicenessInEitherPreset) {
  EXPECT_EQ(printed_by("nice", integer_key("Nice", 19)), std::vector<std::string>{"19"});
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(actor_with(integer_key("Nice", 19)))), 19);
}

TEST_F(Jobs, ANegativeNiceIsRootsAlone) {
  if (::geteuid() == 0) {
    EXPECT_EQ(printed_by("nice", integer_key("Nice", -1)), std::vector<std::string>{"-1"});
  } else {
    EXPECT_NE(launch_problem(script("true"), integer_key("Nice", -1)).find("setpriority: Permission denied"),
              std::string::npos);
  }
}

TEST_F(Jobs, ABackgroundProcessTypeGivesWay) {
  const auto background = printed_by("nice; ionice; echo $REEVE_WAIT", string_key("ProcessType", "Background"));
  ASSERT_EQ(background.size(), 3U);
  EXPECT_EQ(std::stoi(background[0]), std::min(19, ::getpriority(PRIO_PROCESS, 0) + 10));
  EXPECT_EQ(background[1], "idle");
  EXPECT_EQ(background[2], "asleep") << "it does not look before it sleeps";
}

TEST_F(Jobs, ResourceLimitsAreNarrowedInEitherPreset) {
  const std::string limits = dictionary_key("SoftResourceLimits", integer_key("NumberOfFiles", 150)) +
                             dictionary_key("HardResourceLimits", integer_key("NumberOfFiles", 200));
  EXPECT_EQ(printed_by("ulimit -Sn; ulimit -Hn", limits), (std::vector<std::string>{"150", "200"}));
  EXPECT_EQ(limits_of(actor_with(limits), "Max open files"), (std::pair<std::string, std::string>("150", "200")));
}

TEST_F(Jobs, AHardLimitBelowTheSoftOneOfAllBringsThatDown) {
  EXPECT_EQ(
      printed_by("ulimit -Sn; ulimit -Hn", dictionary_key("HardResourceLimits", integer_key("NumberOfFiles", 60))),
      (std::vector<std::string>{"60", "60"}));
}

TEST_F(Jobs, ResourceLimitsGiveNobodyMoreThanThePresetLeaves) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  const std::string limits = dictionary_key("SoftResourceLimits", integer_key("NumberOfFiles", 100'000));
  EXPECT_EQ(limits_of(actor_with(limits), "Max open files"), (std::pair<std::string, std::string>("256", "256")));
}

TEST_F(Jobs, StandardPathsAreReadAndAddedTo) {
  const std::string in = folder.path() + "/in";
  const std::string err = folder.path() + "/err";
  std::ofstream(in) << "hello\n";
  std::ofstream(out) << "before\n";
  EXPECT_EQ(
      printed_by("cat; echo trouble 1>&2", string_key("StandardInPath", in) + string_key("StandardErrorPath", err)),
      (std::vector<std::string>{"before", "hello"}));
  EXPECT_EQ(contents_of(err), "trouble\n");
}

TEST_F(Jobs, StandardPathsWorkInTheSandboxToo) {
  const std::string err = folder.path() + "/err";
  write(actor_job(kLabel), string_key("StandardErrorPath", err));
  ASSERT_TRUE(connect<Actor>(kLabel).call<&Actor::print>("from inside"));
  EXPECT_TRUE(comes_true([&] { return contents_of(err) == "from inside\n"; })) << contents_of(err);
}

TEST_F(Jobs, WithoutStandardPathsItsInputIsEmptyAndItsOutputIsTheBrokers) {
  JobFile job = script("cat; echo so it says");
  job.extra = true_key("RunAtLoad");
  write(job, "");
  EXPECT_TRUE(session.prints("org.example.a: so it says"));
}

TEST_F(Jobs, AStandardPathThatCannotBeOpenedIsTold) {
  const auto problem = [&](const std::string& key, const std::string& path) {
    return launch_problem(script("true"), string_key(key, path));
  };
  EXPECT_NE(problem("StandardInPath", "/nowhere/in").find("/nowhere/in: open: No such file"), std::string::npos);
  EXPECT_NE(problem("StandardErrorPath", "/nowhere/err").find("/nowhere/err: open: No such file"), std::string::npos);
  // Opening a pipe waits for its other side.
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(problem("StandardInPath", pipe).find("pipe: neither a regular file nor a device"), std::string::npos);
  EXPECT_NE(problem("StandardErrorPath", pipe).find("pipe: neither a regular file nor a device"), std::string::npos);
}

// Ending.

TEST_F(Jobs, StopIsASigtermThatTheJobMayAnswer) {
  write(script("trap 'echo asked; exit 5' TERM; echo begun; while :; do sleep 0.05; done"), true_key("RunAtLoad"));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  stop(kLabel);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "exited with 5");
  EXPECT_EQ(lines_of(out).back(), "asked");
}

TEST_F(Jobs, StopEndsAJobThatHasNoHandlerBySigtermItself) {
  write(script("echo begun; exec sleep 1000"), true_key("RunAtLoad"));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  stop(kLabel);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGTERM");
}

TEST_F(Jobs, ExitTimeOutIsFollowedBySigkill) {
  write(script("trap '' TERM; echo begun; while :; do sleep 0.05; done"),
        true_key("RunAtLoad") + integer_key("ExitTimeOut", 1));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  stop(kLabel);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGKILL");
}

constexpr const char* kAnswersTerm = "trap 'echo asked; exit 0' TERM; echo begun; while :; do sleep 0.05; done";

// With no time out it is never killed, yet the session's end asks it like any other.
TEST_F(Jobs, AJobWithoutExitTimeOutIsAskedWhenTheSessionEnds) {
  {
    const Session other;
    JobFile job = script(kAnswersTerm);
    job.extra += true_key("RunAtLoad") + integer_key("ExitTimeOut", 0);
    write_job(other.jobs(), job);
    ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  }
  EXPECT_EQ(lines_of(out).back(), "asked");
}

// The spawner may not have told of it yet, where nobody pauses between its first line and the end.
TEST_F(Jobs, AJobThatHasOnlyJustBegunIsAskedWhenTheSessionEnds) {
  for (int i = 0; i < 10; ++i) {
    fs::remove(out);
    {
      const Session other;
      JobFile job = script(kAnswersTerm);
      job.extra += true_key("RunAtLoad");
      write_job(other.jobs(), job);
      const os::Time give_up = os::now() + 60s;
      while (lines_of(out).empty() && os::now() < give_up) {
      }
    }
    ASSERT_EQ(lines_of(out).back(), "asked");
  }
}

// Two that are nobody's children, in sessions of their own, each with a child.
std::string words_with_a_family(const std::string& mark) {
  const std::string inner = "sh -c \"sleep 1000; : " + mark + "\"";
  const std::string one = "(setsid sh -c '" + inner + " & sleep 1000; : " + mark + "' &); ";
  return one + one;
}

TEST_F(Jobs, WhatAJobLeavesBehindEndsWithIt) {
  const std::string mark = fs::path(folder.path()).filename().string() + "-family";
  write(script(words_with_a_family(mark) + "echo begun; exec sleep 1000"), true_key("RunAtLoad"));
  ASSERT_TRUE(comes_true([&] { return processes_with(": " + mark).size() >= 4; }));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  stop(kLabel);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_TRUE(comes_true([&] { return processes_with(mark).empty(); }));
}

TEST_F(Jobs, WhatAJobLeavesBehindEndsWhenItHadToBeKilled) {
  const std::string mark = fs::path(folder.path()).filename().string() + "-family";
  write(script("trap '' TERM; " + words_with_a_family(mark) + "echo begun; while :; do sleep 0.05; done"),
        true_key("RunAtLoad") + integer_key("ExitTimeOut", 1));
  ASSERT_TRUE(comes_true([&] { return processes_with(": " + mark).size() >= 4; }));
  ASSERT_TRUE(comes_true([&] { return !lines_of(out).empty(); }));
  stop(kLabel);
  ASSERT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGKILL");
  EXPECT_TRUE(comes_true([&] { return processes_with(mark).empty(); }));
}

TEST_F(Jobs, WhatJobsLeaveBehindEndsWithTheSession) {
  const std::string mark = fs::path(folder.path()).filename().string() + "-family";
  {
    const Session other;
    JobFile job = script(words_with_a_family(mark) + "exec sleep 1000");
    job.extra += true_key("RunAtLoad");
    write_job(other.jobs(), job);
    ASSERT_TRUE(comes_true([&] { return processes_with(": " + mark).size() >= 4; }));
  }
  EXPECT_TRUE(processes_with(mark).empty()) << "before the broker itself has ended";
}

TEST_F(Jobs, WhatAServiceInEitherPresetLeavesBehindEndsWithIt) {
  const std::string name = "org.example." + fs::path(folder.path()).filename().string();
  for (const std::string& preset : {service_preset(), std::string("none")}) {
    JobFile job = actor_job(name + "." + preset, {"--family"});
    job.preset = preset;
    write(job, "");
    // In the sandbox it cannot have one: whether it then serves or ends is the sandbox's to say.
    const Error error = error_of_call(job.label);
    if (preset == "none") {
      EXPECT_EQ(error, Error{});
      EXPECT_TRUE(comes_true([&] { return processes_with(job.label).size() >= 2; }));
    }
    stop(job.label);
    ASSERT_TRUE(wait_for_state(job.label, "idle"));
    EXPECT_TRUE(comes_true([&] { return processes_with(job.label).empty(); }));
  }
}

TEST_F(Jobs, WithoutEnableTransactionsItDoesNotStopForBeingIdle) {
  JobFile job = actor_job(kLabel);
  job.idle_seconds = 1;
  write(job, "<key>EnableTransactions</key><false/>");
  EXPECT_EQ(error_of_call(kLabel), Error{});
  EXPECT_TRUE(comes_true([] { return details_of(kLabel).uptime_s >= 3U; }));
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

// Whether, for whom, how many.

TEST_F(Jobs, ADisabledJobIsListedAndNeverStarted) {
  write(actor_job(kLabel), true_key("Disabled") + true_key("RunAtLoad") + true_key("KeepAlive"));
  EXPECT_EQ(error_of_call(kLabel).code, code::kUnknownService);
  EXPECT_EQ(*status_of(kLabel).find("state"), Object("disabled"));
  const auto started = ask_broker(contract::Start{kLabel});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, Kind::denied);
  EXPECT_EQ(details_of(kLabel).starts, 0U);
}

TEST_F(Jobs, AServiceOfTypeApplicationHasAnInstanceForEachProcessThatCalls) {
  write(actor_job(kLabel), dictionary_key("XPCService", string_key("ServiceType", "Application")));
  auto first = connect<Actor>(kLabel);
  auto second = connect<Actor>(kLabel);
  ASSERT_TRUE(first.call<&Actor::sleep>(0U));
  ASSERT_TRUE(second.call<&Actor::sleep>(0U));
  EXPECT_EQ(first.peer()->pid, second.peer()->pid) << "both are this process's";
  EXPECT_EQ(reeve_tool({"call", kLabel, "sleep", "[0]"}).exit_code, 0);
  const std::string listed = reeve_tool({"list"}).out;
  std::size_t instances = 0;
  for (std::size_t at = 0; (at = listed.find(std::string(kLabel) + "@", at)) != std::string::npos; ++at) ++instances;
  EXPECT_EQ(instances, 2U) << listed;
}

TEST_F(Jobs, OnlyAllowedCallersFindAService) {
  JobFile job = actor_job(kLabel);
  job.reeve = array_key("AllowedCallers", "job:org.example.b");
  write(job, "");
  EXPECT_EQ(error_of_call(kLabel).code, code::kUnknownService);
  job.label = "org.example.c";
  job.arguments = {job.label};
  job.reeve = array_key("AllowedCallers", "user");
  write(job, "");
  EXPECT_EQ(error_of_call(job.label), Error{});
  // The one that may, as any program calls another.
  JobFile allowed = actor_job("org.example.b");
  allowed.preset = "none";
  write(allowed, "");
  const auto outcome = connect<Actor>(allowed.label).call_with<&Actor::call_other>({.timeout = 60s}, kLabel);
  EXPECT_TRUE(outcome) << outcome.error().message;
}

// Files.

TEST_F(Jobs, AnUnknownKeyIsWarnedOfAndAnUnknownOneOfReeveIsRefused) {
  write(actor_job(kLabel), true_key("Sockets"));
  JobFile other = actor_job("org.example.b");
  other.reeve = true_key("Prest");
  write(other, "");
  EXPECT_EQ(error_of_call(kLabel), Error{});
  EXPECT_EQ(error_of_call("org.example.b").code, code::kUnknownService);
  const std::string listed = reeve_tool({"list"}).out;
  EXPECT_NE(listed.find("Sockets: ignored; this version does not know the key"), std::string::npos) << listed;
  EXPECT_NE(listed.find("Reeve.Prest: unknown key"), std::string::npos) << listed;
}

TEST_F(Jobs, AFolderThatOthersCanWriteToHoldsNoJobs) {
  write(actor_job(kLabel), "");
  EXPECT_NE(reeve_tool({"list"}).out.find("org.example.a "), std::string::npos);
  // Sticky: others could not remove the file, and could add one.
  for (const auto mode : {fs::perms(0775), fs::perms(0707), fs::perms(01777)}) {
    fs::permissions(session.jobs(), mode);
    const std::string listed = reeve_tool({"list"}).out;
    EXPECT_NE(listed.find(session.jobs() + ": can be written by its group or by others; chmod go-w it"),
              std::string::npos)
        << listed;
    EXPECT_EQ(listed.find("org.example.a "), std::string::npos) << listed;
    EXPECT_EQ(error_of_call(kLabel).code, code::kUnknownService);
    fs::permissions(session.jobs(), fs::perms(0755));
    EXPECT_EQ(reeve_tool({"list"}).out.find("can be written"), std::string::npos);
  }
}

TEST_F(Jobs, NothingOfAnotherUserIsTrusted) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const auto give_away = [](const std::string& path, uid_t user) { ASSERT_EQ(::chown(path.c_str(), user, user), 0); };
  fs::copy_file(actor_job(kLabel).program, session.jobs() + "/copy");
  JobFile job = actor_job(kLabel);
  job.program = session.jobs() + "/copy";
  write(job, "");
  give_away(job.program, 1000);
  EXPECT_NE(error_of_call(kLabel).message.find("copy: belongs to user 1000"), std::string::npos);
  give_away(job.program, 0);
  EXPECT_EQ(error_of_call(kLabel), Error{});
  const std::string file = session.jobs() + "/org.example.a.plist";
  give_away(file, 1000);
  EXPECT_NE(reeve_tool({"list"}).out.find(file + ": belongs to user 1000; chown it to yourself"), std::string::npos);
  give_away(file, 0);
  give_away(session.jobs(), 1000);
  EXPECT_NE(reeve_tool({"list"}).out.find(session.jobs() + ": belongs to user 1000; chown it to yourself"),
            std::string::npos);
  give_away(session.jobs(), 0);
}

TEST_F(Jobs, AFileOfMoreThan64KiBIsRefused) {
  write(actor_job(kLabel), "<!--" + std::string(64 * 1024, 'x') + "-->");
  EXPECT_NE(reeve_tool({"list"}).out.find("org.example.a.plist: is larger than 65536 bytes"), std::string::npos);
}

TEST_F(Jobs, AJobOfMoreThan32KiBOfTextIsNotStarted) {
  EXPECT_NE(launch_problem(actor_job(kLabel, {std::string(32 * 1024, 'x')}), "").find("exceed 32 KiB"),
            std::string::npos);
}

TEST_F(Jobs, ASecondFileWithTheSameLabelOrNameIsReportedAndDoesNotCount) {
  write(actor_job(kLabel), "");
  JobFile job = actor_job("org.example.b");
  job.names = "<dict><key>org.example.a</key><true/></dict>";
  job.arguments = {"--exit-at-once"};
  write(job, "");
  fs::copy_file(session.jobs() + "/org.example.a.plist", session.jobs() + "/z.plist");
  EXPECT_EQ(error_of_call(kLabel), Error{});
  const std::string listed = reeve_tool({"list"}).out;
  EXPECT_NE(
      listed.find("z.plist: the label org.example.a stands in " + session.jobs() + "/org.example.a.plist already"),
      std::string::npos)
      << listed;
  EXPECT_NE(listed.find("org.example.b.plist: the name org.example.a belongs to the job org.example.a"),
            std::string::npos)
      << listed;
}

// It forks as fast as it can, up to its limit, and dies only when somebody ends all of it.
TEST_F(Jobs, AForkBombCostsOthersNothingAndEndsAsAWhole) {
  if (::geteuid() == 0)
    GTEST_SKIP() << "the kernel bounds nobody's processes but an ordinary user's: that run tests this";
  write_job(session.jobs(), actor_job("org.example.good"));
  EXPECT_EQ(error_of_call("org.example.good"), Error{});
  const std::string mark = "bomb-of-" + std::to_string(::getpid());
  JobFile bomb = actor_job(kLabel, {"--bomb", mark});
  bomb.preset = "none";
  bomb.names = "<dict/>";
  write(bomb, dictionary_key("HardResourceLimits", integer_key("NumberOfProcesses", 300)));
  EXPECT_TRUE(ask_broker(contract::Start{kLabel}));
  ASSERT_TRUE(comes_true([&] { return processes_with(mark).size() > 100; })) << last_exit_of(kLabel);
  for (int i = 0; i < 20; ++i) {
    auto actor = connect<Actor>("org.example.good");
    (void)actor.call_with<&Actor::crash>({.timeout = 60s});
    EXPECT_TRUE(actor.call_with<&Actor::sleep>({.timeout = 60s}, 0U)) << "it is started as ever";
  }
  EXPECT_TRUE(ask_broker(contract::KillJob{kLabel, SIGKILL}));
  EXPECT_TRUE(comes_true([&] { return processes_with(mark).empty(); })) << processes_with(mark).size() << " are left";
  EXPECT_EQ(error_of_call("org.example.good"), Error{});
}

// A file system whose server does not answer: who waits for it cannot even be killed.
TEST(JobsOnAStalledFileSystem, CostNobodyElseAnything) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may mount here; root's run tests this";
  StalledFile stalled;
  ASSERT_TRUE(stalled.file());
  const std::string path = stalled.path_inside();
  const std::string above = path.substr(0, path.rfind('/'));
  Session session({"/usr/bin/nsenter", "--mount=" + stalled.mounts()});
  write_job(session.jobs(), actor_job("org.example.good"));
  const auto write_bad = [&](const std::string& name, const std::string& program, const std::string& extra) {
    JobFile job = actor_job("org.example." + name);
    job.preset = "none";
    job.extra += extra;
    if (!program.empty()) job.program = program;
    write_job(session.jobs(), job);
  };
  const auto is_served = [&] {
    auto actor = connect<Actor>("org.example.good");
    (void)actor.call_with<&Actor::crash>({.timeout = 20s});
    return actor.call_with<&Actor::sleep>({.timeout = 20s}, 0U).has_value();
  };
  write_bad("output", "", string_key("StandardOutPath", path));
  write_bad("input", "", string_key("StandardInPath", path));
  write_bad("folder", "", string_key("WorkingDirectory", above));
  write_bad("program", path, "");
  ASSERT_TRUE(is_served());
  stalled.stall();
  for (const char* name : {"output", "input", "folder", "program"}) {
    const Error error = error_of_call(std::string("org.example.") + name);
    EXPECT_EQ(error.code, code::kLaunchFailed) << name << ": " << error.message;
    EXPECT_NE(error.message.find("(FUSE)"), std::string::npos) << name << ": " << error.message;
    EXPECT_TRUE(is_served()) << name;
  }
  write_bad("watcher", "", array_key("WatchPaths", path) + array_key("QueueDirectories", above));
  write_bad("waiter", "", dictionary_key("KeepAlive", dictionary_key("PathState", true_key(path))));
  EXPECT_EQ(error_of_call("org.example.watcher"), Error{});
  EXPECT_TRUE(is_served());
  stalled.go_on();
}

// The user's own folder comes before the one that came installed.
TEST(JobFolders, TheFirstFolderHasTheLabelAndTheName) {
  const Folder home;
  const Session session({"/usr/bin/env", "-u", "REEVE_JOBS_DIR", "XDG_CONFIG_HOME=" + home.path()});
  const std::string jobs = home.path() + "/reeve/jobs";
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).out, "{}\n") << "there is no other yet";
  fs::create_directories(jobs);
  JobFile job = actor_job("org.reeve.echo");
  write_job(jobs, job);
  const std::string listed = reeve_tool({"list"}).out;
  EXPECT_NE(listed.find("the label org.reeve.echo stands in " + jobs + "/org.reeve.echo.plist already"),
            std::string::npos)
      << listed;
  stop("org.reeve.echo");
  ASSERT_TRUE(wait_for_state("org.reeve.echo", "idle"));
  EXPECT_EQ(error_of_call("org.reeve.echo"), Error{}) << "the next instance is of the first file";
}

}  // namespace
}  // namespace reeve::test
