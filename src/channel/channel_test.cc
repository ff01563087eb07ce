#include "channel.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "../os/files.hpp"
#include "../os/memory.hpp"
#include "../os/pipe.hpp"
#include "../os/process.hpp"

namespace reeve::channel {
namespace {

// The far end as a stranger would use it: raw packets.
struct Stranger {
  os::Fd socket;

  void send(std::span<const std::byte> bytes, std::span<const int> descriptors = {}) const {
    const std::array parts{bytes};
    const auto sent = os::send_packet(socket, parts, descriptors);
    ASSERT_TRUE(sent) << sent.error().message;
  }
  void send(const Header& header, std::string_view body = {}, std::span<const int> descriptors = {},
            std::span<const AttachmentEntry> entries = {}) const {
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(entries),
                           std::as_bytes(std::span(body))};
    ASSERT_TRUE(os::send_packet(socket, parts, descriptors));
  }
  void greet() const {
    const Hello hello;
    Header header = hello_header();
    send(header, std::string_view(reinterpret_cast<const char*>(&hello), sizeof hello));
  }
  static Header hello_header() {
    Header header;
    header.body_size = header.message_size = sizeof(Hello);
    return header;
  }
  static Header request(std::uint64_t sequence = 1) {
    Header header;
    header.kind = PacketKind::request;
    header.id = 1;
    header.sequence = sequence;
    return header;
  }
};

struct Meeting {
  Channel channel;
  Stranger stranger;
};

Meeting meet(os::Rights rights = os::Rights::accept) {
  auto [ours, theirs] = *os::channel_pair();
  return {Channel(std::move(ours), rights), {std::move(theirs)}};
}

std::string fault_of(Channel& channel) {
  static Inbox inbox;
  const auto incoming = channel.receive(inbox);
  if (!incoming) return incoming.error().message;
  if (const auto* refused = std::get_if<Refused>(&*incoming)) return "refused: " + refused->reason.message;
  return std::holds_alternative<Delivered>(*incoming) ? "a packet" : "nothing";
}

template <class Change>
std::string fault_after(Change change) {
  Meeting m = meet();
  m.stranger.greet();
  Header header = Stranger::request();
  change(header);
  m.stranger.send(header);
  return fault_of(m.channel);
}

TEST(PacketHeader, HasItsGoldenBytes) {
  Header header = Stranger::request(3);
  header.id = 0x0102030405060708;
  header.deadline = 9;
  header.body_size = header.message_size = 0x10;
  std::array<std::uint8_t, 88> golden{};
  const auto put = [&](std::size_t at, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), golden.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, {'R', 'E', 'E', 'V', 1, 0, 2, 0});
  put(16, {8, 7, 6, 5, 4, 3, 2, 1});
  put(48, {3});
  put(56, {9});
  put(64, {0x10});
  put(80, {0x10});
  EXPECT_EQ(std::memcmp(&header, golden.data(), golden.size()), 0);
}

