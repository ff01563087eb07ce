#include "job.hpp"

#include <gtest/gtest.h>

#include "../vocab/text.hpp"

namespace reeve::broker {
namespace {

std::string file(const std::string& body) {
  return "<plist version=\"1.0\">\n<dict>\n" + body + "\n</dict>\n</plist>\n";
}

const std::string kGood =
    "<key>Label</key><string>org.example.a</string>\n"
    "<key>Program</key><string>../bin/a</string>\n"
    "<key>MachServices</key><dict><key>org.example.a</key><true/></dict>\n"
    "<key>Reeve</key><dict><key>Preset</key><string>parser</string></dict>\n";

std::string fault_of(const std::string& body) {
  const auto job = parse_job("/jobs/a.plist", file(body));
  return job ? "a job" : job.error().message;
}

// The good job with one line replaced.
std::string fault_with(const std::string& key, const std::string& line) {
  std::string body = kGood;
  const std::size_t begin = body.find("<key>" + key + "</key>");
  if (begin == std::string::npos) {
    body += line;
  } else {
    body.replace(begin, body.find('\n', begin) - begin, line);
  }
  return fault_of(body);
}

TEST(Job, RefusesBadValuesWithFileLineAndKey) {
  EXPECT_EQ(fault_of(""), "/jobs/a.plist:2: Label: missing");
  EXPECT_EQ(fault_with("Label", "<key>Label</key><integer>1</integer>"),
            "/jobs/a.plist:3: Label: expected string, got int64");
  EXPECT_EQ(fault_with("Label", "<key>Label</key><string>a b</string>"),
            "/jobs/a.plist:3: Label: a name holds a character that names may not hold");
  EXPECT_EQ(fault_with("Program", "<key>Program</key><string></string>"), "/jobs/a.plist:4: Program: is empty");
  EXPECT_EQ(fault_with("Program", ""), "/jobs/a.plist:2: Program: missing");
  EXPECT_EQ(fault_with("MachServices", "<key>MachServices</key><dict><key>a..b</key><true/></dict>"),
            "/jobs/a.plist:5: MachServices.a..b: a name has an empty component");
  EXPECT_EQ(fault_with("MachServices", "<key>MachServices</key><dict><key>a</key><integer>1</integer></dict>"),
            "/jobs/a.plist:5: MachServices.a: expected dictionary, got int64");
  EXPECT_EQ(fault_with("Reeve", "<key>Reeve</key><dict/>"), "/jobs/a.plist:6: Reeve.Preset: missing");
  EXPECT_EQ(fault_with("Reeve", "<key>Reeve</key><dict><key>Preset</key><string>jail</string></dict>"),
            "/jobs/a.plist:6: Reeve.Preset: no preset is called \"jail\"");
  EXPECT_EQ(fault_with("Reeve", "<key>Reeve</key><dict><key>Presets</key><string>parser</string></dict>"),
            "/jobs/a.plist:6: Reeve.Presets: unknown key");
  EXPECT_EQ(fault_with("ThrottleInterval", "<key>ThrottleInterval</key><integer>-1</integer>"),
            "/jobs/a.plist:7: ThrottleInterval: expected 0 to 31622400, got -1");
  EXPECT_EQ(fault_with("EnvironmentVariables",
                       "<key>EnvironmentVariables</key><dict><key>REEVE_CONTROL</key><string>9</string></dict>"),
            "/jobs/a.plist:7: EnvironmentVariables.REEVE_CONTROL: names that begin with REEVE_ are the broker's");
  EXPECT_EQ(fault_with("ProgramArguments", "<key>ProgramArguments</key><array/>"),
            "/jobs/a.plist:7: ProgramArguments: is empty");
  EXPECT_EQ(parse_job("/jobs/a.plist", "junk").error().message, "/jobs/a.plist: line 1: syntax error");
}

TEST(Job, ReadsWhatItKnowsAndWarnsOfTheRest) {
  const auto job = parse_job("/jobs/a.plist", file(kGood + "<key>ProgramArguments</key><array><string>a</string>"
                                                           "<string>-x</string></array>\n"
                                                           "<key>Sockets</key><true/>\n"
                                                           "<key>ThrottleInterval</key><integer>0</integer>\n"));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->label, "org.example.a");
  EXPECT_EQ(job->program, "/jobs/../bin/a") << "a relative program starts from its file's folder";
  EXPECT_EQ(job->arguments, std::vector<std::string>{"-x"});
  EXPECT_EQ(job->names, (std::vector<OfferedName>{OfferedName{"org.example.a"}}));
  EXPECT_EQ(job->throttle_interval.count(), 0);
  ASSERT_EQ(job->warnings.size(), 1U);
  EXPECT_EQ(job->warnings[0], "/jobs/a.plist:8: Sockets: ignored; this version does not know the key");
}

// Of each key: what it takes, what it takes for a mistake, and how that is told. The key stands in line 7.

TEST(Job, RefusesAPathThatCanNeitherBeKeptNorTold) {
  for (const std::string& path : {std::string("a.plist"), std::string(), std::string("/jobs/caf\xe9.plist"),
                                  "/" + std::string(kJobFilePathBytesMax, 'a'), std::string("/a\0b", 4)}) {
    const auto job = parse_job(path, file(kGood));
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().code, code::kBadJob);
    EXPECT_TRUE(vocab::is_text(job.error().message));
    EXPECT_LT(job.error().message.size(), 1000U);
  }
  EXPECT_TRUE(parse_job("/jobs/caf\xc3\xa9.plist", file(kGood)));
  EXPECT_TRUE(parse_job("/" + std::string(kJobFilePathBytesMax - 1, 'a'), file(kGood)));
}

