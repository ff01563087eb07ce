// Who is calling: signed programs, those who pretend to be, and what each may do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "../src/bootstrap/broker.hpp"
#include "support/jobs.hpp"
#include "support/speaker.hpp"

namespace reeve::test {
namespace {

constexpr const char* kOnlooker = "org.example.onlooker";
constexpr const char* kVerified = "ok verified ";
constexpr const char* kUidOnly = "ok uid_only ";

// Programs that are root's alone, from / on: made by root, or before, for a story that an ordinary user runs.
class Citizens {
 public:
  Citizens() {
    if (::access((build_folder() + "/tests/citizen.a").c_str(), X_OK) == 0) {
      folder_ = build_folder() + "/tests";
    } else if (::geteuid() == 0) {
      char folder[] = "/run/reeve-citizens-XXXXXX";
      if (::mkdtemp(folder) == nullptr) return;
      folder_ = folder;
      is_own_ = true;
      ::chmod(folder, 0755);
      fs::copy_file(build_folder() + "/tests/citizen", folder_ + "/citizen");
      EXPECT_EQ(run({REEVE_SIGN_CITIZENS, stage(), folder_}).exit_code, 0);
    }
  }
  ~Citizens() {
    std::error_code ignored;
    if (is_own_) fs::remove_all(folder_, ignored);
  }
  bool are_there() const { return !folder_.empty(); }
  const std::string& folder() const { return folder_; }
  std::string team(const std::string& which) const { return lines_of(folder_ + "/citizen." + which + ".team").at(0); }

 private:
  std::string folder_;
  bool is_own_ = false;
};

const Citizens& citizens() {
  static const Citizens all;
  return all;
}

std::string citizen(const std::string& which) {
  return citizens().folder() + "/citizen" + (which.empty() ? "" : "." + which);
}

// What a citizen prints.
std::string said_by(const std::string& which, std::vector<std::string> words) {
  words.insert(words.begin(), citizen(which));
  const Output output = run(words);
  EXPECT_EQ(output.err, "");
  return output.out.substr(0, output.out.find('\n'));
}

// A connection to the broker, made by this process, for another one.
os::Fd connection() { return bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail).value(); }

bool pass_on(const os::Fd& line, const os::Fd& what) {
  const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span("x"))};
  const std::array descriptors{what.raw()};
  return os::send_packet(line, parts, descriptors).has_value();
}
os::Fd passed_on(const os::Fd& line) {
  std::array<std::byte, 16> room;
  if (!os::wait_for(line, os::Readiness::readable, os::now() + 20s).value_or(false)) return {};
  auto received = os::receive_packet(line, room, os::Rights::accept);
  auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
  if (arrival == nullptr || arrival->descriptors.empty()) return {};
  return std::move(arrival->descriptors.front());
}

// All that comes out of a pipe, until nobody holds its other end.
std::string drained(int pipe) {
  std::string said;
  for (char byte; ::read(pipe, &byte, 1) == 1;) said += byte;
  ::close(pipe);
  return said;
}

// A signed program that asks the broker over that connection, and is followed by `next` when it answers.
[[noreturn]] void become_one_that_asks(const std::string& next, const os::Fd& socket, int output) {
  ::fcntl(socket.raw(), F_SETFD, 0);
  ::dup2(output, 1);
  ::execl(citizen("a").c_str(), "citizen", "become", next.c_str(), std::to_string(socket.raw()).c_str(), nullptr);
  ::_exit(127);
}

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    if (!citizens().are_there()) GTEST_SKIP() << "only root can make programs that their user cannot write to";
    shared = citizens().team("a") + ".shared";
  }
  JobFile onlooker(const std::string& reeve, std::vector<std::string> more = {}) const {
    JobFile job = actor_job(kOnlooker, std::move(more));
    job.program = build_folder() + "/tests/onlooker";
    job.reeve = reeve;
    return job;
  }
  void write_onlooker(const std::string& asked, std::vector<std::string> more = {}) const {
    write_job(session.jobs(), onlooker(asked.empty() ? "" : array_key("AllowedCallers", asked), std::move(more)));
  }
  void trust(const std::string& which, const std::string& keys) const {
    const std::string file = trust_folder.path() + "/" + which + ".plist";
    std::ofstream(file + ".new") << "<plist version=\"1.0\"><dict>" << string_key("Team", citizens().team(which))
                                 << keys << "</dict></plist>";
    fs::rename(file + ".new", file);
    EXPECT_EQ(reeve_tool({"list"}).exit_code, 0) << "read by now";
  }
  Folder trust_folder;
  struct Variables {
    explicit Variables(const Folder& folder) {
      ::setenv("REEVE_TRUST_DIR", folder.path().c_str(), 1);
      ::setenv("XDG_DATA_HOME", (folder.path() + "/data").c_str(), 1);
    }
    ~Variables() {
      ::unsetenv("REEVE_TRUST_DIR");
      ::unsetenv("XDG_DATA_HOME");
    }
  } variables{trust_folder};
  Session session;
  std::string shared;
};

