// What the services of an app group share, and nobody else.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "support/jobs.hpp"
#include "support/variable.hpp"

namespace reeve::test {
namespace {

constexpr const char* kGroup = "org.example.friends";
constexpr CallOptions kBounded{.timeout = 20s};

class Group : public testing::Test {
 protected:
  void SetUp() override {
    if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  }
  Proxy<Actor> service(const std::string& name, const std::string& preset, const std::string& group) const {
    JobFile job = actor_job(name);
    job.preset = preset;
    if (!group.empty()) job.reeve = array_key("Groups", group);
    write_job(session.jobs(), job);
    return connect<Actor>(name);
  }
  std::string path_of(const std::string& group) const { return data.path() + "/reeve/groups/" + group; }

  Folder data;
  Variable data_home{"XDG_DATA_HOME", data.path()};
  Session session;
};

TEST_F(Group, OneWhoIsNoMemberGetsAnErrorAndSeesNothing) {
  auto member = service("org.example.a", "group-files", kGroup);
  const auto folder = member.call_with<&Actor::container>(kBounded, kGroup);
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_EQ(*member.call_with<&Actor::write_file>(kBounded, *folder + "/secret", "x"), 0);
  auto other = service("org.example.b", "group-files", "org.example.others");
  const auto refused = other.call_with<&Actor::container>(kBounded, kGroup);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code::kNotPrivileged);
  EXPECT_EQ(other.call_with<&Actor::read_file>(kBounded, *folder + "/secret").error().code, ENOENT);
  auto parser = service("org.example.c", "parser", kGroup);
  const auto unreachable = parser.call_with<&Actor::container>(kBounded, kGroup);
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().kind, Kind::unsupported) << unreachable.error().message;
  EXPECT_EQ(group::container(kGroup).error().code, code::kNotPrivileged) << "this program is no member";
}

TEST_F(Group, AServiceThatKeepsFilesAndIsInNoGroupIsNotStarted) {
  auto nobody = service("org.example.a", "group-files", "");
  const auto refused = nobody.call_with<&Actor::sleep>(kBounded, 0U);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code::kLaunchFailed);
  EXPECT_NE(refused.error().message.find("in no app group"), std::string::npos) << refused.error().message;
}

TEST_F(Group, AFolderThatOthersCanEnterOrThatIsALinkIsNotUsed) {
  fs::create_directories(data.path() + "/reeve/groups");
  fs::create_directory(path_of(kGroup));
  ::chmod(path_of(kGroup).c_str(), 0755);
  auto first = service("org.example.a", "group-files", kGroup);
  EXPECT_NE(first.call_with<&Actor::sleep>(kBounded, 0U).error().message.find("can be entered"), std::string::npos);
  fs::create_symlink("/etc", path_of("org.example.linked"));
  auto second = service("org.example.b", "group-files", "org.example.linked");
  EXPECT_NE(second.call_with<&Actor::sleep>(kBounded, 0U).error().message.find("symbolic link"), std::string::npos);
}

TEST_F(Group, NoLinksAreLeftForThoseOutsideAndNothingBesideTheFolderIsReached) {
  auto member = service("org.example.a", "group-files", kGroup);
  const auto folder = member.call_with<&Actor::container>(kBounded, kGroup);
  ASSERT_TRUE(folder) << folder.error().message;
  const auto outcomes = member.call_with<&Actor::misuse_folder>(kBounded, *folder);
  ASSERT_TRUE(outcomes);
  for (const auto& [what, outcome] : *outcomes) EXPECT_NE(outcome, 0) << what;
  EXPECT_FALSE(fs::exists(path_of(kGroup) + ".evil"));
  EXPECT_EQ(member.call_with<&Actor::read_file>(kBounded, "/etc/passwd").error().code, ENOENT);
}

TEST_F(Group, ServicesOfAGroupShareItsFolderAtThePathWhereItStands) {
  auto one = service("org.example.a", "group-files", kGroup);
  auto two = service("org.example.b", "group-files", kGroup);
  const auto folder = one.call_with<&Actor::container>(kBounded, kGroup);
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(*folder, path_of(kGroup));
  const std::string file = *folder + "/Library/Preferences/shared";
  EXPECT_EQ(*one.call_with<&Actor::write_file>(kBounded, file, "from one"), 0);
  EXPECT_EQ(two.call_with<&Actor::read_file>(kBounded, file).value_or(""), "from one");
  EXPECT_EQ(*two.call_with<&Actor::write_file>(kBounded, file, "from two"), 0);
  EXPECT_EQ(contents_of(file), "from two") << "seen from outside";
  EXPECT_EQ(fs::status(path_of(kGroup)).permissions(), fs::perms::owner_all);
  // What was there when it was started is there when it is started again.
  stop("org.example.a");
  ASSERT_TRUE(wait_for_state("org.example.a", "idle"));
  EXPECT_EQ(one.call_with<&Actor::read_file>(kBounded, file).value_or(""), "from two");
}

}  // namespace
}  // namespace reeve::test
