#include "rights.hpp"

#include <atomic>
#include <map>
#include <set>

#include "../os/process.hpp"
#include "staged.hpp"

namespace reeve::port {
namespace {

using namespace staged;

struct Rights : Tasks {};

// Refusals.

TEST_F(Rights, OfAnotherSpaceDoNotTravel) {
  Message message = carrying(b.port.make_send().value(), "x");
  const auto sent = to_b.send(message, {.timeout = 0s});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, code::kNoSuchRight);
  EXPECT_TRUE(std::get<SendRight>(message.carried.front())) << "it was given back";
  EXPECT_EQ(text_of(message.data), "x");
  EXPECT_TRUE(is_silent(b.port));
}

TEST_F(Rights, ThatWereGivenAwayAreNoRights) {
  SendRight own = a.port.make_send().value();
  ASSERT_TRUE(give(to_b, std::move(own)));
  EXPECT_FALSE(own);  // NOLINT: what is moved from is looked at
  EXPECT_EQ(send(own, "x").error().code, code::kNoSuchRight);
  EXPECT_EQ(own.copy().error().code, code::kNoSuchRight);
}

TEST_F(Rights, CarryNoMoreThanAMessageMayHave) {
  Message long_one;
  long_one.data = object::Data(std::vector<std::byte>(kLetterBytesMax + 1));
  EXPECT_EQ(to_b.send(long_one).error().code, code::kTooLarge);
  Message many;
  for (int i = 0; i < 17; ++i) many.carried.emplace_back(a.port.make_send().value());
  EXPECT_EQ(to_b.send(many).error().code, code::kTooLarge);
  EXPECT_EQ(a.space.references(a.port.name(), RightType::send), 17U);
  many.carried.pop_back();
  EXPECT_TRUE(to_b.send(many, {.timeout = 0s}));
  EXPECT_EQ(received_from(b.port).carried.size(), 16U);
}

TEST_F(Rights, OfOneMessageAreAllBackWhenOneIsRefused) {
  auto memory = object::MemoryBuilder::make(4096).value();
  Message message;
  message.reply = a.port.make_send_once().value();
  message.carried.emplace_back(a.port.make_send().value());
  message.carried.emplace_back(a.space.make_port().value());
  message.carried.emplace_back(memory.share().value());
  const auto sent = to_b.send(message, {.timeout = 0s});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, code::kBadAttachment);
  EXPECT_EQ(a.space.references(a.port.name(), RightType::send), 1U);
  const auto& port = std::get<ReceiveRight>(message.carried[1]);
  const SendRight to_port = port.make_send().value();
  EXPECT_TRUE(send(to_port, "still here"));
  EXPECT_EQ(text_from(port), "still here");
  Message answer = message_of("once");
  EXPECT_TRUE(std::get<SendOnceRight>(message.reply).send(answer));
  EXPECT_EQ(text_from(a.port), "once");
}

TEST_F(Rights, ToAnswerByAreRightsToSend) {
  Message message = message_of("x");
  message.reply = a.space.make_port().value();
  EXPECT_EQ(to_b.send(message).error().code, code::kNoSuchRight);
  EXPECT_TRUE(std::get<ReceiveRight>(message.reply));
  message.reply = object::MemoryBuilder::make(4096).value().seal().value();
  EXPECT_EQ(to_b.send(message).error().code, code::kNoSuchRight);
  EXPECT_TRUE(send(to_b, "the line is there still"));
}

TEST_F(Rights, WaitForNothingLongerThanTheyAreTold) {
  const auto nothing = a.port.receive({.timeout = 0s});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, Kind::timeout);
  EXPECT_EQ(a.port.receive({.timeout = 2ms}).error().kind, Kind::timeout);
}

TEST_F(Rights, ToQueueLimitsAreOneToAThousand) {
  EXPECT_EQ(a.port.set_queue_limit(0).error().code, code::kTooLarge);
  EXPECT_EQ(a.port.set_queue_limit(1025).error().code, code::kTooLarge);
  EXPECT_FALSE(a.space.make_port({.queue_limit = 0}));
}