TEST(Job, RefusesTextInAnyOtherEncoding) {
  const std::string rest =
      "<plist><dict><key>Label</key><string>caf\xe9</string><key>Program</key><string>/a</string>"
      "</dict></plist>";
  EXPECT_FALSE(parse_job("/a.plist", rest));
  EXPECT_FALSE(parse_job("/a.plist", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + rest));
}

Result<Job> job_with(const std::string& lines) { return parse_job("/jobs/a.plist", file(kGood + lines)); }

Job good(const std::string& key, const std::string& value) {
  const auto job = job_with("<key>" + key + "</key>" + value);
  EXPECT_TRUE(job) << job.error().message;
  EXPECT_TRUE(!job || job->warnings.empty()) << job->warnings[0];
  return job ? *job : Job();
}

// Without "/jobs/a.plist:7: ", which every complaint begins with.
std::string fault(const std::string& key, const std::string& value) {
  const std::string message = fault_with(key, "<key>" + key + "</key>" + value);
  const std::string place = "/jobs/a.plist:7: ";
  return message.starts_with(place) ? message.substr(place.size()) : "not in its line: " + message;
}

std::string reeve_with(const std::string& key, const std::string& value) {
  return "<dict><key>Preset</key><string>parser</string><key>" + key + "</key>" + value + "</dict>";
}
Job good_reeve(const std::string& key, const std::string& value) {
  std::string body = kGood;
  const std::size_t begin = body.find("<dict><key>Preset</key>");
  body.replace(begin, body.find("</dict>", begin) + 7 - begin, reeve_with(key, value));
  const auto job = parse_job("/jobs/a.plist", file(body));
  EXPECT_TRUE(job) << job.error().message;
  return job ? *job : Job();
}
std::string fault_reeve(const std::string& key, const std::string& value) {
  return fault_with("Reeve", "<key>Reeve</key>" + reeve_with(key, value));
}

const std::string kTrue = "<true/>";
const std::string kFalse = "<false/>";
const std::string kText = "<string>x</string>";
const std::string kOne = "<integer>1</integer>";

std::string integer(std::int64_t value) { return "<integer>" + std::to_string(value) + "</integer>"; }
std::string text(const std::string& value) { return "<string>" + value + "</string>"; }
std::string array(const std::string& body) { return "<array>" + body + "</array>"; }
std::string dictionary(const std::string& key, const std::string& value) {
  return "<dict><key>" + key + "</key>" + value + "</dict>";
}

