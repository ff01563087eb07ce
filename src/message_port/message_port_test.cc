// Message ports over channels that are here: what is sent, what comes back, and both ends that lie.
#include <gtest/gtest.h>

#include <deque>

#include "../connection/listener.hpp"
#include "../connection/staged.hpp"
#include "../object/call.hpp"
#include "local_port.hpp"
#include "remote_port.hpp"

namespace reeve::message_port {
namespace {

using namespace std::chrono_literals;
using channel::PacketKind;

Data bytes(std::string_view text) { return Data::copy_of(std::as_bytes(std::span(text))); }
std::string text(const Data& data) { return {reinterpret_cast<const char*>(data.bytes().data()), data.size()}; }

// A port that a test's own handler serves, and senders to it.
struct Ports : connection::OnALoop {
  template <class Handler>
  void serve(Handler handler) {
    taker = std::make_shared<Taker>(handler_of(std::move(handler)));
  }
  // ... or nobody replies to what is sent.
  void keep_all() {
    serve([this](PortMessage message) { kept.push_back(std::move(message)); });
  }
  os::Fd connect() {
    auto [ours, theirs] = *os::channel_pair();
    auto own = std::make_shared<const connection::Handler>(Sender::taking_up(taker, loop));
    EXPECT_TRUE(server->add(channel::Channel(std::move(ours)), {}, {}, std::move(own)));
    return std::move(theirs);
  }
  static Right right_over(os::Fd end) {
    return {std::make_shared<const os::Fd>(std::move(end)), object::RightKind::send};
  }
  RemotePort remote(PortHandler handler = {}) {
    return *RemotePort::over(right_over(connect()), {.loop = loop, .handler = std::move(handler)});
  }
  // What a request comes to, by the loop.
  Result<Data> asked(RemotePort port, std::int32_t id, std::string_view what, PortTimes times = {.receive = 20s}) {
    return port.async_request(id, bytes(what), times).run(loop);
  }
  // A request that is begun, and its outcome once that is there.
  struct Begun {
    Begun(RemotePort port, std::int32_t id) : task(ask(std::move(port), id)) { task.start(); }
    bool is_over() const { return outcome.has_value(); }
    connection::Task<void> ask(RemotePort port, std::int32_t id) {
      outcome.emplace(co_await port.async_request(id, {}));
      co_return {};
    }
    std::optional<Result<Data>> outcome;
    connection::Task<void> task;
  };
  std::shared_ptr<Taker> taker;
  std::vector<PortMessage> kept;
};

TEST_F(Ports, AReplyIsWhatTheHandlerReturns) {
  serve([](const PortMessage& message) { return bytes(std::to_string(message.id()) + " " + text(message.data())); });
  const RemotePort port = remote();
  const auto reply = asked(port, -7, "hello");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(text(*reply), "-7 hello");
  EXPECT_EQ(port_status(reply), PortStatus::success);
  EXPECT_EQ(text(*asked(port, 1, "")), "1 ");
}

TEST_F(Ports, ARequestThatIsNotRepliedToHasAnEmptyReply) {
  serve([](PortMessage) {});
  const auto reply = asked(remote(), 1, "hello");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->empty());
}

TEST_F(Ports, AReplyMayComeLaterAndOutOfOrder) {
  keep_all();
  RemotePort port = remote();
  std::deque<Begun> all;
  for (std::int32_t id = 0; id < 3; ++id) all.emplace_back(port, id);
  ASSERT_TRUE(comes_true([&] { return kept.size() == 3; }));
  for (std::size_t i = 3; i-- > 0;) {
    EXPECT_TRUE(kept[i].reply(bytes("reply " + std::to_string(kept[i].id()))));
    EXPECT_EQ(kept[i].reply({}).error().code, code::kAnswered) << "once";
    ASSERT_TRUE(comes_true([&] { return all[i].is_over(); }));
    EXPECT_EQ(text(**all[i].outcome), "reply " + std::to_string(i));
  }
}

TEST_F(Ports, AMessageThatWantsNoReplyGetsNone) {
  std::vector<std::string> taken;
  serve([&](PortMessage message) {
    taken.push_back(text(message.data()) + (message.wants_reply() ? ", asks" : ""));
    EXPECT_EQ(message.reply({}).error().code, code::kAnswered);
  });
  RemotePort port = remote();
  EXPECT_EQ(port_status(port.send(1, bytes("hello"))), PortStatus::success);
  ASSERT_TRUE(comes_true([&] { return !taken.empty(); }));
  EXPECT_EQ(taken[0], "hello");
}

TEST_F(Ports, AHandlerThatThrowsRepliesWithNothing) {
  serve([](const PortMessage&) -> Data { throw std::runtime_error("oh"); });
  const auto reply = asked(remote(), 1, "hello");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->empty());
}

