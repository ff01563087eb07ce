// Connections that are suspended, and barriers.
#include <gtest/gtest.h>

#include "connection.hpp"
#include "staged.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

struct Suspended : Staged {
  Suspended() {
    handler = std::make_shared<const Handler>(
        [this](const wire::DictionaryView&, Request request) { kept.push_back(std::move(request)); });
  }
  // How many packets a channel that stays here has got.
  std::size_t received(channel::Channel& service) {
    std::size_t count = 0;
    while (true) {
      auto incoming = service.receive(inbox);
      if (!incoming || !std::holds_alternative<channel::Delivered>(*incoming)) return count;
      ++count;
    }
  }
  // A call that tells, once it is over.
  static Detached tell(Connection& connection, Dictionary request, std::function<void()> then) {
    (void)co_await connection.async(std::move(request));
    then();
  }

  std::vector<Request> kept;
};

TEST_F(Suspended, RefuseCallsThatBlock) {
  Connection connection = this->connection();
  connection.suspend();
  EXPECT_EQ(connection.call(word("hello")).error().code, code::kSuspended);
  EXPECT_EQ(connection.post(word("hello")).error().code, code::kSuspended);
  EXPECT_EQ(connection.peer().error().code, code::kSuspended);
  EXPECT_EQ(connection.introduce().error().code, code::kSuspended);
  const auto stream = connection.stream(word("many"));
  EXPECT_EQ(stream->next().error().code, code::kSuspended);
  EXPECT_EQ(dials, 0);
  ASSERT_TRUE(connection.resume());
  const Call call(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
}

TEST_F(Suspended, AreResumedAsOftenAsTheyWereSuspendedAndNoOftener) {
  Connection connection = this->connection();
  EXPECT_EQ(connection.resume().error().code, code::kSuspended);
  connection.suspend();
  connection.suspend();
  const Call call(connection, word("hello"));
  EXPECT_TRUE(connection.resume());
  settle();
  EXPECT_EQ(kept.size(), 0U);
  EXPECT_TRUE(connection.resume());
  EXPECT_EQ(connection.resume().error().kind, Kind::invalid);
  EXPECT_TRUE(comes_true([&] { return kept.size() == 1; }));
}

TEST_F(Suspended, SendNothingBeforeTheyAreResumed) {
  is_served = false;
  Connection connection = this->connection();
  connection.suspend();
  const Call before(connection, word("before it is first used"));
  settle();
  EXPECT_EQ(dials, 0);
  ASSERT_TRUE(connection.resume());
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  EXPECT_EQ(received(services[0]), 1U);
  connection.suspend();
  const Call one(connection, word("one"));
  const Call other(connection, word("other"));
  settle();
  EXPECT_EQ(received(services[0]), 0U);
  ASSERT_TRUE(connection.resume());
  EXPECT_EQ(received(services[0]), 2U) << "in their order, at once";
}

TEST_F(Suspended, TellNobodyBeforeTheyAreResumed) {
  Connection connection = this->connection();
  const Call call(connection, word("hello"));
  ASSERT_TRUE(comes_true([&] { return kept.size() == 1; }));
  connection.suspend();
  (void)kept[0].answer(word("here"));
  settle();
  EXPECT_FALSE(call.outcome);
  ASSERT_TRUE(connection.resume());
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_TRUE(call.is_answered_with("here"));
}

TEST_F(Suspended, ByWhoeverIsToldTellNobodyElse) {
  Connection connection = this->connection();
  bool is_told = false;
  tell(connection, word("one"), [&] { connection.suspend(); });
  tell(connection, word("other"), [&] { is_told = true; });
  ASSERT_TRUE(comes_true([&] { return kept.size() == 2; }));
  for (Request& request : kept) (void)request.answer(word("here"));
  settle();
  EXPECT_FALSE(is_told);
  ASSERT_TRUE(connection.resume());
  EXPECT_TRUE(comes_true([&] { return is_told; }));
}

TEST_F(Suspended, ComeToTheirDeadlinesAllTheSame) {
  is_served = false;
  Connection connection = this->connection();
  connection.suspend();
  const Call call(connection, word("hello"), {.timeout = 1ms});
  os::wait_until(os::now() + 2ms);
  settle();
  EXPECT_FALSE(call.outcome);
  ASSERT_TRUE(connection.resume());
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::timeout);
  settle();
  EXPECT_TRUE(services.empty() || received(services[0]) == 0U);
}

TEST_F(Suspended, MayBeGivenUp) {
  std::optional<Connection> connection(this->connection());
  connection->suspend();
  const Call call(*connection, word("hello"));
  connection.reset();
  ASSERT_TRUE(comes_true([&] { return call.outcome.has_value(); }));
  EXPECT_EQ(call.kind(), Kind::gone);
}

TEST_F(Suspended, KeepWhatTheirServicesDeathLeftForTheNext) {
  is_served = false;
  Connection connection = this->connection();
  const Call first(connection, word("first"));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  connection.suspend();
  const Call second(connection, word("second"));
  services.clear();
  settle();
  EXPECT_FALSE(first.outcome);
  ASSERT_TRUE(connection.resume());
  ASSERT_TRUE(comes_true([&] { return first.outcome.has_value() && services.size() == 1; }));
  EXPECT_EQ(first.kind(), Kind::interrupted);
  EXPECT_EQ(received(services[0]), 1U);
  EXPECT_FALSE(second.outcome);
}

struct Barriers : Suspended {
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(100'000)))}};
};

TEST_F(Barriers, PassByTheLoopWhereNothingWaits) {
  Connection connection = this->connection();
  bool has_passed = false;
  connection.barrier([&] { has_passed = true; });
  EXPECT_FALSE(has_passed);
  EXPECT_TRUE(comes_true([&] { return has_passed; }));
}

TEST_F(Barriers, PassAtOnceWithoutALoop) {
  Connection connection(std::make_unique<StageDialer>(*this));
  bool has_passed = false;
  connection.barrier([&] { has_passed = true; });
  EXPECT_TRUE(has_passed);
}

TEST_F(Barriers, PassOnceWhatWasBegunBeforeIsOnItsWay) {
  is_served = false;
  Connection connection = this->connection();
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(std::make_unique<Call>(connection, large));
  std::vector<int> passed;
  connection.barrier([&] { passed.push_back(1); });
  const Call later(connection, large);
  connection.barrier([&] { passed.push_back(2); });
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  EXPECT_TRUE(passed.empty()) << "the service has not read";
  std::size_t count = 0;
  ASSERT_TRUE(comes_true([&] {
    count += received(services[0]);
    return passed.size() == 2;
  }));
  EXPECT_EQ(passed, (std::vector{1, 2}));
  EXPECT_GT(count, 0U);
}

TEST_F(Barriers, PassWhereWhatWasBeforeThemIsGivenUp) {
  Connection connection = this->connection();
  connection.suspend();
  std::optional<Call> call(std::in_place, connection, word("hello"));
  bool has_passed = false;
  connection.barrier([&] { has_passed = true; });
  settle();
  EXPECT_FALSE(has_passed);
  call.reset();
  EXPECT_TRUE(comes_true([&] { return has_passed; }));
}

TEST_F(Barriers, PassWhereTheirConnectionIsGivenUp) {
  std::optional<Connection> connection(this->connection());
  connection->suspend();
  const Call call(*connection, word("hello"));
  bool has_passed = false;
  connection->barrier([&] { has_passed = true; });
  connection.reset();
  EXPECT_TRUE(comes_true([&] { return has_passed; }));
}

}  // namespace
}  // namespace reeve::connection
