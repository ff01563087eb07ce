// A server whose requests are answered later, or never, or by others. Both ends of each channel are here.
#include "server.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "../object/call.hpp"
#include "../os/process.hpp"
#include "staged.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;
using channel::PacketKind;

// An answer as it reached its caller.
struct Reached {
  std::uint64_t reply_to = 0;
  Result<Dictionary> outcome;
};

// A caller that sends what it likes.
struct Client {
  explicit Client(os::Fd end) : channel(std::move(end)) {}

  void send(PacketKind kind, std::uint64_t id, Dictionary message, os::Deadline deadline = {}) {
    Parcel parcel = *make_parcel(kind, message);
    parcel.id = id;
    parcel.deadline = deadline;
    EXPECT_TRUE(channel.send(parcel));
  }
  void ask(std::uint64_t id, os::Deadline deadline = {}) {
    send(PacketKind::request, id, {{"id", Object(id)}}, deadline);
  }
  // The next answer that has come. Nothing where none has, or the channel has ended.
  std::optional<Reached> answer() {
    while (true) {
      auto incoming = channel.receive(inbox);
      auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
      if (packet == nullptr) {
        has_ended = has_ended || !incoming || std::holds_alternative<channel::Ended>(*incoming);
        return std::nullopt;
      }
      Dictionary message = open_packet(*packet)->root().object();
      if (packet->header.kind == PacketKind::reply) return Reached{packet->header.reply_to, std::move(message)};
      if (packet->header.kind == PacketKind::end) end = object::parse_error(message);
      if (packet->header.kind == PacketKind::error) {
        return Reached{packet->header.reply_to, std::unexpected(object::parse_error(message))};
      }
    }
  }

  channel::Inbox inbox;
  channel::Channel channel;
  bool has_ended = false;
  std::optional<Error> end;
};

// A server whose handler keeps all requests, unless a test says otherwise.
struct Kept : OnALoop {
  Client connect() {
    auto [ours, theirs] = *os::channel_pair();
    EXPECT_TRUE(server->add(channel::Channel(std::move(ours)), {}, {}, std::make_shared<const Handler>(handler)));
    return Client(std::move(theirs));
  }
  std::vector<Request> kept;
  Handler handler = [this](const wire::DictionaryView&, Request request) { kept.push_back(std::move(request)); };
};

TEST_F(Kept, ARequestThatIsDroppedIsAnsweredWithAnErrorAtOnce) {
  Client client = connect();
  client.ask(1);
  settle();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_FALSE(client.answer());
  kept.clear();
  const auto reached = client.answer();
  ASSERT_TRUE(reached);
  EXPECT_EQ(reached->reply_to, 1U);
  EXPECT_EQ(reached->outcome.error().code, code::kDropped);
  EXPECT_EQ(reached->outcome.error().kind, Kind::gone);
}

TEST_F(Kept, ASecondAnswerGoesNowhereAndIsTold) {
  Client client = connect();
  client.ask(1);
  settle();
  EXPECT_TRUE(kept[0].wants_answer());
  EXPECT_TRUE(kept[0].answer(word("first")));
  EXPECT_FALSE(kept[0].wants_answer());
  EXPECT_EQ(kept[0].answer(word("second")).error().code, code::kAnswered);
  EXPECT_EQ(*client.answer()->outcome, word("first"));
  EXPECT_FALSE(client.answer());
}

TEST_F(Kept, AMessageWantsNoAnswer) {
  Client client = connect();
  client.send(PacketKind::message, 0, {});
  settle();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_FALSE(kept[0].wants_answer());
  EXPECT_EQ(kept[0].answer(word("what for")).error().code, code::kAnswered);
  kept.clear();
  EXPECT_TRUE(server->may_end());
  EXPECT_FALSE(client.answer());
}

