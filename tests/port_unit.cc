// Ports against a simple model: several processes do at random what can be done with rights, and each outcome is one
// that the model has. REEVE_SEED replays what one seed does.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/task.hpp"

namespace reeve::test {
namespace {

constexpr std::size_t kTasks = 4;
constexpr std::size_t kRightsMax = 40;  // Of one task: enough to be confusing.
constexpr std::size_t kPortsMax = 40;   // That live at the same time.
constexpr int kDeedsOfOneSeed = 20'000;
#ifdef REEVE_SANITIZED
constexpr int kDeeds = 60'000;
#else
constexpr int kDeeds = 1'000'000;
#endif

using PortNumber = std::uint32_t;
using Handle = std::uint32_t;

/// A right, wherever it is.
struct Right {
  RightKind kind = RightKind::none;
  PortNumber port = 0;
  std::uint32_t name = 0;  // in the task that holds it
};

struct Letter {
  std::uint64_t number = 0;
  std::vector<Right> carried;
};

/// What of one task's messages lies at a port, by the name that it sent them to; of a send-once right each has its own.
struct Queue {
  std::deque<Letter> letters;
  bool is_once = false;
};

struct Port {
  bool is_alive = true;
  std::map<std::pair<std::size_t, std::uint64_t>, Queue> queues;
  std::size_t senders = 0;  // send rights, wherever they are
  // Notifications. Every send-once right that is destroyed unused is one, and every one that is to tell of no senders:
  // it is used for that or destroyed, or, while there are senders, the last of them still waits.
  std::size_t due = 0;
  std::size_t told = 0;
  bool may_wait = false;        // the last one to tell of no senders, which has been asked for here
  bool had_no_senders = false;  // since the first of them
};

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), tasks_(kTasks), held_(kTasks) { wire(); }

  int run(int deeds) {
    int done = 0;
    for (; done < deeds && !testing::Test::HasFailure(); ++done) step();
    settle();
    return done;
  }

