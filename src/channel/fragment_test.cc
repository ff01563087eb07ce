// Messages of more than one packet.
#include <gtest/gtest.h>

#include <cstring>

#include "../os/pipe.hpp"
#include "channel.hpp"

namespace reeve::channel {
namespace {

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 31 + i / 4096 + seed) & 0xffU);
  return bytes;
}

bool is_pattern(const Data& data, std::size_t size, unsigned seed) { return data == Data(pattern(size, seed)); }

// Half of it copied, half of it spliced, as the codec does with large Data.
Parcel parcel_of(std::size_t size, unsigned seed, std::uint64_t id, PacketKind kind = PacketKind::request) {
  Parcel parcel;
  parcel.kind = kind;
  (kind == PacketKind::request ? parcel.id : parcel.reply_to) = id;
  auto bytes = pattern(size, seed);
  if (size >= 4 * kSpliceBytesMin) {
    const std::size_t quarter = size / 4;
    const Data middle = Data::copy_of(std::span(bytes).subspan(quarter, 2 * quarter));
    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(quarter),
                bytes.begin() + static_cast<std::ptrdiff_t>(3 * quarter));
    parcel.body.splices.push_back({quarter, middle});
  }
  parcel.body.bytes = std::move(bytes);
  return parcel;
}

struct Pair {
  Pair() : Pair(*os::channel_pair()) {}
  explicit Pair(std::pair<os::Fd, os::Fd> ends) : writer(std::move(ends.first)), reader(std::move(ends.second)) {}
  Inbox inbox;  // before the channels, which it must outlive
  Channel writer;
  Channel reader;

  Incoming next() {
    auto incoming = reader.receive(inbox);
    EXPECT_TRUE(incoming) << incoming.error().message;
    return incoming ? std::move(*incoming) : Incoming(Ended{});
  }
  // Sends while it reads, as two processes would.
  Delivered carry(Parcel parcel) {
    while (true) {
      const auto sent = writer.send(parcel);
      EXPECT_TRUE(sent || sent.error().code == code::kQueueFull);
      auto incoming = next();
      if (auto* delivered = std::get_if<Delivered>(&incoming)) return std::move(*delivered);
    }
  }
};

TEST(Fragments, ArriveWholeWhateverTheirSize) {
  Pair pair;
  std::uint64_t id = 1;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kFragmentBytes - 1, kFragmentBytes, kFragmentBytes + 1, 2 * kFragmentBytes,
        2 * kFragmentBytes + 1, std::size_t{1} << 20U, kRoomBytes, kRoomBytes + 4, std::size_t{5'000'001}}) {
    const Delivered delivered = pair.carry(parcel_of(size, static_cast<unsigned>(size), id));
    EXPECT_EQ(delivered.header.id, id++);
    EXPECT_TRUE(is_pattern(delivered.body, size, static_cast<unsigned>(size))) << size;
  }
  EXPECT_EQ(pair.inbox.ledger().used(), quota::Amount{});
}

TEST(Fragments, ManyMessagesInterleaveAndASmallOneWaitsForNone) {
  Pair pair;
  Outbox outbox;
  constexpr std::size_t kLong = 5;
  constexpr std::size_t kSize = 10 * kFragmentBytes + 17;
  for (unsigned i = 1; i <= kLong; ++i) outbox.push(parcel_of(kSize, i, i), {});
  outbox.push(parcel_of(64, 100, 100), {});
  std::vector<std::uint64_t> order;
  bool all = false;
  while (order.size() < kLong + 1) {
    if (!all) all = *outbox.flush(pair.writer);
    auto incoming = pair.next();
    if (auto* delivered = std::get_if<Delivered>(&incoming)) {
      const auto id = delivered->header.id;
      EXPECT_TRUE(is_pattern(delivered->body, id == 100 ? 64 : kSize, static_cast<unsigned>(id)));
      order.push_back(id);
    }
  }
  EXPECT_EQ(order.front(), 100U) << "the small one came last and is there first";
  EXPECT_EQ(pair.inbox.ledger().used(), quota::Amount{});
}

TEST(Fragments, CarryTheirDescriptorsWithTheFirst) {
  Pair pair;
  auto [reader, writer] = *os::make_pipe();
  Parcel parcel = parcel_of(3 * kFragmentBytes, 1, 1);
  parcel.attachments.emplace_back(object::Descriptor{std::make_shared<const os::Fd>(std::move(writer)),
                                                     os::DescriptorKind::pipe, os::Access::write});
  const Delivered delivered = pair.carry(std::move(parcel));
  ASSERT_EQ(delivered.attachments.size(), 1U);
  EXPECT_EQ(std::get<object::Descriptor>(delivered.attachments[0]).kind, os::DescriptorKind::pipe);
}