TEST_F(Ports, LargeDataComesWholeAndWhatIsTooLargeIsNotSent) {
  serve([](const PortMessage& message) { return message.data(); });
  const RemotePort port = remote();
  const std::string large(10 << 20, 'x');
  const auto reply = asked(port, 1, large);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(text(*reply), large);
  const auto refused = asked(port, 1, std::string(kMessageBytesMax, 'x'));
  EXPECT_EQ(refused.error().code, code::kTooLarge);
  EXPECT_EQ(port_status(refused), PortStatus::transport_error);
  EXPECT_TRUE(port.is_valid()) << "nothing else is the matter with it";
  EXPECT_EQ(text(*asked(port, 2, "small")), "small");
}

TEST_F(Ports, AReplyThatDoesNotComeInTimeIsDroppedWhenItComes) {
  keep_all();
  const RemotePort port = remote();
  const auto late = asked(port, 1, "first", {.receive = 1ms});
  EXPECT_EQ(port_status(late), PortStatus::receive_timeout) << late.error().message;
  EXPECT_TRUE(port.is_valid());
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  (void)kept[0].reply(bytes("of the first"));
  const Begun second(port, 2);
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  EXPECT_FALSE(second.is_over()) << "the late reply is not taken for its own";
  (void)kept[1].reply(bytes("of the second"));
  ASSERT_TRUE(comes_true([&] { return second.is_over(); }));
  EXPECT_EQ(port.stray_replies(), 0U) << "the other side knows that nobody waits for the first";
}