TEST(JobKey, Label) {
  const std::string name = "aA0._-";
  std::string body = kGood;
  body.replace(body.find("org.example.a"), 13, name);
  const auto job = parse_job("/jobs/a.plist", file(body));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->label, name);
  EXPECT_EQ(fault_with("Label", "<key>Label</key>" + text(std::string(127, 'a'))), "a job");
  EXPECT_EQ(fault_with("Label", "<key>Label</key>" + text(std::string(128, 'a'))),
            "/jobs/a.plist:3: Label: a name is longer than 127 bytes");
  EXPECT_EQ(fault_with("Label", "<key>Label</key>" + text("a..b")),
            "/jobs/a.plist:3: Label: a name has an empty component");
  EXPECT_EQ(fault_with("Label", "<key>Label</key>" + kTrue), "/jobs/a.plist:3: Label: expected string, got bool");
}

TEST(JobKey, Program) {
  const auto with = [](const std::string& value) { return fault_with("Program", "<key>Program</key>" + value); };
  EXPECT_EQ(with(text("/bin/a")), "a job");
  EXPECT_EQ(with(kOne), "/jobs/a.plist:4: Program: expected string, got int64");
  EXPECT_EQ(with(text("")), "/jobs/a.plist:4: Program: is empty");
}

TEST(JobKey, ProgramArguments) {
  EXPECT_EQ(good("ProgramArguments", array(text("a") + text("") + text("b c"))).arguments,
            (std::vector<std::string>{"", "b c"}));
  EXPECT_EQ(good("ProgramArguments", array(text("/other"))).program, "/jobs/../bin/a") << "Program counts";
  EXPECT_EQ(fault("ProgramArguments", kText), "ProgramArguments: expected array, got string");
  EXPECT_EQ(fault("ProgramArguments", array(text("a") + kOne)), "ProgramArguments[1]: expected string, got int64");
  const auto job =
      parse_job("/jobs/a.plist", file("<key>Label</key><string>a</string><key>ProgramArguments</key>" +
                                      array(text("bin/a")) + "<key>Reeve</key>" + dictionary("Preset", text("none"))));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->program, "/jobs/bin/a");
}

TEST(JobKey, MachServices) {
  const auto names_of = [](const std::string& body) {
    std::string all = kGood;
    const std::size_t begin = all.find("<dict><key>org.example.a</key>");
    all.replace(begin, all.find('\n', begin) - begin, "<dict>" + body + "</dict>");
    const auto job = parse_job("/jobs/a.plist", file(all));
    EXPECT_TRUE(job) << job.error().message;
    return job ? job->names : std::vector<OfferedName>();
  };
  EXPECT_EQ(names_of("<key>b</key><true/><key>a</key><dict/><key>c</key><false/>"),
            (std::vector<OfferedName>{OfferedName{"a"}, OfferedName{"b"}}));
  EXPECT_EQ(names_of("<key>a</key>" + dictionary("ResetAtClose", kTrue)),
            (std::vector<OfferedName>{OfferedName{"a", true, false}}));
  EXPECT_EQ(names_of("<key>a</key>" + dictionary("HideUntilCheckIn", kTrue)),
            (std::vector<OfferedName>{OfferedName{"a", false, true}}));
  const auto with = [](const std::string& value) {
    return fault_with("MachServices", "<key>MachServices</key>" + value);
  };
  EXPECT_EQ(with(kTrue), "/jobs/a.plist:5: MachServices: expected dictionary, got bool");
  EXPECT_EQ(with(dictionary("a", dictionary("ResetAtClose", kOne))),
            "/jobs/a.plist:5: MachServices.a.ResetAtClose: expected bool, got int64");
  EXPECT_EQ(with(dictionary("a", dictionary("HideUntilCheckIn", kText))),
            "/jobs/a.plist:5: MachServices.a.HideUntilCheckIn: expected bool, got string");
}

