// What people do with the tool: every command, its shapes, its refusals; and the broker without its powers.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "../src/inspect/json.hpp"
#include "support/actor.hpp"
#include "support/host.hpp"
#include "support/jobs.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

class Tool : public testing::Test {
 protected:
  static Dictionary printed(const std::vector<std::string>& command) {
    const Output output = reeve_tool(command);
    EXPECT_EQ(output.exit_code, 0) << output.err;
    const auto parsed = inspect::parse_json(output.out);
    const Dictionary* object = parsed ? parsed->get<Dictionary>() : nullptr;
    EXPECT_NE(object, nullptr) << output.out;
    return object != nullptr ? *object : Dictionary();
  }
  static std::string refused(const std::vector<std::string>& command) {
    const Output output = reeve_tool(command);
    EXPECT_EQ(output.exit_code, 1) << output.out;
    return output.err;
  }
  static void done(const std::vector<std::string>& command) {
    const Output output = reeve_tool(command);
    EXPECT_EQ(output.exit_code, 0) << output.err;
    EXPECT_EQ(output.out, "");
  }
  static std::int64_t pid_of(const std::string& label) {
    const Dictionary status = status_of(label);
    const Object* pid = status.find("pid");
    const std::int64_t* number = pid != nullptr ? pid->get<std::int64_t>() : nullptr;
    return number != nullptr ? *number : 0;
  }

  Session session;
  Folder elsewhere;
};

TEST_F(Tool, RefusesJobsAndSignalsThatAreNone) {
  EXPECT_NE(refused({"print", "org.nobody"}).find("no job is called org.nobody"), std::string::npos);
  for (const char* command : {"start", "stop", "unload"}) {
    EXPECT_NE(refused({command, "org.nobody"}).find("no job is called org.nobody"), std::string::npos) << command;
  }
  EXPECT_EQ(reeve_tool({"kill", "NOTHING", kActor}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"kill"}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"conquer"}).exit_code, 2);
  EXPECT_NE(refused({"load", elsewhere.path() + "/none.plist"}).find("cannot be opened"), std::string::npos);
  std::ofstream(elsewhere.path() + "/bad.plist")
      << "<plist><dict>\n<key>Label</key><integer>1</integer></dict></plist>";
  EXPECT_NE(refused({"load", elsewhere.path() + "/bad.plist"}).find("bad.plist:2: Label: expected string, got int64"),
            std::string::npos);
  const Output json = reeve_tool({"start", "--json", "org.nobody"});
  const auto error = inspect::parse_json(json.err);
  ASSERT_TRUE(error) << json.err;
  EXPECT_EQ(*error->get<Dictionary>()->find("error")->get<Dictionary>()->find("kind"), Object("invalid"));
}

// An interface of one method as the tool writes it.
std::string interface_file(const std::string& method, const std::string& records = "", const std::string& enums = "") {
  return R"({"enums":[)" + enums + R"(],"methods":[)" + method + R"(],"name":"I","records":[)" + records + "]}";
}
std::string method(const std::string& arguments, const std::string& result, const char* is_stream = "false") {
  return R"({"arguments":[)" + arguments + R"(],"is_stream":)" + is_stream + R"(,"name":"m","result":")" + result +
         "\"}";
}

