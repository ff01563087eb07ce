// What a service may not do, as people are told of it; and that the line which they are told of allows it.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "support/jobs.hpp"

namespace reeve::test {
namespace {

class Denials : public testing::Test {
 protected:
  void SetUp() override {
    if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  }

  // The same program, with that line in its job file.
  void run_in(const std::string& preset, const std::string& further = "") const {
    JobFile job = actor_job(kLabel);
    job.preset = preset;
    job.reeve += further;
    write_job(session.jobs(), job);
    if (is_started_) stop(kLabel);
    is_started_ = true;
    EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  }
  static std::string explained() { return true_key("ExplainDenials"); }

  Result<void> attempt(const std::string& what) const { return connect<Actor>(kLabel).call<&Actor::attempt>(what); }

  // A denial that begins so is told of, by `reeve print` too.
  static std::string denial_of(const std::string& call) {
    std::string found;
    const auto is_it = [&](const std::string& denial) { return denial.starts_with(call + "("); };
    (void)comes_true([&] {
      const auto denials = details_of(kLabel).denials;
      const auto at = std::find_if(denials.begin(), denials.end(), is_it);
      if (at != denials.end()) found = *at;
      return !found.empty();
    });
    EXPECT_NE(reeve_tool({"print", kLabel}).out.find(found), std::string::npos);
    return found;
  }
  static std::string line_in(const std::string& denial) {
    const std::string begin = "<key>Preset</key>";
    const std::size_t at = denial.find(begin);
    const std::size_t end = denial.find(" would allow it");
    return at == std::string::npos ? "" : denial.substr(at + begin.size(), end - at - begin.size());
  }

