// What may happen while somebody waits: rights die, names are made, ports are received from, and others read what was
// waited for.
#include <atomic>
#include <functional>

#include "staged.hpp"

namespace reeve::port {
namespace {

using namespace staged;

struct Waiting : Tasks {
  Task c;
  SendRight to_c = handed_over(c.space, c.port.make_send().value(), a.space);

  // Until the kernel has no room for one more, or the limit is reached; with how many.
  static int fill(const SendRight& right, std::size_t bytes) {
    for (int count = 0;; ++count) {
      Message message;
      message.data = object::Data(std::vector<std::byte>(bytes));
      if (!right.send(message, {.timeout = 0s})) return count;
    }
  }
  static void take(const ReceiveRight& port, int count) {
    for (int i = 0; i < count; ++i) (void)received_from(port);
  }
  template <class Port>
  static int drain(const Port& port) {
    int count = 0;
    while (port.receive({.timeout = 0s})) ++count;
    return count;
  }
  // Sends it from another thread, which has to wait; `meanwhile` lets it go on.
  Result<void> send_meanwhile(Message message, const std::function<void()>& meanwhile) const {
    Result<void> sent;
    std::atomic<bool> is_over = false;
    std::thread sender([&] {
      sent = to_b.send(message, {.timeout = 20s});
      is_over = true;
    });
    std::this_thread::sleep_for(20ms);  // It waits by now, or will: the same has to come of both.
    meanwhile();
    sender.join();
    return sent;
  }
};

TEST_F(Waiting, ForRoomForAnIntroductionOutlivesAnyNumberOfNames) {
  const int waiting = fill(to_c, 60'000);
  std::vector<ReceiveRight> ports;
  const auto sent = send_meanwhile(carrying(to_c.copy().value()), [&] {
    for (int i = 0; i < 300; ++i) ports.push_back(a.space.make_port().value());
    take(c.port, waiting);
  });
  ASSERT_TRUE(sent) << sent.error().message;
  const auto given = given_by<SendRight>(b.port);
  ASSERT_TRUE(send(given, "x"));
  EXPECT_EQ(text_from(c.port), "x");
}

TEST_F(Waiting, ForRoomForAnIntroductionEndsWithItsPort) {
  fill(to_c, 60'000);
  const auto sent = send_meanwhile(carrying(to_c.copy().value()), [&] {
    c.port = ReceiveRight();
    EXPECT_TRUE(to_c.is_dead());
  });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_TRUE(std::holds_alternative<DeadRight>(received_from(b.port).carried.at(0)));
  EXPECT_EQ(a.space.references(to_c.name(), RightType::dead_name), 1U);
}

TEST_F(Waiting, KeepsASendOnceRightThatDies) {
  ASSERT_TRUE(give(handed_over(a.space, a.port.make_send().value(), c.space), c.port.make_send_once().value()));
  auto once = given_by<SendOnceRight>(a.port);
  const Name name = once.name();
  const int waiting = fill(to_b, 60'000);
  const auto sent = send_meanwhile(carrying(std::move(once)), [&] {
    c.port = ReceiveRight();
    for (int i = 0; i < 3; ++i) (void)a.space.references(name, RightType::send_once);
    take(b.port, waiting);
  });
  ASSERT_TRUE(sent) << sent.error().message;
  Received received = received_from(b.port);
  ASSERT_EQ(received.carried.size(), 1U);
  if (auto* came = std::get_if<SendOnceRight>(&received.carried.front())) {
    Message message;
    EXPECT_EQ(came->send(message).error().code, code::kDeadPort);
  } else {
    EXPECT_TRUE(std::holds_alternative<DeadRight>(received.carried.front()));
  }
  EXPECT_EQ(a.space.references(name, RightType::send_once), 0U);
}

// A port that cannot leave yet is received from, in a set or not, and nothing that comes meanwhile is lost.
TEST_F(Waiting, ToMoveKeepsAPortWhereItIs) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight own = port.make_send().value();
  const SendRight elsewhere = handed_over(a.space, port.make_send().value(), b.space);
  const PortSet set = a.space.make_set().value();
  ASSERT_TRUE(set.insert(port));
  const int waiting = fill(to_b, 60'000);
  SendRight introduced;
  const auto sent = send_meanwhile(carrying(std::move(port)), [&] {
    EXPECT_TRUE(is_silent(set));
    ASSERT_TRUE(send(elsewhere, "meanwhile"));
    EXPECT_EQ(text_from(set), "meanwhile");
    introduced = handed_over(b.space, elsewhere.copy().value(), b.space);
    EXPECT_TRUE(is_silent(set)) << "the introduction was heard";
    take(b.port, waiting);
  });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_TRUE(is_silent(set));
  const auto moved = given_by<ReceiveRight>(b.port);
  for (const SendRight* right : std::initializer_list<const SendRight*>{&own, &elsewhere, &introduced}) {
    ASSERT_TRUE(send(*right, "late"));
    EXPECT_EQ(text_from(moved), "late");
  }
}

TEST_F(Waiting, GoesOnWhereAnotherThreadHasReadTheWord) {
  ASSERT_TRUE(b.port.set_queue_limit(1));
  for (int round = 0; round < 20; ++round) {
    fill(to_b, 1);
    const auto sent = send_meanwhile(message_of("waited"), [&] {
      (void)received_from(b.port);
      for (int i = 0; i < 100; ++i) EXPECT_FALSE(to_b.is_dead());
    });
    ASSERT_TRUE(sent) << sent.error().message;
    drain(b.port);
  }
}

TEST_F(Waiting, GoesOnWhereTheWordFoundNoRoom) {
  for (int burst = 0; burst < 3000; ++burst) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(to_b, "x"));
    EXPECT_EQ(drain(b.port), 3);
  }
  const int waiting = fill(to_b, 1);
  const auto sent = send_meanwhile(message_of("waited"), [&] { take(b.port, waiting); });
  EXPECT_TRUE(sent) << sent.error().message;
}

TEST_F(Waiting, BeginsSoonAfterALimitWasLowered) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(to_b, "x"));
  drain(b.port);
  ASSERT_TRUE(b.port.set_queue_limit(2));
  int sent = 0;
  for (int i = 0; i < 32; ++i) {
    for (int j = 0; j < 3; ++j) sent += send(to_b, "x") ? 1 : 0;
    EXPECT_LE(drain(b.port), i < 16 ? 3 : 2);
  }
  EXPECT_GE(sent, 64);
}

}  // namespace
}  // namespace reeve::port