// Refusals.

TEST_F(Identity, AnUnsignedProgramProvesNothing) {
  EXPECT_EQ(said_by("", {"who"}), "ok unsigned");
  Speaker speaker(connection());
  const auto proof = speaker.prove({});
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->who.trust, PeerClass::uid_only);
  EXPECT_NE(proof->why_not, "");
}

TEST_F(Identity, AProgramThatItsUserCanWriteToIsNotVerified) {
  const Folder own;
  ::chmod(own.path().c_str(), 0755);
  const std::string copy = own.path() + "/citizen";
  fs::copy_file(citizen("a"), copy);
  const Output output = run({copy, "who"});
  EXPECT_TRUE(output.out.starts_with(kUidOnly)) << output.out;
  EXPECT_NE(output.out.find("is not root's alone"), std::string::npos) << output.out;
}

TEST_F(Identity, I9CodeThatIsNotRootsAloneIsNotVerified) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser wants to be the first library; the plain build runs this";
  const Folder own;
  ::chmod(own.path().c_str(), 0755);
  const std::string library = own.path() + "/libother.so";
  for (const char* real : {"/usr/lib/x86_64-linux-gnu/libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1"}) {
    std::error_code missing;
    if (fs::copy_file(fs::canonical(real, missing), library, missing)) break;
  }
  ASSERT_TRUE(fs::exists(library));
  ::setenv("LD_PRELOAD", library.c_str(), 1);
  const Output output = run({citizen("a"), "who"});
  ::unsetenv("LD_PRELOAD");
  EXPECT_TRUE(output.out.starts_with(kUidOnly)) << output.out;
  EXPECT_NE(output.out.find("libother.so"), std::string::npos) << output.out;
}

TEST_F(Identity, OneThatADebuggerHoldsIsNotVerified) {
  if (is_sanitised()) GTEST_SKIP() << "a leak checker wants to trace by itself; the plain build runs this";
  int output[2];
  ASSERT_EQ(::pipe(output), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(output[1], 1);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execl(citizen("a").c_str(), "citizen", "who", nullptr);
    ::_exit(127);
  }
  ::close(output[1]);
  for (int status = 0; ::waitpid(child, &status, 0) == child && WIFSTOPPED(status);) {
    ::ptrace(PTRACE_CONT, child, nullptr, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
  }
  char said[256]{};
  ASSERT_GT(::read(output[0], said, sizeof said - 1), 0);
  ::close(output[0]);
  EXPECT_EQ(std::string(said), std::string(kUidOnly) + "a debugger holds it; let it run by itself\n");
}

// In a pid namespace of its own, as its process 1: the kernel lets it claim to be any process of that, and so names the
// genuine signed program as sender, and as who connected. Returns the class and why, or how far this came.
std::string forged() {
  auto line = os::channel_pair();
  int ready[2];
  int held[2];
  if (!line || ::pipe(ready) != 0 || ::pipe(held) != 0) return "nothing to talk over";
  const pid_t genuine = ::fork();
  if (genuine == 0) {
    if (!pass_on(line->second, connection())) ::_exit(7);
    ::dup2(held[0], 0);
    ::dup2(ready[1], 1);
    ::execl(citizen("a").c_str(), "citizen", "hold", nullptr);
    ::_exit(127);
  }
  Speaker speaker(passed_on(line->first));
  ::close(ready[1]);
  if (char byte; ::read(ready[0], &byte, 1) != 1) return "it did not become the genuine program";
  speaker.claim(genuine);  // its number here
  auto proof = speaker.prove({});
  if (proof && proof->nonce.size() != 0) proof = speaker.prove(proof->nonce);
  ::kill(genuine, SIGKILL);
  if (!proof) return proof.error().message;
  return (proof->who.trust == PeerClass::uid_only ? "uid_only " : "more ") + proof->why_not;
}

// Never returns: says over the pipe what came of it.
[[noreturn]] void forge_in_a_namespace(int report) {
  const unsigned user = ::getuid();
  const unsigned group = ::getgid();
  std::string said = "no namespaces";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0) {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
    std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
    const pid_t first = ::fork();
    if (first != 0) ::_exit(::waitpid(first, nullptr, 0) == first ? 0 : 1);
    said = forged();
  }
  ::_exit(::write(report, said.data(), said.size()) > 0 ? 0 : 1);
}

