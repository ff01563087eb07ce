#include "job.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace reeve::broker
