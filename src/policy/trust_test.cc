#include "trust.hpp"

#include <gtest/gtest.h>

#include "../identity/key.hpp"

namespace reeve::policy {
namespace {

const identity::SecretKey& key() {
  static const identity::SecretKey key = *identity::SecretKey::generate();
  return key;
}
const std::string& team() {
  static const std::string team = identity::team_id_of(key().public_key());
  return team;
}

identity::Manifest manifest_of(std::uint64_t version) {
  const auto public_key = key().public_key();
  identity::Manifest manifest;
  manifest.identifier = "org.example.app";
  manifest.version = version;
  manifest.team_key = Data(std::vector<std::byte>(public_key.begin(), public_key.end()));
  manifest.digest = Data(std::vector<std::byte>(32));
  manifest.groups = {team() + ".shared", "group.org.example"};
  manifest.entitlements = Dictionary{{"own", Object(true)}, {"reeve.monitor", Object(true)}};
  return manifest;
}

std::string file(const std::string& keys) {
  return "<plist version=\"1.0\"><dict><key>Team</key><string>" + team() + "</string>" + keys + "</dict></plist>";
}
std::string fault_of(const std::string& text) {
  const auto grant = parse_grant("/trust/a.plist", text);
  return grant ? "" : grant.error().message;
}

TEST(Trust, RefusesWhatItDoesNotUnderstand) {
  EXPECT_NE(fault_of("<plist><dict/></plist>").find("Team: missing"), std::string::npos);
  EXPECT_NE(fault_of("nothing"), "");
  EXPECT_NE(fault_of("<plist><dict><key>Team</key><string>short</string></dict></plist>").find("no team's id"),
            std::string::npos);
  EXPECT_NE(fault_of(file("<key>Revokes</key><true/>")).find("unknown key"), std::string::npos)
      << "it may have been meant to take something away";
  EXPECT_NE(fault_of(file("<key>Groups</key><array><string>org.example</string></array>")).find("needs no grant"),
            std::string::npos);
  EXPECT_NE(fault_of(file("<key>Entitlements</key><array><integer>1</integer></array>")), "");
  EXPECT_NE(fault_of(file("<key>MinimumVersions</key><dict><key>a</key><integer>-1</integer></dict>")), "");
  EXPECT_NE(fault_of(file("<key>Revoked</key><string>all</string>")), "");
}

TEST(Trust, ATeamsOwnGroupsProveThemselvesAndOthersNeedAGrant) {
  const auto who = *identity_of(manifest_of(1), {});
  EXPECT_EQ(who.team, team());
  EXPECT_EQ(who.identifier, team() + ".org.example.app");
  EXPECT_EQ(who.groups, std::vector<std::string>{team() + ".shared"});
  EXPECT_NE(who.entitlements.find("own"), nullptr);
  EXPECT_EQ(who.entitlements.find("reeve.monitor"), nullptr);

  const auto grant = *parse_grant("/a", file("<key>Groups</key><array><string>group.org.example</string></array>"
                                             "<key>Entitlements</key><array><string>reeve.monitor</string></array>"));
  const auto granted = *identity_of(manifest_of(1), {{grant}, true});
  EXPECT_EQ(granted.groups.size(), 2U);
  EXPECT_NE(granted.entitlements.find("reeve.monitor"), nullptr);

  Grant others = grant;
  others.team = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  EXPECT_EQ(identity_of(manifest_of(1), {{others}, true})->groups.size(), 1U) << "what another team was granted";
}

TEST(Trust, TakesNoVersionBelowTheFloorAndNothingThatIsRevoked) {
  const auto floor = *parse_grant("/a", file("<key>MinimumVersions</key><dict><key>org.example.app</key>"
                                             "<integer>3</integer></dict>"));
  EXPECT_EQ(identity_of(manifest_of(2), {{floor}, true}).error().code, code::kNotTrusted);
  EXPECT_TRUE(identity_of(manifest_of(3), {{floor}, true}));
  for (const char* revoked : {"<true/>", "<array><string>org.example.app</string></array>"}) {
    const auto grant = *parse_grant("/a", file(std::string("<key>Revoked</key>") + revoked));
    Grant harmless;
    harmless.team = team();
    EXPECT_EQ(identity_of(manifest_of(9), {{harmless, grant}, true}).error().code, code::kNotTrusted);
  }
  const auto whole =
      *parse_grant("/a", file("<key>Revoked</key><array><string>" + team() + ".org.example.app</string></array>"));
  EXPECT_EQ(identity_of(manifest_of(9), {{whole}, true}).error().code, code::kNotTrusted) << "as it is shown";
  const auto other = *parse_grant("/a", file("<key>Revoked</key><array><string>org.example.old</string></array>"));
  EXPECT_TRUE(identity_of(manifest_of(1), {{other}, true}));
}

TEST(Trust, AGroupOfATeamOrOfAllIsGivenByASignatureAlone) {
  EXPECT_TRUE(needs_signature(team()));
  EXPECT_TRUE(needs_signature(team() + ".shared"));
  EXPECT_TRUE(needs_signature("group.org.example"));
  EXPECT_FALSE(needs_signature("org.example"));
  EXPECT_FALSE(needs_signature("groups.org"));
  EXPECT_FALSE(needs_signature(team() + "A.shared")) << "27 characters";
  EXPECT_FALSE(needs_signature("abcdefghijklmnopqrstuvwxyz")) << "lower case";
}

}  // namespace
}  // namespace reeve::policy
