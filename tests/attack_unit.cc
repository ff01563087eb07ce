// Attacks on one channel, or on what came over it, by the rows of docs/attacks.md. Here, and not beside the code,
// because they make what only the kernel can make.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "../src/channel/channel.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/pipe.hpp"

namespace reeve::channel {
namespace {

struct Meeting {
  Channel channel;
  os::Fd stranger;
  std::uint64_t sequence = 0;

  bool send(Header header, std::span<const std::byte> body, std::span<const int> descriptors = {},
            std::span<const AttachmentEntry> entries = {}) {
    header.sequence = sequence++;
    header.body_size = header.message_size = body.size();
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(entries), body};
    const auto sent = os::send_packet(stranger, parts, descriptors);
    return sent && *sent == os::Sent::whole;
  }
  bool greet() {
    const Hello hello;
    return send({}, std::as_bytes(std::span(&hello, 1)));
  }
  bool request(std::span<const int> descriptors = {}, std::span<const AttachmentEntry> entries = {}) {
    Header header;
    header.kind = PacketKind::request;
    header.id = sequence;
    header.attachment_count = static_cast<std::uint32_t>(entries.size());
    return send(header, {}, descriptors, entries);
  }
};

Meeting meet() {
  auto [ours, theirs] = *os::channel_pair();
  return {Channel(std::move(ours)), std::move(theirs)};
}

std::int32_t code_of(Channel& channel) {
  static Inbox inbox;
  const auto incoming = channel.receive(inbox);
  return incoming ? 0 : incoming.error().code;
}

struct Toxic {
  const char* name;
  os::Fd fd;
};

// What can be made here of what nobody wants to be handed.
std::vector<Toxic> toxic_descriptors() {
  std::vector<Toxic> all;
  const auto add = [&](const char* name, long raw) {
    if (raw >= 0) all.push_back({name, os::Fd(static_cast<int>(raw))});
  };
  add("epoll", ::epoll_create1(EPOLL_CLOEXEC));
  alignas(8) std::array<std::byte, 256> ring{};
  add("io_uring", ::syscall(SYS_io_uring_setup, 1, ring.data()));
  add("userfaultfd", ::syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
  add("terminal", ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  add("path", ::open("/etc/passwd", O_PATH | O_CLOEXEC));
  add("path of a folder", ::open("/", O_PATH | O_CLOEXEC));
  add("folder", ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  add("device", ::open("/dev/null", O_RDWR | O_CLOEXEC));
  add("file of the kernel's", ::open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
  add("process", ::syscall(SYS_pidfd_open, ::getpid(), 0));
  add("inotify", ::inotify_init1(IN_CLOEXEC));
  add("timer", ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  sigset_t none;
  sigemptyset(&none);
  add("signals", ::signalfd(-1, &none, SFD_CLOEXEC));
  const int listener = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const sa_family_t family = AF_UNIX;
  EXPECT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&family), sizeof family), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  add("listening socket", listener);
  add("stream socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  add("datagram socket", ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  add("internet socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return all;
}

TEST(Attack, F11ADescriptorOfAnyOtherKindIsRefusedWhateverItIsDeclaredToBe) {
  std::size_t carried = 0;
  for (const Toxic& what : toxic_descriptors()) {
    for (std::uint8_t kind = 1; kind <= static_cast<std::uint8_t>(os::DescriptorKind::shared); ++kind) {
      for (std::uint8_t access = 1; access <= 3; ++access) {
        Meeting m = meet();
        ASSERT_TRUE(m.greet());
        const AttachmentEntry entry{kind, access, 0};
        const int raw = what.fd.raw();
        if (!m.request(std::span(&raw, 1), std::span(&entry, 1))) continue;  // io_uring: the kernel carries none
        ++carried;
        EXPECT_EQ(code_of(m.channel), code::kBadAttachment)
            << what.name << " as " << os::name_of(os::DescriptorKind{kind}) << " for access " << int{access};
        EXPECT_EQ(code_of(m.channel), code::kBadAttachment) << "the reason stays";
      }
    }
  }
  EXPECT_GE(carried, 14U * 6 * 3);
}

TEST(Attack, F12UnsealedMemoryIsRefusedWhileItsSenderKeepsChangingIt) {
  const os::Fd memory(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  for (int round = 0; round < 64; ++round) {
    ASSERT_EQ(::ftruncate(memory.raw(), round % 2 == 0 ? 1 << 20 : 0), 0);
    for (const auto kind : {os::DescriptorKind::memory, os::DescriptorKind::shared}) {
      Meeting m = meet();
      ASSERT_TRUE(m.greet());
      const AttachmentEntry entry{static_cast<std::uint8_t>(kind), 1, 0};
      const int raw = memory.raw();
      ASSERT_TRUE(m.request(std::span(&raw, 1), std::span(&entry, 1)));
      EXPECT_EQ(code_of(m.channel), code::kBadAttachment);
    }
  }
}

TEST(Attack, F19AnOptionThatAnotherHolderTurnsOffEndsTheChannel) {
  Meeting m = meet();
  const os::Fd held = *m.channel.socket().duplicate();
  ASSERT_TRUE(m.greet());
  ASSERT_TRUE(m.request());
  EXPECT_EQ(code_of(m.channel), 0);
  const int off = 0;
  ASSERT_EQ(::setsockopt(held.raw(), SOL_SOCKET, SO_PASSCRED, &off, sizeof off), 0);
  ASSERT_TRUE(m.request());
  EXPECT_EQ(code_of(m.channel), code::kWrongSender) << "a packet of nobody's is not the peer's";
}

TEST(Attack, F19SmallBuffersAndOffsetsByAnotherHolderChangeNoPacket) {
  Meeting m = meet();
  const os::Fd held = *m.channel.socket().duplicate();
  const int value = 1;
  ASSERT_EQ(::setsockopt(held.raw(), SOL_SOCKET, SO_RCVBUF, &value, sizeof value), 0);
  ASSERT_EQ(::setsockopt(held.raw(), SOL_SOCKET, SO_SNDBUF, &value, sizeof value), 0);
  (void)::setsockopt(held.raw(), SOL_SOCKET, SO_PEEK_OFF, &value, sizeof value);
  ASSERT_TRUE(m.greet());
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(m.request());
    EXPECT_EQ(code_of(m.channel), 0);
  }
}

TEST(Attack, F7AChannelNeverWaitsWhateverTheFlagOfItsDescriptor) {
  // Both are made without O_NONBLOCK; nothing here relies on it.
  Meeting m = meet();
  ASSERT_EQ(::fcntl(m.channel.socket().raw(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(code_of(m.channel), 0) << "nothing is there, and it says so";
  Parcel parcel;
  for (int i = 0; i < 10'000; ++i) {
    parcel.begin_again();
    parcel.id = static_cast<std::uint64_t>(i) + 1;
    if (const auto sent = m.channel.send(parcel); !sent) {
      EXPECT_EQ(sent.error().code, code::kQueueFull);
      return;
    }
  }
  FAIL() << "the queue never filled";
}

TEST(Attack, X13EveryDescriptorOfARefusedPacketIsClosed) {
  // With each way in which a packet can be wrong; the far end of the pipe tells whether anybody holds the near one.
  for (int wrong = 0; wrong < 6; ++wrong) {
    auto [reader, writer] = *os::make_pipe();
    {
      Meeting m = meet();
      ASSERT_TRUE(wrong == 0 || m.greet());  // the hello must come first
      Header header;
      header.kind = wrong == 1 ? PacketKind{99} : PacketKind::request;
      header.id = 1;
      header.flags = wrong == 2 ? 1 : 0;
      header.attachment_count = wrong == 3 ? 2 : 1;  // fewer came than were declared
      const std::array<AttachmentEntry, 3> entries{
          AttachmentEntry{wrong == 4 ? std::uint8_t{1} : std::uint8_t{3}, 2, 0}, {3, 2, 0}, {3, 2, 0}};
      const std::array<int, 2> raw{writer.raw(), writer.raw()};
      const std::size_t count = wrong == 5 ? 2 : 1;  // more came than were declared
      ASSERT_TRUE(m.send(header, {}, std::span(raw).first(count), std::span(entries).first(header.attachment_count)));
      writer.close();
      EXPECT_NE(code_of(m.channel), 0) << wrong;
      std::array<char, 8> room;
      EXPECT_EQ(os::read_available(reader, room), 0U) << "at once, and not when the channel goes: " << wrong;
    }
  }
}

// Where the channel is going to write its packet.
[[gnu::noinline]] void dirty_the_stack() {
  volatile char dirt[8192];
  for (volatile char& byte : dirt) byte = static_cast<char>(0xa5);
}

TEST(Attack, X16APacketCarriesNothingButWhatWasPutThere) {
  auto [ours, theirs] = *os::channel_pair();
  Channel channel(std::move(ours));
  for (int round = 0; round < 2; ++round) {
    dirty_the_stack();
    Parcel parcel;
    parcel.id = 7;
    auto [reader, writer] = *os::make_pipe();
    if (round == 1) {
      parcel.attachments.emplace_back(object::Descriptor{std::make_shared<const os::Fd>(std::move(writer)),
                                                         os::DescriptorKind::pipe, os::Access::write});
    }
    ASSERT_TRUE(channel.send(parcel));
    std::vector<std::byte> room(kPacketBytesMax);
    std::size_t size = 0;
    while (size != sizeof(Header) + parcel.attachments.size() * sizeof(AttachmentEntry)) {  // behind the hello
      const auto received = os::receive_packet(theirs, room, os::Rights::accept);
      ASSERT_TRUE(received && std::holds_alternative<os::Arrival>(*received));
      size = std::get<os::Arrival>(*received).size;
      const auto header = decode_header(std::span(room).first(sizeof(Header)));
      ASSERT_TRUE(header);
      if (header->kind != PacketKind::hello) {
        EXPECT_EQ(size, sizeof(Header) + parcel.attachments.size() * sizeof(AttachmentEntry));
      }
    }
    std::array<std::uint8_t, sizeof(Header) + sizeof(AttachmentEntry)> golden{'R', 'E', 'E', 'V', 1, 0, 2, 0};
    golden[16] = 7;
    golden[48] = static_cast<std::uint8_t>(round + 1);
    if (round == 1) {
      golden[12] = 1;
      golden[88] = 3;
      golden[89] = 2;
    }
    EXPECT_EQ(std::memcmp(room.data(), golden.data(), size), 0) << "flags, chain, ids and sizes are zero";
  }
}

constexpr int kSizeSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

TEST(Attack, F16SharedMemoryIsCopiedOnceAndItsWriterChangesNothingOfTheCopy) {
  constexpr std::size_t kSize = 64 * 1024;
  auto builder = *MemoryBuilder::make(kSize);
  const Memory memory = *builder.share();
  std::atomic<bool> over = false;
  const auto writing = os::Mapping::of(*memory.shared(), kSize, os::Access::read_write);
  ASSERT_TRUE(writing);
  std::thread writer([&] {
    for (unsigned char value = 0; !over; ++value) {
      volatile std::byte* place = writing->bytes().data();
      for (std::size_t at = 0; at < kSize; at += 512) place[at] = std::byte{value};
    }
  });
  for (int round = 0; round < 200; ++round) {
    const auto copy = memory.data();
    if (!copy) break;
    const std::vector<std::byte> first(copy->bytes().begin(), copy->bytes().end());
    const std::vector<std::byte> second(copy->bytes().begin(), copy->bytes().end());
    EXPECT_EQ(first, second) << "what was checked is what is used";
    EXPECT_NE(copy->bytes().data(), writing->bytes().data());
  }
  over = true;
  writer.join();
}

// All of it holes, which cost who sent it nothing.
Memory holes_of(std::uint32_t size) {
  os::Fd holes(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(holes.raw(), size), 0);
  EXPECT_EQ(::fcntl(holes.raw(), F_ADD_SEALS, kSizeSeals), 0);
  EXPECT_TRUE(os::is_kind(holes, os::DescriptorKind::shared));
  return {std::make_shared<const os::Fd>(std::move(holes)), os::DescriptorKind::shared, size};
}

TEST(Attack, F14ACopyOfSharedMemoryThatThereIsNoRoomForIsAnErrorAndNotTheEnd) {
  const auto copy = holes_of(0xffff'f000).data();
  ASSERT_FALSE(copy);
  EXPECT_EQ(copy.error().code, code::kTooLarge);
#ifndef REEVE_SANITIZED  // their allocators end the process instead
  const Memory large = holes_of(1U << 30U);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{512UL << 20U, 512UL << 20U};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(2);
    const auto refused = large.data();
    ::_exit(!refused && refused.error().kind == Kind::busy ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "where the address space ends";
#endif
}

}  // namespace
}  // namespace reeve::channel