TEST_F(Identity, I4AGenuineProgramInAForgersNamespaceIsNotVerified) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t forger = ::fork();
  if (forger == 0) forge_in_a_namespace(report[1]);
  ::close(report[1]);
  const std::string said = drained(report[0]);
  ::waitpid(forger, nullptr, 0);
  if (said == "no namespaces") GTEST_SKIP() << said;
  EXPECT_TRUE(said.starts_with("uid_only it runs in a pid namespace of its own")) << said;
}

// What asks is one program, and what is looked at is another, with the same process around it.
TEST_F(Identity, I2OneThatBecomesASignedProgramAfterItHasAskedIsNotVerified) {
  auto line = os::channel_pair();
  int ready[2];
  ASSERT_TRUE(line);
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const os::Fd own = connection();
    Speaker speaker(*own.duplicate());
    if (!pass_on(line->second, own) || !speaker.ask(contract::Prove{})) ::_exit(6);
    ::dup2(ready[1], 1);
    ::execl(citizen("a").c_str(), "citizen", "hold", nullptr);
    ::_exit(127);
  }
  ::close(ready[1]);
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "it is the signed program by now";
  // A nonce may have been given for that. The program knows nothing of it, and nobody can say it in its place.
  Speaker speaker(passed_on(line->first), 2);
  auto proof = speaker.answer();
  const auto first = proof ? contract::decode_reply<contract::Proof>(*proof) : std::unexpected(proof.error());
  if (first && first->nonce.size() != 0) {
    const auto second = speaker.prove(first->nonce);
    ASSERT_FALSE(second) << "this process is another";
    EXPECT_TRUE(second.error().code == code::kWrongSender || second.error().kind == Kind::gone)
        << second.error().message;
  } else {
    EXPECT_TRUE(first);
    EXPECT_EQ(first->who.trust, PeerClass::uid_only);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
}

// One that is not signed, and one that is.
TEST_F(Identity, I2ASignedProgramThatBecomesAnotherBeforeItAnswersIsNotVerified) {
  for (const char* next : {"", "b"}) {
    int output[2];
    ASSERT_EQ(::pipe(output), 0);
    const pid_t child = ::fork();
    if (child == 0) become_one_that_asks(citizen(next), connection(), output[1]);
    ::close(output[1]);
    const std::string said = drained(output[0]);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(said.starts_with(kUidOnly)) << said;
  }
}

TEST_F(Identity, I3ASignedProgramOnAnotherProcessesConnectionIsRefused) {
  int output[2];
  ASSERT_EQ(::pipe(output), 0);
  const os::Fd socket = connection();
  const pid_t child = ::fork();
  if (child == 0) become_one_that_asks(citizen("a"), socket, output[1]);
  ::close(output[1]);
  const std::string said = drained(output[0]);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(said.starts_with("ok")) << said;
  EXPECT_TRUE(session.prints("reeve broker: refused"));
}