// What a method gives is shown as it is: one answer, items as they come, or nothing.
TEST_F(Tool, CallsWhatStreamsAndWhatIsOneWay) {
  write_job(session.jobs(), host_job("org.example.host"));
  write_job(session.jobs(), actor_job("org.example.actor"));
  const Output items = reeve_tool({"call", "org.example.actor", "numbers", "[3]"});
  EXPECT_EQ(items.exit_code, 0) << items.err;
  EXPECT_EQ(items.out,
            "{\"value\":{\"$uint64\":\"0\"}}\n{\"value\":{\"$uint64\":\"1\"}}\n{\"value\":{\"$uint64\":\"2\"}}\n");
  const Output none = reeve_tool({"call", "org.example.actor", "numbers", "[0]"});
  EXPECT_EQ(none.exit_code, 0) << none.err;
  EXPECT_EQ(none.out, "");
  const Output cut = reeve_tool({"call", "org.example.actor", "numbers_until_death", "[2]"});
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_EQ(std::count(cut.out.begin(), cut.out.end(), '\n'), 2) << "what came before its end is shown";
  EXPECT_NE(cut.err.find("the service ended"), std::string::npos) << cut.err;
  const Output note = reeve_tool({"call", "org.example.host", "note", "[\"hello\"]"});
  EXPECT_EQ(note.exit_code, 0) << note.err;
  EXPECT_EQ(note.out, "");
  EXPECT_EQ(refused({"call", "org.example.actor", "numbers", "[true]"}),
            "reeve: numbers[0]: expected uint64, got bool\n");
}

TEST_F(Tool, SaysWhatANewInterfaceBreaks) {
  const auto record = [](const std::string& fields) { return R"({"fields":[)" + fields + R"(],"name":"R"})"; };
  const auto values = [](const std::string& all) { return R"({"name":"E","values":[)" + all + "]}"; };
  const std::string a = R"({"name":"a","type":"bool"})";
  const std::string maybe_b = R"(,{"name":"b","type":"optional<string>"})";
  const std::string b = R"(,{"name":"b","type":"string"})";
  struct Pair {
    std::string before;
    std::string after;
    int exit_code;
    std::string first_line;
  };
  const Pair pairs[] = {
      {interface_file(method("", "bool")), interface_file(method("", "bool")), 0, "old callers go on"},
      {interface_file(method("", "bool")), interface_file(""), 1, "breaks old callers: m: is gone"},
      {interface_file(""), interface_file(method("", "bool")), 0, "needs the new service: m: is new"},
      {interface_file(method(R"("bool")", "bool")), interface_file(method("", "bool")), 1,
       "breaks old callers: m: takes 0 arguments, and took 1"},
      {interface_file(method(R"("uint16")", "bool")), interface_file(method(R"("uint32")", "bool")), 0,
       "needs the new service: m[0]: uint32, where uint16 is read"},
      {interface_file(method("", "uint16")), interface_file(method("", "uint32")), 1,
       "breaks old callers: m returns: uint32, where uint16 is read"},
      {interface_file(method(R"("R")", "bool"), record(a)),
       interface_file(method(R"("R")", "bool"), record(a + maybe_b)), 0,
       "needs the new service: m[0].b: is not known where it is read"},
      {interface_file(method(R"("R")", "bool"), record(a)), interface_file(method(R"("R")", "bool"), record(a + b)), 1,
       "breaks old callers: m[0].b: is not written, and must be there"},
      {interface_file(method("", "E"), "", values(R"("red")")),
       interface_file(method("", "E"), "", values(R"("red","green")")), 1,
       "breaks old callers: m returns: green is not known where it is read"},
      {interface_file(method("", "bool")), interface_file(method("", "bool", "true")), 1,
       "breaks old callers: m: became a stream"},
  };
  const std::string before = elsewhere.path() + "/before.json";
  const std::string after = elsewhere.path() + "/after.json";
  for (const Pair& pair : pairs) {
    std::ofstream(before) << pair.before;
    std::ofstream(after) << pair.after;
    const Output output = reeve_tool({"interface", "diff", before, after});
    EXPECT_EQ(output.exit_code, pair.exit_code) << output.err;
    EXPECT_EQ(output.out.substr(0, output.out.find('\n')), pair.first_line);
  }
  const Dictionary json = printed({"interface", "diff", "--json", before, before});
  EXPECT_EQ(*json.find("breaks_old_callers"), Object(false));
  std::ofstream(after) << R"({"called":"I"})";
  EXPECT_NE(refused({"interface", "diff", before, after}).find("unknown field"), std::string::npos);
  EXPECT_NE(refused({"interface", "diff", before, "./none.json"}).find("cannot be opened"), std::string::npos);
  EXPECT_EQ(reeve_tool({"interface", "diff", before}).exit_code, 2);
}