TEST_F(Rights, HaveNoMoreReferencesThanMachAllows) {
  std::vector<SendRight> all;
  all.push_back(a.port.make_send().value());
  while (all.size() < kUserReferencesMax) all.push_back(all.front().copy().value());
  EXPECT_EQ(all.front().copy().error().code, code::kReferences);
  EXPECT_EQ(a.port.make_send().error().code, code::kReferences);
  EXPECT_EQ(a.space.references(a.port.name(), RightType::send), 65'534U);
  all.pop_back();
  EXPECT_TRUE(all.front().copy());
}

// Messages.

TEST_F(Rights, CarryMessagesInOrderWithTheirSender) {
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(send(to_b, text));
  for (const char* text : {"one", "two", "three"}) {
    const Received received = received_from(b.port);
    EXPECT_EQ(text_of(received.data), text);
    EXPECT_EQ(received.sender.pid, os::own_pid());
    EXPECT_EQ(received.sender.uid, os::own_user());
    EXPECT_EQ(received.port, b.port.name());
  }
}

TEST_F(Rights, ToTheirOwnSpaceWorkLikeAnyOther) {
  const SendRight own = a.port.make_send().value();
  EXPECT_EQ(own.name(), a.port.name()) << "send and receive right have one name";
  ASSERT_TRUE(send(own, "x"));
  EXPECT_EQ(text_from(a.port), "x");
}

TEST_F(Rights, CarryMemoryThatNobodyCanChange) {
  auto memory = object::MemoryBuilder::make(100'000).value();
  memory.bytes()[99'999] = std::byte{7};
  ASSERT_TRUE(give(to_b, memory.seal().value()));
  const Received received = received_from(b.port);
  const auto data = std::get<object::Memory>(received.carried.at(0)).data().value();
  EXPECT_EQ(data.size(), 100'000U);
  EXPECT_EQ(data.bytes()[99'999], std::byte{7});
}

TEST_F(Rights, OfOneSenderFillAQueueAndWait) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(to_b, std::to_string(i)));
  Message refused = carrying(a.port.make_send_once().value(), "x");
  const auto sent = to_b.send(refused, {.timeout = 1ms});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, Kind::timeout);
  EXPECT_TRUE(std::get<SendOnceRight>(refused.carried.at(0))) << "its rights are back";
  EXPECT_EQ(text_from(b.port), "0");
  EXPECT_TRUE(send(to_b, "5")) << "one was taken, so one may follow";
  EXPECT_FALSE(send(to_b, "x"));
  std::thread receiver([&] {
    for (int i = 1; i < 7; ++i) EXPECT_EQ(text_from(b.port), std::to_string(i));
  });
  Message message = message_of("6");
  EXPECT_TRUE(to_b.send(message)) << "it waits until there is room";
  receiver.join();
}

TEST_F(Rights, ThatWaitForTheQueueOfAPortThatEndsAreDead) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(to_b, "x"));
  std::thread waits([&] {
    Message message = message_of("never read");
    const auto sent = to_b.send(message);
    EXPECT_EQ(sent.error().code, code::kDeadPort);
  });
  std::this_thread::sleep_for(5ms);  // Either way: before it waits, or while it does.
  b.port = ReceiveRight();
  waits.join();
}

TEST_F(Rights, MayBeUsedByManyThreads) {
  constexpr int kThreads = 3;
  constexpr int kEach = 300;
  std::atomic<int> came = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) {
        Message message = message_of("x");
        message.reply = a.port.make_send_once().value();
        EXPECT_TRUE(to_b.send(message, {.timeout = 20s}));
      }
    });
    threads.emplace_back([&] {
      for (int j = 0; j < kEach; ++j) {
        Received received = received_from(b.port);
        Message answer = message_of("y");
        EXPECT_TRUE(std::get<SendOnceRight>(received.reply).send(answer));
        ++came;
      }
    });
  }
  threads.emplace_back([&] {
    for (int j = 0; j < kThreads * kEach; ++j) EXPECT_EQ(text_from(a.port), "y");
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(came, kThreads * kEach);
  EXPECT_TRUE(is_silent(a.port));
}

TEST_F(Rights, CarryNoNotifications) {
  Message forged;
  forged.id = static_cast<std::int32_t>(NotificationKind::no_senders);
  ASSERT_TRUE(to_b.send(forged));
  EXPECT_EQ(received_from(b.port).id, 70) << "a message like any other, with its sender";
}

TEST_F(Rights, SeeAQueueLimitThatWasChanged) {
  ASSERT_TRUE(b.port.set_queue_limit(7));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(to_b, "x"));
  EXPECT_TRUE(send(to_b, "x"));
  EXPECT_TRUE(send(to_b, "x"));
  EXPECT_FALSE(send(to_b, "x"));
}