  Session session;
  mutable bool is_started_ = false;
};

TEST_F(Denials, OfACallThatEndsAServiceNameItAndTheLineThatAllowsIt) {
  run_in("compute", explained());
  EXPECT_EQ(attempt("send").error().kind, Kind::interrupted);
  const std::string denial = denial_of("sendto");
  EXPECT_TRUE(denial.ends_with("ends it: <key>Preset</key><string>network-client</string> would allow it")) << denial;
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGSYS: " + denial);
  EXPECT_TRUE(session.prints(std::string(kLabel) + ": denied: " + denial));
  std::printf("%s\n%s\n", reeve_tool({"list"}).out.c_str(), reeve_tool({"print", kLabel}).out.c_str());
  ASSERT_EQ(line_in(denial), "<string>network-client</string>");
  run_in("network-client");
  const auto done = attempt("send");
  EXPECT_TRUE(done) << done.error().message;
}

TEST_F(Denials, OfARefusedPathNameItAndTheLineThatAllowsIt) {
  const auto reads_hosts = [] { return connect<Actor>(kLabel).call<&Actor::read_file>("/etc/hosts"); };
  run_in("parser", explained());
  EXPECT_EQ(reads_hosts().error().code, EPERM);
  const std::string denial = denial_of("openat");
  EXPECT_EQ(denial,
            "openat(\"/etc/hosts\") is refused: <key>Preset</key><string>network-client</string> would allow it");
  std::printf("%s\n", reeve_tool({"print", kLabel}).out.c_str());
  run_in("network-client", explained());
  EXPECT_EQ(*reads_hosts(), contents_of("/etc/hosts"));
}

TEST_F(Denials, OfARefusedThreadNameTheLineThatAllowsIt) {
  run_in("parser", explained());
  EXPECT_EQ(attempt("thread").error().kind, Kind::invalid) << "refused, and no end of the process";
  const std::string denial = denial_of("clone");
  ASSERT_EQ(line_in(denial), "<string>compute</string>") << denial;
  run_in("compute", explained());
  EXPECT_TRUE(attempt("thread"));
}

// A library asks for what nobody is allowed before it asks for what a preset would allow.
TEST_F(Denials, OfOneCallWithOtherArgumentsAreToldEachByItself) {
  run_in("compute", explained());
  EXPECT_TRUE(attempt("look for a server"));
  const auto told = [](const std::string& what, const std::string& answer) {
    return comes_true([&] {
      const auto denials = details_of(kLabel).denials;
      return std::ranges::any_of(denials, [&](const std::string& denial) {
        return denial.starts_with(what) && denial.find(answer) != std::string::npos;
      });
    });
  };
  EXPECT_TRUE(told("socket(16, ", "no preset allows it"));
  EXPECT_TRUE(told("socket(2, ", "<string>network-client</string>"));
}

// ... and stays the reason of that end when the next instance is refused something.
TEST_F(Denials, OfTheCallThatEndedAServiceIsToldWhileTheNextOneRuns) {
  run_in("compute", explained());
  EXPECT_EQ(attempt("keyctl").error().kind, Kind::interrupted);
  const std::string denial = denial_of("keyctl");
  EXPECT_TRUE(attempt("look for a server"));
  EXPECT_NE(denial_of("socket"), "");
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGSYS: " + denial);
}

TEST_F(Denials, OfWhatNoPresetAllowsSaySo) {
  run_in("parser", explained());
  EXPECT_EQ(attempt("keyctl").error().kind, Kind::interrupted);
  EXPECT_TRUE(denial_of("keyctl").ends_with("no preset allows it but none, which is no sandbox"));
}

TEST_F(Denials, AreToldToNobodyWhereTheJobDoesNotAskAndItIsToldHowToAsk) {
  run_in("parser");
  EXPECT_EQ(connect<Actor>(kLabel).call<&Actor::read_file>("/etc/hosts").error().code, EPERM);
  EXPECT_EQ(attempt("keyctl").error().kind, Kind::interrupted);
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGSYS (which call: Reeve.ExplainDenials)");
  EXPECT_TRUE(details_of(kLabel).denials.empty());
}

// However many came before it.
TEST_F(Denials, TellTheCallThatEndsAServiceLastOfAll) {
  run_in("parser", explained());
  for (int i = 0; i < 40; ++i) {
    const std::string path = "/nothing/" + std::to_string(i);
    EXPECT_EQ(connect<Actor>(kLabel).call<&Actor::read_file>(path).error().code, EPERM);
  }
  EXPECT_EQ(attempt("keyctl").error().kind, Kind::interrupted);
  const std::string denial = denial_of("keyctl");
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGSYS: " + denial);
  EXPECT_EQ(details_of(kLabel).denials.size(), 32U);
}

// futimens names none; the kernel takes a null for no path, and so does who tells of it.
TEST_F(Denials, OfACallWithoutItsPathEndNothing) {
  run_in("compute", explained());
  EXPECT_TRUE(attempt("utimensat without a path"));
  EXPECT_NE(denial_of("utimensat"), "");
}

// As libraries do, so that a program's signals come to threads that expect them.
TEST_F(Denials, EndNoThreadThatBlocksAllSignals) {
  run_in("compute", explained());
  const auto done = attempt("refused call with all signals blocked");
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_NE(denial_of("ptrace"), "");
}

// Where nothing is to be explained the kernel ends it by itself.
TEST_F(Denials, AreNotEscapedByWhoHandlesTheSignalItself) {
  run_in("parser");
  for (const char* how : {"handle SIGSYS", "ignore SIGSYS", "block SIGSYS", "have no stack for SIGSYS"}) {
    EXPECT_EQ(attempt(how).error().kind, Kind::interrupted) << how;
    EXPECT_TRUE(wait_for_state(kLabel, "idle"));
    EXPECT_TRUE(last_exit_of(kLabel).starts_with("killed by SIGSYS")) << how << ": " << last_exit_of(kLabel);
  }
}

TEST_F(Denials, ThatAServiceMakesUpAreNotBelieved) {
  run_in("parser", explained());
  EXPECT_TRUE(attempt("lies about denials"));
  EXPECT_TRUE(comes_true([] { return !details_of(kLabel).denials.empty(); }));
  for (const std::string& denial : details_of(kLabel).denials) {
    EXPECT_TRUE(denial.starts_with("ptrace(")) << denial << " (a read is allowed, and other sizes are no denials)";
    EXPECT_EQ(denial.find('\x1b'), std::string::npos);
  }
  EXPECT_LE(details_of(kLabel).denials.size(), 32U);
  run_in("parser", explained());
  EXPECT_EQ(attempt("keyctl").error().kind, Kind::interrupted);
  EXPECT_NE(denial_of("keyctl"), "") << "the next instance is heard";
}

// It says that a call ends it, and ends otherwise.
TEST_F(Denials, AreNoReasonForAnEndThatWasNotTheFilters) {
  run_in("parser", explained());
  EXPECT_TRUE(attempt("lies about its end"));
  EXPECT_NE(denial_of("keyctl"), "");
  EXPECT_EQ(connect<Actor>(kLabel).call<&Actor::crash>().error().kind, Kind::interrupted);
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel).find("keyctl"), std::string::npos) << last_exit_of(kLabel);
}

TEST_F(Denials, AreToldAfterASpawnerAndABrokerHaveGone) {
  run_in("parser", explained());
  EXPECT_TRUE(connect<Actor>(kLabel).call<&Actor::sleep>(0U));
  for (const auto part : {&Session::spawner, &Session::broker}) {
    const int before = (session.*part)();
    ::kill(before, SIGKILL);
    EXPECT_TRUE(comes_true([&] {
      const int now = (session.*part)();
      return now != 0 && now != before;
    }));
  }
  // What starts another service is a broker that has its spawner: there is nobody to tell before that.
  write_job(session.jobs(), actor_job("org.example.next"));
  EXPECT_TRUE(comes_true([] { return connect<Actor>("org.example.next").call<&Actor::sleep>(0U).has_value(); }));
  EXPECT_EQ(connect<Actor>(kLabel).call<&Actor::read_file>("/etc/hosts").error().code, EPERM);
  EXPECT_NE(denial_of("openat"), "");
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

}  // namespace
}  // namespace reeve::test