TEST_F(Tool, ShowsTheInterfaceOfAServiceThatLetsItBeSeen) {
  write_job(session.jobs(), actor_job(kActor));
  const Output text = reeve_tool({"interface", "show", kActor});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(text.out.starts_with("interface Actor\n  repeat(Everything) -> Everything\n")) << text.out;
  EXPECT_NE(text.out.find("\n  numbers(uint64) -> stream of uint64\n"), std::string::npos);
  EXPECT_NE(text.out.find("\nenum Mood\n  calm\n  angry\n"), std::string::npos);
  const std::string file = elsewhere.path() + "/actor.json";
  std::ofstream(file) << reeve_tool({"interface", "show", "--json", kActor}).out;
  const Output same = reeve_tool({"interface", "diff", file, kActor});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(same.out, "old callers go on\n");
  EXPECT_NE(refused({"interface", "show", "org.example.nobody"}).find("no service is called"), std::string::npos);
}

TEST_F(Tool, LoadsAJobForTheSessionAndForgetsItAgain) {
  write_job(elsewhere.path(), actor_job(kActor));
  const std::string file = elsewhere.path() + "/" + kActor + ".plist";
  const Dictionary loaded = printed({"load", "--json", file});
  EXPECT_EQ(*loaded.find("labels"), Object(Array{Object(kActor)}));
  EXPECT_NE(refused({"load", file}).find("is there already"), std::string::npos);
  EXPECT_TRUE(connect<Actor>(kActor).call<&Actor::sleep>(0U));
  // The folders are read again and again: what was loaded stays.
  EXPECT_EQ(*status_of(kActor).find("state"), Object("running"));
  done({"unload", kActor});
  EXPECT_EQ(connect<Actor>(kActor).call<&Actor::sleep>(0U).error().code, code::kUnknownService);
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (!status_of(kActor).empty() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(status_of(kActor).empty()) << "it is forgotten once it has ended";
  EXPECT_EQ(reeve_tool({"load", file}).exit_code, 0) << "and may come again";
}

TEST_F(Tool, UnloadsAJobOfAFolderUntilItIsLoadedAgain) {
  write_job(session.jobs(), actor_job(kActor));
  ASSERT_TRUE(connect<Actor>(kActor).call<&Actor::sleep>(0U));
  done({"unload", kActor});
  ASSERT_TRUE(wait_for_state(kActor, "unloaded"));
  EXPECT_EQ(connect<Actor>(kActor).call<&Actor::sleep>(0U).error().code, code::kUnknownService);
  EXPECT_EQ(reeve_tool({"load", session.jobs() + "/" + kActor + ".plist"}).exit_code, 0);
  EXPECT_TRUE(connect<Actor>(kActor).call<&Actor::sleep>(0U));
}

TEST_F(Tool, StartsStopsAndKills) {
  write_job(session.jobs(), actor_job(kActor));
  done({"start", kActor});
  ASSERT_TRUE(wait_for_state(kActor, "running"));
  const std::int64_t pid = pid_of(kActor);
  EXPECT_GT(pid, 0);
  done({"start", kActor});
  EXPECT_EQ(pid_of(kActor), pid) << "it runs already";
  const Dictionary details = printed({"print", "--json", kActor});
  for (const char* key :
       {"label", "state", "file", "program", "arguments", "preset", "pid", "uptime_s", "names", "registered", "groups",
        "identifier", "starts", "waiting", "last_exit", "kept_alive_by", "settings"}) {
    EXPECT_NE(details.find(key), nullptr) << key;
  }
  EXPECT_EQ(*details.find("preset"), Object(service_preset()));
  done({"stop", kActor});
  ASSERT_TRUE(wait_for_state(kActor, "idle"));
  EXPECT_EQ(last_exit_of(kActor), "exited with 0") << "it heard SIGTERM";
  done({"start", kActor});
  ASSERT_TRUE(wait_for_state(kActor, "running"));
  done({"kill", "SIGKILL", kActor});
  ASSERT_TRUE(wait_for_state(kActor, "idle"));
  EXPECT_EQ(last_exit_of(kActor), "killed by SIGKILL");
  EXPECT_NE(refused({"kill", "9", kActor}).find("does not run"), std::string::npos);
}

TEST_F(Tool, PrintsWhateverAJobsFileSays) {
  JobFile job = actor_job(kActor);
  job.extra =
      "<key>Nice</key><integer>3</integer><key>Umask</key><string>022</string><key>RunAtLoad</key><true/>"
      "<key>EnvironmentVariables</key><dict><key>A</key><string>b c</string></dict>"
      "<key>SoftResourceLimits</key><dict><key>NumberOfFiles</key><integer>99</integer></dict>"
      "<key>WatchPaths</key><array><string>/nowhere/x</string></array><key>ExitTimeOut</key><integer>7</integer>"
      "<key>StartCalendarInterval</key><dict><key>Minute</key><integer>5</integer></dict>";
  job.reeve = "<key>AllowedCallers</key><array><string>job:org.example.b</string></array>";
  write_job(session.jobs(), job);
  const Dictionary details = printed({"print", "--json", kActor});
  const auto* settings = details.find("settings")->get<Dictionary>();
  ASSERT_NE(settings, nullptr);
  const std::map<std::string, std::string> wanted{
      {"Nice", "3"},
      {"Umask", "022"},
      {"RunAtLoad", "true"},
      {"EnvironmentVariables.A", "b c"},
      {"SoftResourceLimits.NumberOfFiles", "99"},
      {"WatchPaths", "/nowhere/x"},
      {"ExitTimeOut", "7 s"},
      {"StartCalendarInterval", "Minute 5"},
      {"Reeve.AllowedCallers", "job:org.example.b"},
  };
  for (const auto& [key, value] : wanted) {
    ASSERT_NE(settings->find(key), nullptr) << key;
    EXPECT_EQ(*settings->find(key), Object(value)) << key;
  }
  EXPECT_NE(reeve_tool({"print", kActor}).out.find("Nice           3\n"), std::string::npos);
}

TEST_F(Tool, TellsHowOftenAJobCrashedAndWhenItMayStartAgain) {
  JobFile job = actor_job(kActor);
  job.extra = "";       // launchd's throttle
  job.preset = "none";  // Process 1 of a pid namespace hears no SIGABRT of outside.
  write_job(session.jobs(), job);
  for (int i = 0; i < 3; ++i) {
    done({"start", kActor});
    ASSERT_TRUE(wait_for_state(kActor, "running"));
    done({"kill", "ABRT", kActor});
    ASSERT_TRUE(wait_for_state(kActor, "idle"));
  }
  EXPECT_TRUE(last_exit_of(kActor).starts_with("killed by SIGABRT, 3 crashes in 10 s, next start in "))
      << last_exit_of(kActor);
  EXPECT_NE(refused({"start", kActor}).find("was started 3 times in 10 s"), std::string::npos);
  EXPECT_EQ(connect<Actor>(kActor).call<&Actor::sleep>(0U).error().code, code::kThrottled);
}

TEST_F(Tool, ReplacesBrokerAndSpawnerUnderAServiceAndItsClient) {
  write_job(session.jobs(), actor_job(kActor));
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  const std::int64_t service = pid_of(kActor);
  const int broker = session.broker();
  const int spawner = session.spawner();
  done({"broker", "--replace"});
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  const auto is_new = [](int now, int before) { return now != 0 && now != before; };
  while (!(is_new(session.broker(), broker) && is_new(session.spawner(), spawner)) &&
         std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(is_new(session.broker(), broker));
  EXPECT_TRUE(is_new(session.spawner(), spawner));
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U));
  EXPECT_EQ(pid_of(kActor), service);
  EXPECT_TRUE(connect<Actor>(kActor).call<&Actor::sleep>(0U)) << "the new broker introduces to the old service";
}

