// Ports between processes: rights that go through many hands while their port moves, and processes that are killed with
// rights in theirs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <reeve/port.hpp>

#include "../src/os/socket.hpp"
#include "../src/port/line.hpp"
#include "support/task.hpp"

namespace reeve::test {
namespace {

using namespace std::chrono_literals;
using port::Message;
using port::Notification;
using port::NotificationKind;
using port::Received;

// A hundredth, unless all of it is asked for.
int times(int whole) { return std::getenv("REEVE_LONG") != nullptr ? whole : whole / 100; }

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator folder("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

// Runs it in a process of its own that is nobody in particular and may have so many descriptors; what it returns is 0
// where all was well.
int as_somebody(rlim_t descriptors, const std::function<int()>& what) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{descriptors, descriptors};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(100);
    ::_exit(what());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + status;
}

// A right is handed round, and whoever has it says so to its port before it hands it on. The port is not listened to
// meanwhile, and moves: each hand's line is in the queue of the one before, in that of a port that is in a queue.
class Relay {
 public:
  explicit Relay(std::uint64_t seed) : random_(seed), hands_(kHands) {
    for (std::size_t i = 0; i < kHands; ++i) {
      ports_.push_back(next_);
      hands_[i].tell({.deed = Deed::make_port, .made = next_++});
    }
    for (std::size_t i = 0; i < kHands; ++i) {
      to_next_.push_back(next_);
      hand_over((i + 1) % kHands, ports_[(i + 1) % kHands], i, next_++);
    }
  }

  // Empty, or what went wrong.
  std::string run(std::uint64_t hops) {
    const std::uint32_t port = next_++;
    std::size_t receiver = 0;
    hands_[receiver].tell({.deed = Deed::make_port, .made = port});
    std::uint32_t right = next_++;
    std::size_t holder = 1;
    hand_over(receiver, port, holder, right);
    std::uint32_t port_handle = port;
    for (std::uint64_t hop = 1; hop <= hops; ++hop) {
      if (hands_[holder].tell({.deed = Deed::send, .subject = right, .number = hop}).error != 0) return "not sent";
      right = pass(holder, right);
      if (right == 0) return "the right was lost";
      holder = (holder + 1) % kHands;
      if (random_() % 8 != 0) continue;
      port_handle = pass(receiver, port_handle);
      if (port_handle == 0) return "the port was lost";
      receiver = (receiver + 1) % kHands;
    }
    for (std::uint64_t hop = 1; hop <= hops; ++hop) {
      const Outcome outcome = hands_[receiver].tell({.deed = Deed::receive, .subject = port_handle, .made = next_++});
      if (outcome.error != 0) return "lost from " + std::to_string(hop) + " on";
      if (outcome.number != hop) return std::to_string(outcome.number) + " came before " + std::to_string(hop);
    }
    hands_[holder].tell({.deed = Deed::drop, .subject = right});
    hands_[receiver].tell({.deed = Deed::drop, .subject = port_handle});
    return "";
  }

 private:
  static constexpr std::size_t kHands = 3;

  void hand_over(std::size_t from, std::uint32_t port, std::size_t to, std::uint32_t as) {
    const std::uint32_t made = next_++;
    os::Fd end;
    hands_[from].tell({.deed = Deed::make_send, .subject = port, .made = made});
    hands_[from].tell({.deed = Deed::give_out, .subject = made}, &end);
    hands_[to].tell({.deed = Deed::take_in, .made = as}, &end);
  }

  // To the next hand; as what it is known there, or 0.
  std::uint32_t pass(std::size_t from, std::uint32_t right) {
    const std::size_t to = (from + 1) % kHands;
    const Command send{.deed = Deed::send, .subject = to_next_[from], .carried_count = 1, .carried = {right}};
    if (hands_[from].tell(send).error != 0) return 0;
    const std::uint32_t made = next_;
    next_ += kCarriedMax;
    const Outcome outcome = hands_[to].tell({.deed = Deed::receive, .subject = ports_[to], .made = made});
    return outcome.error == 0 && outcome.carried_count == 1 && outcome.carried[0] != RightKind::dead ? made : 0;
  }