TEST_F(Rights, LeaveInTheQueueWhatIsTooLargeToTake) {
  ASSERT_TRUE(send(to_b, "a message of some length"));
  const auto large = b.port.receive({.timeout = 0s, .data_size_max = 10});
  ASSERT_TRUE(large);
  EXPECT_EQ(std::get<TooLarge>(*large).size, 24U);
  EXPECT_EQ(text_from(b.port), "a message of some length");
}

// Moving and copying.

TEST_F(Rights, ThatMoveAreElsewhere) {
  const Task c;
  SendRight to_c = handed_over(c.space, c.port.make_send().value(), a.space);
  const Name name = to_c.name();
  ASSERT_TRUE(give(to_b, std::move(to_c)));
  EXPECT_EQ(a.space.references(name, RightType::send), 0U);
  const auto given = given_by<SendRight>(b.port);
  ASSERT_TRUE(send(given, "by way of A"));
  EXPECT_EQ(text_from(c.port), "by way of A");
}

TEST_F(Rights, ThatAreCopiedAreInBothPlacesAndKeepTheOrder) {
  const Task c;
  const SendRight to_c = handed_over(c.space, c.port.make_send().value(), a.space);
  ASSERT_TRUE(send(to_c, "before"));
  ASSERT_TRUE(give(to_b, to_c.copy().value()));
  const auto given = given_by<SendRight>(b.port);
  ASSERT_TRUE(send(given, "after"));
  EXPECT_EQ(text_from(c.port), "before");
  EXPECT_EQ(text_from(c.port), "after");
  ASSERT_TRUE(send(to_c, "from A still"));
  EXPECT_EQ(text_from(c.port), "from A still");
}

TEST_F(Rights, ComeBackUnderTheNameThatTheyHave) {
  ASSERT_TRUE(give(to_b, a.port.make_send().value()));
  const auto lent = given_by<SendRight>(b.port);
  ASSERT_TRUE(give(to_a, lent.copy().value()));
  const auto back = given_by<SendRight>(a.port);
  EXPECT_EQ(back.name(), a.port.name());
  EXPECT_EQ(a.space.references(a.port.name(), RightType::send), 1U);
}

TEST_F(Rights, ThatOneGivesTwiceHaveOneName) {
  const Task c;
  const SendRight to_c = handed_over(c.space, c.port.make_send().value(), a.space);
  ASSERT_TRUE(give(to_b, a.port.make_send().value()));
  ASSERT_TRUE(give(to_b, a.port.make_send().value()));
  const auto first = given_by<SendRight>(b.port);
  const auto second = given_by<SendRight>(b.port);
  EXPECT_EQ(first.name(), second.name());
  EXPECT_EQ(b.space.references(first.name(), RightType::send), 2U);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(give(to_b, to_c.copy().value()));
  const auto third = given_by<SendRight>(b.port);
  EXPECT_NE(third.name(), first.name());
  EXPECT_EQ(given_by<SendRight>(b.port).name(), third.name()) << "of one that is another's, too";
}

// Mach would have one: here nobody but the port itself could say that the two are the same.
TEST_F(Rights, ThatTwoGiveHaveTwoNames) {
  const Task c;
  const SendRight from_c = handed_over(c.space, c.port.make_send().value(), a.space);
  const SendRight c_to_b = handed_over(b.space, b.port.make_send().value(), c.space);
  ASSERT_TRUE(give(to_b, from_c.copy().value()));
  ASSERT_TRUE(give(c_to_b, c.port.make_send().value()));
  const auto first = given_by<SendRight>(b.port);
  const auto second = given_by<SendRight>(b.port);
  EXPECT_NE(first.name(), second.name());
  ASSERT_TRUE(send(first, "1"));
  ASSERT_TRUE(send(second, "2"));
  EXPECT_EQ((std::set{text_from(c.port), text_from(c.port)}), (std::set<std::string>{"1", "2"}));
}