// The number of a process that has ended is given to another, a signed one, which goes on with its connection.
TEST_F(Identity, I1AReusedPidIsNotTakenForTheOneBefore) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitised process takes ten times as long to fork; the plain build runs this";
  auto line = os::channel_pair();
  ASSERT_TRUE(line);
  const pid_t first = ::fork();
  if (first == 0) ::_exit(pass_on(line->second, connection()) ? 0 : 7);
  const os::Fd socket = passed_on(line->first);
  ASSERT_TRUE(socket);
  ::waitpid(first, nullptr, 0);
  // Round the whole range of pids, which pid_max bounds; other processes take some on the way.
  constexpr int kForksMax = 200'000;
  std::string said;
  int forks = 0;
  int output[2];
  ASSERT_EQ(::pipe(output), 0);
  for (bool has_come = false; forks < kForksMax && !has_come; ++forks) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::getpid() != first) ::_exit(0);
      become_one_that_asks(citizen("a"), socket, output[1]);
    }
    ::waitpid(child, nullptr, 0);
    has_come = child == first;
  }
  ::close(output[1]);
  said = drained(output[0]);
  if (said.empty()) GTEST_SKIP() << "pid " << first << " did not come again in " << forks << " forks";
  std::printf("pid %d came again after %d forks: %s", first, forks, said.c_str());
  EXPECT_FALSE(said.starts_with(kVerified)) << said;
}

TEST_F(Identity, AnotherTeamAndNoTeamAreKeptOutOfAGroup) {
  const std::string name = shared + ".name";
  EXPECT_EQ(said_by("", {"register", name}).substr(0, 4), "1100");
  EXPECT_EQ(said_by("other", {"register", name}).substr(0, 4), "1100");
  EXPECT_EQ(said_by("", {"container", shared}).substr(0, 4), "1100");
  EXPECT_EQ(said_by("other", {"container", shared}).substr(0, 4), "1100");
  write_onlooker("group:" + shared);
  EXPECT_EQ(said_by("", {"call", kOnlooker}).substr(0, 4), "1102");
  EXPECT_EQ(said_by("other", {"call", kOnlooker}).substr(0, 4), "1102");
  EXPECT_FALSE(fs::exists(trust_folder.path() + "/data/reeve/groups/" + shared));
}

TEST_F(Identity, WhatIsRevokedOrTooOldIsNobody) {
  EXPECT_TRUE(said_by("a", {"who"}).starts_with(kVerified));
  trust("a", dictionary_key("MinimumVersions", integer_key("org.example.a", 3)));
  EXPECT_NE(said_by("a", {"who"}).find("is version 2, and 3 is the first that is taken"), std::string::npos);
  EXPECT_TRUE(said_by("b", {"who"}).starts_with(kVerified));
  trust("a", true_key("Revoked"));
  EXPECT_NE(said_by("b", {"who"}).find("is revoked"), std::string::npos);
  EXPECT_TRUE(said_by("other", {"who"}).starts_with(kVerified));
  std::ofstream(trust_folder.path() + "/z.plist") << "no property list";
  EXPECT_NE(reeve_tool({"list"}).out.find("until it is mended no signature counts"), std::string::npos);
  EXPECT_NE(said_by("other", {"who"}).find("not understood"), std::string::npos);
}

TEST_F(Identity, AClientThatRequiresATeamGetsNoOtherService) {
  write_onlooker("");
  EXPECT_EQ(said_by("a", {"call", kOnlooker, "team:" + citizens().team("a")}).substr(0, 4), "2605");
  EXPECT_EQ(said_by("", {"call", kOnlooker, "nobody"}).substr(0, 4), "2101");
  EXPECT_TRUE(said_by("a", {"call", kOnlooker, "class:bound"}).starts_with(kVerified));
}

TEST_F(Identity, AServiceThatAsksForMoreThanItsJobGetsNoOtherClient) {
  write_onlooker("", {"--callers", "team:" + citizens().team("a")});
  EXPECT_EQ(said_by("", {"call", kOnlooker}).substr(0, 4), "1102");
  EXPECT_EQ(said_by("other", {"call", kOnlooker}).substr(0, 4), "1102");
  EXPECT_TRUE(said_by("a", {"call", kOnlooker}).starts_with(kVerified));
}

// What goes.