  std::mt19937_64 random_;
  std::vector<TaskProcess> hands_;
  std::vector<std::uint32_t> ports_;
  std::vector<std::uint32_t> to_next_;
  std::uint32_t next_ = 1;
};

TEST(Ports, ThatMoveWhileRightsAreHandedOnKeepTheOrder) {
  const int whole = times(100'000);
  Relay relay(1);
  for (int i = 0; i < whole; ++i) {
    const std::string fault = relay.run(40);
    ASSERT_EQ(fault, "") << "in round " << i;
  }
  std::printf("rights handed on 40 times, and their ports with them: %d times, in order\n", whole);
}

// Killed with rights in their hands.

// What a victim does until it is killed: with each right that comes it does one thing or another.
[[noreturn]] void be_a_victim(os::Fd to_survivor, std::uint64_t seed) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::mt19937_64 random(seed);
  const PortSpace space = PortSpace::make();
  const ReceiveRight port = space.make_port({.queue_limit = 64}).value();
  const SendRight survivor = space.take_in(std::move(to_survivor)).value();
  Message hello;
  hello.carried.emplace_back(port.make_send().value());
  (void)survivor.send(hello);
  SendRight other;
  std::vector<port::Carried> held;
  while (true) {
    auto delivery = port.receive({.timeout = 100us});
    if (delivery && std::holds_alternative<Received>(*delivery)) {
      auto& received = std::get<Received>(*delivery);
      if (auto* right = std::get_if<SendRight>(&received.reply)) other = std::move(*right);
      for (port::Carried& carried : received.carried) held.push_back(std::move(carried));
    }
    if (held.empty()) continue;
    std::swap(held[random() % held.size()], held.back());
    auto* const once = std::get_if<SendOnceRight>(&held.back());
    if (once == nullptr) continue;
    Message message;
    switch (random() % 4) {
      case 0:
        message.carried.emplace_back(std::move(*once));
        if (!other.send(message, {.timeout = 0s})) *once = std::get<SendOnceRight>(std::move(message.carried.front()));
        if (!*once) held.pop_back();
        break;
      case 1:
        if (once->send(message, {.timeout = 0s})) held.pop_back();
        break;
      case 2:
        held.pop_back();
        break;
      default:
        break;
    }
  }
}

struct Round {
  int answered = 0;
  int missed = 0;
};

// One round: two victims, who hand on between them what they are given, until both are killed.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : seed_(seed), random_(seed) {}