TEST_F(Rights, ToSendOnceHaveNamesOfTheirOwnAndAreUsedUp) {
  auto once = a.port.make_send_once().value();
  const auto other = a.port.make_send_once().value();
  EXPECT_NE(once.name(), other.name());
  EXPECT_NE(once.name(), a.port.name());
  Message request = message_of("?");
  request.reply = std::move(once);
  ASSERT_TRUE(to_b.send(request));
  Received received = received_from(b.port);
  auto& reply = std::get<SendOnceRight>(received.reply);
  Message answer = message_of("!");
  ASSERT_TRUE(reply.send(answer));
  EXPECT_FALSE(reply);
  EXPECT_EQ(text_from(a.port), "!");
  EXPECT_TRUE(is_silent(a.port));
}

TEST_F(Rights, ToSendOnceDoNotWaitForTheQueue) {
  std::vector<SendOnceRight> rights;
  for (int i = 0; i < 20; ++i) rights.push_back(a.port.make_send_once().value());
  for (SendOnceRight& right : rights) {
    Message message = message_of("x");
    EXPECT_TRUE(right.send(message, {.timeout = 0s}));
  }
}

TEST_F(Rights, ToReceiveTakeTheirQueueAndTheirSendersAlong) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight early = handed_over(a.space, port.make_send().value(), b.space);
  const SendRight own = port.make_send().value();
  ASSERT_TRUE(send(early, "early"));
  ASSERT_TRUE(send(own, "own"));
  ASSERT_TRUE(give(to_b, std::move(port)));
  EXPECT_EQ(a.space.references(own.name(), RightType::receive), 0U);
  EXPECT_EQ(a.space.references(own.name(), RightType::send), 1U);
  ASSERT_TRUE(send(early, "in between"));
  const auto moved = given_by<ReceiveRight>(b.port);
  ASSERT_TRUE(send(own, "late"));
  std::multiset<std::string> texts;
  for (int i = 0; i < 4; ++i) texts.insert(text_from(moved));
  EXPECT_EQ(texts, (std::multiset<std::string>{"early", "in between", "late", "own"}));
  EXPECT_TRUE(is_silent(moved));
}

TEST_F(Rights, ToReceiveComeWithNothingThatWasAskedForBefore) {
  ReceiveRight port = a.space.make_port({.queue_limit = 7}).value();
  const SendRight own = port.make_send().value();
  ASSERT_TRUE(port.notify_when_no_senders(a.port.make_send_once().value()));
  ASSERT_TRUE(send(own, "x"));
  EXPECT_EQ(received_from(port).sequence, 0U);
  ASSERT_TRUE(give(to_b, std::move(port)));
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_once) << "it is not to be told any more";
  const auto moved = given_by<ReceiveRight>(b.port);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(send(own, "y")) << "the limit is the same";
  EXPECT_FALSE(send(own, "y"));
  EXPECT_EQ(received_from(moved).sequence, 0U) << "counted anew";
}

TEST_F(Rights, ToReceiveTravelWithAllTheirLines) {
  ReceiveRight port = a.space.make_port().value();
  std::vector<SendOnceRight> rights;
  for (int i = 0; i < 200; ++i) rights.push_back(port.make_send_once().value());
  ASSERT_TRUE(give(to_b, std::move(port)));
  const auto moved = given_by<ReceiveRight>(b.port);
  for (SendOnceRight& right : rights) {
    Message message;
    EXPECT_TRUE(right.send(message));
  }
  for (int i = 0; i < 200; ++i) (void)received_from(moved);
  EXPECT_TRUE(is_silent(moved));
}

// Ends.

