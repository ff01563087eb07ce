// The whole matrix of callers and operations, made anew and held against docs/policy.md.
#include "rules.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>

namespace reeve::policy {
namespace {

const std::string kTeamA = "AAAAAAAAAAAAAAAAAAAAAAAAAA";
const std::string kTeamB = "BBBBBBBBBBBBBBBBBBBBBBBBBB";
constexpr std::uint32_t kOwner = 1000;

struct Named {
  std::string what;
  Caller caller;
};

Caller client(std::uint32_t uid) { return {{}, uid, {}}; }
Caller signed_by(Caller caller, const std::string& team, PeerClass trust) {
  caller.who.trust = trust;
  caller.who.team = team;
  caller.who.identifier = team + ".org.example.app";
  caller.who.groups = {team + ".shared"};
  return caller;
}
Caller job(const std::string& preset) {
  Caller caller = client(kOwner);
  caller.who.trust = PeerClass::bound;
  caller.who.label = "org.example.job";
  caller.who.identifier = "adhoc.00";
  caller.who.preset = preset;
  return caller;
}
Caller with_groups(Caller caller, std::vector<std::string> groups) {
  caller.who.groups = std::move(groups);
  return caller;
}
Caller with_look_ups(Caller caller, std::vector<std::string> names) {
  caller.may_look_up = std::move(names);
  return caller;
}
std::vector<Named> all_callers() {
  return {
      {"an unsigned program", client(kOwner)},
      {"the same, of root", client(0)},
      {"the same, of another user", client(1001)},
      {"verified, signed by team A", signed_by(client(kOwner), kTeamA, PeerClass::verified)},
      {"verified, signed by team B", signed_by(client(kOwner), kTeamB, PeerClass::verified)},
      {"bound, in `none`", job("none")},
      {"bound, in `none`, with the ad-hoc group `org.friends`", with_groups(job("none"), {"org.friends"})},
      {"bound, in `none`, signed by team A", signed_by(job("none"), kTeamA, PeerClass::bound)},
      {"bound, in `parser`", job("parser")},
      {"bound, in `parser`, that may look up `org`", with_look_ups(job("parser"), {"org"})},
      {"bound, in `parser`, signed by team A", signed_by(job("parser"), kTeamA, PeerClass::bound)},
  };
}

struct Operation {
  std::string what;
  std::function<bool(const Caller&)> is_allowed;
};

Operation look_up(const std::string& what, const std::string& name, const std::string& asked) {
  const Requirement requirement = *Requirement::parse(asked);
  return {what, [=](const Caller& caller) { return may_look_up(caller, name, requirement); }};
}
Operation registering(const std::string& what, const std::string& name, NameOwner owner) {
  return {what, [=](const Caller& caller) { return may_register(caller, name, owner) == Registering::allowed; }};
}

std::vector<Operation> all_operations() {
  return {
      look_up("find `org.name`, of whoever does not say who may", "org.name", ""),
      look_up("find `A.shared.name`, likewise", kTeamA + ".shared.name", ""),
      look_up("find `org.name`, of who asks for `class:verified`", "org.name", "class:verified"),
      look_up("... for `class:bound`", "org.name", "class:bound"),
      look_up("... for `team:A`", "org.name", "team:" + kTeamA),
      look_up("... for `group:A.shared`", "org.name", "group:" + kTeamA + ".shared"),
      look_up("... for `group:org.friends`", "org.name", "group:org.friends"),
      look_up("... for `job:org.example.job`", "org.name", "job:org.example.job"),
      look_up("... for `confined`", "org.name", "confined"),
      look_up("... for `not user`", "org.name", "not user"),
      registering("register `A.shared.name`", kTeamA + ".shared.name", NameOwner::nobody),
      registering("register `A.sharedname`", kTeamA + ".sharedname", NameOwner::nobody),
      registering("register `org.friends`", "org.friends", NameOwner::nobody),
      registering("register a name that another job declares", kTeamA + ".shared.name", NameOwner::other_job),
      {"share the folder of `A.shared`", [](const Caller& caller) { return is_member(caller, kTeamA + ".shared"); }},
      {"share the folder of `org.friends`", [](const Caller& caller) { return is_member(caller, "org.friends"); }},
      {"redeem an endpoint", [](const Caller& caller) { return may_redeem(caller); }},
      {"list the jobs", [](const Caller& caller) { return may_list(caller); }},
      {"load, start, stop, look into jobs", [](const Caller& caller) { return may_manage(caller, kOwner); }},
  };
}

std::string matrix() {
  std::string text = "| |";
  const auto callers = all_callers();
  for (std::size_t i = 0; i < callers.size(); ++i) text += " " + std::to_string(i + 1) + " |";
  text += "\n|---|";
  for (std::size_t i = 0; i < callers.size(); ++i) text += ":-:|";
  text += "\n";
  for (const Operation& operation : all_operations()) {
    text += "| " + operation.what + " |";
    for (const Named& named : callers) text += operation.is_allowed(named.caller) ? " yes |" : " |";
    text += "\n";
  }
  return text;
}

std::string legend() {
  std::string text;
  const auto callers = all_callers();
  for (std::size_t i = 0; i < callers.size(); ++i) text += std::to_string(i + 1) + ". " + callers[i].what + "\n";
  return text;
}

TEST(Policy, IsWhatItsPageSays) {
  std::ifstream file(REEVE_SOURCE "/docs/policy.md");
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_NE(page.str().find(legend()), std::string::npos) << legend();
  EXPECT_NE(page.str().find(matrix()), std::string::npos) << matrix();
}

TEST(Policy, NamesLieInGroupsByWholeComponents) {
  const Caller member = with_groups(job("none"), {"T.grp"});
  EXPECT_EQ(may_register(member, "T.grp", NameOwner::nobody), Registering::allowed);
  EXPECT_EQ(may_register(member, "T.grp.a.b", NameOwner::nobody), Registering::allowed);
  for (const char* near : {"T.grpevil", "T.gr", "T", "t.grp", "T.grp-a", "xT.grp", "T.Grp.a"}) {
    EXPECT_EQ(may_register(member, near, NameOwner::nobody), Registering::in_no_group) << near;
  }
}

TEST(Policy, TellsWhyANameCannotBeRegistered) {
  const Caller member = with_groups(job("none"), {"g"});
  EXPECT_EQ(may_register(member, "g.a", NameOwner::other_job), Registering::belongs_to_job);
  EXPECT_EQ(may_register(member, "g.a", NameOwner::callers_job), Registering::is_checked_in);
}

TEST(Policy, AConfinedCallerFindsNothingThatNobodyNamedForIt) {
  const Requirement anybody;
  EXPECT_FALSE(may_ask_for(job("parser"), "org.name"));
  EXPECT_TRUE(may_ask_for(with_look_ups(job("parser"), {"org"}), "org.name"));
  EXPECT_FALSE(may_ask_for(with_look_ups(job("parser"), {"org"}), "organ"));
  EXPECT_TRUE(may_ask_for(with_groups(job("parser"), {"g"}), "g.name")) << "names of its own groups";
}

}  // namespace
}  // namespace reeve::policy
