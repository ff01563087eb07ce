#include "reading.hpp"

#include <gtest/gtest.h>

namespace reeve::broker {
namespace {

using namespace std::string_literals;

constexpr const char* kJob =
    "<plist version=\"1.0\"><dict><key>Label</key><string>a</string>"
    "<key>Program</key><string>/bin/true</string>"
    "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";

TEST(Reading, TellsOfABadFileAndKeepsTheOthers) {
  Reading reading;
  reading.take_job("/jobs/bad.plist\0<plist"s);
  reading.take_job("/jobs/a.plist\0"s + kJob);
  reading.take_job("/jobs/nothing behind it");
  reading.take_problem("/jobs/b.plist\0is a folder"s, false);
  const Scanned found = reading.finish();
  ASSERT_EQ(found.jobs.size(), 1U);
  EXPECT_EQ(found.jobs[0].label, "a");
  ASSERT_EQ(found.problems.size(), 3U);
  EXPECT_TRUE(found.problems[0].starts_with("/jobs/bad.plist")) << found.problems[0];
  EXPECT_EQ(found.problems[2], "/jobs/b.plist: is a folder");
  EXPECT_TRUE(found.trust.is_whole);
}

TEST(Reading, OfTrustIsNotWholeWhileAFileIsBadOrCannotBeRead) {
  Reading reading;
  reading.take_trust("/trust/bad.plist\0<plist"s);
  EXPECT_FALSE(reading.finish().trust.is_whole);
  reading.take_problem("/trust/b.plist\0can be written by others"s, true);
  EXPECT_FALSE(reading.finish().trust.is_whole);
  const Scanned next = reading.finish();
  EXPECT_TRUE(next.trust.is_whole) << "each reading is for itself";
  EXPECT_TRUE(next.problems.empty());
}

TEST(Reading, ShowsNothingOfAPathThatATerminalWouldTakeForACommand) {
  Reading reading;
  reading.take_problem("/jobs/\x1b[2J\0\x07"s, false);
  const Scanned found = reading.finish();
  EXPECT_EQ(found.problems[0].find_first_of("\x1b\x07"), std::string::npos) << found.problems[0];
}

}  // namespace
}  // namespace reeve::broker
