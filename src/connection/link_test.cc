// Callers that do not block. Service and caller share a loop, or the service is a channel that does what it likes.
#include <gtest/gtest.h>

#include "../object/call.hpp"
#include "connection.hpp"
#include "staged.hpp"
#include "task.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;
using channel::PacketKind;

struct Calls : Staged {
  Calls() {
    handler = std::make_shared<const Handler>(
        [this](const wire::DictionaryView&, Request request) { kept.push_back(std::move(request)); });
  }
  Connection connect() { return connection(); }

  // What a channel that stays here was sent: kinds, ids and reply-tos.
  std::vector<channel::Header> received(channel::Channel& service) {
    std::vector<channel::Header> headers;
    while (true) {
      auto incoming = service.receive(inbox);
      auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
      if (packet == nullptr) return headers;
      headers.push_back(packet->header);
    }
  }
  static void answer(channel::Channel& service, std::uint64_t id, const char* text) {
    Parcel parcel = make_answer(id, word(text));
    EXPECT_TRUE(service.send(parcel));
  }

  std::vector<Request> kept;
};

TEST_F(Calls, WithoutALoopAreRefused) {
  Connection connection(std::make_unique<StageDialer>(*this));
  const Call call(connection, word("hello"));
  ASSERT_TRUE(call.outcome);
  EXPECT_EQ(call.outcome->error().code, code::kNoLoop);
  EXPECT_EQ(dials, 0);
}

TEST_F(Calls, ToNobodyFailEach) {
  refusal = Error{Kind::denied, code::kUnknownService, "no such service", ""};
  Connection connection = connect();
  const Call one(connection, word("one"));
  const Call other(connection, word("other"));
  EXPECT_FALSE(one.outcome) << "nobody is told before the loop runs";
  EXPECT_TRUE(comes_true([&] { return one.outcome && other.outcome; }));
  EXPECT_EQ(one.outcome->error().code, code::kUnknownService);
  EXPECT_EQ(other.outcome->error().code, code::kUnknownService);
  refusal.reset();
  const Call later(connection, word("later"));
  EXPECT_TRUE(comes_true([&] { return kept.size() == 1; }));
}

TEST_F(Calls, AreBusyBeyondABound) {
  is_served = false;
  Connection connection = connect();
  std::vector<std::unique_ptr<Call>> calls;
  for (std::size_t i = 0; i <= kCallsMax; ++i) calls.push_back(std::make_unique<Call>(connection, word("again")));
  EXPECT_FALSE(calls[kCallsMax - 1]->outcome);
  EXPECT_EQ(calls[kCallsMax]->kind(), Kind::busy);
  calls.front().reset();
  const Call another(connection, word("again"));
  EXPECT_FALSE(another.outcome) << "there is room again";
}

