#include "requirement.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "../vocab/bounds.hpp"

namespace reeve::policy {
namespace {

const std::string kTeam = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::string fault_of(std::string_view text) {
  const auto requirement = Requirement::parse(text);
  return requirement ? "" : requirement.error().message;
}

contract::Identity signed_service() {
  contract::Identity who;
  who.trust = PeerClass::bound;
  who.label = "org.example.job";
  who.preset = "parser";
  who.team = kTeam;
  who.identifier = kTeam + ".org.example.app";
  who.version = 3;
  who.groups = {kTeam + ".shared"};
  who.entitlements = Dictionary{{"on", Object(true)},
                                {"off", Object(false)},
                                {"level", Object(std::int64_t{7})},
                                {"mode", Object("fast")},
                                {"folders", Object(Array{Object("a"), Object("b")})}};
  return who;
}

bool holds(std::string_view text, const contract::Identity& who = signed_service()) {
  const auto requirement = Requirement::parse(text);
  EXPECT_TRUE(requirement) << text;
  return requirement && requirement->is_met_by(who);
}

TEST(Requirement, RefusesWhatIsNoExpressionAndSaysWhere) {
  EXPECT_EQ(fault_of("anybody"), "requirement, at 7: no fact is called \"anybody\"");
  EXPECT_EQ(fault_of("team"), "requirement, at 4: team wants a value, as in team:…");
  EXPECT_EQ(fault_of("user:me"), "requirement, at 7: user says nothing more");
  EXPECT_EQ(fault_of("team:"), "requirement, at 5: a name is empty");
  EXPECT_EQ(fault_of("group:a..b"), "requirement, at 10: a name has an empty component");
  EXPECT_EQ(fault_of("class:root"), "requirement, at 10: classes are introduced, uid_only, verified, bound");
  EXPECT_EQ(fault_of("version:-1"), "requirement, at 10: a version is a number");
  EXPECT_EQ(fault_of("version:99999999999999999999"), "requirement, at 28: a version is a number");
  EXPECT_EQ(fault_of("user user"), "requirement, at 4: expected and, or, or the end");
  EXPECT_EQ(fault_of("user and"), "requirement, at 8: expected a fact");
  EXPECT_EQ(fault_of("(user"), "requirement, at 5: expected )");
  EXPECT_EQ(fault_of("user)"), "requirement, at 4: expected and, or, or the end");
  EXPECT_EQ(fault_of("not"), "requirement, at 3: expected a fact");
  EXPECT_EQ(fault_of("()"), "requirement, at 2: no fact is called \")\"");
  EXPECT_EQ(fault_of("USER"), "requirement, at 4: no fact is called \"USER\"");
  EXPECT_EQ(fault_of("\x1b[31m"), "requirement, at 5: no fact is called \"?[31m\"");
}

TEST(Requirement, BoundsSizeAndDepth) {
  EXPECT_NE(fault_of(std::string(kRequirementBytesMax + 1, 'u')), "");
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "user" + std::string(depth, ')'); };
  EXPECT_EQ(fault_of(nested(kRequirementDepthMax - 1)), "");
  EXPECT_NE(fault_of(nested(kRequirementDepthMax)).find("nested too deep"), std::string::npos);
  std::string nots = "user";
  for (std::size_t i = 0; i < kRequirementDepthMax; ++i) nots = "not " + nots;
  EXPECT_NE(fault_of(nots).find("nested too deep"), std::string::npos);
}

TEST(Requirement, EachFactHoldsForWhatItSaysAndForNothingElse) {
  const contract::Identity stranger;
  for (const char* fact :
       {"class:bound", "class:verified", "class:uid_only", "job:org.example.job", "version:3", "version:0",
        "entitlement:on", "entitlement:level", "entitlement:level=7", "entitlement:mode=fast", "entitlement:folders=b",
        "entitlement:on=true", "entitlement:off=false", "preset:parser", "confined"}) {
    EXPECT_TRUE(holds(fact)) << fact;
    const bool is_of_everybody = std::string(fact) == "class:uid_only";
    EXPECT_EQ(holds(fact, stranger), is_of_everybody) << fact;
  }
  for (const std::string& fact :
       {"team:" + kTeam, "identifier:" + kTeam + ".org.example.app", "group:" + kTeam + ".shared"}) {
    EXPECT_TRUE(holds(fact)) << fact;
    EXPECT_FALSE(holds(fact, stranger)) << fact;
  }
  const std::vector<std::string> kFalse{
      "entitlement:off",         "entitlement:none", "entitlement:mode=slow",     "entitlement:folders=c",
      "entitlement:level=70",    "version:4",        "job:org.example",           "preset:none",
      "team:" + kTeam.substr(1), "group:" + kTeam,   "identifier:org.example.app"};
  for (const std::string& fact : kFalse) {
    EXPECT_FALSE(holds(fact)) << fact;
  }
  EXPECT_TRUE(holds("user", stranger));
  EXPECT_TRUE(holds("", stranger)) << "nothing is required";
}

TEST(Requirement, WhoWasIntroducedIsWorthLessThanAUser) {
  contract::Identity guest;
  guest.trust = PeerClass::introduced;
  EXPECT_FALSE(holds("class:uid_only", guest));
  EXPECT_TRUE(holds("class:introduced", guest));
}

TEST(Requirement, ASandboxIsOneThatTheBrokerMadeAndThatIsNotNone) {
  contract::Identity who;
  EXPECT_FALSE(holds("confined", who));
  who.preset = "none";
  EXPECT_FALSE(holds("confined", who));
}

TEST(Requirement, ALayerIsEnforcedInASandboxThatDoesNotLackIt) {
  contract::Identity who;
  EXPECT_FALSE(holds("enforces:landlock", who)) << "in no sandbox";
  who.preset = "parser";
  EXPECT_TRUE(holds("enforces:landlock and enforces:landlock-ports and enforces:no-new-code", who));
  who.lacking = {"landlock-scopes"};
  EXPECT_FALSE(holds("enforces:landlock-scopes", who));
  EXPECT_TRUE(holds("confined and enforces:landlock", who));
  who.preset = "none";
  EXPECT_FALSE(holds("enforces:landlock", who));
  EXPECT_NE(fault_of("enforces:landlok").find("no layer is called \"landlok\""), std::string::npos);
  EXPECT_NE(fault_of("enforces"), "");
}

TEST(Requirement, AndBindsCloserThanOrAndNotClosest) {
  const contract::Identity who;  // for which user is true, and confined is not
  EXPECT_TRUE(holds("user or confined and confined", who));
  EXPECT_FALSE(holds("(user or confined) and confined", who));
  EXPECT_TRUE(holds("not confined and user", who));
  EXPECT_FALSE(holds("not (confined or user)", who));
  EXPECT_TRUE(holds("not not user", who));
  EXPECT_TRUE(holds("  user  and(user)or confined ", who));
}

TEST(Requirement, OfSeveralAlternativesOneIsEnoughAndOfNoneNothingIs) {
  const contract::Identity who;
  EXPECT_FALSE(Requirement::any_of({})->is_met_by(who));
  EXPECT_TRUE(Requirement::any_of({"confined", "user"})->is_met_by(who));
  EXPECT_FALSE(Requirement::any_of({"confined", "not user"})->is_met_by(who));
  EXPECT_FALSE(Requirement::any_of({""})) << "an empty alternative would let everybody in";
  EXPECT_FALSE(Requirement::any_of({"user", "nobody"}));
  EXPECT_FALSE(Requirement::any_of({"user) or (user"})) << "each is whole by itself";
}

// An oracle that knows the tree from which the text was made.
struct Made {
  std::string text;
  bool value;
};
Made made(int depth) {
  const auto leaf = [] {
    const bool is_true = *rc::gen::arbitrary<bool>();
    return Made{is_true ? "user" : "confined", is_true};
  };
  if (depth == 0) return leaf();
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return leaf();
    case 1: {
      const Made inner = made(depth - 1);
      return {"not (" + inner.text + ")", !inner.value};
    }
    case 2: {
      const Made a = made(depth - 1), b = made(depth - 1);
      return {"(" + a.text + ") and (" + b.text + ")", a.value && b.value};
    }
    default: {
      const Made a = made(depth - 1), b = made(depth - 1);
      return {"(" + a.text + ") or (" + b.text + ")", a.value || b.value};
    }
  }
}

TEST(Requirement, MeansWhatItsTreeMeans) {
  EXPECT_TRUE(rc::check("a text means what the tree does that it was made from", [] {
    const Made one = made(4);
    const auto requirement = Requirement::parse(one.text);
    RC_ASSERT(requirement.has_value());
    RC_ASSERT(requirement->is_met_by({}) == one.value);
    const bool is_same = *Requirement::parse(requirement->text()) == *requirement;
    RC_ASSERT(is_same);
  }));
}

}  // namespace
}  // namespace reeve::policy