TEST_F(Rights, ToAPortThatIsNoMoreAreDead) {
  ReceiveRight port = b.space.make_port().value();
  const SendRight right = handed_over(b.space, port.make_send().value(), a.space);
  const SendRight second = right.copy().value();
  ASSERT_TRUE(send(right, "never read"));
  port = ReceiveRight();
  const auto sent = send(right, "x");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, code::kDeadPort);
  EXPECT_TRUE(right.is_dead());
  EXPECT_EQ(a.space.references(right.name(), RightType::dead_name), 2U);
  EXPECT_EQ(second.copy().error().code, code::kDeadPort);
}

TEST_F(Rights, ThatAreDeadArriveDead) {
  ReceiveRight port = b.space.make_port().value();
  SendRight right = handed_over(b.space, port.make_send().value(), a.space);
  port = ReceiveRight();
  ASSERT_TRUE(give(to_b, std::move(right)));
  EXPECT_TRUE(std::holds_alternative<DeadRight>(received_from(b.port).carried.at(0)));
}

TEST_F(Rights, ToSendOnceThatNobodyUsesAreTold) {
  ASSERT_TRUE(give(to_b, a.port.make_send_once().value()));
  {
    const auto dropped = given_by<SendOnceRight>(b.port);
  }
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_once);
  {
    const auto own = a.port.make_send_once().value();
  }
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_once);
  ASSERT_TRUE(give(to_b, a.port.make_send_once().value()));
  b.port = ReceiveRight();  // With the message in its queue, and the right in that.
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_once);
  EXPECT_TRUE(is_silent(a.port));
}

TEST_F(Rights, AreTheLastOnesOnlyOnce) {
  const ReceiveRight port = a.space.make_port().value();
  ASSERT_TRUE(give(to_b, port.make_send().value()));
  ASSERT_TRUE(port.notify_when_no_senders(a.port.make_send_once().value(), 1));
  EXPECT_TRUE(is_silent(a.port));
  {
    const auto first = given_by<SendRight>(b.port);
    ASSERT_TRUE(give(to_a, first.copy().value()));
    const auto own = given_by<SendRight>(a.port);
    EXPECT_TRUE(is_silent(a.port));
  }
  const Notification told = notified_by(a.port);
  EXPECT_EQ(told.kind, NotificationKind::no_senders);
  EXPECT_EQ(told.make_send_count, 1U);
  EXPECT_TRUE(is_silent(a.port));
}

TEST_F(Rights, AreMissedAgainByWhoAsksAgain) {
  const ReceiveRight port = a.space.make_port().value();
  for (int i = 0; i < 3; ++i) {
    SendRight right = port.make_send().value();
    ASSERT_TRUE(give(to_b, std::move(right)));
    ASSERT_TRUE(port.notify_when_no_senders(a.port.make_send_once().value()));
    ASSERT_TRUE(port.notify_when_no_senders(a.port.make_send_once().value())) << "in place of the one before";
    EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_once);
    EXPECT_TRUE(is_silent(a.port));
    (void)given_by<SendRight>(b.port);
    EXPECT_EQ(notified_by(a.port).kind, NotificationKind::no_senders);
  }
}

TEST_F(Rights, ThatWereToBeToldAtAPortThatMovesAreMissedThere) {
  ReceiveRight told = a.space.make_port().value();
  const ReceiveRight port = b.space.make_port().value();
  const SendRight right = handed_over(b.space, port.make_send().value(), a.space);
  ASSERT_TRUE(right.notify_when_dead(told.make_send_once().value()));
  ASSERT_TRUE(a.port.notify_when_no_senders(told.make_send_once().value()));
  ASSERT_TRUE(give(to_b, std::move(told)));
  const auto moved = given_by<ReceiveRight>(b.port);
  EXPECT_EQ(notified_by(moved).kind, NotificationKind::send_once);
  EXPECT_EQ(notified_by(moved).kind, NotificationKind::send_once);
  EXPECT_TRUE(is_silent(moved));
}

TEST_F(Rights, AreMissedAtOnceWhereThereAreNone) {
  const ReceiveRight port = a.space.make_port().value();
  ASSERT_TRUE(port.notify_when_no_senders(a.port.make_send_once().value()));
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::no_senders);
}

