// Holders and giver of rights that do not keep to the rules. Each ends the line that it came on, and nothing else.
#include "packet.hpp"

#include "../os/descriptor.hpp"
#include "../os/memory.hpp"
#include "../os/socket.hpp"
#include "carrier.hpp"
#include "line.hpp"
#include "staged.hpp"

namespace reeve::port {
namespace {

using namespace staged;

// B's port, A's honest right to it, and a line to it of somebody who writes what it likes.
struct Hostile : Tasks {
  os::Fd line = b.space.give_out(b.port.make_send().value()).value();

  void say(const Header& header, std::span<const std::byte> rest, std::span<const int> descriptors = {}) const {
    ASSERT_EQ(send_body(line, header, rest, descriptors).value(), os::Sent::whole);
  }
  void say(const Item& item, const os::Fd& descriptor, std::uint32_t count = 1) const {
    const int raw = descriptor.raw();
    say(Header{.count = count}, std::as_bytes(std::span(&item, 1)), std::span(&raw, descriptor ? 1U : 0U));
  }
  // What was said is nothing that is received, its line has ended, and others are served.
  void expect_its_end() {
    EXPECT_TRUE(is_silent(b.port));
    EXPECT_FALSE(send_body(line, Header(), {})) << "the line goes on";
    ASSERT_TRUE(send(to_b, "honest"));
    EXPECT_EQ(text_from(b.port), "honest");
  }
};

constexpr Item kSend{.kind = ItemKind::send, .window = 5};

TEST_F(Hostile, NoiseEndsItsLine) {
  const auto noise = std::as_bytes(std::span("no packet of ours"));
  const std::array<std::span<const std::byte>, 1> parts{noise};
  ASSERT_TRUE(os::send_packet(line, parts, {}));
  expect_its_end();
}

TEST_F(Hostile, RightsThatAreClaimedAndNotAttachedEndTheirLine) {
  say(kSend, os::Fd());
  expect_its_end();
}

TEST_F(Hostile, DescriptorsThatAreAttachedAndNotClaimedEndTheirLine) {
  const auto pair = os::channel_pair().value();
  const int raw = pair.first.raw();
  say(Header(), {}, std::span(&raw, 1));
  expect_its_end();
}

TEST_F(Hostile, WhatIsNoEndOfAChannelIsNoRight) {
  const auto pipe = os::pipe_pair().value();
  for (const ItemKind kind : {ItemKind::send, ItemKind::send_once, ItemKind::receive}) {
    line = b.space.give_out(b.port.make_send().value()).value();
    say(Item{.kind = kind, .window = kind == ItemKind::send ? 5U : 0U}, pipe.first);
    expect_its_end();
  }
}

TEST_F(Hostile, MemoryThatItsSenderMayWriteIsRefused) {
  const os::Fd open = os::open_memory("hostile", 4096).value();
  say(Item{.kind = ItemKind::memory, .size = 4096}, open);
  expect_its_end();
}

TEST_F(Hostile, MemoryThatIsShorterThanItSaysIsRefused) {
  const os::Fd sealed = os::sealed_memory("hostile", std::as_bytes(std::span("short"))).value();
  say(Item{.kind = ItemKind::memory, .size = 4096}, sealed);
  expect_its_end();
}

TEST_F(Hostile, WhatOnlyPortsAndCarriersSayIsRefusedOfHolders) {
  const Credit credit{.taken = 0, .window = 5};
  say({.kind = PacketKind::credit}, std::as_bytes(std::span(&credit, 1)));
  expect_its_end();
  line = b.space.give_out(b.port.make_send().value()).value();
  const CarriedPort port;
  say({.kind = PacketKind::port}, std::as_bytes(std::span(&port, 1)));
  expect_its_end();
}

// All that came before the fault in one message goes back, and its makers are told.
TEST_F(Hostile, WhatCameBesideAFaultIsLetGoOf) {
  const auto [sender, receiver] = os::channel_pair().value();
  const auto pipe = os::pipe_pair().value();
  const std::array<Item, 2> items{Item{.kind = ItemKind::send_once}, Item{.kind = ItemKind::send_once}};
  const std::array descriptors{sender.raw(), pipe.first.raw()};
  const std::size_t names = b.space.names().size();
  say({.count = 2}, std::as_bytes(std::span(items)), descriptors);
  expect_its_end();
  EXPECT_EQ(b.space.names().size(), names);
}

// The first of the same right makes a name, the second finds its port dead, and the third thing is none.
TEST_F(Hostile, RightsThatAreDeadWhenTheirMessageIsRefusedLeaveNoName) {
  const std::size_t names = b.space.names().size();
  for (int i = 0; i < 20; ++i) {
    line = b.space.give_out(b.port.make_send().value()).value();
    const os::Fd dead = std::move(os::channel_pair().value().first);
    const auto pipe = os::pipe_pair().value();
    const Item same{.kind = ItemKind::send, .window = 5, .id = PortId{std::byte{7}}};
    const std::array items{same, same, Item{.kind = ItemKind::send_once}};
    const std::array descriptors{dead.raw(), dead.raw(), pipe.first.raw()};
    say({.count = 3}, std::as_bytes(std::span(items)), descriptors);
    expect_its_end();
  }
  EXPECT_EQ(b.space.names().size(), names);
}

TEST_F(Hostile, CarriersThatAreNotWholeAreRefused) {
  const CarriedPort told{.line_count = 1};
  const CarriedPort notified{.notice_count = 1};
  const CarriedNotice notice{.kind = static_cast<std::uint32_t>(NotificationKind::send_once)};
  const CarriedNotice forged{.kind = static_cast<std::uint32_t>(NotificationKind::dead_name)};
  const CarriedLine one;
  const auto [end, other] = os::channel_pair().value();
  const int raw = end.raw();
  for (int fault = 0; fault < 7; ++fault) {
    line = b.space.give_out(b.port.make_send().value()).value();
    auto [filled, carrier] = os::channel_pair().value();
    const auto put = [&](const Header& header, auto& body, std::span<const int> descriptors = {}) {
      ASSERT_TRUE(send_body(filled, header, std::as_bytes(std::span(&body, 1)), descriptors));
    };
    const Header lines{.kind = PacketKind::lines, .count = 1};
    if (fault == 1) put({.kind = PacketKind::port}, told);  // and never the line
    if (fault == 2) put(lines, one, std::span(&raw, 1));    // and no port
    if (fault == 3) {                                       // another port within
      put({.kind = PacketKind::port}, told);
      put({.kind = PacketKind::port}, told);
    }
    if (fault == 4) {  // a line that is none
      const auto pipe = os::pipe_pair().value();
      const int no_line = pipe.first.raw();
      put({.kind = PacketKind::port}, told);
      put(lines, one, std::span(&no_line, 1));
    }
    if (fault == 5) {  // of a name that is none of its business
      put({.kind = PacketKind::port}, notified);
      put({.kind = PacketKind::notice}, forged);
    }
    if (fault == 6) {  // more of one thing than it says, while another is to come: somebody may go on filling it
      put({.kind = PacketKind::port}, told);
      put({.kind = PacketKind::notice}, notice);
    }
    const std::size_t names = b.space.names().size();
    say(Item{.kind = ItemKind::receive}, carrier);
    expect_its_end();
    EXPECT_EQ(b.space.names().size(), names) << fault;
  }
}

// Each in a notification of the next.
os::Fd nested_carrier(int depth) {
  auto [filled, carrier] = os::channel_pair().value();
  const CarriedPort port{.notice_count = depth > 1 ? 1U : 0U};
  EXPECT_TRUE(send_body(filled, {.kind = PacketKind::port}, std::as_bytes(std::span(&port, 1))));
  if (depth == 1) return std::move(carrier);
  const CarriedNotice notice{.kind = static_cast<std::uint32_t>(NotificationKind::port_destroyed)};
  const os::Fd within = nested_carrier(depth - 1);
  const int raw = within.raw();
  EXPECT_TRUE(
      send_body(filled, {.kind = PacketKind::notice}, std::as_bytes(std::span(&notice, 1)), std::span(&raw, 1)));
  return std::move(carrier);
}

TEST_F(Hostile, CarriersWithinCarriersHaveABottom) {
  say(Item{.kind = ItemKind::receive}, nested_carrier(4));
  EXPECT_TRUE(given_by<ReceiveRight>(b.port));
  say(Item{.kind = ItemKind::receive}, nested_carrier(5));
  expect_its_end();
}

// A port's own end on its way into its own queue is known to nobody any more: the kernel takes it back.
TEST_F(Hostile, APortThatIsSentToItselfIsDead) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight own = port.make_send().value();
  ASSERT_TRUE(give(own, std::move(port)));
  bool is_dead = false;
  for (int i = 0; i < 1000 && !is_dead; ++i) {
    (void)os::channel_pair();  // It looks for such when any socket is closed.
    is_dead = own.is_dead();
    if (!is_dead) std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(is_dead);
}

// Credits that are lies: for more than was sent the port is given up, for nothing its holder sends on.
TEST_F(Hostile, APortThatTellsOfMoreThanItWasSentIsDead) {
  auto [holder, port] = os::channel_pair().value();
  const SendRight right = a.space.take_in(std::move(holder)).value();
  ASSERT_TRUE(send(right, "one"));
  const Credit lie{.taken = 2, .window = 5};
  ASSERT_TRUE(send_body(port, {.kind = PacketKind::credit}, std::as_bytes(std::span(&lie, 1))));
  EXPECT_TRUE(right.is_dead());
}

}  // namespace
}  // namespace reeve::port
