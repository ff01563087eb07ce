#include "moments.hpp"

#include <cmath>

namespace reeve::plist {
namespace {

constexpr std::int64_t kEpoch = 978'307'200;  // in seconds since 1970
constexpr double kFirst = -63'113'904'000;    // 0001-01-01T00:00:00Z
constexpr double kEnd = 252'423'993'600;      // 10000-01-01T00:00:00Z
constexpr std::int32_t kSecond = 1'000'000'000;

}  // namespace

std::optional<object::Moment> moment_of(double seconds) {
  if (!(seconds >= kFirst && seconds < kEnd)) return std::nullopt;
  const double whole = std::floor(seconds);
  object::Moment moment{static_cast<std::int64_t>(whole) + kEpoch,
                        static_cast<std::int32_t>(std::round((seconds - whole) * kSecond))};
  if (moment.nanoseconds == kSecond) moment = {moment.seconds + 1, 0};
  return moment;
}

double seconds_of(const object::Moment& moment) {
  return static_cast<double>(moment.seconds - kEpoch) + moment.nanoseconds / 1e9;
}

}  // namespace reeve::plist
