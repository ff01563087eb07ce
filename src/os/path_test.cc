#include "path.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace reeve::os {
namespace {

namespace fs = std::filesystem;

class PathTest : public testing::Test {
 protected:
  PathTest() {
    std::string pattern = "/tmp/reeve-path-XXXXXX";
    root = ::mkdtemp(pattern.data());
    fs::create_directories(root + "/a/b");
    std::ofstream(root + "/a/b/file") << "text";
  }
  ~PathTest() override { fs::remove_all(root); }

  static bool is_same(const Result<Place>& place, const std::string& path) {
    struct stat found{};
    struct stat wanted{};
    return place && ::fstat(place->nearest.raw(), &found) == 0 && ::stat(path.c_str(), &wanted) == 0 &&
           found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev;
  }
  void link(const std::string& name, const std::string& target) const { fs::create_symlink(target, root + "/" + name); }

  std::string root;
};

TEST_F(PathTest, FindsWhatTheKernelFinds) {
  link("absolute", root + "/a");
  link("relative", "a/../a/b");
  link("chained", "relative");
  for (const char* path : {"", "/", "/a", "/a/b/file", "//a/./b//file", "/a/../a/b/", "/absolute/b/file",
                           "/relative/file", "/chained/../b/file"}) {
    const auto place = find(root + path);
    EXPECT_TRUE(is_same(place, root + path)) << path;
    EXPECT_TRUE(place && place->missing.empty()) << path;
  }
  EXPECT_TRUE(is_same(find("/"), "/"));
  EXPECT_TRUE(is_same(find("/.."), "/"));
  EXPECT_TRUE(is_same(find("/dev/null"), "/dev/null"));
  EXPECT_TRUE(is_same(find("/proc/self/status"), "/proc/self/status"));
}

TEST_F(PathTest, OfWhatIsMissingTellsTheNearestFolder) {
  link("dangling", root + "/a/none/x");
  const auto file = find(root + "/a/none");
  EXPECT_TRUE(is_same(file, root + "/a"));
  EXPECT_EQ(file->missing, "none");
  const auto below = find(root + "/a/none/further/on");
  EXPECT_TRUE(is_same(below, root + "/a"));
  EXPECT_EQ(below->missing, "none/further/on");
  const auto dangling = find(root + "/dangling");
  EXPECT_TRUE(is_same(dangling, root + "/a"));
  EXPECT_EQ(dangling->missing, "none/x");
}

TEST_F(PathTest, RefusesWhatNobodyCanFollow) {
  link("round", root + "/round");
  EXPECT_FALSE(find(root + "/round"));
  EXPECT_FALSE(find(root + "/a/b/file/x")) << "a file is no folder";
  EXPECT_FALSE(find(root + "/" + std::string(300, 'x'))) << "no name is so long";
}

// What fs.protected_symlinks and fs.protected_regular ask of the kernel, which does not see these steps as one.
TEST_F(PathTest, WhatAnotherUserHasPutIntoAFolderOfEverybodysIsNotFollowedNorWrittenTo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can play another user";
  const std::string shared = root + "/shared";
  fs::create_directory(shared);
  ASSERT_EQ(::chmod(shared.c_str(), 01777), 0);
  for (const char* owner : {"own", "theirs"}) {
    const uid_t uid = std::string(owner) == "own" ? 0 : 1000;
    const std::string link = shared + "/link-" + owner;
    const std::string file = shared + "/file-" + owner;
    fs::create_symlink(root + "/a/b/file", link);
    std::ofstream(file) << "text";
    ASSERT_EQ(::lchown(link.c_str(), uid, uid), 0);
    ASSERT_EQ(::lchown(file.c_str(), uid, uid), 0);
    EXPECT_EQ(find(link).has_value(), uid == 0) << owner;
    EXPECT_TRUE(open_found(*find(file), O_RDONLY)) << owner;
    EXPECT_EQ(open_found(*find(file), O_WRONLY | O_CREAT).has_value(), uid == 0) << owner;
  }
  // Its owner vouches for what stands in a folder that is not everybody's.
  ASSERT_EQ(::chmod(shared.c_str(), 0755), 0);
  EXPECT_TRUE(find(shared + "/link-theirs"));
}

TEST_F(PathTest, OpensWhatItFoundAndMakesTheLastNameAlone) {
  EXPECT_TRUE(open_found(*find(root + "/a/b/file"), O_RDONLY));
  EXPECT_FALSE(open_found(*find(root + "/new"), O_WRONLY));
  const auto made = open_found(*find(root + "/new"), O_WRONLY | O_CREAT);
  ASSERT_TRUE(made);
  struct stat facts{};
  ASSERT_EQ(::stat((root + "/new").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07077U, 0U);
  EXPECT_FALSE(open_found(*find(root + "/none/new"), O_WRONLY | O_CREAT));
  EXPECT_FALSE(fs::exists(root + "/none"));
}

}  // namespace
}  // namespace reeve::os
