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

// The folder may be that of everything else too (a home, /tmp).
TEST_F(WatchesTest, AJobFolderHasChangedWhenAJobFileHas) {
  Watches jobs{loop,
               {folder},
               [this] { ++folder_changes; },
               [this](auto watch, auto index, auto bits) { told.push_back({watch, index, bits}); }};
  write("a.plist", "1");
  jobs.begin();
  jobs.watch(1, {folder + "/other"});
  EXPECT_EQ(next().bits, 0U);
  // A path is looked at after the folders: when it is told, they have been. The first time a.plist may be too young to
  // be told from a later one.
  for (int i = 0; i < 4; ++i) {
    if (i == 1) folder_changes = 0;
    write("other", std::to_string(i));
    EXPECT_TRUE(next().has(PathBit::has_changed));
  }
  EXPECT_EQ(folder_changes, 0);
  const auto changed = [&](const char* what) {
    const int before = folder_changes;
    write("other", what);
    EXPECT_TRUE(next().has(PathBit::has_changed));
    EXPECT_GT(folder_changes, before) << what;
  };
  write("b.plist", "");
  changed("one came");
  write("a.plist", "2");
  changed("one was written over");
  fs::rename(folder + "/a.plist", folder + "/c.plist");
  changed("one has another name");
  fs::remove(folder + "/c.plist");
  changed("one went");
  fs::permissions(folder, fs::perms::group_write, fs::perm_options::add);
  changed("others may write to it");
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
