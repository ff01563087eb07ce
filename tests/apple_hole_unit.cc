// Faults that a review of the C API of Mach's ports found, each as what is right instead.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mach/mig.h>
#include <spawn.h>
#include <sys/resource.h>

#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "support/mach_kit.hpp"

namespace {

using namespace mach_test;

class MachHoles : public Mach {};

// A child with the bootstrap port that this task has. It exits with what `what` returns.
pid_t make_copy(const std::function<int()>& what) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::alarm(60);
  ::_exit(what());
}

// What is open stays so, whatever its number. Returns what the limit was.
rlim_t limit_descriptors(rlim_t count) {
  rlimit limit{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t before = std::exchange(limit.rlim_cur, count);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  return before;
}

// Nothing is written to it: whoever waits does so until nobody else has the other end.
struct Gate {
  Gate() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
  ~Gate() { open(), ::close(ends[0]); }
  void open() { ::close(std::exchange(ends[1], -1)); }
  void wait() {
    char none = 0;
    open();
    EXPECT_EQ(::read(ends[0], &none, 1), 0);
  }
  std::array<int, 2> ends{};
};

// Another thread does this, and sleeps in it by now.
std::future<mach_msg_return_t> begin(const std::function<mach_msg_return_t()>& what) {
  const auto id = std::make_shared<std::atomic<pid_t>>(0);
  auto result = std::async(std::launch::async, [id, what] { return *id = ::gettid(), id->notify_one(), what(); });
  id->wait(0);
  const auto file = "/proc/self/task/" + std::to_string(*id) + "/stat";
  for (int i = 0; i < 10000; ++i, ::usleep(1000)) {
    std::string line;
    if (std::getline(std::ifstream(file), line) && line.find(") S ") != std::string::npos) return result;
  }
  ADD_FAILURE() << "it does not sleep";
  return result;
}
bool is_end(mach_msg_return_t received) { return received == MACH_RCV_PORT_DIED || received == MACH_RCV_INVALID_NAME; }

TEST_F(MachHoles, ARequestForRoomOutlivesTheLineThatItWaitedFor) {
  const auto child = make_copy([] {
    const Both port;
    const Port told;
    const Port carried;
    const Port set(kSet);
    mach_port_t previous = MACH_PORT_NULL;
    if (limit_queue(port, 1) != KERN_SUCCESS || mach_port_insert_member(self(), port, set) != KERN_SUCCESS) return 1;
    if (Parcel(port, carry(carried, MACH_MSG_TYPE_MAKE_SEND)).send() != MACH_MSG_SUCCESS) return 2;
    if (ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous, 1) != KERN_SUCCESS) return 3;
    if (post(port, MACH_MSG_TYPE_COPY_SEND, 8, MACH_PORT_NULL, 0, 0) != MACH_SEND_TIMED_OUT) return 4;
    const auto limit = limit_descriptors(3);
    if (Inbox().receive(port, 100) == MACH_MSG_SUCCESS) return 5;
    limit_descriptors(limit);
    if (!is_told(told, MACH_NOTIFY_SEND_POSSIBLE, port)) return 6;
    if (post(port, MACH_MSG_TYPE_COPY_SEND, 9) != MACH_MSG_SUCCESS) return 7;
    return mach_port_destroy(self(), port) == KERN_SUCCESS ? 0 : 8;
  });
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachHoles, NotificationsThatCameWithAPortAreTheirGiversWord) {
  const Both way;
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    const Port given;
    const Both watched;
    Port ended;
    mach_port_t previous = MACH_PORT_NULL;
    mach_port_deallocate(self(), make_once(given));
    if (Inbox().receive(given, 0, MACH_RCV_LARGE, 8) != MACH_RCV_TOO_LARGE) return 1;  // It was found, and waits.
    if (ask(watched, MACH_NOTIFY_NO_SENDERS, given, &previous) != KERN_SUCCESS) return 2;
    if (ask(ended, MACH_NOTIFY_PORT_DESTROYED, given, &previous) != KERN_SUCCESS) return 3;
    if (mach_port_deallocate(self(), watched) != KERN_SUCCESS) return 4;
    ended.end();
    return Parcel(bootstrap, carry(given, MACH_MSG_TYPE_MOVE_RECEIVE)).send() == MACH_MSG_SUCCESS ? 0 : 5;
  });
  Inbox inbox;
  EXPECT_EQ(end_of(child), 0);
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name given(inbox.first().name);
  for (const auto id : {MACH_NOTIFY_SEND_ONCE, MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED}) {
    ASSERT_EQ(inbox.receive(given, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_id, id);
    EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), child) << id;
    inbox.destroy();
  }
}