TEST_F(Rights, ThatDieAreToldWithOneMoreReference) {
  ReceiveRight port = b.space.make_port().value();
  const SendRight right = handed_over(b.space, port.make_send().value(), a.space);
  ASSERT_TRUE(right.notify_when_dead(a.port.make_send_once().value()));
  EXPECT_TRUE(is_silent(a.port));
  port = ReceiveRight();
  const Notification told = notified_by(a.port);
  EXPECT_EQ(told.kind, NotificationKind::dead_name);
  EXPECT_EQ(told.name, right.name());
  EXPECT_EQ(a.space.references(right.name(), RightType::dead_name), 2U);
  EXPECT_TRUE(is_silent(a.port));
}

TEST_F(Rights, ThatFindNoRoomAreToldWhenThereIs) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(to_b, "waits"));
  ASSERT_TRUE(to_b.notify_when_possible(a.port.make_send_once().value()));
  EXPECT_TRUE(is_silent(a.port));
  EXPECT_EQ(send(to_b, "too many").error().code, code::kTimedOut);
  EXPECT_EQ(text_from(b.port), "waits");
  const Notification told = notified_by(a.port);
  EXPECT_EQ(told.kind, NotificationKind::send_possible);
  EXPECT_EQ(told.name, to_b.name());
  EXPECT_FALSE(told.giver);
  EXPECT_TRUE(send(to_b, "fits"));
  EXPECT_TRUE(is_silent(a.port));  // Once.
}

TEST_F(Rights, ThatHaveRoomAreToldAtOnce) {
  ASSERT_TRUE(to_b.notify_when_possible(a.port.make_send_once().value()));
  EXPECT_EQ(notified_by(a.port).kind, NotificationKind::send_possible);
}

TEST_F(Rights, ThatDieWhileTheyWaitForRoomAreToldThat) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(to_b, "waits"));
  ASSERT_TRUE(to_b.notify_when_possible(a.port.make_send_once().value()));
  b.port = ReceiveRight();
  const Notification told = notified_by(a.port);
  EXPECT_EQ(told.kind, NotificationKind::dead_name);
  EXPECT_EQ(told.name, to_b.name());
  EXPECT_EQ(a.space.references(to_b.name(), RightType::dead_name), 2U);
}

TEST_F(Rights, ToTheirOwnSpaceAreToldOfRoomToo) {
  const SendRight own = b.port.make_send().value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(send(own, "waits"));
  const ReceiveRight told = b.space.make_port().value();
  ASSERT_TRUE(own.notify_when_possible(told.make_send_once().value()));
  EXPECT_TRUE(is_silent(told));
  EXPECT_EQ(text_from(b.port), "waits");
  EXPECT_EQ(notified_by(told).kind, NotificationKind::send_possible);
}

TEST_F(Rights, ToReceiveThatWouldBeDestroyedGoToWhoAskedForThem) {
  ReceiveRight port = a.space.make_port({.queue_limit = 7}).value();
  const SendRight own = port.make_send().value();
  const SendRight elsewhere = handed_over(a.space, port.make_send().value(), b.space);
  ASSERT_TRUE(port.notify_when_destroyed(a.port.make_send_once().value()));
  ASSERT_TRUE(send(elsewhere, "early"));
  port = ReceiveRight();
  ASSERT_TRUE(send(elsewhere, "in between"));
  Notification told = notified_by(a.port);
  EXPECT_EQ(told.kind, NotificationKind::port_destroyed);
  ASSERT_TRUE(told.destroyed);
  EXPECT_EQ(text_from(told.destroyed), "early");
  EXPECT_EQ(text_from(told.destroyed), "in between");
  ASSERT_TRUE(send(own, "own"));
  EXPECT_EQ(text_from(told.destroyed), "own");
  told.destroyed = ReceiveRight();
  EXPECT_TRUE(own.is_dead()) << "it was asked for once";
  EXPECT_EQ(a.port.notify_when_destroyed(a.port.make_send_once().value()).error().code, code::kNoSuchRight);
}

