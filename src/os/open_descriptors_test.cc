#include "open_descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "memory.hpp"
#include "process.hpp"

namespace reeve::os {
namespace {

std::uint64_t inode_of(int raw) {
  struct stat facts{};
  EXPECT_EQ(::fstat(raw, &facts), 0);
  return facts.st_ino;
}

TEST(OpenDescriptors, AreOpenedWhereTheyAreMemoryAlone) {
  const Fd memory = open_memory("test", 10).value();
  const auto opened = memory_in(own_pid(), memory.raw());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->inode, inode_of(memory.raw()));
  for (const char* path : {"/dev/null", "/dev/shm", "/proc/self/status", "/dev/zero"}) {
    const Fd other(::open(path, O_PATH | O_CLOEXEC));
    ASSERT_TRUE(other) << path;
    EXPECT_FALSE(memory_in(own_pid(), other.raw())) << path;
  }
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd read(ends[0]);
  const Fd write(ends[1]);
  EXPECT_FALSE(memory_in(own_pid(), read.raw())) << "it would wait for a writer";
  EXPECT_FALSE(memory_in(own_pid(), 100'000));
}

TEST(OpenDescriptors, TellWhatAnEpollWatchesAndNothingElse) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const Fd one(ends[0]);
  const Fd other(ends[1]);
  const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  ASSERT_EQ(::epoll_ctl(epoll.raw(), EPOLL_CTL_ADD, one.raw(), &event), 0);
  EXPECT_EQ(watched_in(own_pid(), epoll.raw()).value(), std::vector{inode_of(one.raw())});
  const Fd notices(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(notices.raw(), "/tmp", IN_CREATE), 0);
  EXPECT_TRUE(watched_in(own_pid(), notices.raw()).value().empty()) << "which speaks of inodes too";
}

TEST(OpenDescriptors, LeadToWhoHasTheOtherEnd) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const Fd one(ends[0]);
  Fd other(ends[1]);
  ASSERT_EQ(::write(other.raw(), "four", 4), 4);
  const auto sockets = unix_sockets();
  if (!sockets) GTEST_SKIP() << sockets.error().message;
  const auto& facts = sockets->at(inode_of(one.raw()));
  EXPECT_EQ(facts.peer, inode_of(other.raw()));
  EXPECT_EQ(facts.waiting, 4U);
  const auto holders = socket_holders().value();
  EXPECT_EQ(holders.count(facts.peer), 1U);
  EXPECT_EQ(holders.find(facts.peer)->second, own_pid());
  other.close();
  EXPECT_EQ(unix_sockets()->at(inode_of(one.raw())).peer, 0U);
}

TEST(OpenDescriptors, AreNoneWhereThereIsNoProcess) {
  EXPECT_EQ(descriptors_of(1 << 30).error().kind, Kind::gone);
  EXPECT_FALSE(innermost_pid(1 << 30));
  EXPECT_EQ(innermost_pid(own_pid()).value(), own_pid());
  EXPECT_TRUE(name_of_process(1 << 30).empty());
  EXPECT_EQ(socket_inode("socket:[81]"), 81U);
  EXPECT_EQ(socket_inode("pipe:[81]"), 0U);
}

}  // namespace
}  // namespace reeve::os
