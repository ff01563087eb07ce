// What is told of another process, and the files that are taken to be root's alone.
#include "other_process.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "process.hpp"

namespace reeve::os {
namespace {

bool anything(const FileVersion&) { return true; }

TEST(OtherProcess, IsKnownByItsDescriptorForAsLongAsItLives) {
  const auto self = process_with(::getpid());
  ASSERT_TRUE(self);
  const auto facts = facts_of(*self);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->pid, ::getpid());

  const auto child = run_in_copy([] { return 0; });
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for_exit(*child, now() + std::chrono::seconds(10)).value_or(std::nullopt));
  EXPECT_EQ(facts_of(child->pidfd).error().kind, Kind::gone);
}

TEST(OtherProcess, IsNothingThatIsNoProcess) {
  const auto nothing = open_device_null();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(facts_of(*nothing));
}

// A file of root's alone, in a folder of root's alone.
class Guarded : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "only root makes what is root's alone";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    path_ = folder_ + "/file";
    write(path_);
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove_all(folder_);
  }
  static void write(const std::string& path) {
    std::ofstream(path) << "x";
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  }
  ino_t inode() const {
    struct stat facts{};
    EXPECT_EQ(::stat(path_.c_str(), &facts), 0);
    return facts.st_ino;
  }

  std::string folder_ = "/run/reeve-guarded-XXXXXX";
  std::string path_;
  GuardedFiles files_;
};

TEST_F(Guarded, IsWhatOnlyRootCanChange) {
  EXPECT_TRUE(files_.check(path_, anything));
  const auto other = files_.check(path_, [](const FileVersion&) { return false; });
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, Kind::denied);
  EXPECT_FALSE(files_.check(folder_ + "/nothing", anything));
}

TEST_F(Guarded, IsFoundOutNotToBeSoAnyMore) {
  ASSERT_TRUE(files_.check(path_, anything));
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  const Time give_up = now() + std::chrono::seconds(10);
  while (files_.check(path_, anything) && now() < give_up) {
  }
  EXPECT_FALSE(files_.check(path_, anything)) << "whoever looks again sees it";
}

TEST_F(Guarded, IsLookedAtAnewWhereAnotherIsMeant) {
  ASSERT_TRUE(files_.check(path_, anything));
  write(path_ + ".new");
  ASSERT_EQ(::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  EXPECT_TRUE(files_.check(path_, [&](const FileVersion& version) { return version.inode == inode(); }));
}

TEST_F(Guarded, IsNotBelowAFolderThatOthersMayWriteTo) {
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  EXPECT_FALSE(files_.check(path_, anything));
}

}  // namespace
}  // namespace reeve::os
