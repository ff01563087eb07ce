// Names in Mach's terms, across processes: the broker's rules, by bootstrap_*.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "support/clerk.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kClerk = "org.example.clerk";
constexpr const char* kSecond = "org.example.clerk.second";
constexpr const char* kOther = "org.example.other";

JobFile clerk_job(const std::string& name, const std::string& more = "") {
  JobFile job;
  job.label = name;
  job.program = build_folder() + "/tests/clerk";
  job.arguments = {name};
  job.names =
      "<dict><key>" + name + "</key><true/>" + (more.empty() ? "" : "<key>" + more + "</key><true/>") + "</dict>";
  job.reeve = "<key>Entitlements</key><dict><key>LookUp</key><array>";
  for (const char* other : {kClerk, kSecond, kOther}) job.reeve += "<string>" + std::string(other) + "</string>";
  job.reeve += "</array></dict>";
  job.extra = "<key>ThrottleInterval</key><integer>0</integer>";
  return job;
}

class Bootstrap : public testing::Test {
 protected:
  void SetUp() override {
    write_job(session.jobs(), clerk_job(kClerk, kSecond));
    write_job(session.jobs(), clerk_job(kOther));
    ASSERT_TRUE(wait_for_state(kClerk, "idle") && wait_for_state(kOther, "idle"));
  }
  static mach_port_t found(const char* name) {
    mach_port_t port = MACH_PORT_NULL;
    EXPECT_EQ(bootstrap_look_up(bootstrap_port, name, &port), BOOTSTRAP_SUCCESS) << name;
    return port;
  }
  static int look_up(const std::string& name) {
    mach_port_t port = MACH_PORT_NULL;
    return bootstrap_look_up(bootstrap_port, name.c_str(), &port);
  }
  static int pid_of(const char* label) { return details_of(label).pid.value_or(0); }

  Session session;
};

