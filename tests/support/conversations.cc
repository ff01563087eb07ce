#include "conversations.hpp"

#include <gtest/gtest.h>

#include "flight.hpp"

namespace reeve::test {
namespace {

constexpr const char* kOne = "org.example.one";
constexpr const char* kOther = "org.example.other";

template <auto kCount>
Task<std::uint32_t> count_of(Proxy<Talker>& talker) {
  auto asked = talker.async<kCount>();
  co_return co_await asked;
}

// Asks a talker for one of his counts until it is that much.
template <auto kCount>
Task<void> comes_to(Proxy<Talker>& talker, std::uint32_t count) {
  const os::Time give_up = os::now() + 30s;
  for (;;) {
    const auto got = co_await count_of<kCount>(talker);
    if (got == count) co_return {};
    EXPECT_LT(os::now(), give_up) << "it does not come to " << count;
    if (os::now() > give_up) co_return {};
  }
}

// What is asked later is answered later: what was answered before has been told by then.
Task<void> is_through(Proxy<Talker>& talker) {
  auto asked = talker.async<&Talker::repeat>("so far");
  const auto got = co_await asked;
  EXPECT_EQ(got, "so far");
  co_return {};
}

Task<void> say(Proxy<Talker>& talker, std::string topic, std::string word, std::uint32_t heard) {
  auto said = talker.async<&Talker::say>(std::move(topic), std::move(word));
  const auto got = co_await said;
  EXPECT_EQ(got, heard);
  co_return {};
}

template <class T>
const Error& error_of(const Flight<T>& flight) {
  static const Error kNone;
  EXPECT_TRUE(flight.outcome && !*flight.outcome);
  return flight.outcome && !*flight.outcome ? flight.outcome->error() : kNone;
}

Task<void> answers_come_in_whatever_order(Stage& stage) {
  auto talker = stage.connect(kOne);
  const Flight<std::string> first(talker.async<&Talker::await_word>("a"));
  const Flight<std::string> second(talker.async<&Talker::await_word>("b"));
  const Flight<std::string> third(talker.async<&Talker::await_word>("a"));
  (void)co_await say(talker, "b", "for the second", 1);
  EXPECT_FALSE(first.outcome || third.outcome);
  EXPECT_TRUE(second.outcome && *second.outcome == "for the second");
  (void)co_await say(talker, "a", "for both", 2);
  EXPECT_TRUE(first.outcome && *first.outcome == "for both");
  EXPECT_TRUE(third.outcome && *third.outcome == "for both");
  co_return {};
}

Task<void> whatever_goes_wrong_is_told(Stage& stage) {
  auto talker = stage.connect(kOne);
  const Flight<void> refused(talker.async<&Talker::refuse>(7, "not that"));
  const Flight<void> thrown(talker.async<&Talker::throw_later>());
  const Flight<std::string> dropped(talker.async<&Talker::forget>());
  (void)co_await is_through(talker);
  EXPECT_EQ(error_of(refused), (Error{Kind::denied, 7, "not that", "ask for something else"}));
  EXPECT_EQ(error_of(thrown).code, code::kHandlerThrew);
  EXPECT_EQ(error_of(dropped).code, code::kDropped);
  co_return {};
}

Task<void> what_is_given_up_is_seen(Stage& stage) {
  auto talker = stage.connect(kOne);
  auto onlooker = stage.connect(kOne);
  auto flight = std::make_unique<Flight<std::string>>(talker.async<&Talker::await_word>("a"));
  const Flight<std::string> stays(talker.async<&Talker::await_word>("a"));
  (void)co_await is_through(talker);
  flight.reset();
  (void)co_await comes_to<&Talker::given_up>(onlooker, 1);
  (void)co_await say(onlooker, "a", "to who has stayed", 1);
  (void)co_await is_through(talker);
  EXPECT_TRUE(stays.outcome && *stays.outcome == "to who has stayed");
  co_return {};
}

Task<void> a_client_who_leaves_gives_up_what_he_asked(Stage& stage) {
  auto onlooker = stage.connect(kOne);
  {
    auto leaving = stage.connect(kOne);
    const Flight<std::string> first(leaving.async<&Talker::await_word>("a"));
    const Flight<std::string> second(leaving.async<&Talker::await_word>("b"));
    (void)co_await is_through(leaving);
  }
  (void)co_await comes_to<&Talker::given_up>(onlooker, 2);
  (void)co_await comes_to<&Talker::waiting>(onlooker, 0);
  co_return {};
}

Task<void> a_deadline_passes_and_the_stalled_service_sees_it(Stage& stage) {
  auto talker = stage.connect(kOne);
  (void)co_await is_through(talker);
  // One that passes before it is taken up is seen by nobody.
  std::uint32_t seen = 0;
  for (int i = 0; i < 100 && seen == 0; ++i) {
    auto asked = talker.async_with<&Talker::await_word>({.timeout = 50ms}, "a");
    const auto outcome = co_await asked;
    EXPECT_EQ(outcome ? Kind{} : outcome.error().kind, Kind::timeout);
    (void)co_await comes_to<&Talker::waiting>(talker, 0);
    seen = (co_await count_of<&Talker::given_up>(talker)).value_or(0);
  }
  EXPECT_EQ(seen, 1U);
  co_return {};
}

Task<void> streams_keep_their_order_beside_each_other(Stage& stage) {
  constexpr std::uint64_t kItems = 300;
  auto talker = stage.connect(kOne);
  auto quick = talker.stream<&Talker::numbers>(kItems);
  auto slow = talker.stream<&Talker::numbers>(std::uint64_t{1'000'000});
  for (std::uint64_t i = 0; i < kItems; ++i) {
    const auto item = co_await quick.async_next();
    EXPECT_TRUE(item && *item && **item == i);
    if (i % 3 != 0) continue;
    const auto other = co_await slow.async_next();
    EXPECT_TRUE(other && *other && **other == i / 3);
  }
  const auto end = co_await quick.async_next();
  EXPECT_TRUE(end && !*end);
  (void)co_await comes_to<&Talker::streams>(talker, 1);
  co_return {};
}

Task<void> a_stream_that_nobody_reads_ends(Stage& stage) {
  auto talker = stage.connect(kOne);
  {
    auto reader = talker.stream<&Talker::numbers>(std::uint64_t{1'000'000});
    const auto first = co_await reader.async_next();
    EXPECT_TRUE(first && *first == 0U);
    (void)co_await comes_to<&Talker::streams>(talker, 1);
  }
  (void)co_await comes_to<&Talker::streams>(talker, 0);
  co_return {};
}

Task<void> what_is_told_comes_before_what_is_asked(Stage& stage) {
  constexpr std::uint64_t kNotes = 100;
  auto talker = stage.connect(kOne);
  std::vector<std::uint64_t> told;
  for (std::uint64_t i = 0; i < kNotes; ++i) {
    EXPECT_TRUE(talker.tell<&Talker::note>(i));
    told.push_back(i);
    auto asked = talker.async<&Talker::notes>();
    const auto heard = co_await asked;
    EXPECT_EQ(heard, told);
  }
  co_return {};
}

Task<void> a_door_goes_by_message_and_leads_to_the_same(Stage& stage) {
  auto talker = stage.connect(kOne);
  auto asked = talker.async<&Talker::door>();
  const auto door = co_await asked;
  EXPECT_TRUE(door);
  if (!door) co_return {};
  Proxy<Talker> behind(open_connection(*door, stage.loop));
  const Flight<std::string> waits(behind.async<&Talker::await_word>("a"));
  (void)co_await is_through(behind);
  (void)co_await say(talker, "a", "through the door", 1);
  (void)co_await is_through(behind);
  EXPECT_TRUE(waits.outcome && *waits.outcome == "through the door");
  co_return {};
}

Task<void> who_asks_on_anothers_behalf_waits_no_longer_than_he(Stage& stage) {
  auto one = stage.connect(kOne);
  auto other = stage.connect(kOther);
  const auto await_behind = [&](std::string topic, CallOptions options) -> Task<std::string> {
    auto asked = other.async<&Talker::door>();
    const auto door = co_await asked;
    if (!door) co_return std::unexpected(door.error());
    auto waits = one.async_with<&Talker::await_word_behind>(options, *door, std::move(topic));
    co_return co_await waits;
  };
  (void)co_await is_through(one);
  const Flight<std::string> patient(await_behind("a", {}));
  std::uint32_t seen = 0;
  for (int i = 0; i < 100 && seen == 0; ++i) {
    const Flight<std::string> hasty(await_behind("b", {.timeout = 50ms}));
    while (!hasty.outcome) (void)co_await is_through(one);
    EXPECT_EQ(error_of(hasty).kind, Kind::timeout);
    (void)co_await comes_to<&Talker::waiting>(other, 1);
    seen = (co_await count_of<&Talker::given_up>(other)).value_or(0);
  }
  EXPECT_GE(seen, 1U);
  auto fickle = std::make_unique<Flight<std::string>>(await_behind("c", {}));
  (void)co_await comes_to<&Talker::waiting>(other, 2);
  fickle.reset();
  (void)co_await comes_to<&Talker::waiting>(other, 1);
  (void)co_await say(other, "a", "from far", 1);
  while (!patient.outcome) (void)co_await is_through(one);
  EXPECT_TRUE(*patient.outcome == "from far");
  co_return {};
}

Task<void> nothing_is_sent_or_told_while_suspended(Stage& stage) {
  auto talker = stage.connect(kOne);
  auto onlooker = stage.connect(kOne);
  const Flight<std::string> before(talker.async<&Talker::await_word>("a"));
  (void)co_await is_through(talker);
  talker.connection().suspend();
  const Flight<std::string> during(talker.async<&Talker::await_word>("a"));
  (void)co_await say(onlooker, "a", "heard by one", 1);
  (void)co_await is_through(onlooker);
  EXPECT_FALSE(before.outcome || during.outcome);
  EXPECT_TRUE(talker.connection().resume());
  (void)co_await comes_to<&Talker::waiting>(onlooker, 1);
  (void)co_await say(talker, "a", "heard by the other", 1);
  EXPECT_TRUE(before.outcome && *before.outcome == "heard by one");
  EXPECT_TRUE(during.outcome && *during.outcome == "heard by the other");
  co_return {};
}

Task<void> who_ends_interrupts_and_another_one_follows(Stage& stage) {
  auto talker = stage.connect(kOne);
  EXPECT_TRUE(talker.tell<&Talker::note>(std::uint64_t{1}));
  const Flight<std::string> in_hand(talker.async<&Talker::await_word>("a"));
  auto reader = talker.stream<&Talker::numbers>(std::uint64_t{1'000'000});
  auto item = co_await reader.async_next();
  (void)co_await is_through(talker);
  stage.end(kOne);
  while (!in_hand.outcome) {
    auto asked = talker.async<&Talker::repeat>("who is there?");
    (void)co_await asked;
  }
  EXPECT_EQ(error_of(in_hand).kind, Kind::interrupted);
  for (std::uint64_t next = 0; item && *item; ++next) {
    EXPECT_EQ(**item, next);
    item = co_await reader.async_next();
  }
  EXPECT_FALSE(item) << "it is not whole";
  auto asked = talker.async<&Talker::notes>();
  const auto notes = co_await asked;
  EXPECT_EQ(notes, std::vector<std::uint64_t>()) << "who remembers nothing";
  co_return {};
}

constexpr TitledStory kStories[] = {
    {"AnswersComeInWhateverOrder", answers_come_in_whatever_order},
    {"WhateverGoesWrongIsTold", whatever_goes_wrong_is_told},
    {"WhatIsGivenUpIsSeen", what_is_given_up_is_seen},
    {"AClientWhoLeavesGivesUpWhatHeAsked", a_client_who_leaves_gives_up_what_he_asked},
    {"ADeadlinePassesAndTheStalledServiceSeesIt", a_deadline_passes_and_the_stalled_service_sees_it, true},
    {"StreamsKeepTheirOrderBesideEachOther", streams_keep_their_order_beside_each_other},
    {"AStreamThatNobodyReadsEnds", a_stream_that_nobody_reads_ends},
    {"WhatIsToldComesBeforeWhatIsAsked", what_is_told_comes_before_what_is_asked},
    {"ADoorGoesByMessageAndLeadsToTheSame", a_door_goes_by_message_and_leads_to_the_same},
    {"WhoAsksOnAnothersBehalfWaitsNoLongerThanHe", who_asks_on_anothers_behalf_waits_no_longer_than_he, true},
    {"NothingIsSentOrToldWhileSuspended", nothing_is_sent_or_told_while_suspended},
    {"WhoEndsInterruptsAndAnotherOneFollows", who_ends_interrupts_and_another_one_follows},
};

}  // namespace

std::span<const TitledStory> conversations() { return kStories; }

}  // namespace reeve::test