TEST(Fragments, OfOneWayMessagesAreToldApart) {
  Pair pair;
  Outbox outbox;
  for (unsigned i = 1; i <= 3; ++i) {
    Parcel parcel = parcel_of(300'000, i, 0, PacketKind::request);
    parcel.kind = PacketKind::message;
    outbox.push(std::move(parcel), {});
  }
  for (unsigned seen = 0; seen < 3;) {
    (void)outbox.flush(pair.writer);
    auto incoming = pair.next();
    if (auto* delivered = std::get_if<Delivered>(&incoming)) {
      ++seen;
      EXPECT_TRUE(is_pattern(delivered->body, 300'000, 1) || is_pattern(delivered->body, 300'000, 2) ||
                  is_pattern(delivered->body, 300'000, 3));
    }
  }
}

TEST(Fragments, OfAMessageBeyondItsSendersShareAreSkippedAndToldOnce) {
  Pair pair;
  // A reader that holds nothing of anybody, as the broker is.
  Inbox inbox{quota::Amount{}};
  Parcel parcel = parcel_of(3 * kFragmentBytes, 1, 7);
  std::size_t refusals = 0;
  std::size_t delivered = 0;
  const auto read_all = [&] {
    while (true) {
      const auto incoming = pair.reader.receive(inbox);
      ASSERT_TRUE(incoming);
      if (const auto* refused = std::get_if<Refused>(&*incoming)) {
        ++refusals;
        EXPECT_EQ(refused->header.id, 7U);
        EXPECT_EQ(refused->reason.kind, Kind::busy);
      }
      if (std::holds_alternative<Delivered>(*incoming)) ++delivered;
      if (std::holds_alternative<NothingYet>(*incoming)) return;
    }
  };
  while (!pair.writer.send(parcel)) read_all();
  Parcel after = parcel_of(64, 1, 8);
  ASSERT_TRUE(pair.writer.send(after));
  read_all();
  EXPECT_EQ(refusals, 1U);
  EXPECT_EQ(delivered, 1U) << "the channel goes on";
}

TEST(Fragments, LeftUnfinishedCostNobodyAnything) {
  Inbox inbox;
  {
    auto [a, b] = *os::channel_pair();
    Channel writer(std::move(a));
    Channel reader(std::move(b));
    Parcel parcel = parcel_of(3 * kFragmentBytes, 1, 1);
    ASSERT_TRUE(writer.send_next(parcel));
    ASSERT_TRUE(std::holds_alternative<NothingYet>(*reader.receive(inbox)));
    EXPECT_EQ(inbox.ledger().used().bytes, 3 * kFragmentBytes) << "charged as a whole, before the rest comes";
  }
  EXPECT_EQ(inbox.ledger().used(), quota::Amount{});
}

// A sender that does as it likes.
struct Stranger {
  os::Fd socket;
  std::uint64_t sequence = 0;

  void greet() {
    Hello hello;
    Header header;
    header.body_size = header.message_size = sizeof hello;
    send(header, std::as_bytes(std::span(&hello, 1)));
  }
  void send(Header header, std::span<const std::byte> body) {
    header.sequence = sequence++;
    const std::array parts{std::as_bytes(std::span(&header, 1)), body};
    ASSERT_EQ(*os::send_packet(socket, parts, {}), os::Sent::whole);
  }
  void fragment(std::uint64_t id, std::size_t offset, std::size_t total) {
    Header header;
    header.kind = PacketKind::request;
    header.id = id;
    header.fragment_offset = offset;
    header.message_size = total;
    header.body_size = std::min(total - offset, kFragmentBytes);
    send(header, std::vector<std::byte>(header.body_size));
  }
};

template <class Play>
std::string fault_after(Play play) {
  auto [ours, theirs] = *os::channel_pair();
  Inbox inbox;
  Channel channel(std::move(ours));
  Stranger stranger{std::move(theirs)};
  stranger.greet();
  std::string fault = "none";
  const auto read = [&] {
    while (true) {
      const auto incoming = channel.receive(inbox);
      if (!incoming) {
        fault = incoming.error().message;
        return;
      }
      if (!std::holds_alternative<Delivered>(*incoming)) return;
    }
  };
  play(stranger, read);
  read();
  return fault;
}

TEST(Fragments, RefuseEveryOrderButTheirs) {
  constexpr std::size_t kTotal = 3 * kFragmentBytes;
  EXPECT_EQ(fault_after([](Stranger& s, auto) { s.fragment(1, kFragmentBytes, kTotal); }),
            "packet: a fragment of a message that never began");
  EXPECT_EQ(fault_after([](Stranger& s, auto read) {
              s.fragment(1, 0, kTotal);
              read();
              s.fragment(1, 2 * kFragmentBytes, kTotal);
            }),
            "packet: a fragment that does not follow the one before");
  EXPECT_EQ(fault_after([](Stranger& s, auto read) {
              s.fragment(1, 0, kTotal);
              read();
              s.fragment(1, 0, kTotal);
            }),
            "packet: a message begins again before it has ended");
  EXPECT_EQ(fault_after([](Stranger& s, auto read) {
              s.fragment(1, 0, kTotal);
              read();
              s.fragment(1, kFragmentBytes, kTotal - 4);
            }),
            "packet: a fragment that does not follow the one before");
  EXPECT_EQ(fault_after([](Stranger& s, auto read) {
              s.fragment(1, 0, kTotal);
              read();
              s.fragment(1, kFragmentBytes, kTotal);
              read();
              s.fragment(2, 2 * kFragmentBytes, kTotal);
            }),
            "packet: a fragment of a message that never began");
  EXPECT_EQ(fault_after([](Stranger& s, auto read) {
              for (std::uint64_t id = 1; id <= kPartialCountMax + 1; ++id) {
                s.fragment(id, 0, kTotal);
                read();
              }
            }),
            "packet: more than 16 messages in fragments at once");
}

TEST(Introduction, IsSeenOnlyAfterEverythingThatWasSentBefore) {
  Pair pair;
  Outbox outbox;
  outbox.push(parcel_of(5 * kFragmentBytes, 1, 1), {});
  auto introduction = make_introduction();
  outbox.push(std::move(introduction->parcel), {});
  outbox.push(parcel_of(64, 2, 2), {});
  std::vector<PacketKind> order;
  while (order.size() < 3) {
    (void)outbox.flush(pair.writer);
    auto incoming = pair.next();
    if (auto* delivered = std::get_if<Delivered>(&incoming)) order.push_back(delivered->header.kind);
  }
  EXPECT_EQ(order, (std::vector{PacketKind::request, PacketKind::introduce, PacketKind::request}));
}

// The next peer's hello is received where the rest of the message was expected, which is let go of.
TEST(Fragments, OfAPeerThatWasReplacedAreForgotten) {
  auto [reading, writing] = *os::channel_pair();
  auto other = *writing.duplicate();
  Inbox inbox;
  Channel reader(std::move(reading));
  reader.let_peer_be_replaced();
  Channel first(std::move(writing));
  Parcel parcel = parcel_of(3 * kFragmentBytes, 1, 1);
  ASSERT_TRUE(first.send_next(parcel));
  const auto next = [&] { return *reader.receive(inbox); };
  EXPECT_EQ(std::get<Delivered>(next()).header.kind, PacketKind::hello);
  EXPECT_TRUE(std::holds_alternative<NothingYet>(next()));
  Channel second(std::move(other));
  second.take_cancels();
  ASSERT_TRUE(second.greet());
  EXPECT_EQ(std::get<Delivered>(next()).header.kind, PacketKind::hello);
  EXPECT_TRUE(reader.peer_takes_cancels()) << "it is read from where it lies";
  Parcel word = parcel_of(64, 2, 1);
  ASSERT_TRUE(second.send(word));
  EXPECT_TRUE(is_pattern(std::get<Delivered>(next()).body, 64, 2));
}

TEST(Hello, TellsClocksOfAnotherTimeNamespaceApart) {
  using std::chrono::nanoseconds;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto offset = [](std::uint64_t their_monotonic, std::uint64_t their_real, std::uint64_t transit) {
    Hello hello;
    hello.monotonic = their_monotonic;
    hello.real = their_real;
    return clock_offset(hello, nanoseconds(1000 * kSecond), nanoseconds(their_real + transit));
  };
  EXPECT_EQ(offset(1000 * kSecond, 7 * kSecond, 0), 0);
  EXPECT_EQ(offset(995 * kSecond, 7 * kSecond, 5 * kSecond), 0) << "it waited while a service was started";
  EXPECT_EQ(offset(9000 * kSecond, 7 * kSecond, 2), -8000LL * static_cast<std::int64_t>(kSecond) - 2);
  EXPECT_EQ(offset(10 * kSecond, 7 * kSecond, 2), 990LL * static_cast<std::int64_t>(kSecond) - 2);
  Hello hostile;
  hostile.monotonic = 1ULL << 63U;
  hostile.real = ~0ULL;
  (void)clock_offset(hostile, nanoseconds(1), nanoseconds(2));
}

}  // namespace
}  // namespace reeve::channel