 private:
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }

  // Every task can send to every other.
  void wire() {
    for (std::size_t to = 0; to < kTasks; ++to) {
      const Handle port = make_port(to);
      for (std::size_t from = 0; from < kTasks; ++from) {
        if (from == to) continue;
        const Handle made = next_++;
        tasks_[to].tell({.deed = Deed::make_send, .subject = port, .made = made});
        os::Fd end;
        tasks_[to].tell({.deed = Deed::give_out, .subject = made}, &end);
        const Handle taken = next_++;
        const Outcome outcome = tasks_[from].tell({.deed = Deed::take_in, .made = taken}, &end);
        ASSERT_EQ(outcome.error, 0);
        const PortNumber number = held_[to].at(port).port;
        held_[from][taken] = {RightKind::send, number, outcome.name};
        ++ports_[number].senders;
      }
    }
  }

  Handle make_port(std::size_t task) {
    const Handle made = next_++;
    const Outcome outcome = tasks_[task].tell({.deed = Deed::make_port, .made = made});
    EXPECT_EQ(outcome.error, 0);
    const PortNumber port = next_port_++;
    ports_[port];
    held_[task][made] = {RightKind::receive, port, outcome.name};
    return made;
  }

  // One of a task's rights that is of such a kind; 0 where there is none.
  Handle pick(std::size_t task, std::initializer_list<RightKind> kinds) {
    std::vector<Handle> fitting;
    for (const auto& [handle, right] : held_[task]) {
      for (const RightKind kind : kinds) {
        if (right.kind == kind) fitting.push_back(handle);
      }
    }
    return fitting.empty() ? 0 : fitting[below(fitting.size())];
  }

  void step() {
    const std::size_t task = below(kTasks);
    const std::size_t deed = below(100);
    const bool is_full = held_[task].size() > kRightsMax;
    if (deed < 4 && !is_full && living() < kPortsMax) make_port(task);
    if (deed >= 4 && deed < 14 && !is_full) make_right(task, Deed::make_send, RightKind::send);
    if (deed >= 14 && deed < 20 && !is_full) make_right(task, Deed::make_send_once, RightKind::send_once);
    if (deed >= 20 && deed < 28 && !is_full) copy(task);
    if (deed >= 28 && deed < (is_full ? 48 : 33)) drop(task);
    if (deed >= 48 && deed < 72) send(task);
    if (deed >= 72 && deed < 98) receive(task);
    if (deed >= 98) wait_for_no_senders(task);
  }

  std::size_t living() const {
    std::size_t count = 0;
    for (const auto& [number, port] : ports_) count += port.is_alive ? 1 : 0;
    return count;
  }

  void make_right(std::size_t task, Deed deed, RightKind kind) {
    const Handle from = pick(task, {RightKind::receive});
    if (from == 0) return;
    const Handle made = next_++;
    const Outcome outcome = tasks_[task].tell({.deed = deed, .subject = from, .made = made});
    ASSERT_EQ(outcome.error, 0);
    const PortNumber port = held_[task].at(from).port;
    held_[task][made] = {kind, port, outcome.name};
    if (kind == RightKind::send) ++ports_[port].senders;
  }

  void copy(std::size_t task) {
    const Handle from = pick(task, {RightKind::send});
    if (from == 0) return;
    const Handle made = next_++;
    const Right right = held_[task].at(from);
    const Outcome outcome = tasks_[task].tell({.deed = Deed::copy, .subject = from, .made = made});
    if (!ports_[right.port].is_alive) {
      ASSERT_EQ(outcome.error, code::kDeadPort);
      return;
    }
    ASSERT_EQ(outcome.error, 0);
    ASSERT_EQ(outcome.name, right.name);
    held_[task][made] = right;
    ++ports_[right.port].senders;
  }

  void drop(std::size_t task) {
    const Handle handle = pick(task, {RightKind::send, RightKind::send_once, RightKind::receive});
    if (handle == 0) return;
    ASSERT_EQ(tasks_[task].tell({.deed = Deed::drop, .subject = handle}).error, 0);
    const Right right = held_[task].at(handle);
    held_[task].erase(handle);
    end(right);
  }

  // The right is nowhere any more.
  void end(const Right& right) {
    Port& port = ports_[right.port];
    if (right.kind == RightKind::send) lose_sender(port);
    if (right.kind == RightKind::send_once && port.is_alive) ++port.due;
    if (right.kind != RightKind::receive) return;
    port.is_alive = false;
    const auto queues = std::move(port.queues);
    port.queues.clear();
    for (const auto& [from, queue] : queues) {
      for (const Letter& letter : queue.letters) {
        for (const Right& carried : letter.carried) end(carried);
      }
    }
  }

  static void lose_sender(Port& port) {
    if (--port.senders == 0) port.had_no_senders = true;
  }

  void wait_for_no_senders(std::size_t task) {
    const Handle handle = pick(task, {RightKind::receive});
    if (handle == 0) return;
    ASSERT_EQ(tasks_[task].tell({.deed = Deed::tell_no_senders, .subject = handle}).error, 0);
    Port& port = ports_[held_[task].at(handle).port];
    ++port.due;
    port.may_wait = true;
    port.had_no_senders = port.had_no_senders || port.senders == 0;
  }

  // Whoever holds the receive right of a port, if a task does: what is in a queue is sent nowhere, so that no port is
  // ever in its own.
  bool is_held(PortNumber port) const {
    for (const auto& rights : held_) {
      for (const auto& [handle, right] : rights) {
        if (right.kind == RightKind::receive && right.port == port) return true;
      }
    }
    return false;
  }

  std::vector<Handle> pick_carried(std::size_t task, Handle to) {
    std::set<Handle> carried;
    const Right& target = held_[task].at(to);
    for (std::size_t i = below(kCarriedMax + 1); i > 0; --i) {
      const Handle handle = pick(task, {RightKind::send, RightKind::send_once, RightKind::receive});
      if (handle == 0 || handle == to) continue;
      const Right& right = held_[task].at(handle);
      if (right.kind == RightKind::receive && (right.port == target.port || !is_held(target.port))) continue;
      carried.insert(handle);
    }
    return {carried.begin(), carried.end()};
  }

  void send(std::size_t task) {
    const Handle to = pick(task, {RightKind::send, RightKind::send_once});
    if (to == 0) return;
    const Right target = held_[task].at(to);
    Port& port = ports_[target.port];
    Command command{.deed = Deed::send, .subject = to, .number = ++last_letter_};
    const std::vector<Handle> carried = pick_carried(task, to);
    for (const Handle handle : carried) command.carried[command.carried_count++] = handle;
    const Outcome outcome = tasks_[task].tell(command);
    if (!port.is_alive) {
      ASSERT_EQ(outcome.error, code::kDeadPort);
      return;
    }
    const bool is_once = target.kind == RightKind::send_once;
    const std::uint64_t line = is_once ? (1ULL << 32) + last_letter_ : target.name;
    const std::size_t waiting = is_once ? 0 : port.queues[{task, line}].letters.size();
    if (waiting >= kQueueLimit) {
      ASSERT_EQ(outcome.error, code::kTimedOut) << waiting << " wait";
      return;
    }
    ASSERT_EQ(outcome.error, 0) << waiting << " wait";
    Letter letter{last_letter_, {}};
    for (const Handle handle : carried) {
      const Right right = held_[task].at(handle);
      letter.carried.emplace_back(right);
      held_[task].erase(handle);
      if (right.kind == RightKind::receive) ports_[right.port].may_wait = false;
    }
    Queue& queue = port.queues[{task, line}];
    queue.letters.push_back(std::move(letter));
    queue.is_once = is_once;
    if (is_once) held_[task].erase(to);
  }

  void receive(std::size_t task) {
    const Handle from = pick(task, {RightKind::receive});
    if (from != 0) receive_at(task, from);
  }

  // Whether anything came.
  bool receive_at(std::size_t task, Handle from) {
    const PortNumber number = held_[task].at(from).port;
    Port& port = ports_[number];
    const Handle first = next_;
    next_ += kCarriedMax;
    const Outcome outcome = tasks_[task].tell({.deed = Deed::receive, .subject = from, .made = first});
    if (outcome.error == code::kTimedOut) {
      const bool one_waits = port.may_wait && port.senders > 0 && port.told + 1 == port.due;
      EXPECT_TRUE(port.told == port.due || one_waits) << port.due - port.told << " notifications were lost";
      for (const auto& [sender, queue] : port.queues) EXPECT_TRUE(queue.letters.empty()) << "a message was lost";
      return false;
    }
    EXPECT_EQ(outcome.error, 0);
    if (outcome.notification != 0) return take_notification(port, outcome.notification), true;
    take_letter(task, port, outcome, first);
    return true;
  }

  void take_notification(Port& port, std::uint32_t kind) {
    ASSERT_LT(port.told, port.due) << kind << " was told twice";
    ++port.told;
    if (kind == static_cast<std::uint32_t>(port::NotificationKind::no_senders)) {
      EXPECT_TRUE(port.had_no_senders);
    } else {
      EXPECT_EQ(kind, static_cast<std::uint32_t>(port::NotificationKind::send_once));
    }
  }

  void take_letter(std::size_t task, Port& port, const Outcome& outcome, Handle first) {
    for (auto& [sender, queue] : port.queues) {
      if (queue.letters.empty() || queue.letters.front().number != outcome.number) continue;
      const Letter letter = std::move(queue.letters.front());
      queue.letters.pop_front();
      ASSERT_EQ(outcome.carried_count, letter.carried.size());
      ASSERT_EQ(outcome.sender, tasks_[sender.first].pid());
      for (std::uint32_t i = 0; i < outcome.carried_count; ++i) {
        take_right(task, letter.carried[i], outcome, i, first + i);
      }
      return;
    }
    FAIL() << "message " << outcome.number << " is not the first of any sender's";
  }

  void take_right(std::size_t task, Right right, const Outcome& outcome, std::uint32_t i, Handle handle) {
    if (outcome.carried[i] == RightKind::dead) {
      ASSERT_FALSE(ports_[right.port].is_alive);
      ASSERT_NE(right.kind, RightKind::receive);
      if (right.kind == RightKind::send) lose_sender(ports_[right.port]);
      return;
    }
    ASSERT_EQ(outcome.carried[i], right.kind);
    right.name = outcome.names[i];
    held_[task][handle] = right;
  }

  // Everything is received, given up, and gone.
  void settle() {
    for (std::size_t task = 0; task < kTasks; ++task) {
      for (auto handle = held_[task].begin(); handle != held_[task].end() && !testing::Test::HasFailure();) {
        const bool is_port = handle->second.kind == RightKind::receive;
        while (is_port && receive_at(task, handle->first)) {
        }
        ++handle;
      }
    }
    for (std::size_t task = 0; task < kTasks && !testing::Test::HasFailure(); ++task) {
      for (const auto& [handle, right] : held_[task]) tasks_[task].tell({.deed = Deed::drop, .subject = handle});
      EXPECT_EQ(tasks_[task].tell({.deed = Deed::names}).number, 0U) << "names were left behind";
    }
  }

  std::mt19937_64 random_;
  std::vector<TaskProcess> tasks_;
  std::vector<std::map<Handle, Right>> held_;
  std::map<PortNumber, Port> ports_;
  Handle next_ = 1;
  PortNumber next_port_ = 1;
  std::uint64_t last_letter_ = 0;
};

int run_seed(std::uint64_t seed, int deeds) {
  SCOPED_TRACE("REEVE_SEED=" + std::to_string(seed));
  return Model(seed).run(deeds);
}

TEST(Ports, DoWhatAModelOfThemDoes) {
  if (const char* seed = std::getenv("REEVE_SEED")) {
    run_seed(std::strtoull(seed, nullptr, 10), kDeedsOfOneSeed);
    return;
  }
  int deeds = 0;
  std::uint64_t seed = 0;
  while (deeds < kDeeds && !HasFailure()) deeds += run_seed(++seed, kDeedsOfOneSeed);
  std::printf("ports: %d deeds of %zu processes, seeds 1 to %llu\n", deeds, kTasks,
              static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace reeve::test
