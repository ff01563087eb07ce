// Whatever system call fails while rights are given away, each right is in one place afterwards: where it was, or where
// it was sent. Nothing leaks.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <reeve/port.hpp>
#include <thread>

#include "../src/port/staged.hpp"
#include "support/watcher.hpp"

namespace reeve::test {
namespace {

using namespace port;
using namespace port::staged;

struct Count {
  std::size_t failures = 0;
  std::size_t refused = 0;
  std::size_t dead = 0;
};

// A gives B a right of each kind, and memory.
class Gift {
 public:
  Gift() {
    auto memory = object::MemoryBuilder::make(4096).value().seal().value();
    queue_ = a_.space.make_port().value();
    to_queue_ = handed_over(a_.space, queue_.make_send().value(), c_);
    EXPECT_TRUE(staged::send(to_queue_, "queued"));
    message_.data = data_of("gift");
    message_.reply = a_.port.make_send_once().value();
    message_.carried.emplace_back(a_.port.make_send().value());
    message_.carried.emplace_back(to_b_.copy().value());
    message_.carried.emplace_back(std::move(queue_));
    message_.carried.emplace_back(std::move(memory));
  }

  /// Whether it was sent; if not, all of it is still here.
  bool send() {
    const auto sent = to_b_.send(message_, {.timeout = 10s});
    if (sent) return true;
    EXPECT_FALSE(sent.error().message.empty());
    EXPECT_TRUE(std::holds_alternative<SendOnceRight>(message_.reply));
    EXPECT_EQ(message_.carried.size(), 4U);
    EXPECT_TRUE(std::get<ReceiveRight>(message_.carried[2]));
    EXPECT_EQ(text_from(std::get<ReceiveRight>(message_.carried[2])), "queued");
    return false;
  }
  /// Receives it. Returns how often that was refused.
  std::size_t receive() {
    for (std::size_t refused = 0; refused < 3; ++refused) {
      auto delivery = b_.port.receive({.timeout = 10s});
      if (!delivery) continue;
      received_ = std::move(std::get<Received>(*delivery));
      return refused;
    }
    ADD_FAILURE() << "what was sent did not come";
    return 3;
  }
  /// How much of it came dead, since it could not be held.
  std::size_t look() {
    if (text_of(received_.data) != "gift" || received_.carried.size() != 4) ADD_FAILURE() << "something else came";
    if (testing::Test::HasFailure()) return 0;
    const auto* queue = std::get_if<ReceiveRight>(&received_.carried[2]);
    EXPECT_EQ(queue != nullptr ? text_from(*queue) : "queued", "queued");
    // What came dead is dead where it came from too: whoever sends there is told, and nobody waits for ever.
    EXPECT_EQ(staged::send(to_queue_, "later").has_value(), queue != nullptr);
    return static_cast<std::size_t>(
        std::count_if(received_.carried.begin(), received_.carried.end(),
                      [](const Carried& c) { return std::holds_alternative<DeadRight>(c); }));
  }

 private:
  staged::Task a_;
  staged::Task b_;
  PortSpace c_ = PortSpace::make();
  SendRight to_b_ = handed_over(b_.space, b_.port.make_send().value(), a_.space);
  ReceiveRight queue_;
  SendRight to_queue_;
  Message message_;
  Received received_;
};

// With the n-th such call failing, until there are not so many.
void sweep(Watcher& watcher, const FailingCall& call, int error, Count& count) {
  for (int nth = 1; nth <= 400; ++nth) {
    const std::string when = std::string(call.name) + " " + std::to_string(nth) + ": " + ::strerrorname_np(error);
    SCOPED_TRACE(when);
    auto gift = std::make_unique<Gift>();
    watcher.begin({&call, error, nth});
    const bool is_sent = gift->send();
    const std::size_t again = is_sent ? gift->receive() : 0;
    const Watcher::Seen seen = watcher.end();
    if (is_sent) count.dead += gift->look();
    EXPECT_TRUE(seen.has_failed() || (is_sent && again == 0)) << "nothing failed, and yet it was refused";
    if (!seen.has_failed() || testing::Test::HasFailure()) return;
    ++count.failures;
    count.refused += (is_sent ? 0 : 1) + again;
  }
}

TEST(PortFailures, LoseNothingAndLeakNothing) {
  Watcher watcher;
  Count count;
  bool is_watched = true;
  std::thread([&] {
    os::Fd filter = watch_own_calls();
    is_watched = static_cast<bool>(filter);
    if (!is_watched) return;
    watcher.add(std::move(filter));
    {
      Gift warm;
    }
    const std::size_t before = own_descriptor_count();
    for (const FailingCall& call : failing_calls()) {
      for (const int error : call.errors) {
        // Where a packet lies the kernel never says that there is none.
        if (call.number == SYS_recvmsg && error == EAGAIN) continue;
        // What cannot be looked at is refused as what it is not, with its message (docs/ports.md, Not there yet).
        if (call.number == SYS_statx || call.number == SYS_fstatfs) continue;
        sweep(watcher, call, error, count);
        if (testing::Test::HasFailure()) return;
      }
    }
    EXPECT_EQ(own_descriptor_count(), before);
  }).join();
  if (!is_watched) GTEST_SKIP() << "this machine cannot watch calls";
  std::printf("rights given away: %zu failures, %zu refused, %zu came dead\n", count.failures, count.refused,
              count.dead);
  EXPECT_GT(count.failures, 0U);
}

}  // namespace
}  // namespace reeve::test