TEST(JobKey, KeepAlive) {
  EXPECT_TRUE(good("KeepAlive", kTrue).keep_alive.always);
  EXPECT_EQ(good("KeepAlive", kFalse).keep_alive, KeepAlive());
  EXPECT_EQ(good("KeepAlive", dictionary("SuccessfulExit", kFalse)).keep_alive.successful_exit, false);
  EXPECT_EQ(good("KeepAlive", dictionary("Crashed", kTrue)).keep_alive.crashed, true);
  EXPECT_TRUE(good("KeepAlive", dictionary("AfterInitialDemand", kTrue)).keep_alive.after_initial_demand);
  using Pairs = std::vector<std::pair<std::string, bool>>;
  EXPECT_EQ(good("KeepAlive", dictionary("PathState", dictionary("a/b", kFalse))).keep_alive.path_state,
            (Pairs{{"/jobs/a/b", false}}));
  EXPECT_EQ(good("KeepAlive", dictionary("OtherJobEnabled", dictionary("a.b", kTrue))).keep_alive.other_job_enabled,
            (Pairs{{"a.b", true}}));
  EXPECT_EQ(fault("KeepAlive", kOne), "KeepAlive: expected dictionary, got int64");
  EXPECT_EQ(fault("KeepAlive", dictionary("SuccessfulExit", kOne)),
            "KeepAlive.SuccessfulExit: expected bool, got int64");
  EXPECT_EQ(fault("KeepAlive", dictionary("Crashed", kText)), "KeepAlive.Crashed: expected bool, got string");
  EXPECT_EQ(fault("KeepAlive", dictionary("AfterInitialDemand", kOne)),
            "KeepAlive.AfterInitialDemand: expected bool, got int64");
  EXPECT_EQ(fault("KeepAlive", dictionary("PathState", kTrue)), "KeepAlive.PathState: expected dictionary, got bool");
  EXPECT_EQ(fault("KeepAlive", dictionary("PathState", dictionary("/a", kOne))),
            "KeepAlive.PathState./a: expected bool, got int64");
  EXPECT_EQ(fault("KeepAlive", dictionary("OtherJobEnabled", dictionary("a b", kTrue))),
            "KeepAlive.OtherJobEnabled.a b: a name holds a character that names may not hold");
  EXPECT_EQ(fault("KeepAlive", dictionary("OtherJobEnabled", dictionary("a", kOne))),
            "KeepAlive.OtherJobEnabled.a: expected bool, got int64");
}

TEST(JobKey, Flags) {
  EXPECT_TRUE(good("RunAtLoad", kTrue).run_at_load);
  EXPECT_TRUE(good("LaunchOnlyOnce", kTrue).launch_only_once);
  EXPECT_TRUE(good("Disabled", kTrue).disabled);
  EXPECT_FALSE(good("EnableTransactions", kFalse).enable_transactions);
  const Job unset = good("RunAtLoad", kFalse);
  EXPECT_FALSE(unset.run_at_load);
  EXPECT_FALSE(unset.launch_only_once);
  EXPECT_FALSE(unset.disabled);
  EXPECT_TRUE(unset.enable_transactions);
  for (const std::string key : {"RunAtLoad", "LaunchOnlyOnce", "Disabled", "EnableTransactions"}) {
    EXPECT_EQ(fault(key, kOne), key + ": expected bool, got int64");
  }
}

TEST(JobKey, Times) {
  using std::chrono::seconds;
  EXPECT_EQ(good("ThrottleInterval", integer(0)).throttle_interval, seconds(0));
  EXPECT_EQ(good("ExitTimeOut", integer(31622400)).exit_time_out, seconds(31622400));
  EXPECT_EQ(good("ExitTimeOut", integer(7)).setup.grace_s, 7U);
  EXPECT_EQ(good("StartInterval", integer(1)).start_interval, seconds(1));
  const Job unset = good("RunAtLoad", kFalse);
  EXPECT_EQ(unset.throttle_interval, seconds(10));
  EXPECT_EQ(unset.exit_time_out, seconds(20));
  EXPECT_EQ(unset.setup.grace_s, 20U);
  EXPECT_EQ(unset.start_interval, std::nullopt);
  for (const std::string key : {"ThrottleInterval", "ExitTimeOut"}) {
    EXPECT_EQ(fault(key, kText), key + ": expected int64, got string");
    EXPECT_EQ(fault(key, "<real>1.5</real>"), key + ": expected int64, got double");
    EXPECT_EQ(fault(key, integer(-1)), key + ": expected 0 to 31622400, got -1");
    EXPECT_EQ(fault(key, integer(31622401)), key + ": expected 0 to 31622400, got 31622401");
  }
  EXPECT_EQ(fault("StartInterval", kTrue), "StartInterval: expected int64, got bool");
  EXPECT_EQ(fault("StartInterval", integer(0)), "StartInterval: expected 1 to 31622400, got 0");
  EXPECT_EQ(fault("StartInterval", integer(31622401)), "StartInterval: expected 1 to 31622400, got 31622401");
}