TEST(Channel, RefusesEveryFieldThatIsWrong) {
  EXPECT_EQ(fault_after([](Header& h) { h.magic[0] = 'X'; }), "packet: not the magic REEV");
  EXPECT_EQ(fault_after([](Header& h) { h.version = 2; }), "packet: version 2, expected 1");
  EXPECT_EQ(fault_after([](Header& h) { h.kind = PacketKind{99}; }), "packet: unknown kind 99");
  EXPECT_EQ(fault_after([](Header& h) { h.kind = PacketKind{0}; }), "packet: unknown kind 0");
  EXPECT_EQ(fault_after([](Header& h) { h.flags = 1; }), "packet: reserved flags are set");
  EXPECT_EQ(fault_after([](Header& h) { h.attachment_count = 17; }), "packet: more than 16 attachments");
  EXPECT_EQ(fault_after([](Header& h) { h.attachment_count = 1; }), "packet: ends within its attachments");
  EXPECT_EQ(fault_after([](Header& h) { h.fragment_offset = 4; }), "packet: a fragment beyond its message");
  EXPECT_EQ(fault_after([](Header& h) { h.fragment_offset = 4, h.message_size = 8; }),
            "packet: a fragment that begins at an odd place");
  EXPECT_EQ(fault_after([](Header& h) { h.fragment_offset = h.message_size = kFragmentBytes; }),
            "packet: a fragment of nothing");
  EXPECT_EQ(fault_after([](Header& h) { h.message_size = 4; }),
            "packet: the message's size is not that of its packets");
  EXPECT_EQ(fault_after([](Header& h) { h.message_size = kMessageBytesMax + 1; }),
            "packet: a message of more than 64 MiB");
  EXPECT_EQ(fault_after([](Header& h) { h.body_size = h.message_size = 4; }), "packet: a body of 0 bytes, 4 declared");
  EXPECT_EQ(fault_after([](Header& h) { h.body_size = h.message_size = 1U << 20; }),
            "packet: a body of more than 128 KiB");
  EXPECT_EQ(fault_after([](Header& h) { h.kind = PacketKind::message; }),
            "packet: the message id does not fit the kind");
  EXPECT_EQ(fault_after([](Header& h) { h.kind = PacketKind::introduce, h.id = 0; }),
            "packet: an introduction is one end and nothing else");
  EXPECT_EQ(fault_after([](Header& h) { h.id = 0; }), "packet: the message id does not fit the kind");
  EXPECT_EQ(fault_after([](Header& h) { h.reply_to = 1; }), "packet: reply-to does not fit the kind");
  EXPECT_EQ(fault_after([](Header& h) { h.sequence = 7; }), "packet: sequence 7, expected 1");
  EXPECT_EQ(fault_after([](Header&) {}), "a packet");
}

TEST(Channel, RefusesAnIntroductionOfAnythingButAnEndOfAChannel) {
  auto [reader, writer] = *os::make_pipe();
  Header header;
  header.kind = PacketKind::introduce;
  header.attachment_count = 1;
  header.sequence = 1;
  const std::string fault = "packet: an introduction brings something else than an end of a channel";
  {
    Meeting m = meet();
    m.stranger.greet();
    const AttachmentEntry entry{kEndpointEntry, 0, 0};
    const Endpoint endpoint;
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(&entry, 1)),
                           std::as_bytes(std::span(&endpoint, 1))};
    ASSERT_TRUE(os::send_packet(m.stranger.socket, parts, {}));
    EXPECT_EQ(fault_of(m.channel), fault);
  }
  Meeting m = meet();
  m.stranger.greet();
  const AttachmentEntry entry{3, 1, 0};
  const int raw = reader.raw();
  m.stranger.send(header, {}, std::span(&raw, 1), std::span(&entry, 1));
  EXPECT_EQ(fault_of(m.channel), fault);
}

TEST(Channel, RefusesPacketsThatAreNone) {
  Meeting m = meet();
  m.stranger.send(std::as_bytes(std::span("text from a confused program")));
  EXPECT_EQ(fault_of(m.channel), "packet: shorter than its header of 88 bytes");
  EXPECT_EQ(fault_of(m.channel), "packet: shorter than its header of 88 bytes") << "the reason stays";
}

TEST(Channel, WantsTheHelloFirstAndOnce) {
  Meeting without = meet();
  without.stranger.send(Stranger::request(0));
  EXPECT_EQ(fault_of(without.channel), "packet: hello must come first, and once");
  Meeting twice = meet();
  twice.stranger.greet();
  Header again = Stranger::hello_header();
  again.sequence = 1;
  twice.stranger.send(again, std::string(sizeof(Hello), '\0'));
  EXPECT_EQ(fault_of(twice.channel), "packet: hello must come first, and once");
}

TEST(Channel, RefusesAPeerThatSpeaksNoVersionInCommon) {
  Meeting m = meet();
  Hello hello;
  hello.oldest_version = 2;
  hello.newest_version = 3;
  m.stranger.send(Stranger::hello_header(), std::string_view(reinterpret_cast<const char*>(&hello), sizeof hello));
  EXPECT_EQ(fault_of(m.channel), "the peer does not speak version 1");
}

