// Attacks on sockets, descriptors and memory, by the rows of docs/attacks.md.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "../vocab/bounds.hpp"
#include "descriptor.hpp"
#include "files.hpp"
#include "memory.hpp"
#include "socket.hpp"

namespace reeve::os {
namespace {

constexpr std::size_t kKernelCountMax = 253;  // what the kernel lets one packet carry

std::size_t open_count() {
  std::size_t count = 0;
  for (int number = 0; number < 2048; ++number) count += ::fcntl(number, F_GETFD) >= 0 ? 1U : 0U;
  return count;
}

// As a stranger sends: more at once than any message of ours may carry. False where the kernel takes no more.
bool send_many(const Fd& socket, int raw, std::size_t count) {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kKernelCountMax)> control{};
  const std::size_t size = sizeof(int) * count;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(size);
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(size);
  for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(c) + i * sizeof raw, &raw, sizeof raw);
  return ::sendmsg(socket.raw(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

// Runs in a process of its own, whose limits are its own too; the exit code tells the line that failed, or 0.
int exit_code_of(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
#define OR_FAIL(condition) \
  if (!(condition)) return __LINE__ % 250 + 1

bool limit_descriptors(rlim_t soft) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = soft;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(Attack, F2AFloodOfDescriptorsAtAFullTableLeavesNoneBehindAndIsReported) {
  EXPECT_EQ(exit_code_of([] {
              auto [ours, theirs] = *channel_pair();
              OR_FAIL(limit_descriptors(32));
              const std::size_t before = open_count();
              std::array<std::byte, 8> room;
              for (int round = 0; round < 100; ++round) {
                OR_FAIL(send_many(theirs, theirs.raw(), kKernelCountMax));
                const auto received = receive_packet(ours, room, Rights::accept);
                OR_FAIL(received && std::holds_alternative<Arrival>(*received));
                OR_FAIL(std::get<Arrival>(*received).truncated);
              }
              OR_FAIL(open_count() == before);
              return 0;
            }),
            0);
}

TEST(Attack, F3WhatDoesNotFitTheControlBufferIsNeverInstalled) {
  auto [ours, theirs] = *channel_pair();
  const std::size_t before = open_count();
  std::array<std::byte, 8> room;
  ASSERT_TRUE(send_many(theirs, theirs.raw(), kKernelCountMax));
  {
    const auto received = receive_packet(ours, room, Rights::accept);
    ASSERT_TRUE(received);
    const auto& arrival = std::get<Arrival>(*received);
    EXPECT_TRUE(arrival.truncated);
    EXPECT_EQ(open_count(), before + arrival.descriptors.size()) << "each has an owner";
    EXPECT_LE(arrival.descriptors.size(), 2 * kAttachmentCountMax);
  }
  EXPECT_EQ(open_count(), before);
  ASSERT_TRUE(send_many(theirs, theirs.raw(), 1));
  const auto received = receive_packet(ours, room, Rights::refuse);
  ASSERT_TRUE(received);
  EXPECT_TRUE(std::get<Arrival>(*received).truncated);
  EXPECT_EQ(open_count(), before) << "where nobody wants any, there is no room for one";
}

TEST(Attack, F5ParkedDescriptorsStopOnlyThoseWhoseLimitIsAsLow) {
  // Counted for a user, and compared with the limit of whoever sends; a privileged user is never stopped. Root's tests
  // have one who does nothing else meanwhile.
  constexpr uid_t kNobodyElse = 54321;
  const bool is_root = ::geteuid() == 0;
  auto [parked, parker] = *channel_pair();
  const int parking = exit_code_of([&, &parker = parker] {
    OR_FAIL(!is_root || ::setresuid(kNobodyElse, kNobodyElse, kNobodyElse) == 0);
    OR_FAIL(limit_descriptors(256));
    for (int i = 0; i < 64; ++i) {
      if (send_many(parker, parker.raw(), 100)) continue;
      OR_FAIL(errno == ETOOMANYREFS);
      const int raw = parker.raw();
      const auto refused = send_packet(parker, {}, std::span(&raw, 1));
      OR_FAIL(!refused && refused.error().kind == Kind::busy);
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(parking, 0);
  // They are in flight still, though who parked them has gone.
  EXPECT_EQ(exit_code_of([&] {
              OR_FAIL(!is_root || ::setresuid(kNobodyElse, kNobodyElse, kNobodyElse) == 0);
              rlimit limit{};
              ::getrlimit(RLIMIT_NOFILE, &limit);
              OR_FAIL(limit_descriptors(limit.rlim_max));
              auto [ours, theirs] = *channel_pair();
              const int raw = ours.raw();
              const std::byte byte{};
              const std::array parts{std::span(&byte, 1)};
              const auto sent = send_packet(theirs, parts, std::span(&raw, 1));
              OR_FAIL(sent && *sent == Sent::whole);
              return 0;
            }),
            0);
}

Fd memory_of(std::size_t size, int seals, unsigned flags = MFD_ALLOW_SEALING) {
  Fd memory(::memfd_create("test", MFD_CLOEXEC | flags));
  if (!memory) return memory;
  EXPECT_EQ(::ftruncate(memory.raw(), static_cast<off_t>(size)), 0);
  if ((flags & MFD_HUGETLB) == 0 && size <= 4096) {
    const std::string bytes(size, 'x');
    EXPECT_EQ(::pwrite(memory.raw(), bytes.data(), size, 0), static_cast<ssize_t>(size));
  }
  if (seals != 0) {
    EXPECT_EQ(::fcntl(memory.raw(), F_ADD_SEALS, seals), 0);
  }
  return memory;
}

constexpr int kWhole = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr int kSize = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

TEST(Attack, F12MemoryThatLacksAnySealIsNoMemory) {
  for (const int missing : {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE}) {
    EXPECT_FALSE(is_memory(memory_of(4096, kWhole & ~missing), Sealing::whole)) << missing;
    if (missing != F_SEAL_WRITE) {
      EXPECT_FALSE(is_memory(memory_of(4096, kSize & ~missing), Sealing::size)) << missing;
    }
  }
  EXPECT_FALSE(is_memory(memory_of(4096, kSize | F_SEAL_FUTURE_WRITE), Sealing::whole))
      << "a mapping made before that seal still writes";
  EXPECT_TRUE(is_memory(memory_of(4096, kWhole), Sealing::whole));
  EXPECT_TRUE(is_memory(memory_of(4096, kSize), Sealing::size));
}

TEST(Attack, F13AFileThatMerelyAnswersTheQuestionForSealsIsNoMemory) {
  // As files of tmpfs do: sealed against being sealed, and against nothing else.
  const Fd plain = memory_of(4096, 0, 0);
  EXPECT_EQ(::fcntl(plain.raw(), F_GET_SEALS), F_SEAL_SEAL);
  EXPECT_FALSE(is_memory(plain, Sealing::whole));
  EXPECT_FALSE(is_memory(plain, Sealing::size));
}

TEST(Attack, F14SealedMemoryOfHolesIsNoMemory) {
  EXPECT_FALSE(is_memory(memory_of(std::size_t{1} << 40U, kWhole), Sealing::whole)) << "1 TiB that takes no page";
  const Fd nearly = memory_of(64 * 4096, 0);
  const std::string bytes(63 * 4096, 'x');
  ASSERT_EQ(::pwrite(nearly.raw(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  ASSERT_EQ(::fcntl(nearly.raw(), F_ADD_SEALS, kWhole), 0);
  EXPECT_FALSE(is_memory(nearly, Sealing::whole)) << "one page is a hole";
}

TEST(Attack, F15MemoryOfHugePagesIsNoMemory) {
  // Made without a page of it being there: touching it is what would fail.
  const Fd huge = memory_of(std::size_t{2} << 20U, kWhole, MFD_ALLOW_SEALING | MFD_HUGETLB);
  if (!huge) GTEST_SKIP() << "this kernel makes no memory of huge pages";
  EXPECT_EQ(::fcntl(huge.raw(), F_GET_SEALS), kWhole) << "by its seals it looks right";
  EXPECT_FALSE(is_memory(huge, Sealing::whole));
  EXPECT_FALSE(is_memory(huge, Sealing::size));
}

TEST(Attack, X6MemoryCannotBeSealedWhileAWritableMappingOfItIsLeft) {
  const Fd memory = *open_memory("test", 4096);
  {
    const Mapping kept = *Mapping::of(memory, 4096, Access::read_write);
    EXPECT_FALSE(seal_memory(memory, Sealing::whole));
    EXPECT_FALSE(is_memory(memory, Sealing::whole));
  }
  ASSERT_TRUE(seal_memory(memory, Sealing::whole));
  EXPECT_TRUE(is_memory(memory, Sealing::whole));
  EXPECT_FALSE(Mapping::of(memory, 4096, Access::read_write)) << "and none can be made any more";
}

TEST(Attack, F11AListeningSocketIsNoChannel) {
  const Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sa_family_t family = AF_UNIX;
  ASSERT_EQ(::bind(listener.raw(), reinterpret_cast<const sockaddr*>(&family), sizeof family), 0);
  ASSERT_EQ(::listen(listener.raw(), 1), 0);
  EXPECT_FALSE(is_channel_socket(listener));
}

}  // namespace
}  // namespace reeve::os
