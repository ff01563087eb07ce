// The tool as a stranger finds it: no broker runs, and the first call starts one.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/socket.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

namespace fs = std::filesystem;

std::int32_t broker_pid() {
  const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
  return socket ? os::connected_by(*socket)->pid : 0;
}

class Embedded : public testing::Test {
 protected:
  Embedded() {
    ::setenv("REEVE_RUNTIME_DIR", runtime.c_str(), 1);
    ::setenv("REEVE_JOBS_DIR", (stage() + "/lib/reeve/jobs").c_str(), 1);
  }
  ~Embedded() override { stop(); }

  void stop() const {
    std::error_code error;
    const std::int32_t pid = fs::exists(runtime + "/broker.socket", error) ? broker_pid() : 0;
    if (pid <= 0) return;
    ::kill(pid, SIGTERM);
    EXPECT_TRUE(wait_for_no_broker(runtime));
  }

  Folder folder;
  std::string runtime = folder.path() + "/run";
};

TEST_F(Embedded, AnswersTheFirstCall) {
  const Output output = reeve_tool({"call", "org.reeve.echo", R"({"hello":"world","n":42})"});
  EXPECT_EQ(output.exit_code, 0) << output.err;
  EXPECT_EQ(output.out, "{\"hello\":\"world\",\"n\":42}\n");
}

TEST_F(Embedded, IsStartedByACallThatDoesNotWaitToo) {
  Loop loop = *Loop::make();
  Connection echo = open_connection("org.reeve.echo", {.loop = loop});
  std::optional<Result<Dictionary>> answer;
  const Dictionary hello{{"hello", Object("world")}};
  const auto ask = [&]() -> connection::Detached {
    const auto body = co_await echo.async(hello);
    answer.emplace(body ? Result<Dictionary>(body->root().object()) : std::unexpected(body.error()));
  };
  ask();
  const os::Time give_up = os::now() + 20s;
  while (!answer && os::now() < give_up) ASSERT_TRUE(loop.run_once(os::now() + 10ms));
  ASSERT_TRUE(answer && *answer) << (answer ? text_of(answer->error()) : "nothing came");
  EXPECT_EQ(**answer, hello);
}

TEST_F(Embedded, EchoesEveryTypeAndAFile) {
  const std::string message =
      R"({"a":[1,-2.5,true,null],"d":{"$data":"3q2+70I="},"t":{"$date":"2026-01-31T12:00:00Z"},)"
      R"("u":{"$uint64":"18446744073709551615"},"v":{"$uuid":"01234567-89ab-cdef-fedc-ba9876543210"}})";
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", message}).out, message + "\n");
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}", "--file", "f=/etc/passwd"}).out,
            "{\"f\":{\"$fd\":\"file\"}}\n");
}

TEST_F(Embedded, SaysWhatToDoAboutAnUnknownName) {
  const Output output = reeve_tool({"call", "org.example.nobody", "{}"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.err.find("no service is called org.example.nobody"), std::string::npos);
  EXPECT_NE(output.err.find("reeve list"), std::string::npos);
  const Output json = reeve_tool({"call", "--json", "org.example.nobody", "{}"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_NE(json.err.find(R"({"error":{"kind":"denied","code":1102,"message":)"), std::string::npos) << json.err;
}

TEST_F(Embedded, RefusesCommandLinesThatMakeNoSense) {
  EXPECT_EQ(reeve_tool({}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"dance"}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo"}).exit_code, 2);
  const Output shown = reeve_tool({"interface", "show", "org.reeve.echo"});
  EXPECT_EQ(shown.exit_code, 1);
  EXPECT_NE(shown.err.find("org.reeve.echo does not show its interface"), std::string::npos) << shown.err;
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}", "--timeout", "soon"}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{"}).exit_code, 1);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "[]"}).exit_code, 1);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}", "--file", "no-key"}).exit_code, 1);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}", "--file", "k=/nowhere"}).exit_code, 1);
  EXPECT_EQ(reeve_tool({"broker", "--system", "--user"}).exit_code, 2);
}

TEST_F(Embedded, IsStartedOnceByManyAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      if (reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code == 0) ++good;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 8);
  std::set<std::string> brokers;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream environment(entry.path() / "environ");
    std::string text;
    std::getline(environment, text, '\xff');
    std::error_code error;
    const std::string program = fs::read_symlink(entry.path() / "exe", error).filename();
    if (program == "broker" && text.find("REEVE_RUNTIME_DIR=" + runtime) != std::string::npos)
      brokers.insert(entry.path());
  }
  EXPECT_EQ(brokers.size(), 1U);
}

