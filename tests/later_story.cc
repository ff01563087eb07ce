// Requests that are answered later, across processes: by what others say, by other threads, or not at all.
#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "support/actor.hpp"
#include "support/flight.hpp"
#include "support/jobs.hpp"
#include "support/session.hpp"
#include "support/stranger.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

// A job whose services may have threads.
JobFile threaded(const std::string& name) {
  JobFile job = actor_job(name);
  if (!is_sanitised()) job.preset = "compute";
  return job;
}

class Later : public testing::Test {
 protected:
  void SetUp() override { write_job(session.jobs(), actor_job(kActor)); }
  // Says it until so many have heard it.
  bool say(const std::string& word, std::uint32_t count) {
    return comes_true([&] {
      const auto heard = other.call<&Actor::say>(word);
      count -= std::min(count, heard.value_or(0));
      return count == 0;
    });
  }
  bool have_given_up(std::uint32_t count) {
    return comes_true([&] { return other.call<&Actor::given_up>() == count; });
  }

  Session session;
  Proxy<Actor> other = connect<Actor>(kActor);
};

// A caller that does not block, and what has come of its calls.
struct Asker {
  Loop loop = *Loop::make();

  Proxy<Actor> to(const std::string& name) { return connect<Actor>(name, {.loop = loop}); }
  template <class Condition>
  bool comes_true(Condition condition) {
    const os::Time give_up = os::now() + 60s;
    while (!condition()) {
      if (os::now() > give_up || !loop.run_once(os::now() + 10ms)) return false;
    }
    return true;
  }
};

TEST_F(Later, AServiceSeesThatADeadlineHasPassed) {
  auto client = connect<Actor>(kActor);
  ASSERT_TRUE(client.call<&Actor::sleep>(0U));
  const auto outcome = client.call_with<&Actor::await_word>({.timeout = 1s});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::timeout);
  EXPECT_TRUE(have_given_up(1));
  EXPECT_TRUE(client.call<&Actor::sleep>(0U)) << "the late answer is nobody's";
}

TEST_F(Later, AServiceSeesThatItsCallerHasEnded) {
  bootstrap::Broker broker;
  ASSERT_TRUE(other.call<&Actor::sleep>(0U));
  {
    const Stranger stranger{*broker.look_up({kActor}, {})->end.shared()->duplicate()};
    stranger.greet();
    const auto body = wire::encode(Dictionary{{"method", Object("await_word")}, {"arguments", Object(Array())}});
    for (std::uint64_t id = 1; id <= 3; ++id) EXPECT_TRUE(stranger.request(id, body->body.bytes));
    EXPECT_EQ(other.call<&Actor::given_up>(), 0U);
  }
  EXPECT_TRUE(have_given_up(3));
}

TEST_F(Later, ACoroutineThatThrowsIsAnErrorAtItsCaller) {
  const auto outcome = other.call<&Actor::throw_later>();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kHandlerThrew);
  EXPECT_EQ(outcome.error().message, "the service threw: a coroutine's own trouble");
}

TEST_F(Later, ManyAreAnsweredByWhatOneOtherSays) {
  std::vector<Result<std::string>> heard(8);
  std::vector<std::thread> clients;
  for (auto& word : heard) {
    clients.emplace_back([&word] { word = connect<Actor>(kActor).call_with<&Actor::await_word>({.timeout = 60s}); });
  }
  EXPECT_TRUE(say("now", 8));
  for (std::thread& client : clients) client.join();
  for (const auto& word : heard) EXPECT_EQ(word, "now");
}