TEST_F(MachHoles, PortsWithinAPortArePaidForByTheirGiver) {
  constexpr std::size_t kLimit = 256;
  const Both way;
  const auto limit = limit_descriptors(kLimit);
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    const Port mine;
    if (post(bootstrap, MACH_MSG_TYPE_COPY_SEND, 1, mine, MACH_MSG_TYPE_MAKE_SEND) != MACH_MSG_SUCCESS) return 1;
    const auto before = count_descriptors();
    Inbox inbox;
    if (inbox.receive(mine) != MACH_MSG_SUCCESS) return 2;
    if (count_descriptors() > before + kLimit / 2 + 8) return 3;
    inbox.destroy();
    return inbox.receive(mine) == MACH_MSG_SUCCESS && inbox.header.msgh_id == 9 ? 0 : 4;
  });
  limit_descriptors(limit);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name theirs(inbox.header.msgh_remote_port);
  const Port outer;
  for (int i = 0; i < 200; ++i) {
    Port inner;
    mach_port_t previous = MACH_PORT_NULL;
    ASSERT_EQ(ask(inner, MACH_NOTIFY_PORT_DESTROYED, outer, &previous), KERN_SUCCESS);
  }
  EXPECT_EQ(Parcel(theirs, carry(outer, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(theirs, MACH_MSG_TYPE_COPY_SEND, 9), MACH_MSG_SUCCESS);
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachHoles, APortThatIsWaitedAtEndsThoughACopyOfItsTaskLives) {
  Both port;
  Gate gate;
  const auto peer = make_child(port, [&gate](mach_port_t bootstrap) {
    const Port told;
    mach_port_t previous = MACH_PORT_NULL;
    if (ask(bootstrap, MACH_NOTIFY_DEAD_NAME, told, &previous) != KERN_SUCCESS) return 1;
    gate.open();
    return is_told(told, MACH_NOTIFY_DEAD_NAME, bootstrap) ? 0 : 2;
  });
  gate.wait();
  Gate life;
  auto waiter = begin([&port] { return Inbox().receive(port); });
  testing::internal::CaptureStderr();
  const auto copy = make_copy([&life] { return life.wait(), 0; });
  port.end();
  EXPECT_TRUE(is_end(waiter.get()));
  EXPECT_EQ(end_of(peer), 0);
  life.open();
  EXPECT_EQ(end_of(copy), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(MachHoles, APortThatWasGivenAndIsWaitedAtIsNoBurdenToACopy) {
  const Both way;
  const Port sent;
  Inbox inbox;
  ASSERT_EQ(Parcel(way, carry(sent, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  Name given(inbox.first().name);
  auto waiter = begin([&given] { return Inbox().receive(given); });
  testing::internal::CaptureStderr();
  EXPECT_EQ(end_of(make_copy([] { return refs(Both(), kSend) == 1 ? 0 : 1; })), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  given.end();
  EXPECT_TRUE(is_end(waiter.get()));
}

// What the next one spawns is this program, which then does no more than this.
[[maybe_unused]] const bool is_test = [] {
  if (std::getenv("MACH_HOLES_SPAWNED") == nullptr) return true;
  for (int i = 0; i < 5; ++i) {
    if (post(bootstrap_port, MACH_MSG_TYPE_COPY_SEND, i) != MACH_MSG_SUCCESS) ::_exit(1);
  }
  ::_exit(0);
}();

TEST_F(MachHoles, AChildAndTheProgramThatItSpawnsHaveABootstrapPortEach) {
  const Both way;
  Gate is_sent;
  Gate is_received;
  const auto child = make_child(way, [&](mach_port_t bootstrap) {
    std::array<char, 15> program{"/proc/self/exe"};
    const std::array<char*, 2> arguments{program.data(), nullptr};
    pid_t spawned = -1;
    ::setenv("MACH_HOLES_SPAWNED", "1", 1);
    if (::posix_spawn(&spawned, program.data(), nullptr, nullptr, arguments.data(), environ) != 0) return 1;
    if (end_of(spawned) != 0) return 2;
    is_sent.open();
    is_received.wait();
    for (int i = 5; i < 15; ++i) {
      if (post(bootstrap, MACH_MSG_TYPE_COPY_SEND, i) != MACH_MSG_SUCCESS) return 3;
    }
    return type_of(bootstrap) == MACH_PORT_TYPE_SEND ? 0 : 4;
  });
  is_sent.wait();
  for (int i = 0; i < 15; ++i) {
    Inbox inbox;
    if (inbox.receive(way) != MACH_MSG_SUCCESS) break;
    EXPECT_EQ(inbox.header.msgh_id, i);
    if (i == 4) is_received.open();
  }
  EXPECT_EQ(end_of(child), 0);
  EXPECT_TRUE(is_empty(way));
}

TEST_F(MachHoles, ANameThatIsTakenToBeToldByIsDeleted) {
  Port port;
  const Port told;
  const Both watched;
  mach_port_t previous = MACH_PORT_NULL;
  const mach_port_t once = make_once(port);
  EXPECT_EQ(ask(once, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(ask(watched, MACH_NOTIFY_NO_SENDERS, once, &previous, 1, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_PORT_DELETED, once));
  port.end();
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachHoles, AReplyPortIsOfItsOwnTaskInACopyOfACopy) {
  const auto look = [] {
    const mach_port_t port = mig_get_reply_port();
    if (type_of(port) != MACH_PORT_TYPE_RECEIVE) return 1;
    if (post(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 5) != MACH_MSG_SUCCESS) return 2;
    return Inbox().receive(port) == MACH_MSG_SUCCESS ? 0 : 3;
  };
  EXPECT_EQ(look(), 0);
  EXPECT_EQ(end_of(make_copy([&look] { return end_of(make_copy(look)); })), 0);
  mig_dealloc_reply_port(mig_get_reply_port());
}

TEST_F(MachHoles, NoBootstrapPortIsNotTheBroker) {
  const mach_port_t broker = bootstrap_port;
  const Both port;
  const auto look = [broker] {
    mach_port_t got = MACH_PORT_NULL;
    if (task_get_bootstrap_port(self(), &got) == KERN_SUCCESS && got == broker) return 1;
    return !MACH_PORT_VALID(got) && !MACH_PORT_VALID(bootstrap_port) ? 0 : 2;
  };
  EXPECT_EQ(task_set_bootstrap_port(self(), MACH_PORT_NULL), KERN_SUCCESS);
  EXPECT_EQ(end_of(make_copy(look)), 0);
  EXPECT_EQ(task_set_bootstrap_port(self(), port), KERN_SUCCESS);
  EXPECT_EQ(task_set_bootstrap_port(self(), MACH_PORT_NULL), KERN_SUCCESS);
  EXPECT_EQ(end_of(make_copy(look)), 0);
  EXPECT_EQ(end_of(make_copy([&look] { return end_of(make_copy(look)); })), 0);
  EXPECT_EQ(refs(port, kSend), 1);
  EXPECT_EQ(task_set_bootstrap_port(self(), bootstrap_port), KERN_SUCCESS);
}

// What it carries waits for room at another port, while the one that it is for ends.
TEST_F(MachHoles, ASendByARightThatWasMadeForItLeavesNoNameBehind) {
  const Both way;
  EXPECT_EQ(limit_queue(way, 1024), KERN_SUCCESS);
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    struct {
      mach_msg_header_t header;
      std::array<char, 60000> data;
    } large{};
    for (const std::size_t size : {sizeof large, sizeof large.header}) {
      do {
        large.header = header_to(bootstrap, MACH_MSG_TYPE_COPY_SEND);
      } while (send_bytes(large.header, size, 0) == MACH_MSG_SUCCESS);
    }
    const auto before = census();
    Port port;
    auto sender = begin([&] {
      Parcel message(port, carry(bootstrap, MACH_MSG_TYPE_COPY_SEND));
      message.base.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND_ONCE, 0) | MACH_MSGH_BITS_COMPLEX;
      return message.send();
    });
    if (census().size() != before.size() + 2) return 1;
    port.end();
    if (sender.get() != MACH_SEND_INVALID_DEST) return 2;
    return census() == before ? 0 : 3;
  });
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachHoles, ABootstrapPortThatCannotBeSetCostsNoReference) {
  const auto child = make_copy([] {
    const Both port;
    const auto limit = limit_descriptors(3);
    if (task_set_bootstrap_port(self(), port) == KERN_SUCCESS) return 1;
    limit_descriptors(limit);
    return refs(port, kSend) == 1 && type_of(port) == MACH_PORT_TYPE_SEND_RECEIVE ? 0 : 2;
  });
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachHoles, TheVariablesReferenceIsNotTheTasks) {
  const Both way;
  const auto child = make_child(way, [](mach_port_t got) {
    mach_port_t again = MACH_PORT_NULL;
    if (mach_port_deallocate(self(), got) != KERN_SUCCESS) return 1;
    if (mach_port_deallocate(self(), bootstrap_port) != KERN_SUCCESS) return 2;
    if (task_get_bootstrap_port(self(), &again) != KERN_SUCCESS || again != got) return 3;
    if (mach_port_deallocate(self(), again) != KERN_SUCCESS) return 4;
    return end_of(make_copy([] { return post(bootstrap_port, MACH_MSG_TYPE_COPY_SEND, 7) == 0 ? 0 : 5; }));
  });
  Inbox inbox;
  EXPECT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachHoles, ADestructionThatIsRefusedChangesNothing) {
  mach_port_options_t options{};
  options.flags = MPO_CONTEXT_AS_GUARD | MPO_INSERT_SEND_RIGHT;
  mach_port_t port = MACH_PORT_NULL;
  ASSERT_EQ(mach_port_construct(self(), &options, 0xfeed, &port), KERN_SUCCESS);
  const auto before = census();
  for (const int delta : {-2, -65536, INT32_MIN, 1}) {
    EXPECT_EQ(mach_port_destruct(self(), port, delta, 0xfeed), KERN_INVALID_VALUE) << delta;
    EXPECT_EQ(census(), before);
    EXPECT_EQ(mach_port_guard(self(), port, 1, FALSE), KERN_INVALID_ARGUMENT);
  }
  // The one reference that there is, is a message's that waits.
  EXPECT_EQ(limit_queue(port, 1), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
  auto sender = begin([port] { return post(port, MACH_MSG_TYPE_MOVE_SEND); });
  EXPECT_EQ(mach_port_destruct(self(), port, -1, 0xfeed), KERN_INVALID_VALUE);
  EXPECT_EQ(census(), before);
  EXPECT_EQ(mach_port_guard(self(), port, 1, FALSE), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(sender.get(), MACH_MSG_SUCCESS);
  EXPECT_EQ(mach_port_destruct(self(), port, 0, 0xfeed), KERN_SUCCESS);
}

TEST_F(MachHoles, ANameThatWouldTakeALargeTableIsRefused) {
  const auto before = census();
  for (const mach_port_t name : {0x0fffff00U, 0x0fffff07U, 0x10000000U, 0xffffff00U}) {
    EXPECT_EQ(mach_port_allocate_name(self(), kReceive, name), KERN_NO_SPACE) << std::hex << name;
  }
  EXPECT_EQ(census(), before);
}

}  // namespace