TEST(JobKey, StartCalendarInterval) {
  const auto dates = [](const std::string& value) { return good("StartCalendarInterval", value).calendar; };
  EXPECT_EQ(dates("<dict/>"), std::vector<CalendarDate>(1));
  EXPECT_EQ(dates(array("")), std::vector<CalendarDate>());
  EXPECT_EQ(dates("<dict><key>Minute</key>" + integer(59) + "<key>Hour</key>" + integer(23) + "<key>Day</key>" +
                  integer(31) + "<key>Weekday</key>" + integer(7) + "<key>Month</key>" + integer(12) + "</dict>"),
            (std::vector<CalendarDate>{{.minute = 59, .hour = 23, .day = 31, .weekday = 7, .month = 12}}));
  EXPECT_EQ(dates(array(dictionary("Hour", integer(0)) + dictionary("Day", integer(1)))),
            (std::vector<CalendarDate>{{.minute = {}, .hour = 0, .day = {}, .weekday = {}, .month = {}},
                                       {.minute = {}, .hour = {}, .day = 1, .weekday = {}, .month = {}}}));
  struct Range {
    std::string field;
    int least;
    int most;
  };
  for (const auto& [field, least, most] : {Range{"Minute", 0, 59}, Range{"Hour", 0, 23}, Range{"Day", 1, 31},
                                           Range{"Weekday", 0, 7}, Range{"Month", 1, 12}}) {
    const std::string at = "StartCalendarInterval." + field + ": expected ";
    const std::string range = std::to_string(least) + " to " + std::to_string(most) + ", got ";
    EXPECT_EQ(fault("StartCalendarInterval", dictionary(field, integer(least - 1))),
              at + range + std::to_string(least - 1));
    EXPECT_EQ(fault("StartCalendarInterval", dictionary(field, integer(most + 1))),
              at + range + std::to_string(most + 1));
    EXPECT_EQ(fault("StartCalendarInterval", dictionary(field, kText)), at + "int64, got string");
  }
  EXPECT_EQ(fault("StartCalendarInterval", kOne), "StartCalendarInterval: expected dictionary, got int64");
  EXPECT_EQ(fault("StartCalendarInterval", array("<dict/>" + kOne)),
            "StartCalendarInterval[1]: expected dictionary, got int64");
  EXPECT_EQ(fault("StartCalendarInterval", array(dictionary("Year", kOne))),
            "StartCalendarInterval[0].Year: unknown field");
}

TEST(JobKey, Paths) {
  EXPECT_EQ(good("WatchPaths", array(text("/a") + text("b"))).watch_paths, (std::vector<std::string>{"/a", "/jobs/b"}));
  EXPECT_EQ(good("QueueDirectories", array(text("q"))).queue_directories, std::vector<std::string>{"/jobs/q"});
  for (const std::string key : {"WatchPaths", "QueueDirectories"}) {
    EXPECT_EQ(fault(key, kText), key + ": expected array, got string");
    EXPECT_EQ(fault(key, array(text("/a") + kOne)), key + "[1]: expected string, got int64");
    EXPECT_EQ(fault(key, array(text(""))), key + "[0]: is empty");
  }
  EXPECT_EQ(good("StandardInPath", text("/dev/null")).standard_in, "/dev/null");
  EXPECT_EQ(good("StandardOutPath", text("out")).standard_out, "/jobs/out");
  EXPECT_EQ(good("StandardErrorPath", text("err")).standard_error, "/jobs/err");
  for (const std::string key : {"StandardInPath", "StandardOutPath", "StandardErrorPath", "WorkingDirectory"}) {
    EXPECT_EQ(fault(key, kOne), key + ": expected string, got int64");
    EXPECT_EQ(fault(key, text("")), key + ": is empty");
  }
}