TEST_F(Identity, TwoProgramsOfOneTeamShareNamesAndAFolder) {
  write_onlooker("group:" + shared);
  const std::string called = said_by("a", {"call", kOnlooker});
  EXPECT_EQ(called, kVerified + citizens().team("a") + ".org.example.a");
  EXPECT_EQ(said_by("a", {"register", shared + ".name"}), "ok registered");
  EXPECT_EQ(said_by("b", {"register", shared}), "ok registered") << "the group's own id is a name too";
  const std::string folder = trust_folder.path() + "/data/reeve/groups/" + shared;
  EXPECT_EQ(said_by("a", {"container", shared}), "ok " + folder);
  EXPECT_EQ(said_by("b", {"container", shared}), "ok " + folder);
  EXPECT_TRUE(fs::is_directory(folder + "/Library/Caches"));
  EXPECT_TRUE(fs::is_directory(folder + "/Library/Preferences"));
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
}

TEST_F(Identity, AGroupOfAllTakesAGrant) {
  EXPECT_EQ(said_by("a", {"register", "group.org.example.name"}).substr(0, 4), "1100");
  trust("a", array_key("Groups", "group.org.example"));
  EXPECT_EQ(said_by("a", {"register", "group.org.example.name"}), "ok registered");
  EXPECT_EQ(said_by("other", {"register", "group.org.example.other"}).substr(0, 4), "1100");
}

TEST_F(Identity, ASignedProgramServesANameOfItsGroup) {
  const std::string name = shared + ".served";
  const pid_t server = ::fork();
  if (server == 0) {
    ::execl(citizen("a").c_str(), "citizen", "serve", name.c_str(), nullptr);
    ::_exit(127);
  }
  auto connection = open_connection(name, {.required = "team:" + citizens().team("a") + " and class:verified"});
  EXPECT_TRUE(comes_true([&] { return connection.call({}, {.timeout = 20s}).has_value(); }));
  EXPECT_EQ(connection.peer()->identifier, citizens().team("a") + ".org.example.a");
  ::kill(server, SIGTERM);
  ::waitpid(server, nullptr, 0);
}

TEST_F(Identity, AJobOfASignedProgramIsBoundAndIsWhoItIsSignedAs) {
  JobFile job;
  job.label = "org.example.signed";
  job.program = citizen("a");
  job.arguments = {"serve", job.label};
  job.preset = service_preset();
  write_job(session.jobs(), job);
  auto connection =
      open_connection(job.label, {.required = "identifier:" + citizens().team("a") + ".org.example.a and version:2"});
  ASSERT_TRUE(connection.call({}, {.timeout = 20s}));
  const Output shown = reeve_tool({"print", job.label});
  EXPECT_NE(shown.out.find(citizens().team("a") + ".org.example.a"), std::string::npos) << shown.out;
  const std::int32_t pid = *details_of(job.label).pid;
  const Output who = reeve_tool({"identity", std::to_string(pid)});
  EXPECT_TRUE(who.out.starts_with("class          bound\n")) << who.out;
  EXPECT_NE(who.out.find("level = 7"), std::string::npos) << who.out;
  // Running, and then revoked.
  trust("a", true_key("Revoked"));
  EXPECT_TRUE(comes_true([&] { return details_of(job.label).state != "running"; }));
  EXPECT_NE(error_of_call(job.label).message.find("is revoked"), std::string::npos);
}

TEST_F(Identity, TheToolTellsWhyAProcessIsInNoHigherClass) {
  const Output own = reeve_tool({"identity", std::to_string(::getpid())});
  EXPECT_EQ(own.exit_code, 0) << own.err;
  EXPECT_TRUE(own.out.starts_with("class          uid_only\n")) << own.out;
  EXPECT_NE(own.out.find("not higher"), std::string::npos) << own.out;
  const Output none = reeve_tool({"identity", "4194300"});
  EXPECT_NE(none.out.find("not higher"), std::string::npos) << none.out << none.err;
  const Output json = reeve_tool({"identity", "--json", std::to_string(::getpid())});
  EXPECT_NE(json.out.find("\"class\":\"uid_only\""), std::string::npos) << json.out;
  EXPECT_EQ(reeve_tool({"identity", "0"}).exit_code, 2);
}

}  // namespace
}  // namespace reeve::test