  void run(Round& round) {
    const std::size_t before = open_descriptors();
    {
      const PortSpace space = PortSpace::make();
      const ReceiveRight port = space.make_port({.queue_limit = 64}).value();
      const ReceiveRight watched = space.make_port().value();
      begin_victims(space, port);
      std::vector<SendRight> to_victims;
      while (to_victims.size() < 2) {
        auto delivery = port.receive({.timeout = 20s});
        ASSERT_TRUE(delivery) << delivery.error().message;
        to_victims.push_back(std::get<SendRight>(std::move(std::get<Received>(*delivery).carried.at(0))));
      }
      give(port, watched, to_victims);
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
      for (const pid_t victim : victims_) {
        ::kill(victim, SIGKILL);
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 200));
      }
      for (const pid_t victim : victims_) ::waitpid(victim, nullptr, 0);
      take_stock(port, to_victims, round);
    }
    EXPECT_EQ(open_descriptors(), before);
  }

 private:
  static constexpr int kRights = 20;

  void begin_victims(const PortSpace& space, const ReceiveRight& port) {
    for (std::uint64_t i = 0; i < 2; ++i) {
      os::Fd end = space.give_out(port.make_send().value()).value();
      const pid_t victim = ::fork();
      if (victim == 0) be_a_victim(std::move(end), seed_ * 2 + i);
      victims_.push_back(victim);
    }
  }

  // To each a right to the other and to a port that is to be told when nobody can send to it, and some to answer by.
  void give(const ReceiveRight& port, const ReceiveRight& watched, const std::vector<SendRight>& to_victims) {
    ASSERT_TRUE(watched.notify_when_no_senders(port.make_send_once().value(), 2));
    for (std::size_t i = 0; i < 2; ++i) {
      Message first;
      first.reply = to_victims[1 - i].copy().value();
      first.carried.emplace_back(watched.make_send().value());
      ASSERT_TRUE(to_victims[i].send(first, {.timeout = 10s}));
      ASSERT_TRUE(to_victims[i].notify_when_dead(port.make_send_once().value()));
      for (int j = 0; j < kRights; ++j) {
        Message message;
        message.carried.emplace_back(port.make_send_once().value());
        ASSERT_TRUE(to_victims[i].send(message, {.timeout = 10s}));
      }
    }
  }

  // Each right to answer by was used or missed, and nothing was told twice. Rights that were on their way to each other
  // the kernel finds when it looks for such: soon, and not at once.
  void take_stock(const ReceiveRight& port, const std::vector<SendRight>& to_victims, Round& round) {
    int answered = 0;
    std::map<NotificationKind, int> told;
    const auto is_all = [&] {
      return answered + told[NotificationKind::send_once] >= 2 * kRights && told[NotificationKind::no_senders] > 0 &&
             told[NotificationKind::dead_name] > 1;
    };
    while (const auto delivery = port.receive({.timeout = is_all() ? 0s : 20s})) {
      const auto* notification = std::get_if<Notification>(&*delivery);
      ++(notification != nullptr ? told[notification->kind] : answered);
    }
    if (const auto more = port.receive({.timeout = 10ms})) ADD_FAILURE() << "something was told twice";
    EXPECT_EQ(answered + told[NotificationKind::send_once], 2 * kRights);
    EXPECT_EQ(told[NotificationKind::no_senders], 1);
    EXPECT_EQ(told[NotificationKind::dead_name], 2);
    for (const SendRight& right : to_victims) EXPECT_TRUE(right.is_dead());
    round.answered += answered;
    round.missed += told[NotificationKind::send_once];
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  std::vector<pid_t> victims_;
};

TEST(Ports, OfThoseWhoAreKilledAreMissedOnceEach) {
  const int rounds = times(10'000);
  Round all;
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(i + 1));
    Storm(static_cast<std::uint64_t>(i) + 1).run(all);
  }
  std::printf("rights of those who were killed %d times: %d used, %d missed, each once\n", rounds, all.answered,
              all.missed);
}

// What the kernel allows of descriptors on their way, whoever sends them.

// Rights and memory are sent until the kernel takes no more; nothing is lost by that, and it goes on when some are
// received.
int send_too_many_rights() {
  const PortSpace here = PortSpace::make();
  const PortSpace there = PortSpace::make();
  const ReceiveRight port = there.make_port({.queue_limit = 1024}).value();
  const SendRight right = here.take_in(there.give_out(port.make_send().value()).value()).value();
  const ReceiveRight own = here.make_port().value();
  const Memory memory = MemoryBuilder::make(4096).value().seal().value();
  const auto send = [&](Message& message) {
    message.carried.emplace_back(own.make_send_once().value());
    for (int i = 0; i < 12; ++i) message.carried.emplace_back(memory);
    return right.send(message, {.timeout = 0s});
  };
  std::size_t sent = 0;
  Message refused;
  while (true) {
    const auto outcome = send(refused);
    if (!outcome && outcome.error().kind != Kind::busy) return 2;
    if (!outcome) break;
    if (++sent > 1000) return 1;
  }
  if (refused.carried.size() != 13 || !std::get<SendOnceRight>(refused.carried.front())) return 3;
  std::size_t came = 0;
  while (const auto delivery = port.receive({.timeout = 0s}))
    came += std::holds_alternative<Received>(*delivery) ? 1 : 0;
  if (came != sent) return 4;
  return right.send(refused, {.timeout = 0s}) ? 0 : 5;
}