TEST_F(Rights, ToReceiveThatWouldBeDestroyedGoToAnotherSpaceThatAskedForThem) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight elsewhere = handed_over(a.space, port.make_send().value(), b.space);
  Message ask;
  ask.reply = b.port.make_send_once().value();
  ASSERT_TRUE(to_a.send(ask, {.timeout = 0s}));
  Received asked = received_from(a.port);
  ASSERT_TRUE(port.notify_when_destroyed(std::get<SendOnceRight>(std::move(asked.reply))));
  ASSERT_TRUE(send(elsewhere, "early"));
  port = ReceiveRight();
  ASSERT_TRUE(send(elsewhere, "in between"));
  Received told = received_from(b.port);
  EXPECT_EQ(told.id, 69);
  ASSERT_EQ(told.carried.size(), 1U);
  const auto& destroyed = std::get<ReceiveRight>(told.carried.front());
  EXPECT_EQ(text_from(destroyed), "early");
  EXPECT_EQ(text_from(destroyed), "in between");
}

TEST_F(Rights, ToReceiveThatWaitForWhoAskedForThemMoveAlong) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight elsewhere = handed_over(a.space, port.make_send().value(), b.space);
  ReceiveRight heir = a.space.make_port().value();
  ASSERT_TRUE(port.notify_when_destroyed(heir.make_send_once().value()));
  ASSERT_TRUE(send(elsewhere, "x"));
  port = ReceiveRight();
  ASSERT_TRUE(give(to_b, std::move(heir)));
  const auto moved = given_by<ReceiveRight>(b.port);
  const Notification told = notified_by(moved);
  EXPECT_EQ(told.kind, NotificationKind::port_destroyed);
  EXPECT_EQ(text_from(told.destroyed), "x");
  ASSERT_TRUE(told.giver) << "it is A that says so, and not this space";
  EXPECT_EQ(told.giver->pid, os::own_pid());
}

TEST_F(Rights, ToReceiveWhoseHeirHasMovedFollowIt) {
  ReceiveRight port = a.space.make_port().value();
  const SendRight elsewhere = handed_over(a.space, port.make_send().value(), b.space);
  ReceiveRight heir = a.space.make_port().value();
  ASSERT_TRUE(port.notify_when_destroyed(heir.make_send_once().value()));
  ASSERT_TRUE(give(to_b, std::move(heir)));
  const auto moved = given_by<ReceiveRight>(b.port);
  ASSERT_TRUE(send(elsewhere, "x"));
  port = ReceiveRight();
  const auto came = given_by<ReceiveRight>(moved);
  EXPECT_EQ(text_from(came), "x");
}

// Sets.

TEST_F(Rights, OfSeveralPortsAreReceivedAsOne) {
  const ReceiveRight other = b.space.make_port().value();
  const SendRight to_other = handed_over(b.space, other.make_send().value(), a.space);
  const PortSet set = b.space.make_set().value();
  ASSERT_TRUE(set.insert(b.port));
  ASSERT_TRUE(set.insert(other));
  ASSERT_TRUE(send(to_other, "other"));
  ASSERT_TRUE(send(to_b, "port"));
  std::map<std::string, Name> came;
  for (int i = 0; i < 2; ++i) {
    const Received received = received_from(set);
    came[text_of(received.data)] = received.port;
  }
  EXPECT_EQ(came["other"], other.name());
  EXPECT_EQ(came["port"], b.port.name());
  ASSERT_TRUE(set.remove(other));
  ASSERT_TRUE(send(to_other, "aside"));
  EXPECT_TRUE(is_silent(set));
  EXPECT_EQ(text_from(other), "aside") << "it is received from by itself still";
  EXPECT_EQ(set.remove(other).error().code, code::kNoSuchRight);
}

TEST_F(Rights, LeaveNoNameBehind) {
  const std::size_t before = a.space.names().size();
  for (int i = 0; i < 300; ++i) {
    const ReceiveRight port = a.space.make_port().value();
    const auto send_right = port.make_send().value();
    const auto once = port.make_send_once().value();
  }
  EXPECT_EQ(a.space.names().size(), before);
}

TEST_F(Rights, HaveNamesThatAreNotUsedAgainAtOnce) {
  std::set<Name> names;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(names.insert(a.space.make_port().value().name()).second);
}

}  // namespace
}  // namespace reeve::port
