// Calls made on behalf of a request: what they hand on, and what happens when they come back to who waits for them.
// Each service has a thread and a loop of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "../object/call.hpp"
#include "connection.hpp"
#include "server.hpp"
#include "task.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

// Waits until another thread has made it so; not for ever.
template <class Condition>
bool comes_true(Condition condition) {
  const os::Time give_up = os::now() + 20s;
  while (!condition() && os::now() < give_up) std::this_thread::sleep_for(1ms);
  return condition();
}

Dictionary word(const std::string& text) { return {{"word", Object(text)}}; }

// A connection to a server that is reached by nobody else.
struct OverAPair : Dialer {
  explicit OverAPair(os::Fd e) : end(std::move(e)) {}
  Result<Dialed> dial(const os::Deadline&) override {
    if (!end) return fail(Kind::gone, code::kClosed, "used up");
    return Dialed{channel::Channel(std::move(end)), {}};
  }
  os::Fd end;
};
Connection over(os::Fd end, os::Loop::Reference loop = {}) {
  return Connection(std::make_unique<OverAPair>(std::move(end)), std::move(loop));
}

// A server with its loop, run by whoever calls run.
struct Station {
  using Answerer = std::function<Result<Dictionary>(const Dictionary& asked, const Caller& caller)>;

  // An end for somebody who asks.
  os::Fd admit(std::uint32_t uid = 0) {
    auto [ours, theirs] = *os::channel_pair();
    Peer peer;
    peer.uid = uid;
    EXPECT_TRUE(server.add(channel::Channel(std::move(ours)), peer, {}, handler));
    return std::move(theirs);
  }
  void run() {
    const os::Time give_up = os::now() + 60s;
    while (!is_over && os::now() < give_up) (void)loop.run_once(os::now() + 5ms);
  }

  os::Loop loop = *os::Loop::make();
  Answerer answer;
  SharedHandler handler = std::make_shared<const Handler>([this](const wire::DictionaryView& message, Request request) {
    const Caller caller = request.caller();
    (void)request.answer(answer(message.object(), caller));
  });
  Server server{loop};
  std::atomic<bool> is_over = false;
};

// Two stations, each with a connection to the other, and somebody who asks the first.
struct Circle : testing::Test {
  void start() {
    first.server.set_name("org.example.first");
    other_runs = std::thread([this] { other.run(); });
    first_runs = std::thread([this] { first.run(); });
  }
  void TearDown() override { stop(); }
  // What a test has given a loop ends after that.
  void stop() {
    first.is_over = other.is_over = true;
    if (first_runs.joinable()) first_runs.join();
    if (other_runs.joinable()) other_runs.join();
  }

  Station first;
  Station other;
  Connection to_other = over(other.admit());
  Connection to_first = over(first.admit());
  Connection asker = over(first.admit());
  std::thread first_runs;
  std::thread other_runs;
};

TEST_F(Circle, IsToldAtOnceToWhoWouldCloseIt) {
  first.answer = [&](const Dictionary& asked, const Caller&) { return to_other.call(asked); };
  std::optional<Error> told;
  other.answer = [&](const Dictionary& asked, const Caller&) -> Result<Dictionary> {
    auto answer = to_first.call(asked);
    if (!answer) told = answer.error();
    return answer;
  };
  start();
  for (int i = 0; i < 100; ++i) {
    const auto outcome = asker.call(word("round and round"), {.timeout = 30s});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code::kDeadlock);
    EXPECT_EQ(outcome.error().kind, Kind::invalid);
  }
  ASSERT_TRUE(told);
  EXPECT_NE(told->message.find("org.example.first waits for an answer in the chain of calls "), std::string::npos);
  EXPECT_NE(told->message.find("come back to it by process "), std::string::npos) << told->message;
}

// Whoever asked without blocking is asked in turn, and asks again over the same connection.
TEST_F(Circle, OverTheConnectionWhoseRequestIsAtHandIsToldToo) {
  Connection back = over(first.admit(), other.loop);
  first.answer = [&](const Dictionary& asked, const Caller&) { return to_other.call(asked); };
  other.answer = [&](const Dictionary& asked, const Caller&) { return back.call(asked); };
  std::optional<Result<wire::Body>> outcome;
  const auto begin = [&]() -> Detached {
    const Dictionary ask = word("round");
    outcome = co_await back.async(ask, {.timeout = 30s});
    other.is_over = true;
  };
  other.loop.post([&] { begin(); });
  start();
  other_runs.join();
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, code::kDeadlock);
}