TEST_F(Bootstrap, FindsWhoeverCheckedInAndStartsThemIfNeedBe) {
  name_t name = "org.example.clerk";
  bootstrap_status_t status = -1;
  EXPECT_EQ(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_SUCCESS);
  EXPECT_EQ(status, BOOTSTRAP_STATUS_ON_DEMAND);
  const mach_port_t clerk = found(kClerk);  // What is sent waits until the service has checked in.
  EXPECT_EQ(ask_clerk(clerk, kLookUp, kOther).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(bootstrap_status(bootstrap_port, name, &status), BOOTSTRAP_SUCCESS);
  EXPECT_EQ(status, BOOTSTRAP_STATUS_ACTIVE);
  EXPECT_EQ(ask_clerk(clerk, kStatus, kClerk).value, BOOTSTRAP_STATUS_ACTIVE);
}

TEST_F(Bootstrap, DoesNotKnowWhatNobodyOffers) {
  EXPECT_EQ(look_up("org.example.nobody"), BOOTSTRAP_UNKNOWN_SERVICE);
  EXPECT_EQ(look_up(""), BOOTSTRAP_UNKNOWN_SERVICE);
  EXPECT_EQ(look_up("no name/at all"), BOOTSTRAP_UNKNOWN_SERVICE);
  EXPECT_EQ(look_up(std::string(127, 'x')), BOOTSTRAP_UNKNOWN_SERVICE);
  EXPECT_EQ(look_up(std::string(128, 'x')), BOOTSTRAP_UNKNOWN_SERVICE);
  name_t nobody = "org.example.nobody";
  bootstrap_status_t status = -1;
  EXPECT_EQ(bootstrap_status(bootstrap_port, nobody, &status), BOOTSTRAP_UNKNOWN_SERVICE);
  EXPECT_EQ(ask_clerk(found(kClerk), kLookUp, "org.example.nobody").status, BOOTSTRAP_UNKNOWN_SERVICE);
}

TEST_F(Bootstrap, AsksNobodyElse) {
  mach_port_t port = MACH_PORT_NULL;
  ASSERT_EQ(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
  mach_port_t found = MACH_PORT_NULL;
  for (const mach_port_t bp : {port, MACH_PORT_NULL, MACH_PORT_DEAD, mach_task_self()}) {
    name_t name = "org.example.clerk";
    EXPECT_EQ(bootstrap_look_up(bp, name, &found), BOOTSTRAP_NOT_PRIVILEGED);
    EXPECT_EQ(bootstrap_check_in(bp, name, &found), BOOTSTRAP_NOT_PRIVILEGED);
    EXPECT_EQ(bootstrap_register(bp, name, port), BOOTSTRAP_NOT_PRIVILEGED);
    EXPECT_EQ(bootstrap_subset(bp, port, &found), BOOTSTRAP_NOT_PRIVILEGED);
  }
  ASSERT_EQ(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
}

TEST_F(Bootstrap, GivesNamesToTheirJobsAlone) {
  const mach_port_t clerk = found(kClerk);
  EXPECT_EQ(ask_clerk(clerk, kCheckIn, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(clerk, kCheckIn, kSecond).status, BOOTSTRAP_SERVICE_ACTIVE);
  EXPECT_EQ(ask_clerk(clerk, kCheckIn, kClerk).status, BOOTSTRAP_SERVICE_ACTIVE);
  EXPECT_EQ(ask_clerk(clerk, kCheckIn, kOther).status, BOOTSTRAP_NOT_PRIVILEGED);
  EXPECT_EQ(ask_clerk(clerk, kCheckIn, "org.example.free").status, BOOTSTRAP_NOT_PRIVILEGED);
  EXPECT_EQ(ask_clerk(clerk, kRegister, "org.example.free").status, BOOTSTRAP_NOT_PRIVILEGED);
  EXPECT_EQ(ask_clerk(found(kSecond), kStatus, kSecond).value, BOOTSTRAP_STATUS_ACTIVE);
  // Whoever the broker did not start has none.
  mach_port_t port = MACH_PORT_NULL;
  EXPECT_EQ(bootstrap_check_in(bootstrap_port, kClerk, &port), BOOTSTRAP_NOT_PRIVILEGED);
  EXPECT_EQ(bootstrap_check_in(bootstrap_port, "org.example.free", &port), BOOTSTRAP_NOT_PRIVILEGED);
}

TEST_F(Bootstrap, RegistersPortsOfTheProcessItself) {
  const mach_port_t clerk = found(kClerk);
  EXPECT_EQ(ask_clerk(clerk, kRegisterDead, kSecond).status, BOOTSTRAP_NO_MEMORY);
  EXPECT_EQ(ask_clerk(clerk, kRegisterAnothers, kSecond).status, BOOTSTRAP_NOT_PRIVILEGED);
  EXPECT_EQ(ask_clerk(clerk, kRegister, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(found(kSecond), kStatus, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(clerk, kWithdraw, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(clerk, kWithdraw, kSecond).status, BOOTSTRAP_UNKNOWN_SERVICE);
  // Those who look it up now wait until it is offered again.
  const mach_port_t second = found(kSecond);
  EXPECT_EQ(ask_clerk(clerk, kRegister, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(second, kStatus, kSecond).status, BOOTSTRAP_SUCCESS);
}

TEST_F(Bootstrap, HasClientsOfADeadServiceToldAndStartsItAgain) {
  const mach_port_t clerk = found(kClerk);
  ASSERT_EQ(ask_clerk(clerk, kStatus, kClerk).status, BOOTSTRAP_SUCCESS);
  mach_port_t told = MACH_PORT_NULL;
  mach_port_t previous = MACH_PORT_NULL;
  ASSERT_EQ(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &told), KERN_SUCCESS);
  ASSERT_EQ(mach_port_request_notification(mach_task_self(), clerk, MACH_NOTIFY_DEAD_NAME, 0, told,
                                           MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
            KERN_SUCCESS);
  ASSERT_TRUE(comes_true([&] { return pid_of(kClerk) > 0; }));
  ASSERT_EQ(::kill(pid_of(kClerk), SIGKILL), 0);
  mach_dead_name_notification_t dead{};
  ASSERT_EQ(mach_msg(&dead.not_header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof dead, told, 20'000, MACH_PORT_NULL),
            MACH_MSG_SUCCESS);
  EXPECT_EQ(dead.not_header.msgh_id, MACH_NOTIFY_DEAD_NAME);
  EXPECT_EQ(dead.not_port, clerk);
  EXPECT_EQ(ask_clerk(clerk, kStatus, kClerk).status, MACH_SEND_INVALID_DEST);
  EXPECT_EQ(ask_clerk(found(kClerk), kStatus, kClerk).status, BOOTSTRAP_SUCCESS);
}

TEST_F(Bootstrap, TakesAPortAgainThatItHadBefore) {
  const mach_port_t clerk = found(kClerk);
  EXPECT_EQ(ask_clerk(clerk, kRegisterAgain, kSecond).status, BOOTSTRAP_SUCCESS);
  EXPECT_EQ(ask_clerk(found(kSecond), kStatus, kSecond).status, BOOTSTRAP_SUCCESS);
}

// What a child says by how it ends: 0 where the port that it inherited has taken a message.
int say_hello() {
  mach_port_t inherited = MACH_PORT_NULL;
  if (task_get_bootstrap_port(mach_task_self(), &inherited) != KERN_SUCCESS || inherited != bootstrap_port) return 1;
  mach_port_type_t type = 0;
  if (mach_port_type(mach_task_self(), inherited, &type) != KERN_SUCCESS || type != MACH_PORT_TYPE_SEND) return 2;
  mach_msg_header_t hello{MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0), sizeof hello, inherited, 0, 0, 7};
  return mach_msg(&hello, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof hello, 0, 0, 10'000, 0) == MACH_MSG_SUCCESS ? 0 : 3;
}

int end_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// How a program ends that is started by posix_spawn.
int spawned(std::string what) {
  char name[] = "mach_story";
  char* arguments[] = {name, what.data(), nullptr};
  pid_t child = -1;
  if (::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ) != 0) return -1;
  return end_of(child);
}

class Inheritance : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    ASSERT_EQ(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    ASSERT_EQ(task_set_bootstrap_port(mach_task_self(), port), KERN_SUCCESS);
  }
  void TearDown() override {
    EXPECT_EQ(task_set_bootstrap_port(mach_task_self(), bootstrap_port), KERN_SUCCESS);
    EXPECT_EQ(mach_port_destroy(mach_task_self(), port), KERN_SUCCESS);
  }
  // Of that process; of any where that is 0.
  void expect_hello(pid_t child) {
    struct {
      mach_msg_header_t header;
      mach_msg_audit_trailer_t trailer;
    } hello{};
    const mach_msg_option_t option =
        MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT);
    ASSERT_EQ(mach_msg(&hello.header, option, 0, sizeof hello, port, 20'000, MACH_PORT_NULL), MACH_MSG_SUCCESS);
    EXPECT_EQ(hello.header.msgh_id, 7);
    const auto sender = static_cast<pid_t>(hello.trailer.msgh_audit.val[5]);
    EXPECT_TRUE(child == 0 || sender == child) << sender;
  }
  mach_port_t port = MACH_PORT_NULL;
};

TEST_F(Inheritance, OfAChildIsThePortThatItsParentHasSet) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(say_hello());
  EXPECT_EQ(end_of(child), 0);
  expect_hello(child);
}

TEST_F(Inheritance, GoesOnToGrandchildren) {
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(say_hello());
    ::_exit(end_of(grandchild));
  }
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(Inheritance, OfAProgramIsThatOfTheChildThatExecutesIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "mach_story", "--hello", nullptr);
    ::_exit(126);
  }
  EXPECT_EQ(end_of(child), 0);
  expect_hello(child);
}

// What is kept for a program is one program's: the child has its own, and the next program none.
TEST_F(Inheritance, OfAProgramIsNotThatOfTheChildThatSpawnsIt) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int first = spawned("--hello");
    const int second = spawned("--dead");
    const int own = say_hello();
    ::_exit(first != 0 ? 10 + first : second != 0 ? 20 + second : own);
  }
  EXPECT_EQ(end_of(child), 0);
  expect_hello(0);
  expect_hello(child);
}

TEST_F(Inheritance, IsDeadWhereThePortWasTakenAway) {
  ASSERT_EQ(task_set_bootstrap_port(mach_task_self(), MACH_PORT_NULL), KERN_SUCCESS);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(bootstrap_port == MACH_PORT_DEAD ? spawned("--dead") : 9);
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(Inheritance, IsDeadForWhoeverIsSpawnedOtherwise) { EXPECT_EQ(spawned("--dead"), 0); }

// What another process says in the variable is looked at before it is believed.
TEST_F(Inheritance, IsDeadWhereTheVariableLies) {
  for (const char* number : {"0", "2", "999", "-1", "x"}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("REEVE_APPLE_BOOTSTRAP_PORT", number, 1);
      ::execl("/proc/self/exe", "mach_story", "--dead", nullptr);
      ::_exit(126);
    }
    EXPECT_EQ(end_of(child), 0) << number;
  }
}

TEST_F(Inheritance, LeavesAChildNoOtherRights) {
  const pid_t child = ::fork();
  if (child == 0) {
    mach_port_type_t type = 0;
    const bool is_gone = mach_port_type(mach_task_self(), port, &type) != KERN_SUCCESS || type == MACH_PORT_TYPE_SEND;
    ::_exit(is_gone ? 0 : 1);
  }
  EXPECT_EQ(end_of(child), 0);
  mach_port_type_t type = 0;
  EXPECT_EQ(mach_port_type(mach_task_self(), port, &type), KERN_SUCCESS);
  EXPECT_EQ(type, MACH_PORT_TYPE_SEND_RECEIVE);
}

int be_somebody_else(const std::string& word) {
  if (word == "--hello") return say_hello();
  mach_port_t inherited = MACH_PORT_NULL;
  if (task_get_bootstrap_port(mach_task_self(), &inherited) != KERN_SUCCESS || inherited != MACH_PORT_DEAD) return 1;
  return bootstrap_port == MACH_PORT_DEAD && say_hello() == 2 ? 0 : 2;
}

}  // namespace
}  // namespace reeve::test

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]).starts_with("--") && std::string(argv[1]).find("gtest") == std::string::npos) {
    return reeve::test::be_somebody_else(argv[1]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
