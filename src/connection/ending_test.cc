// Limits on sending, channels that end while nobody waits, and connections that are given up.
#include <gtest/gtest.h>

#include <thread>

#include "connection.hpp"
#include "staged.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

struct Ending : Staged {
  Ending() {
    handler = std::make_shared<const Handler>(
        [this](const wire::DictionaryView&, Request request) { kept.push_back(std::move(request)); });
  }
  // Until the service, which does not read, is sent no more.
  static Result<void> fill(Connection& connection, CallOptions options) {
    const Dictionary large{{"data", Object(Data(std::vector<std::byte>(4096)))}};
    Result<void> posted;
    for (int i = 0; i < 10'000 && posted; ++i) posted = connection.post(large, options);
    return posted;
  }
  std::vector<Request> kept;
};

TEST_F(Ending, WhatIsNotSentInItsTimeWasNotSent) {
  is_served = false;
  Connection connection(std::make_unique<StageDialer>(*this));
  const auto posted = fill(connection, {.send_timeout = 1ms});
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().code, code::kNotSent);
  EXPECT_EQ(posted.error().kind, Kind::timeout);
  const auto called = connection.call(word("hello"), {.timeout = 1h, .send_timeout = 1ms});
  EXPECT_EQ(called.error().code, code::kNotSent);
  const auto with_one_limit = connection.call(word("hello"), {.timeout = 1ms});
  EXPECT_EQ(with_one_limit.error().code, code::kTimedOut) << "that is for all of it";
}

TEST_F(Ending, OfWhoDoesNotBlockTooByTheLoop) {
  is_served = false;
  Connection connection = this->connection();
  ASSERT_FALSE(fill(connection, {.send_timeout = 1ms}));
  const Call call(connection, word("hello"), {.send_timeout = 1ms});
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.outcome->error().code, code::kNotSent);
}

TEST_F(Ending, TimeForTheAnswerCountsFromWhenItIsSent) {
  Connection connection = this->connection();
  const os::Time begun = os::now();
  const Call call(connection, word("hello"), {.timeout = 1ms, .send_timeout = 1h});
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.outcome->error().code, code::kTimedOut);
  EXPECT_LT(os::now() - begun, 1h);
  is_served = false;
  Connection blocking(std::make_unique<StageDialer>(*this));
  EXPECT_EQ(blocking.call(word("hello"), {.timeout = 1ms, .send_timeout = 1h}).error().code, code::kTimedOut);
}

TEST_F(Ending, WhoeverWaitsForNothingIsToldOnceThatTheChannelHasEnded) {
  is_served = false;
  Connection connection = this->connection();
  EXPECT_FALSE(connection.is_connected());
  std::vector<Error> told;
  ASSERT_TRUE(connection.on_end([&](const Error& why) { told.push_back(why); }));
  EXPECT_EQ(dials, 1) << "it connects";
  EXPECT_TRUE(connection.is_connected());
  settle();
  EXPECT_TRUE(told.empty());
  end_with(services[0], Error{Kind::denied, 7, "enough of this", ""});
  services.clear();
  ASSERT_TRUE(comes_true([&] { return !told.empty(); }));
  EXPECT_EQ(told[0].message, "enough of this");
  EXPECT_FALSE(connection.is_connected());
  EXPECT_TRUE(connection.connect());
  EXPECT_EQ(dials, 2);
  services.clear();
  settle();
  EXPECT_EQ(told.size(), 1U) << "that was for the first";
}

TEST_F(Ending, WithoutALoopNobodyIsTold) {
  Connection connection(std::make_unique<StageDialer>(*this));
  EXPECT_EQ(connection.on_end([](const Error&) {}).error().code, code::kNoLoop);
  is_served = false;
  ASSERT_TRUE(connection.connect());
  EXPECT_TRUE(connection.is_connected());
  services.clear();
  EXPECT_FALSE(connection.is_connected()) << "but it sees when it looks";
}

TEST_F(Ending, OneThatIsGivenUpTellsWhoWaitsAndWhoComesLater) {
  Connection connection = this->connection();
  int ended = 0;
  ASSERT_TRUE(connection.on_end([&](const Error&) { ++ended; }));
  const Call call(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  connection.cancel();
  connection.cancel();
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::gone);
  EXPECT_EQ(connection.call(word("again")).error().code, code::kClosed);
  EXPECT_EQ(connection.post(word("again")).error().code, code::kClosed);
  EXPECT_EQ(connection.connect().error().code, code::kClosed);
  EXPECT_EQ(connection.peer().error().code, code::kClosed);
  EXPECT_EQ(connection.introduce().error().code, code::kClosed);
  const Call later(connection, word("again"));
  ASSERT_TRUE(comes_true([&] { return later.outcome.has_value(); }));
  EXPECT_EQ(later.kind(), Kind::gone);
  settle();
  EXPECT_EQ(ended, 0) << "whoever gives it up knows";
  EXPECT_FALSE(connection.is_connected());
}