// The service that is asked again hears of it over a channel that is made while it waits.
TEST_F(Later, ACallThatComesBackIsToldAtOnce) {
  const std::string a = "org.example.a";
  const std::string b = "org.example.b";
  const std::string c = "org.example.c";
  for (const std::string& name : {a, b, c}) {
    JobFile job = actor_job(name);
    job.reeve =
        dictionary_key("Entitlements", array_key("LookUp", a + "</string><string>" + b + "</string><string>" + c));
    write_job(session.jobs(), job);
  }
  auto client = connect<Actor>(a);
  using Names = std::vector<std::string>;
  EXPECT_EQ(client.call<&Actor::pass_on>(Names{b, c}), "the end");
  for (const Names& circle : {Names{b, a}, Names{b, c, a}, Names{b, c, b}, Names{a}}) {
    const auto outcome = client.call<&Actor::pass_on>(circle);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code::kDeadlock) << outcome.error().message;
    const std::string& last = circle.back();
    EXPECT_TRUE(outcome.error().message.starts_with(last + " waits for an answer in the chain of calls "));
    const std::string& before = circle.size() == 1 ? a : circle[circle.size() - 2];
    EXPECT_NE(outcome.error().message.find("(" + before + ")"), std::string::npos) << outcome.error().message;
  }
  EXPECT_EQ(client.call<&Actor::pass_on>(Names{b, c}), "the end") << "they serve on";
}

