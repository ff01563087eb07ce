// Streams, from both ends. Service and caller share a loop unless a test says otherwise.
#include "stream.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "../object/call.hpp"
#include "staged.hpp"
#include "typed.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;
using channel::PacketKind;

struct Numbers {
  /// From one number on, so many.
  virtual Stream<std::uint32_t> count(std::uint32_t from, std::uint32_t many) = 0;
  virtual Stream<std::string> texts(std::uint32_t bytes, std::uint32_t many) = 0;
  virtual Stream<std::vector<File>> files(std::uint32_t many) = 0;
  virtual Stream<std::uint32_t> fail_after(std::uint32_t many) = 0;
  virtual Stream<std::uint32_t> throw_after(std::uint32_t many) = 0;
  virtual Stream<std::uint32_t> throw_at_once() = 0;
  /// Each when somebody says so.
  virtual Stream<std::string> words() = 0;
  /// Each from a thread of its own.
  virtual Stream<std::uint32_t> from_threads(std::uint32_t many) = 0;
  virtual Result<std::uint32_t> once() = 0;

 protected:
  ~Numbers() = default;
};
BOOST_DESCRIBE_STRUCT(Numbers, (),
                      (count, texts, files, fail_after, throw_after, throw_at_once, words, from_threads, once))

struct Counter final : Numbers {
  // While one of its coroutines is there.
  struct Presence {
    explicit Presence(int& c) : count(c) { ++count; }
    Presence(const Presence&) = delete;
    Presence& operator=(const Presence&) = delete;
    ~Presence() { --count; }
    int& count;
  };
  Stream<std::uint32_t> count(std::uint32_t from, std::uint32_t many) override {
    const Presence here(present);
    for (std::uint32_t i = 0; i < many; ++i) {
      ++yielded;
      co_yield from + i;
    }
  }
  Stream<std::string> texts(std::uint32_t bytes, std::uint32_t many) override {
    for (std::uint32_t i = 0; i < many; ++i) co_yield std::string(bytes, static_cast<char>('a' + i % 26));
  }
  Stream<std::vector<File>> files(std::uint32_t many) override {
    for (std::uint32_t i = 0; i < many; ++i) {
      ++yielded;
      std::vector<File> some(3, *File::open("/etc/passwd"));
      co_yield some;
    }
  }
  Stream<std::uint32_t> fail_after(std::uint32_t many) override {
    for (std::uint32_t i = 0; i < many; ++i) co_yield i;
    co_yield fail(Kind::denied, 7, "no more for you");
    ADD_FAILURE() << "it is not run on";
  }
  Stream<std::uint32_t> throw_after(std::uint32_t many) override {
    for (std::uint32_t i = 0; i < many; ++i) co_yield i;
    throw std::runtime_error("out of numbers");
  }
  Stream<std::uint32_t> throw_at_once() override { throw std::runtime_error("no numbers at all"); }
  Stream<std::string> words() override {
    const Presence here(present);
    while (true) {
      next_word.emplace();
      auto word = co_await next_word->value();
      if (!word) co_return;
      co_yield *word;
    }
  }
  Stream<std::uint32_t> from_threads(std::uint32_t many) override {
    for (std::uint32_t i = 0; i < many; ++i) {
      Promise<std::uint32_t> promise;
      auto value = promise.value();
      std::thread([i, kept = std::move(promise)]() mutable { (void)kept.set(i); }).detach();
      auto given = co_await value;
      co_yield std::move(given);
    }
  }
  Result<std::uint32_t> once() override { return 1U; }

  int present = 0;
  std::uint32_t yielded = 0;
  std::optional<Promise<std::string>> next_word;
};

struct Streams : Staged {
  Streams() {
    handler = std::make_shared<const Handler>([this](const wire::DictionaryView& message, Request request) {
      dispatch<Numbers>(counter, message, std::move(request));
    });
  }
  // They end before what they use.
  void TearDown() override { server.reset(); }

  Proxy<Numbers> connect() { return Proxy<Numbers>(connection()); }
  // For a caller with another loop than the service, or none.
  Proxy<Numbers> connect_over_a_pair(os::Loop::Reference own = {}) {
    auto [ours, theirs] = *os::channel_pair();
    (void)server->add(channel::Channel(std::move(ours)), {}, {}, handler);
    const object::Right right{std::make_shared<const os::Fd>(std::move(theirs)), object::RightKind::send};
    return Proxy<Numbers>(Connection(dialer_over(right), std::move(own)));
  }