TEST_F(Tool, TheDoctorTellsOfTheBrokerAndOfEachFeature) {
  const Dictionary told = printed({"doctor", "--json"});
  const Dictionary* broker = told.find("broker")->get<Dictionary>();
  ASSERT_NE(broker, nullptr);
  EXPECT_EQ(*broker->find("pid"), Object(static_cast<std::int64_t>(session.supervisor())));
  const Array* features = told.find("features")->get<Array>();
  ASSERT_NE(features, nullptr);
  EXPECT_GE(features->size(), 10U);
  for (const Object& feature : *features) {
    const Dictionary& row = *feature.get<Dictionary>();
    const std::string& state = *row.find("state")->get<std::string>();
    EXPECT_TRUE(state == "ok" || state == "degraded" || state == "missing") << state;
    EXPECT_EQ(row.find("effect")->get<std::string>()->empty(), state == "ok")
        << "whoever lacks something is told what to do";
  }
}

// No program that the session ever starts can become more than its user.
TEST_F(Tool, NobodyGainsPowersBySetIdPrograms) {
  ASSERT_EQ(reeve_tool({"list"}).exit_code, 0);  // All three run.
  for (const int pid : {session.supervisor(), session.spawner(), session.broker()}) {
    EXPECT_EQ(facts_of(pid)["NoNewPrivs"], "1") << pid;
  }
}