TEST_F(Calls, AreAnsweredInWhateverOrder) {
  Connection connection = connect();
  const Call first(connection, word("1"));
  const Call second(connection, word("2"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  (void)kept[1].answer(word("second"));
  ASSERT_TRUE(comes_true([&] { return second.outcome.has_value(); }));
  EXPECT_FALSE(first.outcome);
  (void)kept[0].answer(word("first"));
  ASSERT_TRUE(comes_true([&] { return first.outcome.has_value(); }));
  EXPECT_TRUE(first.is_answered_with("first"));
  EXPECT_TRUE(second.is_answered_with("second"));
  EXPECT_EQ(dials, 1);
}

TEST_F(Calls, ThatTakeTooLongEndAndTheServiceIsTold) {
  Connection connection = connect();
  const Call call(connection, word("slowly"), {.timeout = 1s});
  const Call patient(connection, word("slowly"));
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::timeout);
  ASSERT_EQ(kept.size(), 2U);
  ASSERT_TRUE(comes_true([&] { return kept[0].caller().stop_token().stop_requested(); }));
  (void)kept[0].answer(word("too late"));
  (void)kept[1].answer(word("at last"));
  ASSERT_TRUE(comes_true([&] { return patient.outcome.has_value(); }));
  EXPECT_TRUE(patient.is_answered_with("at last"));
}

TEST_F(Calls, ThatAreGivenUpAreTold) {
  Connection connection = connect();
  auto call = std::make_unique<Call>(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  EXPECT_FALSE(kept[0].caller().stop_token().stop_requested());
  call.reset();
  EXPECT_TRUE(comes_true([&] { return kept[0].caller().stop_token().stop_requested(); }));
  EXPECT_TRUE(server->has_peers()) << "their connection goes on";
}

TEST_F(Calls, EndWhenTheirStopTokenIsAskedTo) {
  Connection connection = connect();
  std::stop_source before;
  before.request_stop();
  const Call never(connection, word("never"), {.stop = before.get_token()});
  ASSERT_TRUE(never.outcome) << "at once";
  EXPECT_EQ(never.outcome->error().code, code::kCancelled);
  std::stop_source unsent;
  std::stop_source taken_up;
  std::stop_source answered;
  const Call nor_this(connection, word("nor this"), {.stop = unsent.get_token()});
  unsent.request_stop();
  const Call call(connection, word("first"), {.stop = taken_up.get_token()});
  const Call other(connection, word("second"), {.stop = answered.get_token()});
  EXPECT_FALSE(nor_this.outcome) << "by the loop";
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  EXPECT_EQ(nor_this.outcome->error().code, code::kCancelled);
  taken_up.request_stop();
  taken_up.request_stop();
  EXPECT_FALSE(call.outcome) << "by the loop";
  ASSERT_TRUE(comes_true([&] { return call.outcome && kept[0].caller().stop_token().stop_requested(); }));
  EXPECT_EQ(call.outcome->error(), (Error{Kind::gone, code::kCancelled, "the call was given up on this side", ""}));
  (void)kept[0].answer(word("too late"));
  (void)kept[1].answer(word("in time"));
  ASSERT_TRUE(comes_true([&] { return other.outcome.has_value(); }));
  answered.request_stop();
  settle();
  EXPECT_TRUE(other.is_answered_with("in time"));
  EXPECT_FALSE(kept[1].caller().stop_token().stop_requested());
}

TEST_F(Calls, ThatEndWithTheirCallerMayBeGivenUpToo) {
  Connection connection = connect();
  std::stop_source source;
  auto call = std::make_unique<Call>(connection, word("first"), CallOptions{.stop = source.get_token()});
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  source.request_stop();
  call.reset();  // before it is told
  auto gone = std::make_unique<Call>(connection, word("second"), CallOptions{.stop = source.get_token()});
  EXPECT_TRUE(gone->outcome);
  std::stop_source later;
  gone = std::make_unique<Call>(connection, word("third"), CallOptions{.stop = later.get_token()});
  gone.reset();
  later.request_stop();  // of nobody
  settle();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept[0].caller().stop_token().stop_requested());
  EXPECT_TRUE(kept[1].caller().stop_token().stop_requested());
}

TEST_F(Calls, ThatAreGivenUpBeforeTheyAreSentAreNot) {
  Connection connection = connect();
  auto call = std::make_unique<Call>(connection, word("never"));
  call.reset();
  const Call other(connection, word("other"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  settle();
  EXPECT_EQ(kept.size(), 1U);
}

TEST_F(Calls, ThatAreGivenUpBeforeTheServiceHasGreetedAreToldWhenItHas) {
  is_served = false;
  Connection connection = connect();
  auto call = std::make_unique<Call>(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  call.reset();
  settle();
  EXPECT_EQ(received(services[0]).size(), 1U);
  services[0].take_cancels();
  ASSERT_TRUE(services[0].greet());
  settle();
  const auto headers = received(services[0]);
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].kind, PacketKind::cancel);
  EXPECT_EQ(headers[0].reply_to, 1U);
}

TEST_F(Calls, ThatAreGivenUpInPartAreNotSentToTheNextService) {
  is_served = false;
  Connection connection = connect();
  const Call other(connection, word("other"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(8 << 20)))}};
  auto call = std::make_unique<Call>(connection, large);
  settle();
  call.reset();
  is_served = true;
  services.clear();
  ASSERT_TRUE(comes_true([&] { return other.outcome.has_value(); }));
  settle();
  EXPECT_EQ(other.kind(), Kind::interrupted);
  EXPECT_EQ(dials, 1) << "no service is started for what nobody waits for";
}