TEST_F(Kept, AMessageInSeveralPacketsWantsNoneEither) {
  Client client = connect();
  client.ask(1);
  settle();
  Parcel parcel = *make_parcel(PacketKind::message, {{"data", Object(Data(std::vector<std::byte>(1 << 20)))}});
  for (int i = 0; i < 1000 && !client.channel.send(parcel); ++i) settle();
  settle();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(parcel.id, 1U) << "it has the number of the request";
  EXPECT_EQ(kept[1].answer(word("what for")).error().code, code::kAnswered);
  kept.pop_back();
  EXPECT_FALSE(client.answer());
  EXPECT_TRUE(kept[0].answer(word("yes")));
  EXPECT_EQ(*client.answer()->outcome, word("yes"));
}

TEST_F(Kept, MessagesInHandAreCountedAndEndWithTheirConversation) {
  std::optional<Client> client = connect();
  for (std::size_t i = 0; i <= kRequestsInHandMax; ++i) client->send(PacketKind::message, 0, word("keep this"));
  settle();
  EXPECT_EQ(kept.size(), kRequestsInHandMax);
  EXPECT_FALSE(server->may_end());
  client.reset();
  settle();
  for (const Request& message : kept) EXPECT_TRUE(message.caller().stop_token().stop_requested());
  EXPECT_FALSE(server->has_peers());
}

TEST_F(Kept, ARequestWithTheIdOfOneInHandEndsItsChannel) {
  Client client = connect();
  client.ask(1);
  client.ask(1);
  settle();
  EXPECT_FALSE(client.answer());
  ASSERT_TRUE(client.end);
  EXPECT_EQ(client.end->code, code::kBadPacket);
  EXPECT_FALSE(server->has_peers());
  EXPECT_TRUE(kept[0].caller().stop_token().stop_requested());
}

TEST_F(Kept, MoreThanSixtyFourInHandAreBusyUntilOneIsAnswered) {
  Client client = connect();
  for (std::uint64_t id = 1; id <= kRequestsInHandMax + 1; ++id) client.ask(id);
  settle();
  EXPECT_EQ(kept.size(), kRequestsInHandMax);
  const auto refused = client.answer();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reply_to, kRequestsInHandMax + 1);
  EXPECT_EQ(refused->outcome.error().kind, Kind::busy);
  Client other = connect();
  other.ask(1);
  settle();
  EXPECT_EQ(kept.size(), kRequestsInHandMax + 1) << "another connection has its own";
  EXPECT_TRUE(kept[0].answer(word("one")));
  client.ask(100);
  settle();
  EXPECT_EQ(kept.size(), kRequestsInHandMax + 2);
}

TEST_F(Kept, WhatRequestsBroughtIsPaidForByWhoSentThem) {
  Client client = connect();
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(16 << 20)))}};
  std::optional<Reached> refused;
  std::uint64_t id = 0;
  while (!refused && id < kRequestsInHandMax) {
    Parcel parcel = *make_parcel(PacketKind::request, large);
    parcel.id = ++id;
    for (int i = 0; i < 1000 && !client.channel.send(parcel); ++i) settle();
    settle();
    refused = client.answer();
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->outcome.error().kind, Kind::busy);
  EXPECT_LE(id * (16U << 20U), kHeldBytesMax + (16U << 20U));
  kept.clear();
  while (client.answer()) {
  }
  client.send(PacketKind::request, 100, large.find("data") != nullptr ? word("small") : Dictionary());
  settle();
  EXPECT_EQ(kept.size(), 1U) << "what was answered is paid for no longer";
}

