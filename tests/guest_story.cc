// Services that have something of their own for each client, and clients that their services call.
#include <gtest/gtest.h>

#include <unistd.h>

#include "support/host.hpp"
#include "support/jobs.hpp"

namespace reeve::test {
namespace {

constexpr const char* kHost = "org.example.host";

struct Guests : testing::Test {
  void SetUp() override { write_job(session.jobs(), host_job(kHost)); }

  Session session;
};

TEST_F(Guests, HaveEachARoomOfTheirOwn) {
  auto one = connect<Room>(kHost);
  auto other = connect<Room>(kHost);
  ASSERT_TRUE(one.tell<&Room::note>("one's"));
  ASSERT_TRUE(other.tell<&Room::note>("the other's"));
  ASSERT_TRUE(one.tell<&Room::note>("one's second"));
  EXPECT_EQ(one.call<&Room::notes>(), (std::vector<std::string>{"one's", "one's second"}));
  EXPECT_EQ(other.call<&Room::notes>(), (std::vector<std::string>{"the other's"}));
  EXPECT_EQ(one.call<&Room::user>(), ::geteuid());
}

TEST_F(Guests, LeaveNothingBehind) {
  auto first = connect<Room>(kHost);
  {
    std::vector<Proxy<Room>> guests;
    for (int i = 0; i < 5; ++i) {
      guests.push_back(connect<Room>(kHost));
      ASSERT_TRUE(guests.back().call<&Room::notes>());
    }
    EXPECT_EQ(first.call<&Room::rooms>(), 6U);
  }
  EXPECT_TRUE(comes_true([&] { return first.call<&Room::rooms>() == 1U; }));
}

TEST_F(Guests, AreToldWhyTheyAreNotLetIn) {
  auto closed = connect<Namesake>(std::string(kHost) + ".closed");
  for (int i = 0; i < 3; ++i) {
    const auto outcome = closed.call<&Namesake::name>();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), (Error{Kind::denied, 10001, "members only", "become one"}));
  }
  EXPECT_EQ(connect<Namesake>(std::string(kHost) + ".desk").call<&Namesake::name>(), "the desk");
}

struct Ringer : Bell {
  Result<std::string> ring(std::string what) override {
    return what == "quietly" ? fail(Kind::busy, 5, "asleep") : Result<std::string>("ding " + what);
  }
};

TEST_F(Guests, LetTheirHostCallThem) {
  Loop loop = *Loop::make();
  auto host = connect<Room>(kHost, {.loop = loop});
  auto bell = listen<Bell>(loop, Ringer());
  const auto ring = [&](Right right, std::string what) -> Task<std::string> {
    co_return co_await host.async<&Room::ring>(std::move(right), std::move(what));
  };
  EXPECT_EQ(ring(*bell.right(), "once").run(loop), "ding once");
  EXPECT_EQ(ring(*bell.right(), "twice").run(loop), "ding twice");
  const auto quiet = ring(*bell.right(), "quietly").run(loop);
  ASSERT_FALSE(quiet);
  EXPECT_EQ(quiet.error().code, 5);
  auto right = *bell.right();
  EXPECT_EQ(ring(right, "with a right that is used up after this").run(loop).has_value(), true);
}

// The room of a client that has left is there for as long as anything is in hand in it.
TEST_F(Guests, AreServedToTheEndAndTheHostIsToldOfItsOwn) {
  Loop loop = *Loop::make();
  auto host = connect<Room>(kHost, {.loop = loop});
  auto stays = [&]() -> Task<std::string> { co_return co_await host.async<&Room::last_words>(); };
  std::optional<Result<std::string>> heard;
  auto wait = [&]() -> Task<void> {
    heard.emplace(co_await stays());
    co_return {};
  };
  auto waiting = wait();
  waiting.start();
  {
    Loop short_loop = *Loop::make();
    auto leaver = connect<Room>(kHost, {.loop = short_loop});
    auto leaves = [&]() -> Task<std::string> { co_return co_await leaver.async<&Room::last_words>(); };
    auto task = leaves();
    task.start();
    ASSERT_TRUE(comes_true([&] { return short_loop.run_once(os::now()) && host.call<&Room::waiting>() == 2U; }));
  }
  EXPECT_EQ(host.call<&Room::rooms>(), 2U) << "the one that has left has a request in hand";
  ASSERT_EQ(reeve_tool({"stop", kHost}).exit_code, 0);
  const os::Time give_up = os::now() + 30s;
  while (!heard && os::now() < give_up) ASSERT_TRUE(loop.run_once(os::now() + 10ms));
  ASSERT_TRUE(heard);
  EXPECT_EQ(*heard, "farewell to the user " + std::to_string(::geteuid()));
  EXPECT_TRUE(session.prints("the host is stopping, 2 rooms"));
}

}  // namespace
}  // namespace reeve::test