TEST_F(Calls, ToAServiceThatTakesNoCancellationsSendNone) {
  is_served = false;
  Connection connection = connect();
  auto call = std::make_unique<Call>(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  ASSERT_TRUE(services[0].greet());
  settle();
  call.reset();
  settle();
  const auto headers = received(services[0]);
  ASSERT_EQ(headers.size(), 1U);
  EXPECT_EQ(headers[0].kind, PacketKind::request);
}

TEST_F(Calls, OfAConnectionThatIsGivenUpAreToldByTheLoop) {
  auto connection = std::make_unique<Connection>(connect());
  const Call call(*connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  connection.reset();
  EXPECT_FALSE(call.outcome);
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::gone);
  EXPECT_TRUE(comes_true([&] { return kept[0].caller().stop_token().stop_requested(); }));
}

TEST_F(Calls, WhoseServiceDiesAreInterruptedAndTheNextGoToAFreshOne) {
  is_served = false;
  Connection connection = connect();
  const Call one(connection, word("one"));
  const Call two(connection, word("two"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  EXPECT_EQ(received(services[0]).size(), 2U);
  answer(services[0], 1, "just in time");
  services.clear();
  ASSERT_TRUE(comes_true([&] { return one.outcome && two.outcome; }));
  EXPECT_TRUE(one.is_answered_with("just in time"));
  EXPECT_EQ(two.kind(), Kind::interrupted);
  is_served = true;
  const Call three(connection, word("three"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  EXPECT_EQ(dials, 2);
}

// The kernel tells of the last packet alone that nobody has read it; of those before it nothing is known.
TEST_F(Calls, WhoseServiceDiesBeforeItReadsThemWereNotTakenUp) {
  is_served = false;
  Connection connection = connect();
  const Call one(connection, word("one"));
  const Call two(connection, word("two"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  services.clear();
  ASSERT_TRUE(comes_true([&] { return one.outcome && two.outcome; }));
  EXPECT_EQ(one.outcome->error().code, code::kInterrupted);
  EXPECT_EQ(two.outcome->error().code, code::kNotTakenUp);
  EXPECT_EQ(two.kind(), Kind::interrupted);
}

TEST_F(Calls, ThatWereReadMayHaveBeenTakenUp) {
  is_served = false;
  Connection connection = connect();
  const Call one(connection, word("one"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  EXPECT_EQ(received(services[0]).size(), 1U);
  services.clear();
  ASSERT_TRUE(comes_true([&] { return one.outcome.has_value(); }));
  EXPECT_EQ(one.outcome->error().code, code::kInterrupted);
}

// What was sent last, and was not read, is another packet than the request.
TEST_F(Calls, ThatWereReadBeforeAnotherPacketThatWasNotMayHaveBeenTakenUp) {
  is_served = false;
  Connection connection = connect();
  const Call one(connection, word("one"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  EXPECT_EQ(received(services[0]).size(), 1U);
  EXPECT_TRUE(connection.post(word("a message")));
  services.clear();
  ASSERT_TRUE(comes_true([&] { return one.outcome.has_value(); }));
  EXPECT_EQ(one.outcome->error().code, code::kInterrupted);
}

TEST_F(Calls, ThatFindTheirServiceResetWhenTheySendAreToldTheSame) {
  is_served = false;
  Connection connection = connect();
  const Call one(connection, word("one"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  services.clear();
  is_served = true;
  const Call two(connection, word("two"));
  ASSERT_TRUE(comes_true([&] { return one.outcome && kept.size() == 1; }));
  EXPECT_EQ(one.outcome->error().code, code::kNotTakenUp);
  EXPECT_FALSE(two.outcome) << "it has gone to a fresh service";
}

TEST_F(Calls, ThatWereNotBegunWhenAServiceDiesGoToAFreshOne) {
  is_served = false;
  Connection connection = connect();
  const Call first(connection, word("first"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  std::vector<std::unique_ptr<Call>> calls;
  // More than the kernel takes from who is not read.
  for (int i = 0; i < 1000; ++i) calls.push_back(std::make_unique<Call>(connection, word("many")));
  settle();
  const std::size_t sent = received(services[0]).size();
  ASSERT_LT(sent, 1001U);
  is_served = true;
  services.clear();
  ASSERT_TRUE(comes_true([&] { return kept.size() == kRequestsInHandMax; }));
  std::size_t interrupted = 0;
  for (const auto& call : calls) interrupted += call->kind() == Kind::interrupted ? 1 : 0;
  EXPECT_GE(interrupted + 1, sent);
  EXPECT_LT(interrupted, 1000U);
  EXPECT_EQ(first.kind(), Kind::interrupted);
}

TEST_F(Calls, ToAServiceThatWindsUpAreAnsweredAndTheNextGoToAFreshOne) {
  Connection connection = connect();
  const Call in_hand(connection, word("in hand"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  server->wind_up();
  settle();
  const Call next(connection, word("next"));
  settle();
  EXPECT_EQ(kept.size(), 1U);
  EXPECT_EQ(dials, 1) << "what is in hand is answered first";
  (void)kept[0].answer(word("the last one"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  EXPECT_TRUE(in_hand.is_answered_with("the last one"));
  EXPECT_FALSE(next.outcome);
  EXPECT_EQ(dials, 2);
}

TEST_F(Calls, ToAServiceThatKeepsEndingAreInterruptedAfterAFewTries) {
  handler = nullptr;
  is_served = false;
  Connection connection = connect();
  // Each channel ends before anything can be sent on it.
  struct Ender : Dialer {
    explicit Ender(int& c) : count(c) {}
    Result<Dialed> dial(const os::Deadline&) override {
      ++count;
      auto [ours, theirs] = *os::channel_pair();
      theirs.close();
      return Dialed{channel::Channel(std::move(ours)), {}};
    }
    int& count;
  };
  int count = 0;
  Connection doomed(std::make_unique<Ender>(count), loop);
  const Call call(doomed, word("hello"));
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::interrupted);
  EXPECT_EQ(call.outcome->error().code, code::kNotTakenUp);
  EXPECT_EQ(count, kFruitlessStartsMax);
}

TEST_F(Calls, ThatComeTrueWhileAnotherBlocksAreToldByTheLoop) {
  is_served = false;
  Connection connection = connect();
  const Call call(connection, word("one"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  answer(services[0], 1, "one");
  answer(services[0], 2, "two");
  EXPECT_EQ(*connection.call(word("two"), {.timeout = 20s}), word("two"));
  EXPECT_FALSE(call.outcome);
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_TRUE(call.is_answered_with("one"));
}

TEST_F(Calls, ThatBlockGoBehindThoseThatWaitToBeSent) {
  is_served = false;
  Connection connection = connect();
  const Call call(connection, word("one"));
  EXPECT_EQ(connection.call(word("two"), {.timeout = 10ms}).error().kind, Kind::timeout);
  ASSERT_EQ(services.size(), 1U) << "it was connected at once";
  const auto headers = received(services[0]);
  ASSERT_GE(headers.size(), 2U);
  EXPECT_EQ(headers[0].id, 1U);
  EXPECT_EQ(headers[1].id, 2U);
  settle();
  EXPECT_EQ(dials, 1);
}

TEST_F(Calls, ThatBlockForTooLongLeaveTheOthersTheirTime) {
  struct Slow : StageDialer {
    using StageDialer::StageDialer;
    Result<Dialed> dial(const os::Deadline& deadline) override {
      if (deadline) return fail(Kind::timeout, code::kTimedOut, "it takes longer");
      return StageDialer::dial(deadline);
    }
  };
  Connection connection(std::make_unique<Slow>(*this), loop);
  const Call patient(connection, word("patient"));
  EXPECT_EQ(connection.call(word("impatient"), {.timeout = 10ms}).error().kind, Kind::timeout);
  EXPECT_EQ(connection.peer({.timeout = 10ms}).error().kind, Kind::timeout);
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  EXPECT_FALSE(patient.outcome);
}

TEST_F(Calls, ThatAreGivenUpAreNotCancelledAtTheNextService) {
  Connection connection = connect();
  const Call call(connection, word("hello"), {.timeout = 1s});
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  server->wind_up();
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  settle();
  EXPECT_EQ(dials, 1) << "no service is started to be told of that";
}

TEST_F(Calls, BehindOneThatIsGivenUpAtAServiceThatWindsUpGoToTheNext) {
  Connection connection = connect();
  auto in_hand = std::make_unique<Call>(connection, word("in hand"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  server->wind_up();
  settle();
  const Call next(connection, word("next"));
  settle();
  EXPECT_EQ(dials, 1);
  in_hand.reset();
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  EXPECT_EQ(dials, 2);
}

TEST_F(Calls, ThatAServiceGotInPartGoToTheNextAsAWhole) {
  is_served = false;
  Connection connection = connect();
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(8 << 20)))}};
  const Call call(connection, large);
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  EXPECT_TRUE(received(services[0]).empty());
  settle();
  is_served = true;
  services.clear();
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  EXPECT_FALSE(call.outcome);
  EXPECT_TRUE(kept[0].answer(word("whole")));
  EXPECT_TRUE(comes_true([&] { return call.is_answered_with("whole"); }));
}

TEST_F(Calls, MayOutliveTheirLoop) {
  std::optional<os::Loop> other = *os::Loop::make();
  std::optional<Connection> connection(std::in_place, std::make_unique<StageDialer>(*this), *other);
  auto call = std::make_unique<Call>(*connection, word("hello"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(other->run_once(os::now()));
  other.reset();
  EXPECT_FALSE(call->outcome);
  const Call late(*connection, word("late"));
  EXPECT_EQ(late.outcome->error().code, code::kNoLoop);
  connection.reset();
  call.reset();
}

TEST_F(Calls, OfWhoeverIsToldMayBeginOthersOrGiveUpTheConnection) {
  std::optional<Connection> connection = connect();
  int told = 0;
  const auto again = [&](auto& self) -> Detached {
    const auto answer = co_await connection->async(word("again"));
    EXPECT_TRUE(answer);
    if (++told < 3) self(self);
    if (told == 3) connection.reset();
  };
  again(again);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(comes_true([&] { return kept.size() == i + 1; }));
    (void)kept[i].answer(word("yes"));
  }
  EXPECT_TRUE(comes_true([&] { return told == 3; }));
  EXPECT_FALSE(connection);
  settle();
}

TEST_F(Calls, AreRefusedAfterTheirConnectionWasGivenUp) {
  std::optional<Connection> connection = connect();
  Exchange exchange = connection->async(word("hello"));
  connection.reset();
  std::optional<Error> error;
  const auto wait = [&error](Exchange awaited) -> Detached {
    const auto answer = co_await awaited;
    if (!answer) error = answer.error();
  };
  wait(std::move(exchange));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, Kind::gone);
  EXPECT_EQ(dials, 0);
}

TEST_F(Calls, WhoseAnswersAreForgedOrDoubleComeOutOnce) {
  is_served = false;
  Connection connection = connect();
  const Call call(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  answer(services[0], 77, "to nobody");
  answer(services[0], 1, "right");
  answer(services[0], 1, "wrong");
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  settle();
  EXPECT_TRUE(call.is_answered_with("right"));
  EXPECT_EQ(connection.stray_answers(), 2U);
  const Call next(connection, word("next"));
  settle();
  answer(services[0], 2, "still here");
  ASSERT_TRUE(comes_true([&] { return next.outcome.has_value(); }));
  EXPECT_TRUE(next.is_answered_with("still here"));
}

TEST_F(Calls, ThatAreLargeAreSentAsTheServiceReads) {
  is_served = false;
  Connection connection = connect();
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(8 << 20)))}};
  const Call call(connection, large);
  const Call small(connection, word("small"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  std::vector<channel::Header> headers;
  ASSERT_TRUE(comes_true([&] {
    for (const auto& header : received(services[0])) headers.push_back(header);
    return headers.size() == 2;
  }));
  EXPECT_EQ(headers[0].id, 2U) << "a small one does not wait for a large one";
  EXPECT_EQ(headers[1].id, 1U);
}

TEST_F(Calls, OfAServiceBreakTheRulesAreAnEnd) {
  is_served = false;
  Connection connection = connect();
  const Call call(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  Parcel question = *make_parcel(PacketKind::request, word("who are you"));
  question.id = 1;
  ASSERT_TRUE(services[0].send(question));
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.outcome->error().code, code::kBadPacket);
}

TEST_F(Calls, AreSeenByAnotherLoopThatWatchesThisOne) {
  Connection connection = connect();
  const os::Fd& descriptor = **loop.descriptor();
  const auto is_ready = [&] { return *os::wait_for(descriptor, os::Readiness::readable, os::now()); };
  settle();
  EXPECT_FALSE(is_ready());
  const Call call(connection, word("hello"), {.timeout = 1s});
  EXPECT_TRUE(is_ready()) << "it is to be sent";
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  settle();
  EXPECT_FALSE(is_ready());
  // Its deadline alone wakes the other loop.
  ASSERT_TRUE(*os::wait_for(descriptor, os::Readiness::readable, os::now() + 20s));
  ASSERT_TRUE(loop.run_once(os::now()));
  settle();
  EXPECT_EQ(call.kind(), Kind::timeout);
  EXPECT_FALSE(is_ready());
}

}  // namespace
}  // namespace reeve::connection