TEST_F(Kept, WhatIsHeldForOneThatHasLeftIsPaidForStill) {
  const Dictionary large{{"data", Object(Data(std::vector<std::byte>(100 << 10)))}};
  std::optional<Error> refused;
  // None of them minds that nobody waits any more.
  for (int turn = 0; turn < 100 && !refused; ++turn) {
    Client client = connect();
    for (std::uint64_t id = 1; id <= 32 && !refused; ++id) {
      client.send(PacketKind::request, id, large);
      settle();
      const auto reached = client.answer();
      if (reached) refused = reached->outcome.error();
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->kind, Kind::busy);
  EXPECT_LE(kept.size() * (100U << 10U), kHeldBytesMax);
  settle();
  EXPECT_TRUE(server->may_end()) << "nobody waits";
  kept.clear();
  Client client = connect();
  client.send(PacketKind::request, 1, large);
  settle();
  EXPECT_EQ(kept.size(), 1U);
}

TEST_F(Kept, AnswersComeInWhateverOrderTheyAreGiven) {
  Client client = connect();
  for (std::uint64_t id = 1; id <= 3; ++id) client.ask(id);
  settle();
  ASSERT_EQ(kept.size(), 3U);
  for (const std::size_t which : {2U, 0U, 1U}) {
    EXPECT_TRUE(kept[which].answer(word("now")));
    EXPECT_EQ(client.answer()->reply_to, which + 1);
  }
  EXPECT_TRUE(server->may_end());
}

TEST_F(Kept, AnAnswerOfAnotherThreadArrives) {
  Client client = connect();
  client.ask(1);
  settle();
  std::thread([request = std::move(kept[0])]() mutable { EXPECT_TRUE(request.answer(word("from afar"))); }).join();
  std::optional<Reached> reached;
  ASSERT_TRUE(comes_true([&] { return (reached = client.answer()).has_value(); }));
  EXPECT_EQ(*reached->outcome, word("from afar"));
}

TEST_F(Kept, AnAnswerOfAnotherThreadThatComesBeforeTheHandlerReturnsArrivesToo) {
  handler = [](const wire::DictionaryView&, Request request) {
    std::thread([request = std::move(request)]() mutable { (void)request.answer(word("at once")); }).join();
  };
  Client client = connect();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    client.ask(id);
    std::optional<Reached> reached;
    ASSERT_TRUE(comes_true([&] { return (reached = client.answer()).has_value(); }));
    EXPECT_EQ(reached->reply_to, id);
  }
}

TEST_F(Kept, AHandlerMayAnswerWhatAnotherHasKept) {
  handler = [this](const wire::DictionaryView&, Request request) {
    for (Request& before : kept) (void)before.answer(word("another came"));
    kept.clear();
    kept.push_back(std::move(request));
  };
  Client client = connect();
  Client other = connect();
  client.ask(1);
  settle();
  client.ask(2);
  settle();
  EXPECT_EQ(client.answer()->reply_to, 1U);
  other.ask(7);
  settle();
  EXPECT_EQ(client.answer()->reply_to, 2U);
}

TEST_F(Kept, OneWhoseHandlerAnswersACallerThatHasLeftGoesOn) {
  handler = [this](const wire::DictionaryView&, Request request) {
    for (Request& before : kept) (void)before.answer(word("too late"));
    kept.push_back(std::move(request));
  };
  Client client = connect();
  {
    Client leaving = connect();
    leaving.ask(1);
    settle();
  }
  client.ask(1);
  settle();
  EXPECT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept[1].wants_answer());
}

TEST_F(Kept, WhoeverAskedIsKnownToHaveLeft) {
  {
    Client client = connect();
    client.ask(1);
    settle();
    EXPECT_FALSE(kept[0].caller().stop_token().stop_requested());
    EXPECT_FALSE(server->may_end());
  }
  settle();
  EXPECT_TRUE(kept[0].caller().stop_token().stop_requested());
  EXPECT_TRUE(server->may_end()) << "nobody waits";
  EXPECT_TRUE(kept[0].answer(word("to nobody")));
}