// What is no part of the chain waits for its turn, in the order in which it came.
TEST_F(Circle, OthersWaitForTheirTurnMeanwhile) {
  std::vector<std::string> taken;
  std::vector<Connection> others;
  for (std::uint32_t i = 0; i < 3; ++i) others.push_back(over(first.admit(i + 1)));
  std::atomic<bool> is_waiting = false;
  std::atomic<bool> may_go_on = false;
  first.answer = [&](const Dictionary& asked, const Caller&) -> Result<Dictionary> {
    taken.push_back(*asked.find("word")->get<std::string>());
    return taken.back() == "first" ? to_other.call(asked) : asked;
  };
  other.answer = [&](const Dictionary& asked, const Caller&) {
    is_waiting = true;
    EXPECT_TRUE(comes_true([&] { return may_go_on.load(); }));
    return asked;
  };
  start();
  std::thread waits([&] { EXPECT_TRUE(asker.call(word("first"), {.timeout = 30s})); });
  EXPECT_TRUE(comes_true([&] { return is_waiting.load(); }));
  // More than are kept of one connection; the kernel keeps some of the rest.
  for (int i = 0; i < 150; ++i) {
    for (Connection& connection : others) EXPECT_TRUE(connection.post(word(std::to_string(i)), {.timeout = 30s}));
  }
  may_go_on = true;
  waits.join();
  for (Connection& connection : others) EXPECT_TRUE(connection.call(word("last"), {.timeout = 30s}));
  EXPECT_EQ(taken.size(), 1 + 3 * 151U);
  EXPECT_EQ(taken.front(), "first");
  for (int i = 0; i < 150; ++i) {
    const auto count = std::count(taken.begin(), taken.end(), std::to_string(i));
    EXPECT_EQ(count, 3) << i;
  }
  const auto place_of = [&](int i) { return std::find(taken.begin(), taken.end(), std::to_string(i)); };
  for (int i = 1; i < 150; ++i) EXPECT_LT(place_of(i - 1), place_of(i));
}

// Whoever asked may leave while its request is at hand, and so may others.
TEST_F(Circle, WhoLeavesMeanwhileIsLetGoOfLater) {
  std::optional<Connection> leaves = over(first.admit(1));
  std::optional<Connection> also_leaves = over(first.admit(2));
  std::atomic<int> waiting = 0;
  std::atomic<bool> may_go_on = false;
  first.answer = [&](const Dictionary& asked, const Caller&) { return to_other.call(asked); };
  other.answer = [&](const Dictionary& asked, const Caller&) {
    ++waiting;
    EXPECT_TRUE(comes_true([&] { return may_go_on.load(); }));
    return asked;
  };
  start();
  EXPECT_EQ(leaves->call(word("leaves"), {.timeout = 50ms}).error().kind, Kind::timeout);
  EXPECT_TRUE(also_leaves->post(word("unread")));
  EXPECT_TRUE(comes_true([&] { return waiting > 0; }));
  leaves.reset();
  also_leaves.reset();
  std::this_thread::sleep_for(20ms);  // so that it most likely hears of that while it waits; it may do so later
  may_go_on = true;
  EXPECT_TRUE(asker.call(word("stays"), {.timeout = 30s}));
}

TEST_F(Circle, ACallOnOnesOwnBehalfIsNoPartOfIt) {
  first.answer = [&](const Dictionary& asked, const Caller&) {
    return asked == word("by the way") ? asked : to_other.call(asked, {.timeout = 200ms});
  };
  std::atomic<int> answered = 0;
  other.answer = [&](const Dictionary& asked, const Caller&) {
    if (to_first.call(word("by the way"), {.is_own = true})) ++answered;
    return asked;
  };
  start();
  const auto outcome = asker.call(word("round and round"), {.timeout = 30s});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::timeout) << "nobody knows that it goes round";
  EXPECT_TRUE(asker.call(word("by the way"), {.timeout = 30s}));
  EXPECT_TRUE(comes_true([&] { return answered == 1; }));
}