// Bytes that a process keeps in memory.
std::int64_t resident(std::int32_t pid) {
  std::ifstream facts("/proc/" + std::to_string(pid) + "/statm");
  std::int64_t size = 0;
  std::int64_t pages = -1;
  facts >> size >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

TEST_F(Later, AStreamOfAMillionItemsTakenSlowlyGrowsNeitherSide) {
  constexpr std::uint64_t kItems = 1'000'000;
  constexpr std::int64_t kGrowthMax = 1024 * 1024;
  auto client = connect<Actor>(kActor);
  const auto peer = client.peer();
  ASSERT_TRUE(peer && peer->pid);
  ASSERT_TRUE(client.call<&Actor::sleep>(0U));
  const std::int32_t self = ::getpid();
  const std::int64_t ours = resident(self);
  const std::int64_t theirs = resident(*peer->pid);
  ASSERT_GT(theirs, 0);
  auto reader = client.stream<&Actor::numbers>(kItems);
  std::int64_t most_ours = 0;
  std::int64_t most_theirs = 0;
  for (std::uint64_t i = 0; i < kItems; ++i) {
    const auto item = reader.next();
    ASSERT_TRUE(item && *item);
    ASSERT_EQ(**item, i);
    if (i % 10'000 != 0) continue;
    // For as long as it takes the service to send what it may.
    std::this_thread::sleep_for(5ms);
    most_ours = std::max(most_ours, resident(self) - ours);
    most_theirs = std::max(most_theirs, resident(*peer->pid) - theirs);
  }
  EXPECT_EQ(*reader.next(), std::nullopt);
  if (!is_sanitised()) {  // which keeps for a while what was freed
    EXPECT_LT(most_ours, kGrowthMax);
    EXPECT_LT(most_theirs, kGrowthMax);
  }
  std::printf("stream: %llu items, growth of the caller %lld KiB, of the service %lld KiB\n",
              static_cast<unsigned long long>(kItems), static_cast<long long>(most_ours / 1024),
              static_cast<long long>(most_theirs / 1024));
}

TEST_F(Later, AStreamEndsWithWhoeverMakesOrTakesIt) {
  auto client = connect<Actor>(kActor);
  {
    auto reader = client.stream<&Actor::numbers>(1'000'000U);
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(other.call<&Actor::streams>(), 1U);
  }
  EXPECT_TRUE(comes_true([&] { return other.call<&Actor::streams>() == 0U; })) << "its reader is gone";
  {
    auto leaving = connect<Actor>(kActor);
    auto reader = leaving.stream<&Actor::numbers>(1'000'000U);
    ASSERT_TRUE(reader.next());
  }
  EXPECT_TRUE(comes_true([&] { return other.call<&Actor::streams>() == 0U; })) << "its caller is gone";
  auto doomed = client.stream<&Actor::numbers_until_death>(1'000U);
  std::uint64_t heard = 0;
  auto item = doomed.next();
  for (; item && *item; item = doomed.next()) ASSERT_EQ(**item, heard++);
  ASSERT_FALSE(item);
  EXPECT_EQ(item.error().kind, Kind::interrupted);
  EXPECT_EQ(heard, 1'000U) << "what it sent before it died has come";
  EXPECT_EQ(client.call<&Actor::streams>(), 0U) << "a fresh one answers";
}

TEST_F(Later, AThreadOfAConfinedServiceAnswers) {
  write_job(session.jobs(), threaded("org.example.threaded"));
  auto client = connect<Actor>("org.example.threaded");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.call<&Actor::ask_a_thread>(0U), "from a thread");
}

TEST_F(Later, AServiceWithARequestInHandIsNotIdle) {
  JobFile job = threaded("org.example.idler");
  job.idle_seconds = 1;
  write_job(session.jobs(), job);
  auto client = connect<Actor>("org.example.idler");
  // Three times as long as it would stay without work.
  EXPECT_EQ(client.call_with<&Actor::ask_a_thread>({.timeout = 60s}, 3000U), "from a thread");
}

TEST_F(Later, AServiceThatIsToldToStopAnswersFirst) {
  constexpr const char* kName = "org.example.threaded";
  write_job(session.jobs(), threaded(kName));
  Asker asker;
  auto proxy = asker.to(kName);
  const Flight<std::string> flight(proxy.async<&Actor::ask_a_thread>(2000U));
  const Flight<void> behind(proxy.async<&Actor::sleep>(0U));
  ASSERT_TRUE(asker.comes_true([&] { return behind.outcome.has_value(); })) << "so that the first is in hand";
  EXPECT_EQ(reeve_tool({"stop", kName}).exit_code, 0);
  ASSERT_TRUE(asker.comes_true([&] { return flight.outcome.has_value(); }));
  EXPECT_EQ(*flight.outcome, "from a thread");
}

TEST_F(Later, WhoeverDoesNotBlockIsToldOfAnUnknownName) {
  Asker asker;
  auto unknown = asker.to("org.example.nobody");
  const Flight<void> flight(unknown.async<&Actor::sleep>(0U));
  EXPECT_FALSE(flight.outcome);
  ASSERT_TRUE(asker.comes_true([&] { return flight.outcome.has_value(); }));
  EXPECT_EQ(flight.outcome->error().code, code::kUnknownService);
  auto bad = asker.to("no..name");
  const Flight<void> other(bad.async<&Actor::sleep>(0U));
  ASSERT_TRUE(asker.comes_true([&] { return other.outcome.has_value(); }));
  EXPECT_EQ(other.outcome->error().kind, Kind::invalid);
}

TEST_F(Later, OneLoopWaitsForManyServicesWhileOneOfThemIsStuck) {
  write_job(session.jobs(), actor_job("org.example.stuck", {"--never-check-in"}));
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i) names.push_back("org.example.many" + std::to_string(i));
  for (const std::string& name : names) write_job(session.jobs(), actor_job(name));
  Asker asker;
  auto stuck = asker.to("org.example.stuck");
  const Flight<void> never(stuck.async<&Actor::sleep>(0U));
  std::vector<Proxy<Actor>> proxies;
  for (const std::string& name : names) proxies.push_back(asker.to(name));
  std::size_t answered = 0;
  for (auto& proxy : proxies) {
    proxy.call_then<&Actor::answer_of>(
        [&](const Result<std::string>& answer) { answered += answer == std::string(5, 'x') ? 1 : 0; }, 5U);
  }
  EXPECT_EQ(answered, 0U);
  EXPECT_TRUE(asker.comes_true([&] { return answered == names.size(); }));
  EXPECT_FALSE(never.outcome);
}

TEST_F(Later, AServiceSeesThatACallWasGivenUp) {
  Asker asker;
  auto proxy = asker.to(kActor);
  auto flight = std::make_unique<Flight<std::string>>(proxy.async<&Actor::await_word>());
  const Flight<std::string> other_flight(proxy.async<&Actor::await_word>());
  // What was sent later was taken up later.
  const Flight<void> behind(proxy.async<&Actor::sleep>(0U));
  ASSERT_TRUE(asker.comes_true([&] { return behind.outcome.has_value(); }));
  flight.reset();
  ASSERT_TRUE(asker.comes_true([&] { return other.call<&Actor::given_up>() == 1U; }));
  EXPECT_EQ(other.call<&Actor::say>("still here"), 1U);
  ASSERT_TRUE(asker.comes_true([&] { return other_flight.outcome.has_value(); }));
  EXPECT_EQ(*other_flight.outcome, "still here");
}

TEST_F(Later, AServiceThatIsKilledInterruptsWhatItHasInHand) {
  Asker asker;
  auto proxy = asker.to(kActor);
  const Flight<std::string> flight(proxy.async<&Actor::await_word>());
  const Flight<void> behind(proxy.async<&Actor::sleep>(0U));
  ASSERT_TRUE(asker.comes_true([&] { return behind.outcome.has_value(); }));
  EXPECT_EQ(reeve_tool({"kill", "KILL", kActor}).exit_code, 0);
  ASSERT_TRUE(asker.comes_true([&] { return flight.outcome.has_value(); }));
  EXPECT_EQ(flight.outcome->error().kind, Kind::interrupted);
  const Flight<void> next(proxy.async<&Actor::sleep>(0U));
  ASSERT_TRUE(asker.comes_true([&] { return next.outcome.has_value(); }));
  EXPECT_TRUE(*next.outcome) << "a fresh one serves";
}

TEST_F(Later, ADeadlineAndItsEndReachWhoeverIsAskedInTurn) {
  constexpr const char* kInTurn = "org.example.inturn";
  JobFile in_turn = actor_job(kInTurn);
  in_turn.reeve = dictionary_key("Entitlements", array_key("LookUp", kActor));
  write_job(session.jobs(), in_turn);
  Asker asker;
  auto proxy = asker.to(kInTurn);
  ASSERT_TRUE(other.call<&Actor::sleep>(0U));
  ASSERT_TRUE(proxy.call<&Actor::sleep>(0U)) << "so that both are there in time";
  const Flight<std::string> flight(proxy.async_with<&Actor::await_word_of_other>({.timeout = 2s}, kActor));
  const Flight<std::string> patient(proxy.async<&Actor::await_word_of_other>(kActor));
  ASSERT_TRUE(asker.comes_true([&] { return flight.outcome.has_value(); }));
  EXPECT_EQ(flight.outcome->error().kind, Kind::timeout);
  EXPECT_TRUE(have_given_up(1)) << "two processes away";
  EXPECT_TRUE(say("hello", 1));
  ASSERT_TRUE(asker.comes_true([&] { return patient.outcome.has_value(); }));
  EXPECT_EQ(*patient.outcome, "hello");
}

TEST_F(Later, AnEndpointIsRedeemedWithoutBlocking) {
  Asker asker;
  const auto endpoint = other.call<&Actor::own_endpoint>();
  ASSERT_TRUE(endpoint);
  Proxy<Actor> own(open_connection(*endpoint, {.loop = asker.loop}));
  const Flight<std::string> flight(own.async<&Actor::answer_of>(3U));
  ASSERT_TRUE(asker.comes_true([&] { return flight.outcome.has_value(); }));
  EXPECT_EQ(*flight.outcome, "xxx");
}

TEST_F(Later, TheBoardOfTheExamplesTellsWhoWaits) {
  const std::string board = build_folder() + "/examples/board";
  JobFile job = actor_job("org.example.board");
  job.program = board;
  job.arguments.clear();
  write_job(session.jobs(), job);
  const Output early = run({board, "wait", "1"});
  EXPECT_EQ(early.exit_code, 1) << early.out << early.err;
  EXPECT_EQ(run({board, "write", "to nobody"}).out, "0 waited for it\n");
  Output heard;
  std::thread waiting([&] { heard = run({board, "wait", "50"}); });
  EXPECT_TRUE(comes_true([&] { return run({board, "write", "hello"}).out == "1 waited for it\n"; }));
  waiting.join();
  EXPECT_EQ(heard.out, "hello\n");
  EXPECT_EQ(heard.exit_code, 0);
}

TEST_F(Later, AMethodIsToldWhoCalls) {
  const auto facts = other.call_with<&Actor::who>({.timeout = 60s}, "hello");
  ASSERT_TRUE(facts) << text_of(facts.error());
  EXPECT_EQ(facts->at("uid"), std::to_string(::geteuid()));
  EXPECT_EQ(facts->at("label"), "");
  EXPECT_EQ(facts->at("deadline"), "yes");
  EXPECT_EQ(facts->at("word"), "hello");
  EXPECT_EQ(other.call<&Actor::who>("again")->at("deadline"), "no");
}

}  // namespace
}  // namespace reeve::test