TEST_F(Kept, WhoeverOnlySendsNoMoreIsAnsweredStill) {
  auto [ours, theirs] = *os::channel_pair();
  const os::Fd servers_end = *ours.duplicate();
  ASSERT_TRUE(server->add(channel::Channel(std::move(ours)), {}, {}, std::make_shared<const Handler>(handler)));
  Client client(std::move(theirs));
  client.ask(1);
  // As if the client had shut its direction down: the kernel keeps one flag for both ends.
  os::refuse_more(servers_end);
  settle();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_FALSE(kept[0].caller().stop_token().stop_requested());
  EXPECT_TRUE(kept[0].answer(word("still")));
  EXPECT_EQ(*client.answer()->outcome, word("still"));
  settle();
  EXPECT_FALSE(server->has_peers()) << "there is nothing further to be had";
}

TEST_F(Kept, ADeadlineThatPassesIsTold) {
  Client client = connect();
  client.ask(1, os::now() + 1s);
  client.ask(2);
  settle();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_TRUE(kept[0].caller().deadline());
  EXPECT_FALSE(kept[1].caller().deadline());
  bool is_told = false;
  const std::stop_callback told(kept[0].caller().stop_token(), [&] { is_told = true; });
  ASSERT_TRUE(comes_true([&] { return is_told; }));
  EXPECT_FALSE(kept[1].caller().stop_token().stop_requested());
  EXPECT_TRUE(kept[0].answer(fail(Kind::timeout, code::kTimedOut, "it took too long")));
  EXPECT_EQ(client.answer()->reply_to, 1U);
}

using Told = std::stop_callback<std::function<void()>>;

// Has all requests that are kept answered as soon as nobody waits for that one.
std::unique_ptr<Told> answers_all(const Request& request, std::vector<Request>& kept) {
  return std::make_unique<Told>(request.caller().stop_token(), [&kept] {
    for (Request& each : kept) (void)each.answer(word("it does not matter"));
  });
}

TEST_F(Kept, AnErrorThatIsGivenAfterTheDeadlineIsThatOfTheDeadline) {
  Client client = connect();
  for (std::uint64_t id = 1; id <= 2; ++id) client.ask(id, os::now() + 1s);
  settle();
  ASSERT_EQ(kept.size(), 2U);
  ASSERT_TRUE(comes_true([&] { return kept[0].caller().stop_token().stop_requested(); }));
  EXPECT_TRUE(kept[0].answer(fail(Kind::gone, 1, "nobody waits any more")));
  EXPECT_EQ(client.answer()->outcome.error().kind, Kind::timeout);
  EXPECT_TRUE(kept[1].answer(word("late, and good all the same")));
  EXPECT_TRUE(client.answer()->outcome);
}

TEST_F(Kept, AnErrorThatAHandlerGivesAtOnceAfterTheDeadlineIsThatOfTheDeadline) {
  handler = [](const wire::DictionaryView&, Request request) {
    os::wait_until(*request.caller().deadline() + 1ms);
    EXPECT_TRUE(request.answer(fail(Kind::gone, 1, "nobody waits any more")));
  };
  Client client = connect();
  client.ask(1, os::now() + 20ms);
  std::optional<Reached> reached;
  ASSERT_TRUE(comes_true([&] { return (reached = client.answer()).has_value(); }));
  EXPECT_EQ(reached->outcome.error().kind, Kind::timeout);
}

TEST_F(Kept, WhoeverIsToldThatNobodyWaitsMayAnswerAll) {
  std::vector<std::unique_ptr<Told>> told;
  {
    Client client = connect();
    for (std::uint64_t id = 1; id <= 3; ++id) client.ask(id);
    settle();
    for (const Request& request : kept) told.push_back(answers_all(request, kept));
  }
  settle();
  EXPECT_FALSE(server->has_peers());
  EXPECT_FALSE(kept[2].wants_answer());
}

TEST_F(Kept, ACancellationWhoseCallbackAnswersOneThatHasLeftEndsInPeace) {
  std::unique_ptr<Told> told;
  {
    Client client = connect();
    client.ask(1);
    client.ask(2);
    settle();
    told = answers_all(kept[0], kept);
    Parcel parcel;
    parcel.kind = PacketKind::cancel;
    parcel.reply_to = 1;
    ASSERT_TRUE(client.channel.send(parcel));
    client.ask(3);
  }
  settle();
  EXPECT_FALSE(server->has_peers());
  EXPECT_FALSE(kept[1].wants_answer());
}