TEST(JobKey, WorkingDirectory) {
  EXPECT_EQ(fault("WorkingDirectory", text("/tmp")), "WorkingDirectory: there are no folders in preset parser");
  const auto job =
      parse_job("/jobs/a.plist", file("<key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
                                      "<key>WorkingDirectory</key><string>below</string>"
                                      "<key>Reeve</key>" +
                                      dictionary("Preset", text("none"))));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->working_directory, "/jobs/below");
}

TEST(JobKey, EnvironmentVariables) {
  EXPECT_EQ(
      good("EnvironmentVariables", "<dict><key>A</key><string>1=2</string><key>B</key><string/></dict>").environment,
      (std::vector<std::string>{"A=1=2", "B="}));
  EXPECT_EQ(good("XPCService", dictionary("EnvironmentVariables", dictionary("A", text("1")))).environment,
            std::vector<std::string>{"A=1"});
  EXPECT_EQ(fault("EnvironmentVariables", kText), "EnvironmentVariables: expected dictionary, got string");
  EXPECT_EQ(fault("EnvironmentVariables", dictionary("A", kOne)), "EnvironmentVariables.A: expected string, got int64");
  EXPECT_EQ(fault("EnvironmentVariables", dictionary("A=B", kText)),
            "EnvironmentVariables.A=B: is no name of a variable");
  EXPECT_EQ(fault("EnvironmentVariables", dictionary("", kText)), "EnvironmentVariables.: is no name of a variable");
  EXPECT_EQ(fault("XPCService", dictionary("EnvironmentVariables", dictionary("REEVE_X", kText))),
            "XPCService.EnvironmentVariables.REEVE_X: names that begin with REEVE_ are the broker's");
}

TEST(JobKey, Umask) {
  EXPECT_EQ(good("RunAtLoad", kFalse).setup.umask, 077U);
  EXPECT_EQ(good("Umask", integer(18)).setup.umask, 022U);
  EXPECT_EQ(good("Umask", text("22")).setup.umask, 022U);
  EXPECT_EQ(good("Umask", text("0777")).setup.umask, 0777U);
  EXPECT_EQ(fault("Umask", integer(512)), "Umask: expected 0 to 511, got 512");
  EXPECT_EQ(fault("Umask", integer(-1)), "Umask: expected 0 to 511, got -1");
  for (const std::string octal : {"", "8", "1000", "00022", "-1", "0x1"}) {
    EXPECT_EQ(fault("Umask", text(octal)), "Umask: expected an octal number from 0 to 777, got \"" + octal + "\"");
  }
  EXPECT_EQ(fault("Umask", kTrue), "Umask: expected int64, got bool");
}

TEST(JobKey, Nice) {
  EXPECT_EQ(good("Nice", integer(-20)).setup.nice, -20);
  EXPECT_EQ(good("Nice", integer(20)).setup.nice, 20);
  EXPECT_EQ(fault("Nice", integer(-21)), "Nice: expected -20 to 20, got -21");
  EXPECT_EQ(fault("Nice", integer(21)), "Nice: expected -20 to 20, got 21");
  EXPECT_EQ(fault("Nice", kText), "Nice: expected int64, got string");
}

TEST(JobKey, ProcessType) {
  EXPECT_EQ(good("ProcessType", text("Background")).setup.is_background, 1U);
  for (const char* type : {"Standard", "Adaptive", "Interactive"}) {
    EXPECT_EQ(good("ProcessType", text(type)).setup.is_background, 0U);
  }
  EXPECT_EQ(fault("ProcessType", text("background")), "ProcessType: no type is called \"background\"");
  EXPECT_EQ(fault("ProcessType", kOne), "ProcessType: expected string, got int64");
}