TEST(Channel, RefusesADescriptorThatIsNotWhatItIsDeclaredToBe) {
  auto [reader, writer] = *os::make_pipe();
  struct Case {
    AttachmentEntry entry;
    int raw;
    const char* fault;
  };
  const Case cases[] = {
      {{1, 1, 0}, reader.raw(), "attachment 0: is not the file it was declared to be"},
      {{2, 1, 0}, reader.raw(), "attachment 0: is not the memory it was declared to be"},
      {{4, 3, 0}, reader.raw(), "attachment 0: is not the channel it was declared to be"},
      {{5, 3, 0}, reader.raw(), "attachment 0: is not the event it was declared to be"},
      {{3, 2, 0}, reader.raw(), "attachment 0: is not open for what it was declared to be"},
      {{3, 3, 0}, writer.raw(), "attachment 0: is not open for what it was declared to be"},
      {{9, 1, 0}, reader.raw(), "packet: attachment 0 is of no known kind and access"},
      {{3, 0, 0}, reader.raw(), "packet: attachment 0 is of no known kind and access"},
      {{3, 1, 7}, reader.raw(), "packet: attachment 0 is of no known kind and access"},
      {{3, 1, 0}, reader.raw(), "a packet"},
  };
  for (const Case& c : cases) {
    Meeting m = meet();
    m.stranger.greet();
    Header header = Stranger::request();
    header.attachment_count = 1;
    m.stranger.send(header, {}, std::span(&c.raw, 1), std::span(&c.entry, 1));
    EXPECT_EQ(fault_of(m.channel), c.fault);
  }
}

TEST(Channel, RefusesMemoryThatIsNotSealed) {
  const os::Fd open = *os::open_regular(*os::own_program());
  Meeting m = meet();
  m.stranger.greet();
  Header header = Stranger::request();
  header.attachment_count = 1;
  const AttachmentEntry entry{2, 1, 0};
  const int raw = open.raw();
  m.stranger.send(header, {}, std::span(&raw, 1), std::span(&entry, 1));
  EXPECT_EQ(fault_of(m.channel), "attachment 0: is not the memory it was declared to be");
}

TEST(Channel, EndsWhenAnotherProcessSpeaksOnIt) {
  Meeting m = meet();
  m.channel.bind_to({os::own_pid() + 1, 0});
  m.stranger.greet();
  EXPECT_NE(fault_of(m.channel).find("whose channel this is"), std::string::npos);
}

Parcel request_of(std::vector<std::byte> body, std::uint64_t id = 1) {
  Parcel parcel;
  parcel.id = id;
  parcel.body.bytes = std::move(body);
  return parcel;
}

TEST(Channel, RefusesToSendWhatIsTooLarge) {
  Meeting m = meet();
  Parcel parcel = request_of(std::vector<std::byte>(kMessageBytesMax + 1));
  const auto sent = m.channel.send(parcel);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, code::kTooLarge);
}

TEST(Channel, IsBusyWhenItsPeerDoesNotReadAndLosesNothing) {
  auto [a, b] = *os::channel_pair();
  Channel writer(std::move(a));
  Channel reader(std::move(b));
  std::uint64_t sent = 0;
  while (true) {
    Parcel parcel = request_of(std::vector<std::byte>(32 * 1024), sent + 1);
    const auto outcome = writer.send(parcel);
    if (!outcome) {
      EXPECT_EQ(outcome.error().kind, Kind::busy);
      break;
    }
    ++sent;
    ASSERT_LT(sent, 1000U);
  }
  Inbox inbox;
  for (std::uint64_t id = 1; id <= sent; ++id) {
    const auto incoming = reader.receive(inbox);
    ASSERT_TRUE(incoming);
    EXPECT_EQ(std::get<Delivered>(*incoming).header.id, id);
  }
  EXPECT_EQ(fault_of(reader), "nothing");
}

TEST(Channel, ClosesEveryDescriptorOfAPacketItRefuses) {
  auto [reader, writer] = *os::make_pipe();
  {
    Meeting m = meet();
    m.stranger.greet();
    Header header = Stranger::request();
    header.attachment_count = 1;
    const AttachmentEntry entry{3, 3, 0};
    const int raw = writer.raw();
    m.stranger.send(header, {}, std::span(&raw, 1), std::span(&entry, 1));
    writer.close();
    EXPECT_NE(fault_of(m.channel), "a packet");
  }
  std::array<char, 8> room;
  EXPECT_EQ(os::read_available(reader, room), 0U) << "somebody still holds the writer";
}

}  // namespace
}  // namespace reeve::channel