TEST_F(Tool, TheBrokerHasNoPowers) {
  ASSERT_EQ(reeve_tool({"list"}).exit_code, 0);  // It has begun to serve.
  auto facts = facts_of(session.broker());
  EXPECT_EQ(facts["NoNewPrivs"], "1");
  EXPECT_EQ(facts["CapEff"], "0000000000000000");
  EXPECT_EQ(facts["Seccomp"], is_sanitised() ? "0" : "2");
}

TEST_F(Tool, AMachinesBrokerIsAskedForWhatTheUsersDoesNotKnow) {
  const std::string folder = elsewhere.path() + "/system";
  const std::string jobs = elsewhere.path() + "/jobs";
  std::filesystem::create_directory(jobs);
  write_job(jobs, actor_job(kActor));
  ::setenv("REEVE_SYSTEM_DIR", folder.c_str(), 1);
  EXPECT_EQ(connect<Actor>(kActor).call<&Actor::sleep>(0U).error().code, code::kUnknownService) << "there is none yet";
  const pid_t machine = ::fork();
  if (machine == 0) {
    const std::string tool = stage() + "/bin/reeve";
    ::execl(tool.c_str(), "reeve", "broker", "--system", "--jobs", jobs.c_str(), nullptr);
    ::_exit(127);
  }
  // Its socket is there before it listens.
  EXPECT_TRUE(comes_true([] { return connect<Actor>(kActor).call<&Actor::sleep>(0U).has_value(); }));
  EXPECT_TRUE(status_of(kActor).empty()) << "it is no job of this user's broker";
  EXPECT_NE(reeve_tool({"list", "--system"}).out.find(kActor), std::string::npos);
  ::kill(machine, SIGTERM);
  int ended = -1;
  ::waitpid(machine, &ended, 0);
  EXPECT_EQ(ended, 0);
  ::unsetenv("REEVE_SYSTEM_DIR");
}