TEST_F(Circle, OfOneIsToldToo) {
  Connection to_itself = over(first.admit());
  first.answer = [&](const Dictionary& asked, const Caller&) { return to_itself.call(asked); };
  start();
  const auto outcome = asker.call(word("round"), {.timeout = 30s});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kDeadlock);
  stop();
}

// Whoever asks twice on behalf of one request waits for nobody but its turn.
TEST_F(Circle, WhatWasAskedBesideItIsNoPartOfIt) {
  first.answer = [&](const Dictionary& asked, const Caller&) { return to_other.call(asked); };
  other.answer = [&](const Dictionary& asked, const Caller&) {
    std::this_thread::sleep_for(
        20ms);  // so that the other most likely comes meanwhile; in either order both are served
    return asked;
  };
  Connection beside = over(first.admit(1));
  start();
  const Context at_hand{fresh_chain(), {}};
  std::thread asks([&] {
    const OnBehalf of(at_hand);
    EXPECT_TRUE(beside.call(word("one"), {.timeout = 30s}));
  });
  const OnBehalf of(at_hand);
  EXPECT_TRUE(asker.call(word("other"), {.timeout = 30s}));
  asks.join();
}

// Whoever asked both of them waits for both; neither waits for the other.
TEST_F(Circle, OfTwoWaysToOneServiceIsNone) {
  first.answer = [&](const Dictionary& asked, const Caller&) -> Result<Dictionary> {
    return asked == word("by the other") ? asked : to_other.call(asked);
  };
  other.answer = [&](const Dictionary& asked, const Caller&) -> Result<Dictionary> {
    if (asked == word("asks first")) return to_first.call(word("by the other"), {.timeout = 30s});
    std::this_thread::sleep_for(
        50ms);  // so that the other most likely comes meanwhile; in either order both are served
    return asked;
  };
  Station third;
  third.answer = other.answer;
  Connection to_third = over(third.admit());
  std::thread third_runs([&] { third.run(); });
  start();
  const Context at_hand{fresh_chain(), {}};
  std::thread asks([&] {
    const OnBehalf of(at_hand);
    EXPECT_TRUE(asker.call(word("waits for another"), {.timeout = 30s}));
  });
  {
    const OnBehalf of(at_hand);
    EXPECT_TRUE(to_third.call(word("asks first"), {.timeout = 30s}));
  }
  asks.join();
  third.is_over = true;
  third_runs.join();
}

TEST_F(Circle, AnAnswerOfAnotherThreadGoesOutMeanwhile) {
  std::optional<Request> kept;
  std::atomic<bool> is_kept = false;
  std::atomic<bool> is_answered = false;
  first.handler = std::make_shared<const Handler>([&](const wire::DictionaryView& message, Request request) {
    if (message.object() == word("keep")) {
      kept.emplace(std::move(request));
      is_kept = true;
    } else {
      (void)request.answer(to_other.call(message.object()));
    }
  });
  Connection keeps = over(first.admit(1));
  Connection waits = over(first.admit(2));
  other.answer = [&](const Dictionary& asked, const Caller&) {
    std::thread([&] { (void)kept->answer(word("kept")); }).join();
    EXPECT_TRUE(comes_true([&] { return is_answered.load(); }));
    return asked;
  };
  start();
  std::thread asks([&] {
    EXPECT_TRUE(keeps.call(word("keep"), {.timeout = 30s}));
    is_answered = true;
  });
  EXPECT_TRUE(comes_true([&] { return is_kept.load(); }));
  EXPECT_TRUE(waits.call(word("wait"), {.timeout = 30s}));
  asks.join();
  stop();
}