TEST(JobKey, ResourceLimits) {
  for (std::size_t i = 0; i < std::size(contract::kLimitNames); ++i) {
    const std::string name = contract::kLimitNames[i];
    EXPECT_EQ(good("SoftResourceLimits", dictionary(name, integer(3))).setup.limits[i],
              (contract::LimitPair{3, contract::kLimitUnset}));
    EXPECT_EQ(good("HardResourceLimits", dictionary(name, integer(0))).setup.limits[i],
              (contract::LimitPair{contract::kLimitUnset, 0}));
  }
  for (const std::string key : {"SoftResourceLimits", "HardResourceLimits"}) {
    EXPECT_EQ(fault(key, kOne), key + ": expected dictionary, got int64");
    EXPECT_EQ(fault(key, dictionary("Core", kText)), key + ".Core: expected int64, got string");
    EXPECT_EQ(fault(key, dictionary("Core", integer(-1))), key + ".Core: expected 0 to 9223372036854775807, got -1");
    EXPECT_EQ(fault(key, dictionary("Threads", kOne)), key + ".Threads: unknown limit");
  }
  EXPECT_EQ(fault_of(kGood + "<key>SoftResourceLimits</key>" + dictionary("Core", integer(2)) +
                     "\n<key>HardResourceLimits</key>" + dictionary("Core", integer(1))),
            "/jobs/a.plist:7: SoftResourceLimits.Core: exceeds the hard limit");
}

TEST(JobKey, XpcServiceType) {
  EXPECT_EQ(good("XPCService", dictionary("ServiceType", text("Application"))).service_type, ServiceType::application);
  EXPECT_EQ(good("XPCService", dictionary("ServiceType", text("User"))).service_type, ServiceType::user);
  EXPECT_EQ(good("XPCService", dictionary("ServiceType", text("System"))).service_type, ServiceType::user);
  EXPECT_EQ(fault("XPCService", dictionary("ServiceType", text("Pid"))),
            "XPCService.ServiceType: no type is called \"Pid\"");
  EXPECT_EQ(fault("XPCService", dictionary("ServiceType", kOne)), "XPCService.ServiceType: expected string, got int64");
  EXPECT_EQ(fault("XPCService", kTrue), "XPCService: expected dictionary, got bool");
}

TEST(JobKey, ReevePreset) {
  EXPECT_EQ(good("RunAtLoad", kFalse).preset, "parser");
  EXPECT_EQ(fault_with("Reeve", "<key>Reeve</key>" + dictionary("Preset", kOne)),
            "/jobs/a.plist:6: Reeve.Preset: expected string, got int64");
  EXPECT_EQ(fault_with("Reeve", "<key>Reeve</key>" + kTrue), "/jobs/a.plist:6: Reeve: expected dictionary, got bool");
}

TEST(JobKey, ReeveEntitlements) {
  EXPECT_EQ(good_reeve("Entitlements", dictionary("LookUp", array(text("a.b") + text("c")))).may_look_up,
            (std::vector<std::string>{"a.b", "c"}));
  EXPECT_EQ(fault_reeve("Entitlements", kTrue), "/jobs/a.plist:6: Reeve.Entitlements: expected dictionary, got bool");
  EXPECT_EQ(fault_reeve("Entitlements", dictionary("LookUp", kTrue)),
            "/jobs/a.plist:6: Reeve.Entitlements.LookUp: expected array, got bool");
  EXPECT_EQ(fault_reeve("Entitlements", dictionary("LookUp", array(text("a b")))),
            "/jobs/a.plist:6: Reeve.Entitlements.LookUp[0]: a name holds a character that names may not hold");
  EXPECT_EQ(fault_reeve("Entitlements", dictionary("Camera", kTrue)),
            "/jobs/a.plist:6: Reeve.Entitlements.Camera: unknown entitlement");
}

TEST(JobKey, ReeveGroups) {
  EXPECT_EQ(good_reeve("Groups", array(text("org.example"))).groups, std::vector<std::string>{"org.example"});
  EXPECT_EQ(fault_reeve("Groups", kText), "/jobs/a.plist:6: Reeve.Groups: expected array, got string");
  EXPECT_EQ(fault_reeve("Groups", array(kOne)), "/jobs/a.plist:6: Reeve.Groups[0]: expected string, got int64");
  EXPECT_EQ(fault_reeve("Groups", array(text(""))).substr(0, 32), "/jobs/a.plist:6: Reeve.Groups[0]");
  EXPECT_TRUE(contract::is_in_group("org.example", "org.example"));
  EXPECT_TRUE(contract::is_in_group("org.example.a", "org.example"));
  EXPECT_FALSE(contract::is_in_group("org.examples", "org.example"));
  EXPECT_FALSE(contract::is_in_group("org", "org.example"));
}

