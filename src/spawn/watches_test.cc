#include "watches.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace reeve::spawn {
namespace {

namespace fs = std::filesystem;
using contract::PathBit;

class WatchesTest : public testing::Test {
 protected:
  struct Told {
    std::uint32_t watch = 0;
    std::size_t index = 0;
    std::uint32_t bits = 0;
    bool has(PathBit bit) const { return (bits & static_cast<std::uint32_t>(bit)) != 0; }
  };

  void SetUp() override { ASSERT_NE(::mkdtemp(folder.data()), nullptr); }
  void TearDown() override { fs::remove_all(folder); }

  // What is told next, within ten seconds.
  Told next() {
    const os::Time give_up = os::now() + std::chrono::seconds(10);
    while (told.empty() && os::now() < give_up) (void)loop.run_once(give_up);
    EXPECT_FALSE(told.empty()) << "nothing was told";
    if (told.empty()) return {};
    const Told first = told.front();
    told.erase(told.begin());
    return first;
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder + "/" + name) << text; }

  std::string folder = fs::temp_directory_path().string() + "/reeve-test-XXXXXX";
  std::vector<Told> told;
  int folder_changes = 0;
  os::Loop loop = *os::Loop::make();
  Watches watches{
      loop,
      {},
      [this] { ++folder_changes; },
      [this](std::uint32_t watch, std::size_t index, std::uint32_t bits) { told.push_back({watch, index, bits}); }};
};

TEST_F(WatchesTest, EachPathIsToldOnceAndAgainWhenItIsNotAsItWas) {
  watches.watch(1, {folder + "/a", folder});
  Told told_of = next();
  EXPECT_EQ(told_of.index, 0U);
  EXPECT_EQ(told_of.bits, 0U) << "it is not there";
  told_of = next();
  EXPECT_EQ(told_of.index, 1U);
  EXPECT_TRUE(told_of.has(PathBit::exists));
  EXPECT_FALSE(told_of.has(PathBit::is_filled));
  EXPECT_FALSE(told_of.has(PathBit::has_changed)) << "nobody knows how it was";
  write("a", "x");
  told_of = next();
  EXPECT_EQ(told_of.index, 0U);
  EXPECT_TRUE(told_of.has(PathBit::exists) && told_of.has(PathBit::has_changed));
  told_of = next();
  EXPECT_EQ(told_of.index, 1U);
  EXPECT_TRUE(told_of.has(PathBit::is_filled) && told_of.has(PathBit::has_changed));
}

TEST_F(WatchesTest, AFileThatIsReplacedOrWrittenOverHasChanged) {
  write("a", "x");
  watches.watch(1, {folder + "/a"});
  EXPECT_FALSE(next().has(PathBit::has_changed));
  write("b", "y");
  fs::rename(folder + "/b", folder + "/a");
  EXPECT_TRUE(next().has(PathBit::has_changed));
  write("a", "z");
  EXPECT_TRUE(next().has(PathBit::has_changed));
  fs::remove(folder + "/a");
  const Told gone = next();
  EXPECT_TRUE(gone.has(PathBit::has_changed));
  EXPECT_FALSE(gone.has(PathBit::exists));
}

TEST_F(WatchesTest, APathIsSeenToComeWithTheFoldersAboveIt) {
  watches.watch(1, {folder + "/a/b/c"});
  EXPECT_EQ(next().bits, 0U);
  fs::create_directories(folder + "/a/b");
  write("a/b/c", "x");
  EXPECT_TRUE(next().has(PathBit::exists));
}

TEST_F(WatchesTest, WhatChangesBeforeTheNextWatchIsToldToThat) {
  write("a", "x");
  watches.watch(1, {folder + "/a"});
  next();
  // Before the notice of it is read.
  write("a", "xy");
  watches.watch(2, {folder + "/other", folder + "/a"});
  EXPECT_EQ(next().bits, 0U);
  const Told told_of = next();
  EXPECT_EQ(told_of.watch, 2U);
  EXPECT_EQ(told_of.index, 1U);
  EXPECT_TRUE(told_of.has(PathBit::has_changed));
}

TEST_F(WatchesTest, AWatchOfTheSamePathsIsToldOfAllAndOfNoChange) {
  write("a", "x");
  watches.watch(1, {folder + "/a"});
  next();
  watches.watch(2, {folder + "/a"});
  const Told told_of = next();
  EXPECT_EQ(told_of.watch, 2U);
  EXPECT_TRUE(told_of.has(PathBit::exists));
  EXPECT_FALSE(told_of.has(PathBit::has_changed));
}

}  // namespace
}  // namespace reeve::spawn
