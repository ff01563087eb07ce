#include "calendar.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <ctime>

namespace reeve::broker {
namespace {

namespace chrono = std::chrono;

constexpr std::int64_t kHour = 60;
constexpr std::int64_t kDay = 24 * kHour;

std::int64_t minute_of(int year, unsigned month, unsigned day, int hour, int minute) {
  const chrono::sys_days date = chrono::year(year) / chrono::month(month) / chrono::day(day);
  return date.time_since_epoch().count() * kDay + hour * kHour + minute;
}

// A minute of the years from 1970 to 2200.
std::int64_t any_minute() { return *rc::gen::inRange<std::int64_t>(0, 230 * 365 * kDay); }

// The same minute as the C library has it.
std::tm broken_down(std::int64_t minute) {
  const std::time_t seconds = minute * 60;
  std::tm out{};
  EXPECT_NE(::gmtime_r(&seconds, &out), nullptr);
  return out;
}

CalendarDate date_of(const std::tm& time) {
  CalendarDate date;
  date.minute = time.tm_min;
  date.hour = time.tm_hour;
  date.day = time.tm_mday;
  date.month = time.tm_mon + 1;
  return date;
}

TEST(Calendar, WhatIsAbsentMatchesEverything) {
  EXPECT_TRUE(rc::check("an empty date comes every minute", [] { RC_ASSERT(matches({}, any_minute())); }));
}

TEST(Calendar, EveryFieldAgreesWithTheLibrarysOwnCalendar) {
  EXPECT_TRUE(rc::check("a date of one's own fields matches, and no longer when one of them is another", [] {
    const std::int64_t minute = any_minute();
    const std::tm time = broken_down(minute);
    const CalendarDate date = date_of(time);
    RC_ASSERT(matches(date, minute));
    CalendarDate other = date;
    other.minute = (time.tm_min + *rc::gen::inRange(1, 60)) % 60;
    RC_ASSERT(!matches(other, minute));
    other = date;
    other.hour = (time.tm_hour + *rc::gen::inRange(1, 24)) % 24;
    RC_ASSERT(!matches(other, minute));
    other = date;
    other.day = (time.tm_mday - 1 + *rc::gen::inRange(1, 31)) % 31 + 1;
    RC_ASSERT(!matches(other, minute));
    other = date;
    other.month = (time.tm_mon + *rc::gen::inRange(1, 12)) % 12 + 1;
    RC_ASSERT(!matches(other, minute));
  }));
}

TEST(Calendar, ADayAndAWeekdayMatchEither) {
  EXPECT_TRUE(rc::check("both together match where one alone does", [] {
    const std::int64_t minute = any_minute();
    CalendarDate day;
    day.day = *rc::gen::inRange(1, 32);
    CalendarDate weekday;
    weekday.weekday = *rc::gen::inRange(0, 8);
    CalendarDate both = day;
    both.weekday = weekday.weekday;
    const std::tm time = broken_down(minute);
    RC_ASSERT(matches(day, minute) == (*day.day == time.tm_mday));
    RC_ASSERT(matches(weekday, minute) == (*weekday.weekday % 7 == time.tm_wday));
    RC_ASSERT(matches(both, minute) == (matches(day, minute) || matches(weekday, minute)));
    // The other fields still hold.
    both.hour = (time.tm_hour + 1) % 24;
    RC_ASSERT(!matches(both, minute));
  }));
}

TEST(Calendar, SundayIsBothNoughtAndSeven) {
  CalendarDate nought;
  nought.weekday = 0;
  CalendarDate seven;
  seven.weekday = 7;
  const std::int64_t sunday = minute_of(2026, 3, 1, 12, 0);
  for (std::int64_t day = 0; day < 7; ++day) {
    EXPECT_EQ(matches(nought, sunday + day * kDay), day == 0) << day;
    EXPECT_EQ(matches(seven, sunday + day * kDay), day == 0) << day;
  }
}

TEST(Calendar, TheTwentyNinthOfFebruaryComesInLeapYears) {
  CalendarDate date;
  date.month = 2;
  date.day = 29;
  EXPECT_TRUE(matches(date, minute_of(2028, 2, 29, 0, 0)));
  EXPECT_FALSE(matches(date, minute_of(2027, 3, 1, 0, 0)));
  EXPECT_FALSE(matches(date, minute_of(2028, 3, 1, 0, 0)));
}

TEST(Calendar, ADateBeforeNineteenSeventyIsOneToo) {
  CalendarDate date;
  date.hour = 23;
  date.minute = 59;
  EXPECT_TRUE(matches(date, -1));
  EXPECT_FALSE(matches(date, -2));
}

TEST(Calendar, HasComeIsWhetherOneOfTheMinutesSinceMatches) {
  EXPECT_TRUE(rc::check("up to a day back, each minute counts once", [] {
    const std::int64_t now = any_minute() + kDay;
    const std::int64_t gap = *rc::gen::inRange<std::int64_t>(0, kDay + 1);
    const std::int64_t back = *rc::gen::inRange<std::int64_t>(0, kDay);
    const CalendarDate dates[] = {date_of(broken_down(now - back))};
    RC_ASSERT(has_come(dates, now - gap, now) == (back < gap));
  }));
}

TEST(Calendar, StepByStepADateComesExactlyOnce) {
  EXPECT_TRUE(rc::check("however the steps fall, within a day each", [] {
    const std::int64_t begin = any_minute();
    const std::int64_t when = begin + *rc::gen::inRange<std::int64_t>(1, kDay);
    const CalendarDate dates[] = {date_of(broken_down(when))};
    int times = 0;
    for (std::int64_t last = begin; last < begin + kDay;) {
      const std::int64_t now = last + *rc::gen::inRange<std::int64_t>(1, 5 * kHour);
      times += has_come(dates, last, now) ? 1 : 0;
      last = now;
    }
    RC_ASSERT(times == 1);
  }));
}

TEST(Calendar, SeveralDatesInAGapAreOneStart) {
  CalendarDate early;
  early.hour = 3;
  early.minute = 0;
  CalendarDate late;
  late.hour = 4;
  late.minute = 0;
  const CalendarDate dates[] = {early, late};
  // The machine slept through both.
  EXPECT_TRUE(has_come(dates, minute_of(2026, 5, 1, 2, 0), minute_of(2026, 5, 1, 8, 0)));
  EXPECT_FALSE(has_come(dates, minute_of(2026, 5, 1, 8, 0), minute_of(2026, 5, 1, 9, 0)));
}

TEST(Calendar, NothingComesWithoutDates) { EXPECT_FALSE(has_come({}, 0, kDay)); }

// Clocks on the wall go from 02:00 to 03:00 when summer comes, and back when it goes.
TEST(Calendar, AnHourThatSummerTimeLeavesOutIsMadeUpForAtOnce) {
  CalendarDate date;
  date.hour = 2;
  date.minute = 30;
  const CalendarDate dates[] = {date};
  EXPECT_TRUE(has_come(dates, minute_of(2026, 3, 29, 1, 59), minute_of(2026, 3, 29, 3, 0)));
  EXPECT_FALSE(has_come(dates, minute_of(2026, 3, 29, 3, 0), minute_of(2026, 3, 29, 3, 1)));
}

TEST(Calendar, AnHourThatComesTwiceIsTwoStartsAndSettingTheClockBackIsNone) {
  CalendarDate date;
  date.hour = 2;
  date.minute = 30;
  const CalendarDate dates[] = {date};
  EXPECT_TRUE(has_come(dates, minute_of(2026, 10, 25, 2, 29), minute_of(2026, 10, 25, 2, 30)));
  EXPECT_FALSE(has_come(dates, minute_of(2026, 10, 25, 2, 59), minute_of(2026, 10, 25, 2, 0))) << "the clock goes back";
  EXPECT_TRUE(has_come(dates, minute_of(2026, 10, 25, 2, 0), minute_of(2026, 10, 25, 2, 30))) << "and is there again";
}

TEST(Calendar, AClockThatIsSetBackStartsNothing) {
  EXPECT_TRUE(rc::check("whatever the dates and however far", [] {
    const std::int64_t last = any_minute();
    const std::int64_t now = last - *rc::gen::inRange<std::int64_t>(0, 50 * 365 * kDay);
    const CalendarDate dates[] = {CalendarDate()};
    RC_ASSERT(!has_come(dates, last, now));
  }));
}

TEST(Calendar, OfALongGapADayIsLookedAt) {
  EXPECT_TRUE(rc::check("a clock that was set ahead by years", [] {
    const std::int64_t last = any_minute();
    const std::int64_t now = last + kDay + *rc::gen::inRange<std::int64_t>(1, 50 * 365 * kDay);
    const CalendarDate within[] = {date_of(broken_down(now - *rc::gen::inRange<std::int64_t>(0, kDay)))};
    RC_ASSERT(has_come(within, last, now));
    // The day before that is forgotten; a month has days enough to tell them apart.
    const CalendarDate before[] = {date_of(broken_down(now - kDay))};
    RC_ASSERT(!has_come(before, last, now));
  }));
}

}  // namespace
}  // namespace reeve::broker