TEST_F(Tool, AProcessServesANameOfItsOwn) {
  const pid_t server = ::fork();
  if (server == 0) {
    const std::string actor = build_folder() + "/tests/actor";
    ::execl(actor.c_str(), "actor", "--here", "own.name", nullptr);
    ::_exit(127);
  }
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  const auto called = [&] { return connect<Actor>("own.name", {.pid = server}).call<&Actor::sleep>(0U).has_value(); };
  while (!called() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(called());
  EXPECT_EQ(connect<Actor>("own.name").call<&Actor::sleep>(0U).error().code, code::kUnknownService)
      << "only whoever names the process finds it";
  EXPECT_EQ(connect<Actor>("own.name", {.pid = ::getpid()}).call<&Actor::sleep>(0U).error().code,
            code::kUnknownService);
  const int broker = session.broker();
  ::kill(broker, SIGKILL);
  while ((session.broker() == broker || session.broker() == 0) && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(called()) << "the next broker knows the name";
  ::kill(server, SIGTERM);
  int ended = -1;
  ::waitpid(server, &ended, 0);
  EXPECT_EQ(ended, 0);
  EXPECT_FALSE(called());
}

TEST_F(Tool, ShowsPresetsInWordsAndForScripts) {
  EXPECT_NE(refused({"sandbox", "show", "jail"}).find("known are: none parser compute network-client"),
            std::string::npos);
  EXPECT_NE(reeve_tool({"sandbox", "show"}).out.find("\ncompute "), std::string::npos);
  const std::string shown = reeve_tool({"sandbox", "show", "network-client"}).out;
  for (const char* word : {"/etc/resolv.conf", "to connect by TCP and UDP", " connect ", "512", "4 GiB"}) {
    EXPECT_NE(shown.find(word), std::string::npos) << word;
  }
  const Dictionary parser = printed({"sandbox", "show", "--json", "parser"});
  EXPECT_EQ(*parser.find("internet"), Object(false));
  EXPECT_EQ(*parser.find("limits")->get<Dictionary>()->find("threads"), Object(std::int64_t{1}));
  const Array& refused_calls = *parser.find("calls")->get<Dictionary>()->find("refused")->get<Array>();
  EXPECT_NE(std::find(refused_calls.begin(), refused_calls.end(), Object("connect")), refused_calls.end());
}

TEST_F(Tool, RunsAProgramInAPresetWithItsInputAndOutput) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  EXPECT_EQ(reeve_tool({"sandbox", "run", "parser"}).exit_code, 2);
  EXPECT_NE(refused({"sandbox", "run", "jail", "--", "/bin/true"}).find("no preset is called"), std::string::npos);
  EXPECT_NE(refused({"sandbox", "run", "parser", "--", "/nowhere/program"}).find("/nowhere/program: open"),
            std::string::npos);
  EXPECT_NE(refused({"sandbox", "run", "parser", "--", "/etc/hostname"}).find("/etc/hostname: execveat"),
            std::string::npos)
      << "no program";
  const Output echo = reeve_tool({"sandbox", "run", "parser", "--", "/bin/echo", "-n", "a b", "[]", "--", "[c,d]"});
  EXPECT_EQ(echo.out, "a b [] -- [c,d]") << echo.err;
  EXPECT_EQ(reeve_tool({"sandbox", "run", "parser", "--", "/bin/false"}).exit_code, 1);
  EXPECT_EQ(reeve_tool({"sandbox", "run", "parser", "--", "/bin/sh", "-c", "exit 77"}).exit_code, 77);
  EXPECT_EQ(reeve_tool({"sandbox", "run", "parser", "--", "/bin/cat", "/etc/hosts"}).out, "");
  EXPECT_EQ(reeve_tool({"sandbox", "run", "network-client", "--", "/bin/cat", "/etc/hosts"}).out,
            contents_of("/etc/hosts"));
  const Output killed = reeve_tool({"sandbox", "run", "parser", "--", "/bin/sync"});
  EXPECT_EQ(killed.exit_code, 128 + SIGSYS) << killed.out << killed.err;
  EXPECT_NE(killed.err.find("killed by SIGSYS"), std::string::npos) << killed.err;
  EXPECT_NE(killed.err.find("reeve sandbox show parser"), std::string::npos) << killed.err;
}

TEST_F(Tool, WhatItRunsInAPresetEndsWithIt) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  const std::string marked = "98765" + std::to_string(::getpid());
  const pid_t tool = ::fork();
  if (tool == 0) {
    const std::string program = stage() + "/bin/reeve";
    ::execl(program.c_str(), "reeve", "sandbox", "run", "parser", "--", "/bin/sleep", marked.c_str(), nullptr);
    ::_exit(127);
  }
  // Beside the tool, and for a moment its launcher.
  const auto runs = [&](int pid) {
    return contents_of("/proc/" + std::to_string(pid) + "/cmdline").starts_with("/bin");
  };
  EXPECT_TRUE(comes_true([&] { return std::ranges::any_of(processes_with(marked), runs); }));
  ::kill(tool, SIGKILL);
  ::waitpid(tool, nullptr, 0);
  EXPECT_TRUE(comes_true([&] { return processes_with(marked).empty(); }));
}