TEST_F(Embedded, ComesBackAfterItWasKilled) {
  ASSERT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code, 0);
  const std::int32_t first = broker_pid();
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  EXPECT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code, 0);
  EXPECT_NE(broker_pid(), first);
}

TEST_F(Embedded, ACallThatMeetsALeavingBrokerStartsAnother) {
  ASSERT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code, 0);
  for (int i = 0; i < 5; ++i) {
    // It may be gone by now: whoever was called last may have been the one that was told to leave.
    if (const std::int32_t broker = broker_pid(); broker > 0) ::kill(broker, SIGTERM);
    const Output output = reeve_tool({"call", "org.reeve.echo", "{}"});
    EXPECT_EQ(output.exit_code, 0) << output.err;
  }
}

TEST_F(Embedded, LeavesWhenNobodyNeedsIt) {
  ASSERT_EQ(reeve_tool({"list"}).exit_code, 0);
  EXPECT_GT(broker_pid(), 0);
  EXPECT_TRUE(wait_for_no_broker(runtime));
}

TEST_F(Embedded, LeavesWhateverHappensBesideItsJobFolder) {
  ::setenv("REEVE_JOBS_DIR", (folder.path() + "/jobs").c_str(), 1);
  ASSERT_EQ(reeve_tool({"list"}).exit_code, 0);
  std::jthread others([this](const std::stop_token& over) {
    for (int i = 0; !over.stop_requested(); ++i) {
      std::ofstream(folder.path() + "/other") << i;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  EXPECT_TRUE(wait_for_no_broker(runtime));
}

TEST_F(Embedded, ASecondBrokerInTheForegroundIsToldOfTheFirst) {
  ASSERT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code, 0);
  const Output output = reeve_tool({"broker"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.err.find("runs already"), std::string::npos);
}

std::string refusal() {
  const Output output = reeve_tool({"call", "org.reeve.echo", "{}"});
  EXPECT_EQ(output.exit_code, 1);
  return output.err;
}

TEST_F(Embedded, RefusesARuntimeFolderThatOthersCanEnter) {
  fs::create_directory(runtime);
  for (const fs::perms open : {fs::perms::group_write, fs::perms::others_exec, fs::perms::group_read}) {
    fs::permissions(runtime, fs::perms::owner_all | open);
    EXPECT_NE(refusal().find("can be entered by its group or by others"), std::string::npos);
  }
}

TEST_F(Embedded, RefusesARuntimeFolderThatIsALinkOrAFile) {
  fs::create_directory(folder.path() + "/real");
  fs::permissions(folder.path() + "/real", fs::perms::owner_all);
  fs::create_directory_symlink(folder.path() + "/real", runtime);
  EXPECT_NE(refusal().find("is a symbolic link or not a folder"), std::string::npos);
  fs::remove(runtime);
  std::ofstream{runtime};
  EXPECT_NE(refusal().find("is a symbolic link or not a folder"), std::string::npos);
}

TEST_F(Embedded, RefusesARuntimeFolderOfAnotherUser) {
  if (::geteuid() == 0) {
    fs::create_directory(runtime);
    fs::permissions(runtime, fs::perms::owner_all);
    ASSERT_EQ(::chown(runtime.c_str(), 1000, 1000), 0);
  } else {
    ::setenv("REEVE_RUNTIME_DIR", "/usr", 1);
  }
  const std::string why = refusal();
  EXPECT_NE(why.find("belongs to user"), std::string::npos) << why;
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(runtime.c_str(), 0, 0), 0);
  }
  ::setenv("REEVE_RUNTIME_DIR", runtime.c_str(), 1);
}

TEST_F(Embedded, ListsItsJobsAsTextAndAsJson) {
  ASSERT_EQ(reeve_tool({"call", "org.reeve.echo", "{}"}).exit_code, 0);
  EXPECT_NE(reeve_tool({"list"}).out.find("org.reeve.echo"), std::string::npos);
  const Dictionary status = status_of("org.reeve.echo");
  for (const char* key : {"label", "state", "pid", "names", "uptime_s", "last_exit"})
    EXPECT_NE(status.find(key), nullptr) << key;
}

}  // namespace
}  // namespace reeve::test
