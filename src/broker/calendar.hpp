// Dates of StartCalendarInterval. Pure; times are what clocks on the wall show.
#pragma once

#include <cstdint>
#include <span>

#include "job.hpp"

namespace reeve::broker {

/// Whether a minute matches: counted since 1970, as if local time were UTC. As cron and launchd have it, a date with
/// both a day and a weekday matches either.
bool matches(const CalendarDate& date, std::int64_t local_minute);

/// Whether one of the dates lies within the minutes after `last` and up to `now`. Of a gap longer than a day (a clock
/// that was set, a machine that slept) a day is looked at.
bool has_come(std::span<const CalendarDate> dates, std::int64_t last, std::int64_t now);

}  // namespace reeve::broker