TEST_F(Tool, MakesATeamOnceAndKeepsItsKeySecret) {
  const std::string key = elsewhere.path() + "/team.key";
  const Output made = reeve_tool({"team", "new", key});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out.size(), 27U) << made.out;
  EXPECT_EQ(std::filesystem::status(key).permissions(), std::filesystem::perms(0600));
  EXPECT_NE(refused({"team", "new", key}).find("is there already"), std::string::npos);
  const std::vector<std::string> sign{"sign", "--key", key, "--identifier", "org.example.app", key + ".txt"};
  std::ofstream(key + ".txt") << "a file";
  std::filesystem::permissions(key, std::filesystem::perms(0640));
  EXPECT_NE(refused(sign).find("can be read by its group or by others"), std::string::npos);
  std::filesystem::permissions(key, std::filesystem::perms(0600));
  EXPECT_EQ(reeve_tool(sign).exit_code, 0);
  EXPECT_NE(refused({"sign", "--key", key + ".txt", "--identifier", "a", key}).find("by others"), std::string::npos);
  std::filesystem::permissions(key + ".txt", std::filesystem::perms(0600));
  EXPECT_NE(refused({"sign", "--key", key + ".txt", "--identifier", "a", key}).find("no key file"), std::string::npos);
}

TEST_F(Tool, ASignedProgramVerifiesAndStillRuns) {
  const std::string key = elsewhere.path() + "/team.key";
  const std::string program = elsewhere.path() + "/echo";
  std::string team = reeve_tool({"team", "new", key}).out;
  team.pop_back();
  std::filesystem::copy_file("/bin/echo", program);
  EXPECT_NE(refused({"verify", program}).find("there is no signature"), std::string::npos);
  const std::vector<std::string> sign{"sign",          program,
                                      "--key",         key,
                                      "--identifier",  "org.example.echo",
                                      "--version",     "3",
                                      "--group",       team + ".shared",
                                      "--entitlement", "monitor",
                                      "--entitlement", "level=2",
                                      "--preset",      "parser"};
  EXPECT_EQ(reeve_tool(sign).exit_code, 0);
  const auto size = std::filesystem::file_size(program);
  EXPECT_EQ(reeve_tool(sign).exit_code, 0) << "once more";
  EXPECT_EQ(std::filesystem::file_size(program), size) << "in the place of the first";
  const Dictionary told = printed({"verify", "--json", program});
  EXPECT_EQ(*told.find("team"), Object(team));
  EXPECT_EQ(*told.find("identifier"), Object("org.example.echo"));
  EXPECT_EQ(*told.find("entitlements"),
            Object(Dictionary{{"level", Object(std::int64_t{2})}, {"monitor", Object(true)}}));
  EXPECT_EQ(run({program, "it", "runs"}).out, "it runs\n");
  if (!is_sanitised()) {
    EXPECT_EQ(reeve_tool({"sandbox", "run", "parser", "--", program, "here", "too"}).out, "here too\n");
  }
  // Its program changed by a bit, behind the signature's back.
  std::fstream file(program, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096).put('\x55');
  file.close();
  EXPECT_NE(refused({"verify", program}).find("the file was changed after it was signed"), std::string::npos);
  EXPECT_NE(refused({"sign", program, "--key", key, "--identifier", "a", "--version", "-1"}).find("no number"),
            std::string::npos);
  EXPECT_EQ(reeve_tool({"verify", program, "--", "another"}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"sign", program, "--key", key, "--identifier", "a", "--preset", ""}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"sign", program, "--key", key, "--identifier", "a", "--allow", "user", "b"}).exit_code, 2);
  EXPECT_NE(refused({"sign", program, "--key", key, "--identifier", "a", "--group", "OTHER.shared"}).find("groups"),
            std::string::npos);
  EXPECT_NE(refused({"sign", program, "--key", key, "--identifier", "a", "--preset", "jail"}).find("no preset"),
            std::string::npos);
}