  bool answers_once(Proxy<Numbers>& proxy) {
    std::optional<Result<std::uint32_t>> answer;
    proxy.call_then<&Numbers::once>([&](Result<std::uint32_t> outcome) { answer = std::move(outcome); });
    return comes_true([&] { return answer.has_value(); }) && *answer == 1U;
  }
  Counter counter;
};

// Runs the service while a caller blocks.
class ServingThread {
 public:
  explicit ServingThread(os::Loop& loop)
      : thread_([&loop](const std::stop_token& stop) {
          while (!stop.stop_requested()) (void)loop.run_once(os::now() + 5ms);
        }) {}

 private:
  std::jthread thread_;
};

// Takes what comes, up to so many items.
template <class T>
struct Taker {
  std::vector<T> items;
  std::optional<Result<void>> end;
  StreamReader<T> reader;
  Task<void> task;
  explicit Taker(StreamReader<T> r, std::size_t most = 1'000'000'000) : reader(std::move(r)), task(run(most)) {
    task.start();
  }
  Task<void> run(std::size_t most) {
    while (items.size() < most) {
      auto item = co_await reader.async_next();
      if (!item || !*item) {
        end.emplace(item ? Result<void>() : std::unexpected(item.error()));
        break;
      }
      items.push_back(std::move(**item));
    }
    co_return {};
  }
};

