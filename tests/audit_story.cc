// `reeve audit`: what is really registered and listening in a session, and what is more open than it need be.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <reeve/message_port.hpp>
#include <reeve/socket.hpp>

#include "support/jobs.hpp"
#include "support/variable.hpp"

namespace reeve::test {
namespace {

constexpr const char* kGroup = "org.friends";

class Audit : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& preset, const std::string& reeve) const {
    JobFile job = actor_job(name);
    job.preset = preset;
    job.reeve = reeve;
    write_job(session.jobs(), job);
  }
  // What is said of a name, in words.
  static std::string said_of(const std::string& name) {
    const Output output = reeve_tool({"audit"});
    EXPECT_EQ(output.exit_code, 0) << output.err;
    const std::size_t begin = output.out.find(name + " (");
    if (begin == std::string::npos) return "";
    std::size_t end = output.out.find('\n', begin);
    while (end != std::string::npos && output.out.compare(end, 3, "\n  ") == 0) end = output.out.find('\n', end + 1);
    return output.out.substr(begin, end - begin);
  }
  static std::size_t warnings_in(const std::string& said) {
    std::size_t count = 0;
    for (std::size_t at = said.find("warning:"); at != std::string::npos; at = said.find("warning:", at + 1)) ++count;
    return count;
  }
  std::string group_folder() const { return data.path() + "/reeve/groups/" + kGroup; }

  Folder data;
  Variable data_home{"XDG_DATA_HOME", data.path()};
  Session session;
};

TEST_F(Audit, TellsWhoMayCallTheNamesOfJobs) {
  write("org.example.closed", "parser", array_key("AllowedCallers", "group:org.friends"));
  write("org.example.open", "none", "");
  const std::string closed = said_of("org.example.closed");
  EXPECT_NE(closed.find("sends:    group:org.friends"), std::string::npos) << closed;
  EXPECT_NE(closed.find("receives: job org.example.closed (parser)"), std::string::npos) << closed;
  EXPECT_NE(closed.find("limited by: group"), std::string::npos) << closed;
  EXPECT_EQ(closed.find("anybody may call it"), std::string::npos) << closed;
  const std::string open = said_of("org.example.open");
  EXPECT_NE(open.find("limited by: nothing"), std::string::npos) << open;
  EXPECT_EQ(warnings_in(open), 2U) << open;
  EXPECT_NE(open.find("anybody may call it"), std::string::npos) << open;
  EXPECT_NE(open.find("has no sandbox"), std::string::npos) << open;
}

TEST_F(Audit, TellsOfNamesThatProcessesHaveRegistered) {
  JobFile job;
  job.label = "org.example.postman";
  job.program = build_folder() + "/tests/postman";
  job.preset = "none";
  job.arguments = {"loop", "org.friends.desk"};
  job.names = "<dict/>";
  job.reeve = array_key("Groups", kGroup);
  job.extra = true_key("RunAtLoad") + integer_key("ThrottleInterval", 0);
  write_job(session.jobs(), job);
  ASSERT_TRUE(comes_true([] { return !said_of("org.friends.desk").empty(); }));
  const std::string said = said_of("org.friends.desk");
  EXPECT_NE(said.find("sends:    group:org.friends"), std::string::npos) << said;
  EXPECT_NE(said.find("receives: the job org.example.postman"), std::string::npos) << said;
  EXPECT_EQ(warnings_in(said), 0U) << said;
}

TEST_F(Audit, TellsOfSocketsInTheFoldersOfGroups) {
  fs::create_directories(group_folder());
  ::chmod(group_folder().c_str(), 0700);
  Loop loop = *Loop::make();
  SocketServer careful(loop, {group_folder(), 1}, {});
  archive::Allowed anything;
  for (const std::string& name : archive::known_classes()) anything.add(name);
  SocketServer careless(loop, {group_folder(), 2}, {}, anything);
  ASSERT_TRUE(careful.start() && careless.start());
  const std::string good = said_of(group_folder() + "/1");
  EXPECT_NE(good.find("receives: process " + std::to_string(::getpid())), std::string::npos) << good;
  EXPECT_NE(good.find("limited by: group"), std::string::npos) << good;
  EXPECT_EQ(warnings_in(good), 0U) << good;
  const std::string greedy = said_of(group_folder() + "/2");
  EXPECT_NE(greedy.find("it takes containers of anything"), std::string::npos) << greedy;
  ::chmod(group_folder().c_str(), 0777);
  const std::string open = said_of(group_folder() + "/1");
  EXPECT_NE(open.find("others can write to its folder"), std::string::npos) << open;
  ::chmod(group_folder().c_str(), 0700);
  const pid_t child = ::fork();
  if (child == 0) {
    Loop own = *Loop::make();
    SocketServer dead(own, {group_folder(), 3}, {});
    (void)dead.start();
    ::_exit(0);
  }
  EXPECT_TRUE(comes_true([&] { return fs::exists(group_folder() + "/3"); }));
  EXPECT_TRUE(comes_true([&] { return said_of(group_folder() + "/3").find("nobody listens") != std::string::npos; }));
}

TEST_F(Audit, SaysTheSameForScripts) {
  write("org.example.open", service_preset(), "");
  const Output output = reeve_tool({"audit", "--json"});
  EXPECT_EQ(output.exit_code, 0) << output.err;
  for (const char* part :
       {"{\"ways\":[", "\"name\":\"org.example.open\"", "\"kind\":\"name\"", "\"limited_by\":\"nothing\"",
        "\"user_takes_part\":false", "\"warnings\":[\"anybody may call it"}) {
    EXPECT_NE(output.out.find(part), std::string::npos) << part << " in " << output.out;
  }
}

}  // namespace
}  // namespace reeve::test