TEST_F(Tool, SignsBesideAFileThatMustNotChange) {
  const std::string key = elsewhere.path() + "/team.key";
  const std::string script = elsewhere.path() + "/script";
  const std::string passphrase = elsewhere.path() + "/passphrase";
  std::ofstream(passphrase) << "correct horse\n";
  std::filesystem::permissions(passphrase, std::filesystem::perms(0600));
  EXPECT_EQ(reeve_tool({"team", "new", key, "--passphrase-file", passphrase}).exit_code, 0);
  std::ofstream(script) << "#!/bin/sh\n";
  const std::vector<std::string> sign{"sign", "--detached", "--key", key, "--identifier", "org.example.script", script};
  EXPECT_NE(refused(sign).find("the key has a passphrase"), std::string::npos);
  auto with_passphrase = sign;
  with_passphrase.insert(with_passphrase.end(), {"--passphrase-file", passphrase});
  EXPECT_EQ(reeve_tool(with_passphrase).exit_code, 0);
  EXPECT_EQ(contents_of(script), "#!/bin/sh\n");
  EXPECT_NE(refused({"sign", "--key", key, "--identifier", "a", script, "--passphrase-file", passphrase})
                .find("its interpreter would read the signature"),
            std::string::npos);
  EXPECT_NE(reeve_tool({"verify", script}).out.find("org.example.script"), std::string::npos);
  std::ofstream(script, std::ios::app) << "exit 1\n";
  EXPECT_NE(refused({"verify", script}).find("of a file of another size"), std::string::npos);
  std::ofstream(script + ".reevesig", std::ios::trunc);
  EXPECT_NE(refused({"verify", script}).find("is no signature"), std::string::npos) << "and not: there is none";
}

TEST_F(Tool, SigningTakesNothingFromAFileButItsOldSignature) {
  const std::string key = elsewhere.path() + "/team.key";
  const std::string file = elsewhere.path() + "/file";
  EXPECT_EQ(reeve_tool({"team", "new", key}).exit_code, 0);
  EXPECT_EQ(reeve_tool({"team", "new", key + "2", "--passphrase-file", ""}).exit_code, 2);
  const std::vector<std::string> sign{"sign", "--key", key, "--identifier", "a", file};
  std::ofstream(file) << std::string(300, 'x');
  EXPECT_EQ(reeve_tool(sign).exit_code, 0);
  // A footer that adds up, and a signature that is none.
  std::string forged = contents_of(file);
  forged[forged.size() - 100] ^= 1;
  std::ofstream(file, std::ios::trunc) << forged;
  EXPECT_NE(refused(sign).find("ends in a signature that is not good"), std::string::npos);
  EXPECT_EQ(contents_of(file), forged);
  std::ofstream(file, std::ios::trunc) << "a program";
  std::filesystem::permissions(file, std::filesystem::perms(04755));
  EXPECT_NE(refused(sign).find("rights of its own"), std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms(0750));
  std::filesystem::create_symlink(file, file + ".link");
  auto by_link = sign;
  by_link.back() += ".link";
  EXPECT_EQ(reeve_tool(by_link).exit_code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(file + ".link"));
  EXPECT_EQ(reeve_tool({"verify", file}).exit_code, 0);
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0750));
  EXPECT_NE(refused({"sign", "--key", key, "--identifier", "a", key}).find("is the key itself"), std::string::npos);
}

}  // namespace
}  // namespace reeve::test