TEST_F(Ports, WhoeverDoesNotReadIsNotSentToForEver) {
  auto [ours, theirs] = *os::channel_pair();
  auto port = RemotePort::over(right_over(std::move(ours)));
  ASSERT_TRUE(port);
  Result<void> sent;
  for (int i = 0; i < 10'000 && sent; ++i) sent = port->send(1, bytes(std::string(4096, 'x')), {.send = 1ms});
  ASSERT_FALSE(sent);
  EXPECT_EQ(port_status(sent), PortStatus::send_timeout) << sent.error().message;
  const auto asked = port->request(1, bytes("x"), {.send = 1ms, .receive = 20s});
  EXPECT_EQ(port_status(asked), PortStatus::send_timeout) << "which counts beside the time for the reply";
  EXPECT_TRUE(port->is_valid());
}

TEST_F(Ports, TimeForTheReplyCountsFromWhenTheRequestIsSent) {
  serve([](const PortMessage& message) { return message.data(); });
  const auto reply = asked(remote(), 1, "hello", {.send = 20s, .receive = 20s});
  EXPECT_TRUE(reply) << reply.error().message;
  keep_all();
  const os::Time begun = os::now();
  const auto late = asked(remote(), 1, "hello", {.send = 1h, .receive = 1ms});
  EXPECT_EQ(port_status(late), PortStatus::receive_timeout);
  EXPECT_LT(os::now() - begun, 1h);
}

TEST_F(Ports, APortWhoseOtherSideEndsIsInvalidOnce) {
  keep_all();
  RemotePort port = remote();
  int told = 0;
  port.on_invalidation([&] { ++told; });
  const Begun asked(port, 1);
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  server.reset();
  ASSERT_TRUE(comes_true([&] { return asked.is_over(); }));
  settle();
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(port.is_valid());
  EXPECT_EQ(port_status(*asked.outcome), PortStatus::became_invalid);
  EXPECT_EQ(port_status(port.send(1, {})), PortStatus::is_invalid);
  EXPECT_EQ(port_status(port.request(1, {})), PortStatus::is_invalid);
  port.on_invalidation([&] { ++told; });
  EXPECT_EQ(told, 2) << "at once, where it is invalid already";
  settle();
  EXPECT_EQ(told, 2);
}

TEST_F(Ports, OneThatNobodyWaitsAtIsFoundInvalidWhenItIsLookedAt) {
  auto [ours, theirs] = *os::channel_pair();
  auto port = RemotePort::over(right_over(std::move(ours)));
  int told = 0;
  port->on_invalidation([&] { ++told; });
  EXPECT_TRUE(port->is_valid());
  theirs.close();
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(port->is_valid());
  EXPECT_EQ(told, 1);
}

TEST_F(Ports, InvalidatedItTellsThoseWhoWait) {
  keep_all();
  RemotePort port = remote();
  int told = 0;
  port.on_invalidation([&] { ++told; });
  const Begun asked(port, 1);
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  port.invalidate();
  port.invalidate();
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(comes_true([&] { return asked.is_over(); }));
  EXPECT_EQ(port_status(*asked.outcome), PortStatus::became_invalid);
  EXPECT_TRUE(comes_true([&] { return kept[0].caller().stop_token().stop_requested(); })) << "nobody waits any more";
}

TEST_F(Ports, CopiesAreTheSamePort) {
  serve([](const PortMessage& message) { return message.data(); });
  RemotePort port = remote();
  RemotePort copy = port;
  EXPECT_EQ(copy, port);
  EXPECT_FALSE(copy == remote());
  copy.invalidate();
  EXPECT_FALSE(port.is_valid());
}

TEST_F(Ports, WhoeverTakesMessagesIsSentSome) {
  std::vector<RemotePort> clients;
  serve([&](const PortMessage& message) {
    if (auto sender = message.sender()) clients.push_back(std::move(*sender));
    return message.data();
  });
  std::vector<std::string> taken;
  RemotePort port = remote([&](PortMessage message) {
    taken.push_back(text(message.data()));
    (void)message.reply(bytes("from the client"));
  });
  EXPECT_TRUE(asked(port, 1, "hello"));
  EXPECT_TRUE(asked(port, 2, "again"));
  ASSERT_EQ(clients.size(), 2U);
  EXPECT_EQ(clients[0], clients[1]) << "one for all its messages";
  const auto reply = asked(clients[0], 3, "news");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(text(*reply), "from the client");
  EXPECT_EQ(taken, std::vector<std::string>{"news"});
  port.invalidate();
  EXPECT_TRUE(comes_true([&] { return !clients[0].is_valid(); })) << "it has left";
}

TEST_F(Ports, WhoeverTakesNoneIsNotSentAny) {
  Error told;
  serve([&](PortMessage message) { told = message.sender().error(); });
  EXPECT_TRUE(asked(remote(), 1, "hello"));
  EXPECT_EQ(told.kind, Kind::unsupported);
  EXPECT_EQ(RemotePort::over(right_over(connect()), {.handler = [](PortMessage) {}}).error().code, code::kNoLoop);
}

TEST_F(Ports, AHandlerMaySendToItsOwnSender) {
  std::vector<std::string> taken;
  serve([&](PortMessage message) {
    if (auto sender = message.sender()) (void)sender->send(9, bytes("in between"));
  });
  RemotePort port = remote([&](PortMessage message) { taken.push_back(text(message.data())); });
  EXPECT_TRUE(asked(port, 1, "hello"));
  EXPECT_TRUE(comes_true([&] { return taken.size() == 1; }));
}

TEST_F(Ports, OneThatIsGivenUpWhereThatIsToldIsNotUsedAnyMore) {
  auto [ours, theirs] = *os::channel_pair();
  std::optional<RemotePort> port = *RemotePort::over(right_over(std::move(ours)));
  port->on_invalidation([&] { port.reset(); });
  theirs.close();
  const RemotePort* const looked_at = &*port;
  EXPECT_FALSE(looked_at->is_valid());
  EXPECT_FALSE(port);
}

TEST_F(Ports, ARequestOutlivesTheHandleThatItWasMadeBy) {
  serve([](const PortMessage& message) { return message.data(); });
  auto asked = [&] {
    RemotePort port = remote();
    return port.async_request(1, bytes("hello"));
  }();
  const auto reply = std::move(asked).run(loop);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(text(*reply), "hello");
}

TEST_F(Ports, WhatIsInvalidatedTakesNothingMore) {
  std::vector<RemotePort> clients;
  serve([&](const PortMessage& message) {
    if (auto sender = message.sender()) clients.push_back(std::move(*sender));
    return message.data();
  });
  int taken = 0;
  std::optional<RemotePort> port;
  port = remote([&](PortMessage) {
    ++taken;
    port->invalidate();
  });
  ASSERT_TRUE(asked(*port, 1, "hello"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(clients.at(0).send(1, bytes("news")));
  settle();
  EXPECT_EQ(taken, 1);
}

TEST_F(Ports, OneThatWaitsForEverMayBeToldSoInAnyNumber) {
  serve([](const PortMessage& message) { return message.data(); });
  const auto most = std::chrono::nanoseconds::max();
  EXPECT_TRUE(asked(remote(), 1, "hello", {.send = most, .receive = most}));
}

// Those who lie.

// A peer that sends what it likes.
struct Liar {
  explicit Liar(os::Fd end) : channel(std::move(end)) {}
  void send(PacketKind kind, Dictionary message, std::uint64_t id = 0, std::uint64_t reply_to = 0) {
    connection::Parcel parcel = *connection::make_parcel(kind, message);
    parcel.id = id;
    parcel.reply_to = reply_to;
    EXPECT_TRUE(channel.send(parcel));
  }
  // The next packet's kind, and what it says.
  std::optional<std::pair<channel::Header, Dictionary>> next() {
    while (true) {
      auto incoming = channel.receive(inbox);
      auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
      if (packet == nullptr) return std::nullopt;
      const channel::Header header = packet->header;
      return std::pair(header, connection::open_packet(*packet)->root().object());
    }
  }
  channel::Inbox inbox;
  channel::Channel channel;
};

TEST_F(Ports, WhatIsNoMessageIsRefusedAndNotHandled) {
  int handled = 0;
  serve([&](PortMessage) { ++handled; });
  const std::vector<Dictionary> wrong{
      {},
      {{"data", Object(Data())}},
      {{"id", Object(1)}},
      {{"id", Object("1")}, {"data", Object(Data())}},
      {{"id", Object(std::int64_t{1} << 40)}, {"data", Object(Data())}},
      {{"id", Object(1)}, {"data", Object("text")}},
  };
  Liar liar(connect());
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    liar.send(PacketKind::request, wrong[i], i + 1);
    settle();
    const auto answer = liar.next();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->first.kind, PacketKind::error) << i;
    EXPECT_EQ(object::parse_error(answer->second).code, code::kWrongType) << i;
  }
  EXPECT_EQ(handled, 0);
  EXPECT_TRUE(asked(remote(), 1, "another")) << "nobody else notices";
  EXPECT_EQ(handled, 1);
}

TEST_F(Ports, ASecondPortOfASendersIsNotTaken) {
  std::vector<RemotePort> clients;
  serve([&](const PortMessage& message) {
    if (auto sender = message.sender()) clients.push_back(*sender);
    return Data();
  });
  Liar liar(connect());
  auto [first, first_end] = *os::channel_pair();
  auto [second, second_end] = *os::channel_pair();
  liar.send(PacketKind::message, {{"port", Object("no right")}});
  liar.send(PacketKind::message, {{"port", Object(right_over(std::move(first_end)))}});
  liar.send(PacketKind::message, {{"port", Object(right_over(std::move(second_end)))}});
  liar.send(PacketKind::request, {{"data", Object(Data())}, {"id", Object(1)}}, 1);
  settle();
  ASSERT_EQ(clients.size(), 1U);
  EXPECT_TRUE(clients[0].send(5, bytes("to whom?")));
  Liar at_first(std::move(first));
  EXPECT_TRUE(at_first.next());
  Liar at_second(std::move(second));
  EXPECT_FALSE(at_second.next());
}

TEST_F(Ports, ASenderSaysLittleOverItsOwnPort) {
  std::vector<RemotePort> clients;
  serve([&](const PortMessage& message) {
    if (auto sender = message.sender()) clients.push_back(*sender);
    return Data();
  });
  Liar liar(connect());
  auto [own, end] = *os::channel_pair();
  liar.send(PacketKind::message, {{"port", Object(right_over(std::move(end)))}});
  liar.send(PacketKind::request, {{"data", Object(Data())}, {"id", Object(1)}}, 1);
  settle();
  ASSERT_EQ(clients.size(), 1U);
  // A message that is begun, never whole, and larger than what may be held; and descriptors.
  Liar back(std::move(own));
  const Dictionary huge{{"data", Object(Data(std::vector<std::byte>(8 << 20)))}};
  connection::Parcel parcel = *connection::make_parcel(PacketKind::reply, huge);
  for (int i = 0; i < 1000 && clients[0].is_valid(); ++i) {
    (void)back.channel.send(parcel);
    settle();
  }
  EXPECT_FALSE(clients[0].is_valid());
}

TEST_F(Ports, WhoeverIsIntroducedHasNoPortOfItsOwn) {
  std::vector<Result<RemotePort>> senders;
  serve([&](const PortMessage& message) {
    senders.push_back(message.sender());
    return Data();
  });
  auto [ours, theirs] = *os::channel_pair();
  Peer guest;
  guest.trust = PeerClass::introduced;
  auto own = std::make_shared<const connection::Handler>(Sender::taking_up(taker, loop));
  ASSERT_TRUE(server->add(channel::Channel(std::move(ours)), guest, {}, std::move(own)));
  Liar liar(std::move(theirs));
  auto [back, end] = *os::channel_pair();
  liar.send(PacketKind::message, {{"port", Object(right_over(std::move(end)))}});
  liar.send(PacketKind::request, {{"data", Object(Data())}, {"id", Object(1)}}, 1);
  settle();
  ASSERT_EQ(senders.size(), 1U);
  EXPECT_EQ(senders[0].error().kind, Kind::unsupported);
}

// A service that is none.
struct Forged : Ports {
  Forged() {
    auto [ours, theirs] = *os::channel_pair();
    liar.emplace(std::move(theirs));
    port.emplace(*RemotePort::over(right_over(std::move(ours)), {.loop = loop}));
  }
  // Begins a request, and returns its number.
  std::uint64_t begin(std::int32_t id) {
    asked.emplace_back(*port, id);
    settle();
    const auto request = liar->next();
    return request ? request->first.id : 0;
  }
  static Dictionary reply(std::string_view what) { return {{"data", Object(bytes(what))}}; }
  std::optional<Liar> liar;
  std::optional<RemotePort> port;
  std::deque<Begun> asked;
};

TEST_F(Forged, ARepliesNumberIsItsRequests) {
  const std::uint64_t number = begin(1);
  ASSERT_NE(number, 0U);
  liar->send(PacketKind::reply, reply("whose?"), 0, number + 5);
  settle();
  EXPECT_FALSE(asked[0].is_over());
  EXPECT_EQ(port->stray_replies(), 1U);
  liar->send(PacketKind::reply, reply("its own"), 0, number);
  settle();
  ASSERT_TRUE(asked[0].is_over());
  EXPECT_EQ(text(**asked[0].outcome), "its own");
  liar->send(PacketKind::reply, reply("once more"), 0, number);
  settle();
  EXPECT_EQ(port->stray_replies(), 2U);
  EXPECT_TRUE(port->is_valid());
}

TEST_F(Forged, WhatIsNoReplyIsTold) {
  for (const Dictionary& wrong : {Dictionary{}, Dictionary{{"data", Object("text")}}}) {
    liar->send(PacketKind::reply, wrong, 0, begin(1));
    settle();
    ASSERT_TRUE(asked.back().is_over());
    EXPECT_EQ(port_status(*asked.back().outcome), PortStatus::transport_error);
  }
}

TEST_F(Forged, WhatStandsBeforeTheEndDoesNotHideIt) {
  for (std::uint64_t i = 0; i < 20; ++i) liar->send(PacketKind::reply, reply("late"), 0, 1000 + i);
  liar.reset();
  EXPECT_FALSE(port->is_valid());
  EXPECT_EQ(port->stray_replies(), 20U);
}

TEST_F(Forged, AServiceThatAsksItsClientIsEnded) {
  (void)begin(1);
  liar->send(PacketKind::request, reply("please"), 1);
  settle();
  ASSERT_TRUE(asked[0].is_over());
  EXPECT_FALSE(*asked[0].outcome);
  EXPECT_FALSE(port->is_valid());
}

}  // namespace
}  // namespace reeve::message_port