TEST_F(Streams, BringTheirItemsInOrder) {
  auto proxy = connect();
  Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(5U, 10'000U));
  EXPECT_TRUE(taker.items.empty()) << "nothing comes but from the loop";
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_TRUE(*taker.end);
  ASSERT_EQ(taker.items.size(), 10'000U);
  for (std::uint32_t i = 0; i < 10'000; ++i) ASSERT_EQ(taker.items[i], 5 + i);
  EXPECT_EQ(counter.present, 0);
}

TEST_F(Streams, MayBeEmpty) {
  auto proxy = connect();
  const Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(5U, 0U));
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_TRUE(*taker.end);
}

TEST_F(Streams, AreNotAskedForBeforeTheFirstItemIsWanted) {
  auto proxy = connect();
  {
    const auto unused = proxy.stream<&Numbers::count>(1U, 1U);
  }
  settle();
  EXPECT_EQ(counter.yielded, 0U);
}

TEST_F(Streams, WaitForWhoeverTakesNoMore) {
  auto proxy = connect();
  Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(0U, 1'000'000U), 10);
  ASSERT_TRUE(comes_true([&] { return taker.items.size() == 10; }));
  settle();
  const std::uint32_t most = kStreamWindowBytes / kItemCostBytes + 10;
  EXPECT_GT(counter.yielded, 100U);
  EXPECT_LT(counter.yielded, most);
  Taker<std::uint32_t> more(std::move(taker.reader), 10'000);
  ASSERT_TRUE(comes_true([&] { return more.items.size() == 10'000; }));
  settle();
  EXPECT_EQ(more.items.front(), 10U);
  EXPECT_LT(counter.yielded, 10'010 + most);
}

TEST_F(Streams, OfWhomNobodyWantsMoreAreEnded) {
  auto proxy = connect();
  {
    Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(0U, 1'000'000U), 10);
    ASSERT_TRUE(comes_true([&] { return taker.items.size() == 10; }));
    EXPECT_EQ(counter.present, 1);
  }
  EXPECT_TRUE(comes_true([&] { return counter.present == 0; }));
  EXPECT_TRUE(answers_once(proxy)) << "the conversation goes on";
}

TEST_F(Streams, WhoseReaderIsDestroyedWhileItWaitsAreEnded) {
  auto proxy = connect();
  {
    const Taker<std::string> taker(proxy.stream<&Numbers::words>());
    ASSERT_TRUE(comes_true([&] { return counter.present == 1; }));
  }
  settle();
  EXPECT_TRUE(counter.next_word->set("nobody hears it"));
  EXPECT_EQ(counter.present, 0) << "it ends where it yields next";
}

TEST_F(Streams, OfACallerThatEndsAreEnded) {
  {
    auto proxy = connect();
    Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(0U, 1'000'000U), 10);
    ASSERT_TRUE(comes_true([&] { return taker.items.size() == 10; }));
  }
  EXPECT_TRUE(comes_true([&] { return counter.present == 0; }));
}

TEST_F(Streams, EndWithAnErrorAfterTheItemsBeforeIt) {
  auto proxy = connect();
  Taker<std::uint32_t> failing(proxy.stream<&Numbers::fail_after>(3'000U));
  Taker<std::uint32_t> throwing(proxy.stream<&Numbers::throw_after>(3U));
  Taker<std::uint32_t> never(proxy.stream<&Numbers::throw_at_once>());
  ASSERT_TRUE(comes_true([&] { return failing.end && throwing.end && never.end; }));
  EXPECT_EQ(failing.items.size(), 3'000U);
  EXPECT_EQ(failing.end->error().message, "no more for you");
  EXPECT_EQ(throwing.items.size(), 3U);
  EXPECT_EQ(throwing.end->error().code, code::kHandlerThrew);
  EXPECT_EQ(never.end->error().code, code::kHandlerThrew);
  auto again = failing.reader.next();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "no more for you") << "whoever asks again is told again";
}

TEST_F(Streams, ComeToTheirDeadline) {
  auto proxy = connect();
  Taker<std::uint32_t> taker(proxy.stream_with<&Numbers::count>({.timeout = 300ms}, 0U, 1'000'000U), 10);
  ASSERT_TRUE(comes_true([&] { return taker.items.size() == 10; }));
  ASSERT_TRUE(comes_true([&] { return counter.present == 0; })) << "the service is told";
  Taker<std::uint32_t> rest(std::move(taker.reader));
  ASSERT_TRUE(comes_true([&] { return rest.end.has_value(); }));
  EXPECT_GT(rest.items.size(), 0U) << "what had come is there";
  EXPECT_EQ(rest.end->error().kind, Kind::timeout);
}

TEST_F(Streams, EndWhenTheirStopTokenIsAskedTo) {
  auto proxy = connect();
  std::stop_source source;
  const Taker<std::string> taker(proxy.stream_with<&Numbers::words>({.stop = source.get_token()}), 2);
  ASSERT_TRUE(comes_true([&] { return counter.next_word.has_value(); }));
  (void)counter.next_word->set("one");
  ASSERT_TRUE(comes_true([&] { return taker.items.size() == 1; }));
  source.request_stop();
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_EQ(taker.end->error().code, code::kCancelled);
  EXPECT_TRUE(answers_once(proxy));
}

TEST_F(Streams, EndWhenTheirStopTokenIsAskedToAfterTheyBeganByBlocking) {
  {
    os::Loop own = *os::Loop::make();
    auto proxy = connect_over_a_pair(own);
    const ServingThread serves(loop);
    std::stop_source source;
    auto reader = proxy.stream_with<&Numbers::count>({.stop = source.get_token()}, 0U, 1'000'000'000U);
    EXPECT_EQ(*reader.next(), 0U);
    const Taker<std::uint32_t> rest(std::move(reader));
    source.request_stop();
    const os::Time give_up = os::now() + 20s;
    while (!rest.end && os::now() < give_up) ASSERT_TRUE(own.run_once(os::now() + 10ms));
    ASSERT_TRUE(rest.end);
    EXPECT_EQ(rest.end->error().code, code::kCancelled);
    auto none = proxy.stream_with<&Numbers::count>({.stop = source.get_token()}, 0U, 1U);
    EXPECT_EQ(none.next().error().code, code::kCancelled);
    EXPECT_EQ(*proxy.call<&Numbers::once>(), 1U);
  }
  EXPECT_TRUE(comes_true([&] { return counter.present == 0; })) << "the service is told";
}

// Each is larger than half a window, or than all of it.
TEST_F(Streams, OfLargeItemsGoOn) {
  auto proxy = connect();
  for (const std::uint32_t bytes : {40U * 1024, 64U * 1024, 100U * 1024, 131'000U}) {
    Taker<std::string> taker(proxy.stream<&Numbers::texts>(bytes, 50U));
    ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
    EXPECT_TRUE(*taker.end);
    ASSERT_EQ(taker.items.size(), 50U);
    EXPECT_EQ(taker.items[27], std::string(bytes, 'b'));
  }
}

TEST_F(Streams, OfItemsThatAreTooLargeSaySo) {
  auto proxy = connect();
  Taker<std::string> taker(proxy.stream<&Numbers::texts>(131'072U, 50U));
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_TRUE(taker.items.empty());
  EXPECT_EQ(taker.end->error().code, code::kTooLarge);
}

TEST_F(Streams, BringDescriptorsAFewAtATime) {
  auto proxy = connect();
  Taker<std::vector<File>> taker(proxy.stream<&Numbers::files>(40U), 1);
  ASSERT_TRUE(comes_true([&] { return taker.items.size() == 1; }));
  settle();
  EXPECT_LT(counter.yielded, 10U);
  Taker<std::vector<File>> rest(std::move(taker.reader));
  ASSERT_TRUE(comes_true([&] { return rest.end.has_value(); }));
  EXPECT_EQ(rest.items.size(), 39U);
}

TEST_F(Streams, AreNeitherCallsNorAnsweredAsSuch) {
  Connection untyped = connection();
  const auto outcome = [&]() -> Result<Dictionary> {
    std::optional<Result<wire::Body>> answer;
    const auto ask = [&]() -> Detached {
      const Dictionary call{{"method", Object("count")}, {"arguments", Object(Array{Object(1), Object(2)})}};
      answer = co_await untyped.async(call);
    };
    ask();
    EXPECT_TRUE(comes_true([&] { return answer.has_value(); }));
    if (!*answer) return std::unexpected(answer->error());
    return (*answer)->root().object();
  }();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "count: answers by a stream of items, and one answer was wanted");
  StreamReader<std::uint32_t> once(untyped.stream({{"method", Object("once")}, {"arguments", Object(Array())}}),
                                   "once");
  const Taker<std::uint32_t> taker(std::move(once));
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_EQ(taker.end->error().message, "once: answers once, and a stream of items was wanted");
}

TEST_F(Streams, ManyAndCallsShareAConnection) {
  auto proxy = connect();
  std::vector<std::unique_ptr<Taker<std::uint32_t>>> takers;
  for (std::uint32_t i = 0; i < 20; ++i) {
    takers.push_back(std::make_unique<Taker<std::uint32_t>>(proxy.stream<&Numbers::count>(i, 2'000U)));
  }
  EXPECT_TRUE(answers_once(proxy));
  for (std::uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(comes_true([&] { return takers[i]->end.has_value(); }));
    ASSERT_EQ(takers[i]->items.size(), 2'000U);
    EXPECT_EQ(takers[i]->items.back(), i + 1'999);
  }
}

TEST_F(Streams, OfAServiceThatDiesAreInterruptedAfterWhatItSent) {
  is_served = false;
  auto proxy = connect();
  const Taker<std::uint32_t> taker(proxy.stream<&Numbers::count>(0U, 5U));
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  auto asked = services[0].receive(inbox);
  ASSERT_TRUE(asked && std::holds_alternative<channel::Delivered>(*asked));
  const channel::Header header = std::get<channel::Delivered>(*asked).header;
  EXPECT_EQ(header.kind, PacketKind::stream);
  for (std::uint64_t i = 0; i < 3; ++i) {
    Parcel item = *make_parcel(PacketKind::item, object::value_message(Object(i)));
    item.reply_to = header.id;
    EXPECT_TRUE(services[0].send(item));
  }
  services.clear();
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_EQ(taker.items, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(taker.end->error().kind, Kind::interrupted);
}

TEST_F(Streams, OfAServiceThatSendsMoreThanThereIsRoomForAreEnded) {
  is_served = false;
  auto proxy = connect();
  const Taker<std::string> taker(proxy.stream<&Numbers::texts>(1U, 1U), 1);
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  const std::string large(60 * 1024, 'x');
  for (int i = 0; i < 6; ++i) {
    Parcel item = *make_parcel(PacketKind::item, object::value_message(Object(large)));
    item.reply_to = 1;
    if (!services[0].send(item)) break;
    settle();
  }
  std::optional<Error> reason;
  while (!reason) {
    auto incoming = services[0].receive(inbox);
    auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
    ASSERT_NE(packet, nullptr);
    if (packet->header.kind == PacketKind::end) reason = read_error(*packet);
  }
  EXPECT_EQ(reason->message, "the service sent an item that it was not asked for");
}

TEST_F(Streams, AreWhatItemsAnswerAndNothingElse) {
  is_served = false;
  Connection untyped = connection();
  std::optional<Result<wire::Body>> answer;
  const auto ask = [&]() -> Detached {
    const Dictionary call{{"word", Object("hello")}};
    answer = co_await untyped.async(call);
  };
  ask();
  ASSERT_TRUE(comes_true([&] { return services.size() == 1; }));
  settle();
  Parcel item = *make_parcel(PacketKind::item, object::value_message(Object(1)));
  item.reply_to = 1;
  EXPECT_TRUE(services[0].send(item));
  ASSERT_TRUE(comes_true([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().code, code::kBadPacket);
}

TEST_F(Streams, GetNoMoreCreditThanTheirWindow) {
  const auto outcome = [&](const char* method, std::uint64_t request, std::uint64_t bytes) {
    auto [ours, theirs] = *os::channel_pair();
    (void)server->add(channel::Channel(std::move(ours)), {}, {}, handler);
    channel::Channel client(std::move(theirs));
    Array arguments;
    if (method == std::string("count")) arguments = {Object(std::uint64_t{0}), Object(std::uint64_t{1'000'000})};
    Parcel asks = *make_parcel(PacketKind::stream, object::call_message({method, arguments}));
    asks.id = 1;
    EXPECT_TRUE(client.send(asks));
    settle();
    Parcel credit;
    credit.kind = PacketKind::credit;
    credit.reply_to = request;
    const channel::Credit amount{bytes};
    const auto body = std::as_bytes(std::span(&amount, 1));
    credit.body.bytes.assign(body.begin(), body.end());
    EXPECT_TRUE(client.send(credit));
    settle();
    std::size_t items = 0;
    while (true) {
      auto incoming = client.receive(inbox);
      const auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
      const bool has_ended = !incoming || std::holds_alternative<channel::Ended>(*incoming);
      if (has_ended || (packet != nullptr && packet->header.kind == PacketKind::end)) return -1;
      if (packet == nullptr) break;
      items += packet->header.kind == PacketKind::item ? 1 : 0;
      settle();
    }
    return static_cast<int>(items);
  };
  const int alone = outcome("count", 99, 1000);
  EXPECT_GT(alone, 100) << "credit for what is not there is nobody's";
  EXPECT_GT(outcome("count", 1, 32 * 1024), alone);
  EXPECT_EQ(outcome("words", 1, 1), -1) << "the first window is all there";
  EXPECT_EQ(outcome("count", 1, 0), -1);
  EXPECT_EQ(outcome("count", 1, kStreamWindowBytes + 1), -1);
  EXPECT_EQ(outcome("count", 1, ~std::uint64_t{0}), -1);
  counter.next_word.reset();
  EXPECT_TRUE(comes_true([&] { return counter.present == 0; }));
}

// Who reads nothing has no room to tell of.
TEST_F(Streams, GetNoCreditForWhatIsNotSent) {
  auto [ours, theirs] = *os::channel_pair();
  (void)server->add(channel::Channel(std::move(ours)), {}, {}, handler);
  channel::Channel client(std::move(theirs));
  Parcel asks =
      *make_parcel(PacketKind::stream,
                   object::call_message({"count", {Object(std::uint64_t{0}), Object(std::uint64_t{1'000'000})}}));
  asks.id = 1;
  EXPECT_TRUE(client.send(asks));
  settle();
  bool has_ended = false;
  for (int i = 0; i < 10 && !has_ended; ++i) {
    Parcel credit;
    credit.kind = PacketKind::credit;
    credit.reply_to = 1;
    const channel::Credit amount{kStreamWindowBytes};
    const auto body = std::as_bytes(std::span(&amount, 1));
    credit.body.bytes.assign(body.begin(), body.end());
    has_ended = !client.send(credit);
    settle();
  }
  EXPECT_TRUE(has_ended);
  EXPECT_EQ(counter.present, 0);
}

// Whoever is told that nobody wants more may end the coroutine that gives.
TEST_F(Streams, MayBeEndedByWhoeverIsToldOfTheirEnd) {
  std::optional<Request> asked;
  std::optional<Task<void>> gives;
  std::optional<std::stop_callback<std::function<void()>>> told;
  const auto give = [&]() -> Task<void> {
    const Dictionary item = object::value_message(Object(1));
    while (co_await asked->give(item)) {
    }
    co_return {};
  };
  handler = std::make_shared<const Handler>([&](const wire::DictionaryView&, Request request) {
    asked.emplace(std::move(request));
    gives.emplace(give());
    gives->start();
    told.emplace(asked->caller().stop_token(), [&] { gives.reset(); });
  });
  Connection untyped = connection();
  {
    StreamReader<std::uint32_t> reader(untyped.stream({}), "any");
    const Taker<std::uint32_t> taker(std::move(reader), 1);
    ASSERT_TRUE(comes_true([&] { return taker.items.size() == 1; }));
    settle();
  }
  EXPECT_TRUE(comes_true([&] { return !gives.has_value(); }));
  told.reset();
  asked.reset();
}

TEST_F(Streams, AreGivenOneItemAtATime) {
  std::optional<Request> asked;
  std::vector<Result<void>> given;
  const auto give = [&](int many) -> Detached {
    const Dictionary item = object::value_message(Object(std::string(60 * 1024, 'x')));
    for (int i = 0; i < many; ++i) given.push_back(co_await asked->give(item));
  };
  handler = std::make_shared<const Handler>([&](const wire::DictionaryView&, Request request) {
    asked.emplace(std::move(request));
    give(3);
    give(1);
  });
  Connection untyped = connection();
  StreamReader<std::string> reader(untyped.stream({}), "any");
  Taker<std::string> taker(std::move(reader));
  ASSERT_TRUE(comes_true([&] { return given.size() == 4; }));
  std::size_t refused = 0;
  for (const auto& outcome : given) refused += !outcome && outcome.error().kind == Kind::invalid ? 1 : 0;
  EXPECT_EQ(refused, 1U);
  ASSERT_TRUE(comes_true([&] { return taker.items.size() == 3; }));
  asked.reset();
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
}

TEST_F(Streams, MayLoseTheirReaderWhileSomebodyWaits) {
  auto proxy = connect();
  auto reader = std::make_unique<StreamReader<std::string>>(proxy.stream<&Numbers::words>());
  bool is_run_on = false;
  const auto wait = [&]() -> Task<void> {
    (void)co_await reader->async_next();
    is_run_on = true;
    co_return {};
  };
  auto waits = std::make_optional(wait());
  waits->start();
  ASSERT_TRUE(comes_true([&] { return counter.present == 1; }));
  reader.reset();
  settle();
  EXPECT_FALSE(is_run_on);
  waits.reset();
}

TEST_F(Streams, MayBeGivenUpByWhoReadsNothing) {
  auto [ours, theirs] = *os::channel_pair();
  (void)server->add(channel::Channel(std::move(ours)), {}, {}, handler);
  channel::Channel client(std::move(theirs));
  for (std::uint64_t id = 1; id <= 20; ++id) {
    Parcel asks =
        *make_parcel(PacketKind::stream,
                     object::call_message({"count", {Object(std::uint64_t{0}), Object(std::uint64_t{100'000})}}));
    asks.id = id;
    EXPECT_TRUE(client.send(asks));
  }
  settle();
  EXPECT_EQ(counter.present, 20);
  for (std::uint64_t id = 1; id <= 20; ++id) {
    Parcel gives_up;
    gives_up.kind = PacketKind::cancel;
    gives_up.reply_to = id;
    EXPECT_TRUE(client.send(gives_up));
  }
  settle();
  EXPECT_EQ(counter.present, 0);
}

// A caller that blocks, and a service with a thread of its own.
TEST_F(Streams, AreReadByWhoBlocks) {
  {
    auto proxy = connect_over_a_pair();
    const ServingThread serves(loop);
    auto reader = proxy.stream<&Numbers::count>(7U, 20'000U);
    std::uint32_t expected = 7;
    while (true) {
      auto item = reader.next();
      ASSERT_TRUE(item) << item.error().message;
      if (!*item) break;
      ASSERT_EQ(**item, expected++);
    }
    EXPECT_EQ(expected, 20'007U);
    EXPECT_EQ(*proxy.call<&Numbers::once>(), 1U);
    auto late = proxy.stream_with<&Numbers::words>({.timeout = 50ms});
    EXPECT_EQ(late.next().error().kind, Kind::timeout);
    EXPECT_EQ(*proxy.call<&Numbers::once>(), 1U);
  }
}

// Whatever a stream waits for may come from other threads, which then run it on.
TEST_F(Streams, MayBeRunOnByOtherThreads) {
  auto proxy = connect();
  const Taker<std::uint32_t> taker(proxy.stream<&Numbers::from_threads>(1'000U));
  ASSERT_TRUE(comes_true([&] { return taker.end.has_value(); }));
  EXPECT_TRUE(*taker.end);
  ASSERT_EQ(taker.items.size(), 1'000U);
  for (std::uint32_t i = 0; i < 1'000; ++i) ASSERT_EQ(taker.items[i], i);
}

}  // namespace
}  // namespace reeve::connection
