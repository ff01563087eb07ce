#include "socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "descriptor.hpp"
#include "files.hpp"
#include "loop.hpp"
#include "memory.hpp"
#include "pipe.hpp"
#include "process.hpp"

namespace reeve::os {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

void send_text(const Fd& socket, std::string_view text, std::span<const int> descriptors = {}) {
  const std::array parts{bytes_of(text)};
  const auto sent = send_packet(socket, parts, descriptors);
  ASSERT_TRUE(sent) << sent.error().message;
  ASSERT_EQ(*sent, Sent::whole);
}

TEST(ChannelSocket, DeliversWhatAPeerSentBeforeItDiedWithAnUnreadPacket) {
  auto [ours, theirs] = *channel_pair();
  send_text(ours, "never read");
  send_text(theirs, "last words");
  theirs.close();  // An unread packet in its queue makes the kernel report a reset first.
  std::array<std::byte, 64> room;
  bool was_reset = false;
  auto received = receive_packet(ours, room, Rights::accept, &was_reset);
  ASSERT_TRUE(received);
  EXPECT_TRUE(was_reset);
  ASSERT_TRUE(std::holds_alternative<Arrival>(*received));
  EXPECT_EQ(std::get<Arrival>(*received).size, std::string_view("last words").size());
  received = receive_packet(ours, room, Rights::accept);
  ASSERT_TRUE(received);
  EXPECT_TRUE(std::holds_alternative<EndOfChannel>(*received));
}

TEST(ChannelSocket, TellsWhoSent) {
  auto [ours, theirs] = *channel_pair();
  send_text(theirs, "x");
  std::array<std::byte, 8> room;
  const auto received = receive_packet(ours, room, Rights::accept);
  ASSERT_TRUE(received);
  const auto& arrival = std::get<Arrival>(*received);
  EXPECT_EQ(arrival.sender.pid, own_pid());
  EXPECT_EQ(arrival.sender.uid, own_user());
}

TEST(ChannelSocket, ReportsTruncationAndLosesNoDescriptor) {
  auto [ours, theirs] = *channel_pair();
  const int raw = theirs.raw();
  send_text(theirs, "longer than the room", std::span(&raw, 1));
  std::array<std::byte, 4> room;
  const auto received = receive_packet(ours, room, Rights::accept);
  ASSERT_TRUE(received);
  EXPECT_TRUE(std::get<Arrival>(*received).truncated);
  EXPECT_EQ(std::get<Arrival>(*received).descriptors.size(), 1U);
}

TEST(ChannelSocket, RefusesDescriptorsWhereNobodyWantsThem) {
  auto [ours, theirs] = *channel_pair();
  const int raw = theirs.raw();
  const std::array parts{bytes_of("x")};
  if (refuse_rights(ours)) {
    EXPECT_FALSE(send_packet(theirs, parts, std::span(&raw, 1)));
    return;
  }
  ASSERT_TRUE(send_packet(theirs, parts, std::span(&raw, 1)));
  std::array<std::byte, 8> room;
  const auto received = receive_packet(ours, room, Rights::refuse);
  ASSERT_TRUE(received);
  EXPECT_TRUE(std::get<Arrival>(*received).truncated);
  EXPECT_TRUE(std::get<Arrival>(*received).descriptors.empty());
}

TEST(ChannelSocket, SaysWhenItIsFullInsteadOfWaiting) {
  auto [ours, theirs] = *channel_pair();
  const std::string packet(32 * 1024, 'x');
  const std::array parts{bytes_of(packet)};
  Sent last = Sent::whole;
  for (int i = 0; i < 1000 && last == Sent::whole; ++i) last = *send_packet(ours, parts, {});
  EXPECT_EQ(last, Sent::not_now);
}

TEST(Descriptor, IsOfItsKindAlone) {
  const auto program = own_program();
  ASSERT_TRUE(program);
  const Fd file = *open_regular(*program);
  const Fd memory = *sealed_memory("test", bytes_of("sealed"));
  auto [reader, writer] = *make_pipe();
  auto [end, other] = *channel_pair();
  struct Case {
    const Fd* fd;
    DescriptorKind kind;
  };
  const std::array cases{Case{&file, DescriptorKind::file}, Case{&memory, DescriptorKind::memory},
                         Case{&reader, DescriptorKind::pipe}, Case{&end, DescriptorKind::channel}};
  for (const Case& made : cases) {
    for (const Case& asked : cases) {
      // Sealed memory is a regular file too, of a kind of its own.
      if (made.kind == DescriptorKind::memory && asked.kind == DescriptorKind::file) continue;
      EXPECT_EQ(is_kind(*made.fd, asked.kind), made.kind == asked.kind)
          << name_of(made.kind) << " as " << name_of(asked.kind);
    }
  }
  EXPECT_EQ(*access_of(file), Access::read);
  EXPECT_EQ(*access_of(writer), Access::write);
  EXPECT_EQ(*access_of(end), Access::read_write);
}

TEST(Files, RefusesToOpenWhatIsNoRegularFile) {
  EXPECT_FALSE(open_regular("/dev/null"));
  EXPECT_FALSE(open_regular("/"));
  EXPECT_FALSE(open_regular("/nowhere"));
}

TEST(Process, StartsWithExactlyTheDescriptorsItIsGiven) {
  auto [reader, writer] = *make_pipe();
  Start start;
  start.program = "/bin/sh";
  start.arguments = {"-c", "for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && printf $n >&7; done; true"};
  start.environment = {"PATH=/usr/bin:/bin"};
  start.descriptors = {{&writer, 7}};
  start.quiet_output = true;
  const auto child = os::start(start);
  ASSERT_TRUE(child) << child.error().message;
  writer.close();
  const auto ended = wait_for_exit(*child, now() + std::chrono::seconds(10));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ(describe(**ended), "exited with 0");
  std::array<char, 256> room{};
  ASSERT_TRUE(read_available(reader, room));
  std::string text(room.data());
  EXPECT_EQ(text, "0127");
}

TEST(Loop, RunsTimersInOrderAndForgetsDroppedOnes) {
  auto loop = *Loop::make();
  std::string order;
  const Time start = now();
  const auto second = loop.at(start + std::chrono::milliseconds(2), [&] { order += 'b'; });
  const auto first = loop.at(start + std::chrono::milliseconds(1), [&] { order += 'a'; });
  auto dropped = loop.at(start, [&] { order += 'x'; });
  dropped.drop();
  while (order.size() < 2) ASSERT_TRUE(loop.run_once(now() + std::chrono::seconds(5)));
  EXPECT_EQ(order, "ab");
}

TEST(Loop, LetsACallbackDropItsOwnWatchAndAnothers) {
  auto loop = *Loop::make();
  auto [a, b] = *channel_pair();
  auto [c, d] = *channel_pair();
  Loop::Watch one;
  Loop::Watch two;
  int calls = 0;
  const auto drop_both = [&](Ready) {
    ++calls;
    one.drop();
    two.drop();
  };
  one = *loop.watch(a, {.readable = true}, drop_both);
  two = *loop.watch(c, {.readable = true}, drop_both);
  send_text(b, "x");
  send_text(d, "x");
  ASSERT_TRUE(loop.run_once(now() + std::chrono::seconds(5)));
  ASSERT_TRUE(loop.run_once(now()));
  EXPECT_EQ(calls, 1);
}

// A folder with one name in it, or none.
struct Place {
  std::string path = "/tmp/reeve-test-XXXXXX";
  Fd folder{::mkdtemp(path.data()) != nullptr ? private_folder(path)->release() : -1};
  ~Place() {
    ::unlinkat(folder.raw(), "socket", 0);
    ::rmdir(path.c_str());
  }
};

// The line is as long as whoever listens has it; those who come later wait their turn, and not for ever.
TEST(ChannelSocket, WaitsInAFullLineUntilItIsAccepted) {
  const Place place;
  const Fd& folder = place.folder;
  const Fd listener = *listen_in(folder, "socket");
  std::vector<Fd> waiting;
  const auto connect = [&](Time until) { return connect_in(folder, "socket", until); };
  for (auto connected = connect(now()); std::holds_alternative<Fd>(*connected); connected = connect(now())) {
    waiting.push_back(std::get<Fd>(std::move(*connected)));
    ASSERT_LT(waiting.size(), 1000U);
  }
  EXPECT_TRUE(std::holds_alternative<BacklogFull>(*connect(now() + std::chrono::milliseconds(1))));
  std::thread accepts([&] {
    (void)wait_for(listener, Readiness::readable, now() + std::chrono::seconds(10));
    for (std::size_t i = 0; i < waiting.size(); ++i) EXPECT_TRUE(*accept_from(listener));
  });
  const auto connected = connect(now() + std::chrono::seconds(20));
  accepts.join();
  ASSERT_TRUE(std::holds_alternative<Fd>(*connected));
  std::array<std::byte, 8> room;
  const auto received = receive_packet(std::get<Fd>(*connected), room, Rights::accept);
  EXPECT_TRUE(received && std::holds_alternative<NothingYet>(*received)) << "it does not block";
}

// The lowest number that is free tells whether anything was opened.
int lowest_free() { return Fd(::dup(0)).raw(); }

TEST(ChannelSocket, IsPeekedAtWithoutWhatTravelsBesideThePacket) {
  auto [a, b] = *channel_pair();
  const auto pipe = *pipe_pair();
  std::array<std::byte, 3> front;
  EXPECT_EQ(*peek_packet(b, front), std::nullopt);
  const int raw = pipe.first.raw();
  const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span("packet", 6))};
  ASSERT_TRUE(send_packet(a, parts, std::span(&raw, 1)));
  EXPECT_TRUE(has_unread(a));
  const int before = lowest_free();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*peek_packet(b, front), 6U);
  EXPECT_EQ(lowest_free(), before);
  EXPECT_EQ(std::memcmp(front.data(), "pac", 3), 0);
  std::array<std::byte, 16> room;
  auto received = receive_packet(b, room, Rights::accept);
  EXPECT_EQ(std::get<Arrival>(*received).descriptors.size(), 1U);
  EXPECT_FALSE(has_unread(a));
  a.close();
  EXPECT_EQ(*peek_packet(b, {}), 0U) << "the end";
}

// A name that is there already, and a socket that does not listen yet, would have a client start a second broker.
TEST(ChannelSocket, ListensByTheTimeItsNameIsThere) {
  const Place place;
  const Fd& folder = place.folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", place.path.c_str());
  std::atomic<bool> is_over = false;
  std::size_t connected = 0;
  std::size_t refused = 0;
  // No listener is closed before the end: who is refused has found one that does not listen yet.
  std::thread client([&] {
    while (!is_over) {
      const Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const bool is_connected =
          ::connect(socket.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
      connected += is_connected ? 1 : 0;
      refused += !is_connected && errno == ECONNREFUSED ? 1 : 0;
    }
  });
  std::vector<Fd> listeners;
  for (int round = 0; round < 500; ++round) {
    listeners.push_back(*listen_in(folder, "socket"));
    std::this_thread::yield();
    ::unlinkat(folder.raw(), "socket", 0);
  }
  listeners.push_back(*listen_in(folder, "socket"));
  (void)wait_for(listeners.back(), Readiness::readable, now() + std::chrono::seconds(20));
  is_over = true;
  client.join();
  EXPECT_GT(connected, 0U);
  EXPECT_EQ(refused, 0U);
}

}  // namespace
}  // namespace reeve::os
