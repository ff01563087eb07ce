#include "clock.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <limits>

namespace reeve::os {

namespace {

Time read_clock(clockid_t clock) {
  timespec value{};
  ::clock_gettime(clock, &value);
  return std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec);
}

}  // namespace

Time now() { return read_clock(CLOCK_MONOTONIC); }
Time real_now() { return read_clock(CLOCK_REALTIME); }

// Looked up once a second: it takes longer than a packet does to be sent.
std::int64_t local_seconds() {
  thread_local std::time_t looked_up = 0;
  thread_local std::int64_t shown = 0;
  const std::time_t now = real_now() / std::chrono::seconds(1);
  if (now != looked_up) {
    std::tm local{};
    shown = ::localtime_r(&now, &local) != nullptr ? now + local.tm_gmtoff : now;
    looked_up = now;
  }
  return shown;
}

std::optional<std::chrono::nanoseconds> left_until(const Deadline& deadline) {
  if (!deadline) return std::nullopt;
  return std::max(*deadline - now(), std::chrono::nanoseconds(0));
}

int milliseconds_until(const Deadline& deadline) {
  const auto left = left_until(deadline);
  if (!left) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(*left).count();
  return static_cast<int>(std::min<std::int64_t>(rounded, std::numeric_limits<int>::max()));
}

void wait_until(Time when) {
  const timespec until{when.count() / 1'000'000'000, when.count() % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace reeve::os
