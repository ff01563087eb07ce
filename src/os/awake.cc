#include "awake.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "process.hpp"

namespace reeve::os {
namespace {

std::atomic<bool>& permission() {
  static std::atomic<bool> may_be = trusted_variable(kWaitVariable) != kWaitAsleep;
  return may_be;
}

}  // namespace

bool may_be_awake() { return permission().load(std::memory_order_relaxed); }
void set_awake(bool may_be) { permission().store(may_be, std::memory_order_relaxed); }

bool Awake::look_again(const Deadline& until) {
  if (!may_be_awake()) return false;
  const Time time = now();
  if (began_ == Time()) began_ = time;
  if (!looks_ || time - began_ > kAwakeMax || (until && *until <= time)) return false;
  ::sched_yield();
  return true;
}

void Awake::done() {
  if (began_ == Time()) return;
  const Time took = now() - std::exchange(began_, Time());
  const bool is_short = took < kShortWait;
  // Looks that were in vain count against looking.
  if (is_short || looks_) {
    const Time counted = std::min<Time>(took, kShortWait);
    Time& average = averages_[looks_ ? 1 : 0];
    average = average == Time() ? counted : average + (counted - average) / 4;
    choose();
  }
  if (!is_short) looks_ = false;
}

// How to wait the next time.
void Awake::choose() {
  const auto [asleep, awake] = averages_;
  const bool was_trial = left_ <= 0;
  --left_;
  if (awake == Time()) {
    looks_ = true;  // It has never been tried.
    return;
  }
  const bool is_over = left_ <= -kTrialWaits;
  if (was_trial && !is_over) return;
  // Looking has to be worth the processor that it takes.
  const bool is_better = awake * 10 < asleep * 9;
  const bool has_changed = is_better != std::exchange(prefers_looking_, is_better);
  if (has_changed || is_over) {
    interval_ = has_changed ? kTrialIntervalMin : std::min(2 * interval_, kTrialIntervalMax);
    left_ = interval_;
  }
  looks_ = prefers_looking_ != (left_ <= 0);
}

}  // namespace reeve::os