// It learns of its caller's end in the middle of letting go of that.
TEST_F(Circle, WhoeverIsToldOfAnEndMayWaitForOthers) {
  std::optional<Request> kept;
  std::optional<std::stop_callback<std::function<void()>>> told;
  std::atomic<bool> is_kept = false;
  std::atomic<bool> is_told = false;
  first.handler = std::make_shared<const Handler>([&](const wire::DictionaryView& message, Request request) {
    if (message.object() == word("echo")) return (void)request.answer(message.object());
    told.emplace(request.caller().stop_token(), [&] {
      EXPECT_TRUE(to_other.call(word("clean up"), {.timeout = 30s}));
      is_told = true;
    });
    kept.emplace(std::move(request));
    is_kept = true;
  });
  other.answer = [](const Dictionary& asked, const Caller&) { return asked; };
  Connection stays = over(first.admit(2));
  std::optional<Connection> leaves = over(first.admit(1));
  start();
  EXPECT_EQ(leaves->call(word("leaves"), {.timeout = 100ms}).error().kind, Kind::timeout);
  leaves.reset();
  EXPECT_TRUE(comes_true([&] { return is_kept && is_told; }));
  EXPECT_TRUE(stays.call(word("echo"), {.timeout = 30s}));
  stop();
  told.reset();
  kept.reset();
}

TEST_F(Circle, ADeadlineIsHandedOnUnasked) {
  std::optional<os::Deadline> seen;
  std::optional<os::Deadline> own;
  first.answer = [&](const Dictionary& asked, const Caller&) {
    (void)to_other.call(word("own"), {.is_own = true});
    return to_other.call(asked, {.timeout = 1h});
  };
  other.answer = [&](const Dictionary& asked, const Caller& caller) {
    (asked == word("own") ? own : seen) = caller.deadline();
    return asked;
  };
  start();
  const os::Time before = os::now();
  EXPECT_TRUE(asker.call(word("soon"), {.timeout = 30s}));
  ASSERT_TRUE(seen && *seen);
  EXPECT_GE(**seen, before + 30s);
  EXPECT_LT(**seen, before + 60s);
  ASSERT_TRUE(own);
  EXPECT_FALSE(*own);
}

// A coroutine keeps to its request wherever it is run on.
TEST_F(Circle, ACoroutineIsAtWorkForItsOwnRequestThroughout) {
  Context before;
  Context after_promise;
  Context after_call;
  Promise<void> promise;
  Connection later = over(other.admit(), first.loop);
  const auto work = [&](Request request) -> Detached {
    before = Context::current();
    (void)co_await promise.value();
    after_promise = Context::current();
    const Dictionary ask = word("in turn");
    (void)co_await later.async(ask);
    after_call = Context::current();
    (void)request.answer(word("done"));
  };
  first.handler =
      std::make_shared<const Handler>([&](const wire::DictionaryView&, Request request) { work(std::move(request)); });
  Connection special = over(first.admit());
  other.answer = [](const Dictionary& asked, const Caller&) { return asked; };
  // By somebody who is at work on another's behalf.
  const auto give = first.loop.at(os::now() + 50ms, [&] {
    const OnBehalf of_another({fresh_chain(), {}});
    (void)promise.set({});
  });
  start();
  EXPECT_TRUE(special.call(word("begin"), {.timeout = 30s}));
  stop();
  EXPECT_NE(before.chain, channel::Chain());
  EXPECT_EQ(after_promise.chain, before.chain);
  EXPECT_EQ(after_call.chain, before.chain);
  EXPECT_EQ(after_call.deadline, before.deadline);
}

TEST(Chains, AreEachDifferentAndDrawnAnewByCopies) {
  const auto one = fresh_chain();
  EXPECT_NE(one, fresh_chain());
  EXPECT_NE(one, channel::Chain());
  channel::Chain elsewhere{};
  std::thread([&] { elsewhere = fresh_chain(); }).join();
  EXPECT_NE(elsewhere, one);
}

TEST(Chains, TellWhoWasAskedInTurnFromWhoWasAskedBeside) {
  const auto one = fresh_chain();
  const auto asked = deeper(one);
  EXPECT_TRUE(is_behind(asked, asked)) << "whoever asks itself";
  EXPECT_TRUE(is_behind(deeper(asked), asked));
  EXPECT_TRUE(is_behind(deeper(deeper(asked)), asked));
  EXPECT_FALSE(is_behind(one, asked));
  const auto beside = deeper(one);
  EXPECT_FALSE(is_behind(beside, asked));
  EXPECT_FALSE(is_behind(deeper(beside), asked)) << "by another way";
  EXPECT_FALSE(is_behind(deeper(fresh_chain()), one));
  auto deep = one;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(is_behind(deeper(deep), deep)) << i;
    deep = deeper(deep);
  }
}

}  // namespace
}  // namespace reeve::connection
