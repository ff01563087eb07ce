// mach/mach_time.h.
#include <mach/mach_time.h>

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t now_by(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

kern_return_t mach_timebase_info(mach_timebase_info_t info) {
  if (info == nullptr) return KERN_INVALID_ARGUMENT;
  *info = {1, 1};
  return KERN_SUCCESS;
}

std::uint64_t mach_absolute_time() { return now_by(CLOCK_MONOTONIC); }
std::uint64_t mach_approximate_time() { return now_by(CLOCK_MONOTONIC_COARSE); }
std::uint64_t mach_continuous_time() { return now_by(CLOCK_BOOTTIME); }
std::uint64_t mach_continuous_approximate_time() { return now_by(CLOCK_BOOTTIME); }

kern_return_t mach_wait_until(std::uint64_t deadline) {
  const timespec until{static_cast<time_t>(deadline / kSecond), static_cast<long>(deadline % kSecond)};
  return ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR ? KERN_ABORTED : KERN_SUCCESS;
}