TEST(Ports, GiveBackWhatTheKernelTakesNoMoreOf) { EXPECT_EQ(as_somebody(128, send_too_many_rights), 0); }

// Who introduces pays: one that is beyond its share is closed, its holder finds the port dead, and others are heard.
int introduce_too_many() {
  const PortSpace space = PortSpace::make();
  const ReceiveRight port = space.make_port().value();
  const SendRight honest = port.make_send().value();
  const PortSpace stranger = PortSpace::make();
  const SendRight right = stranger.take_in(space.give_out(port.make_send().value()).value()).value();
  std::vector<os::Fd> given;
  for (int i = 0; i < 400; ++i) {
    given.push_back(stranger.give_out(right.copy().value()).value());
    while (port.receive({.timeout = 0s})) {
    }
  }
  std::size_t heard = 0;
  for (os::Fd& end : given) {
    const auto taken = stranger.take_in(std::move(end)).value();
    heard += taken.is_dead() ? 0 : 1;
  }
  Message message;
  if (!honest.send(message, {.timeout = 0s}) || !port.receive({.timeout = 0s})) return 1;
  return heard > 0 && heard < 300 ? 0 : 2;
}

TEST(Ports, HearNoMoreHoldersThanTheirGiverMayPayFor) { EXPECT_EQ(as_somebody(1024, introduce_too_many), 0); }

// Whoever has an end may have a peek begin where it likes: what is peeked at is no more than what its sender says.
class Peeked {
 public:
  explicit Peeked(const PortSpace& space, const ReceiveRight& port) {
    auto [holder, introduced] = os::channel_pair().value();
    const int offset = 16;
    EXPECT_EQ(::setsockopt(introduced.raw(), SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset), 0);
    const os::Fd line = space.give_out(port.make_send().value()).value();
    const port::Introduction introduction;
    const int raw = introduced.raw();
    EXPECT_TRUE(port::send_body(line, {.kind = port::PacketKind::introduce}, std::as_bytes(std::span(&introduction, 1)),
                                std::span(&raw, 1)));
    end = std::move(holder);
  }
  os::Fd end;
};

TEST(Ports, GiveNoMoreThanWasAskedForWhateverAPeekSays) {
  const PortSpace space = PortSpace::make();
  const ReceiveRight port = space.make_port().value();
  const Peeked hostile(space, port);
  const std::vector<std::byte> data(60'000);
  ASSERT_TRUE(port::send_body(hostile.end, {}, data));
  const auto delivery = port.receive({.timeout = 0s, .data_size_max = 10});
  EXPECT_FALSE(delivery) << "it was no message, or its line has ended";
}

TEST(Ports, KeepNothingOfAMessageThatAPeekTookForNone) {
  const PortSpace space = PortSpace::make();
  const ReceiveRight watched = space.make_port().value();
  const ReceiveRight port = space.make_port().value();
  Peeked hostile(space, watched);
  ASSERT_TRUE(watched.notify_when_no_senders(port.make_send_once().value()));
  EXPECT_FALSE(port.receive({.timeout = 0s}));
  const std::size_t before = space.names().size();
  const PortSpace giver = PortSpace::make();
  Message message;
  for (int i = 0; i < 8; ++i) message.carried.emplace_back(giver.make_port().value());
  SendRight right = giver.take_in(std::move(hostile.end)).value();
  ASSERT_TRUE(right.send(message));
  right = SendRight();
  (void)port.receive({.timeout = 1s});
  EXPECT_EQ(space.names().size(), before);
}

}  // namespace
}  // namespace reeve::test