TEST_F(Ending, ItMayBeGivenUpWhereItsEndIsTold) {
  is_served = false;
  std::optional<Connection> connection = this->connection();
  ASSERT_TRUE(connection->on_end([&](const Error&) { connection.reset(); }));
  services.clear();
  EXPECT_TRUE(comes_true([&] { return !connection; }));
}

// A service that reads what it is sent in a thread of its own, and answers when it likes.
struct Slow {
  Slow(channel::Channel& own, std::chrono::milliseconds wait, Dictionary answer)
      : thread([&own, wait, answer] {
          channel::Inbox inbox;
          for (const os::Time give_up = os::now() + 20s; os::now() < give_up;) {
            (void)os::wait_for(own.socket(), os::Readiness::readable, os::now() + 10ms);
            auto incoming = own.receive(inbox);
            auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
            if (packet == nullptr) continue;
            if (packet->header.kind != channel::PacketKind::request) continue;
            os::wait_until(os::now() + wait);
            Parcel parcel = make_answer(packet->header.id, answer);
            (void)own.send(parcel);
            return;
          }
        }) {}
  ~Slow() { thread.join(); }
  std::thread thread;
};

// It takes a second turn to be sent whole, and its answer comes later than it was to be sent by.
TEST_F(Ending, WhoeverBlocksWaitsForTheAnswerFromWhenAllIsSent) {
  is_served = false;
  Connection connection(std::make_unique<StageDialer>(*this));
  ASSERT_TRUE(connection.connect());
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(4 << 20)))}};
  const Slow service(services[0], 1200ms, word("there"));
  const auto answer = connection.call(large, {.timeout = 20s, .send_timeout = 1s});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, word("there"));
}

TEST_F(Ending, WhatIsBegunMayBeDone) {
  is_served = false;
  Connection connection = this->connection();
  const Call small(connection, word("waits"));
  const Call large(connection, {{"data", Object(Data(std::vector<std::byte>(16 << 20)))}},
                   {.timeout = 1h, .send_timeout = 1ms});
  ASSERT_TRUE(comes_true([&] { return large.outcome.has_value(); }));
  EXPECT_EQ(large.outcome->error().code, code::kTimedOut) << "part of it is on its way, and the rest will be";
}

TEST_F(Ending, StreamsThatBlockHaveTheLimitToo) {
  is_served = false;
  Connection connection(std::make_unique<StageDialer>(*this));
  ASSERT_FALSE(fill(connection, {.send_timeout = 1ms}));
  const auto stream = connection.stream(word("many"), {.send_timeout = 1ms});
  EXPECT_EQ(stream->next().error().code, code::kNotSent);
}

// A call, and what whoever made it does next.
Detached call_and_then(Connection& connection, std::function<void()> then) {
  (void)co_await connection.async(word("hello"));
  then();
}

TEST_F(Ending, IsToldBeforeWhoeverWasInterruptedGoesOn) {
  is_served = false;
  Connection connection = this->connection();
  std::vector<std::string> order;
  ASSERT_TRUE(connection.on_end([&](const Error&) { order.emplace_back("ended"); }));
  call_and_then(connection, [&] { order.emplace_back("interrupted"); });
  settle();
  services.clear();
  ASSERT_TRUE(comes_true([&] { return order.size() == 2; }));
  EXPECT_EQ(order, (std::vector<std::string>{"ended", "interrupted"}));
}

TEST_F(Ending, WhatIsUnsentGoesOnBeforeWhoeverWasAnsweredDoes) {
  is_served = false;
  Connection connection = this->connection();
  std::optional<int> dials_then;
  call_and_then(connection, [&] { dials_then = dials; });
  settle();
  auto incoming = services[0].receive(inbox);
  const auto* request = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
  ASSERT_NE(request, nullptr);
  os::refuse_more(services[0].socket());
  const Call unsent(connection, word("for the next"));
  settle();
  EXPECT_EQ(dials, 1) << "the first has something in hand";
  Parcel answer = make_answer(request->header.id, word("there"));
  ASSERT_TRUE(services[0].send(answer));
  ASSERT_TRUE(comes_true([&] { return dials_then.has_value(); }));
  EXPECT_EQ(dials_then, 2);
}

TEST_F(Ending, WhoeverIsGoneByThenIsNotTold) {
  is_served = false;
  std::optional<Connection> connection = this->connection();
  int told = 0;
  ASSERT_TRUE(connection->on_end([&](const Error&) { ++told; }));
  services.clear();
  EXPECT_FALSE(connection->is_connected()) << "it has seen it, and is to be told";
  connection.reset();
  settle();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace reeve::connection