TEST(JobKey, ReeveGroupsThatASignatureGivesAreRefused) {
  for (const char* group : {"group.org.example", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ.a"}) {
    EXPECT_NE(fault_reeve("Groups", array(text(group))).find("by a signature alone"), std::string::npos) << group;
  }
  EXPECT_EQ(good_reeve("Groups", array(text("groups.org"))).groups.front(), "groups.org");
}

TEST(JobKey, ReeveAllowedCallers) {
  const contract::Identity anybody;
  contract::Identity friendly;
  friendly.label = "a.b";
  EXPECT_TRUE(good("RunAtLoad", kFalse).allowed_callers.is_met_by(anybody));
  EXPECT_FALSE(good_reeve("AllowedCallers", array("")).allowed_callers.is_met_by(friendly)) << "nobody";
  const auto some = good_reeve("AllowedCallers", array(text("job:a.b") + text("group:g"))).allowed_callers;
  EXPECT_EQ(some.text(), "(job:a.b) or (group:g)");
  EXPECT_TRUE(some.is_met_by(friendly));
  EXPECT_FALSE(some.is_met_by(anybody));
  EXPECT_TRUE(good_reeve("AllowedCallers", array(text("user"))).allowed_callers.is_met_by(anybody));
  EXPECT_EQ(fault_reeve("AllowedCallers", kText), "/jobs/a.plist:6: Reeve.AllowedCallers: expected array, got string");
  EXPECT_EQ(fault_reeve("AllowedCallers", array(kOne)),
            "/jobs/a.plist:6: Reeve.AllowedCallers[0]: expected string, got int64");
  EXPECT_EQ(fault_reeve("AllowedCallers", array(text("anybody"))),
            "/jobs/a.plist:6: Reeve.AllowedCallers[0]: requirement, at 7: no fact is called \"anybody\"");
  EXPECT_EQ(fault_reeve("AllowedCallers", array(text("job:a b"))),
            "/jobs/a.plist:6: Reeve.AllowedCallers[0]: requirement, at 5: expected and, or, or the end");
}

TEST(JobKey, ReeveExplainDenials) {
  EXPECT_EQ(good_reeve("ExplainDenials", "<true/>").setup.explains_denials, 1U);
  EXPECT_EQ(good_reeve("ExplainDenials", "<false/>").setup.explains_denials, 0U);
}

TEST(JobKey, ReeveIdleTimeOut) {
  EXPECT_EQ(good("RunAtLoad", kFalse).idle_time_out.count(), 30);
  EXPECT_EQ(good_reeve("IdleTimeOut", integer(0)).idle_time_out.count(), 0);
  EXPECT_EQ(fault_reeve("IdleTimeOut", integer(-1)),
            "/jobs/a.plist:6: Reeve.IdleTimeOut: expected 0 to 31622400, got -1");
  EXPECT_EQ(fault_reeve("IdleTimeOut", kText), "/jobs/a.plist:6: Reeve.IdleTimeOut: expected int64, got string");
}

TEST(JobKey, UnknownOnesAreWarnedOfWhereTheyDecideNothing) {
  const auto job = job_with("<key>Sockets</key><dict/>\n<key>XPCService</key>" + dictionary("RunLoopType", kText));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->warnings,
            (std::vector<std::string>{"/jobs/a.plist:7: Sockets: ignored; this version does not know the key",
                                      "/jobs/a.plist:8: XPCService.RunLoopType: ignored; it means nothing here"}));
  EXPECT_EQ(fault_reeve("Prest", kTrue), "/jobs/a.plist:6: Reeve.Prest: unknown key");
  const auto connected = job_with("<key>KeepAlive</key>" + dictionary("NetworkState", kTrue));
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(connected->keep_alive, KeepAlive()) << "nothing keeps it";
  EXPECT_EQ(connected->warnings.size(), 1U);
}

}  // namespace
}  // namespace reeve::broker