TEST_F(Kept, ACallbackNeverRunsWithinAHandler) {
  bool is_in_handler = false;
  int told_within = 0;
  std::vector<std::unique_ptr<Told>> told;
  handler = [&](const wire::DictionaryView&, Request request) {
    is_in_handler = true;
    if (!kept.empty()) (void)kept[0].answer(word("to one who has left"));
    is_in_handler = false;
    told.push_back(
        std::make_unique<Told>(request.caller().stop_token(), [&] { told_within += is_in_handler ? 1 : 0; }));
    kept.push_back(std::move(request));
  };
  Client staying = connect();
  {
    Client leaving = connect();
    for (std::uint64_t id = 1; id <= 3; ++id) leaving.ask(id);
    settle();
    staying.ask(1);
  }
  settle();
  EXPECT_EQ(told_within, 0);
  EXPECT_TRUE(kept[1].caller().stop_token().stop_requested());
  EXPECT_TRUE(kept.back().wants_answer());
}

TEST_F(Kept, ARequestWhoseHandlerFindsItsCallerGoneIsToldSo) {
  handler = [this](const wire::DictionaryView&, Request request) {
    for (Request& before : kept) (void)before.answer(word("another came"));
    kept.push_back(std::move(request));
  };
  {
    Client client = connect();
    for (std::uint64_t id = 1; id <= 3; ++id) client.ask(id);
  }
  settle();
  ASSERT_GE(kept.size(), 2U);
  EXPECT_FALSE(server->has_peers());
  EXPECT_TRUE(kept.back().caller().stop_token().stop_requested());
}

TEST_F(Kept, WhatIsInHandIsAnsweredBeforeAServerHasWoundUp) {
  Client client = connect();
  client.ask(1);
  client.ask(2);
  settle();
  server->wind_up();
  settle();
  EXPECT_TRUE(server->has_peers());
  EXPECT_FALSE(server->may_end());
  EXPECT_TRUE(kept[1].answer(word("second")));
  EXPECT_TRUE(server->has_peers());
  kept.erase(kept.begin());
  settle();
  EXPECT_FALSE(server->has_peers());
  EXPECT_EQ(client.answer()->reply_to, 2U);
  EXPECT_EQ(client.answer()->outcome.error().code, code::kDropped);
  EXPECT_FALSE(client.answer());
  EXPECT_TRUE(client.has_ended);
}

TEST_F(Kept, ARequestMayOutliveItsServer) {
  Client client = connect();
  client.ask(1);
  client.ask(2);
  settle();
  const Caller known = kept[0].caller();
  server.reset();
  EXPECT_TRUE(known.stop_token().stop_requested());
  EXPECT_TRUE(kept[0].answer(word("to nobody")));
  std::thread([request = std::move(kept[1])]() mutable { EXPECT_TRUE(request.answer(word("from afar"))); }).join();
}

TEST_F(Kept, ConnectionsOfOneProcessShareWhatIsKnownOfIt) {
  Client client = connect();
  Client another = connect();
  client.ask(1);
  another.ask(1);
  settle();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(&kept[0].caller().peer(), &kept[1].caller().peer());
}

TEST_F(Kept, WhatIsKnownOfACallerOutlivesItsConnection) {
  std::optional<Caller> known;
  {
    Client client = connect();
    client.ask(1);
    settle();
    known = kept[0].caller();
    kept.clear();
  }
  settle();
  EXPECT_EQ(known->peer().pid, os::own_pid());
  Client another = connect();
  another.ask(1);
  settle();
  EXPECT_EQ(known->peer().pid, kept[0].caller().peer().pid);
}

}  // namespace
}  // namespace reeve::connection
