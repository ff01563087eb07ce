#include "calendar.hpp"

#include <algorithm>
#include <chrono>

namespace reeve::broker {

bool matches(const CalendarDate& date, std::int64_t local_minute) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::minutes> when{chrono::minutes(local_minute)};
  const auto midnight = chrono::floor<chrono::days>(when);
  const chrono::year_month_day day(midnight);
  const chrono::hh_mm_ss time(when - midnight);
  const auto fits = [](const std::optional<int>& wanted, long is) { return !wanted || *wanted == is; };
  if (!fits(date.minute, time.minutes().count()) || !fits(date.hour, time.hours().count())) return false;
  if (!fits(date.month, static_cast<long>(static_cast<unsigned>(day.month())))) return false;
  const bool on_day = fits(date.day, static_cast<long>(static_cast<unsigned>(day.day())));
  const auto weekday = date.weekday ? std::optional<int>(*date.weekday % 7) : std::nullopt;
  const bool on_weekday = fits(weekday, static_cast<long>(chrono::weekday(midnight).c_encoding()));
  return date.day && date.weekday ? on_day || on_weekday : on_day && on_weekday;
}

bool has_come(std::span<const CalendarDate> dates, std::int64_t last, std::int64_t now) {
  constexpr std::int64_t kDay = 24 * 60;
  for (std::int64_t minute = std::max(last + 1, now - kDay + 1); minute <= now; ++minute) {
    if (std::any_of(dates.begin(), dates.end(), [&](const CalendarDate& d) { return matches(d, minute); })) return true;
  }
  return false;
}

}  // namespace reeve::broker
