// Who programs are: those that are started here, and those that connect by themselves.
#include <csignal>

#include "../identity/manifest.hpp"
#include "stage.hpp"

namespace reeve::broker {
namespace {

struct Signer {
  identity::SecretKey key = *identity::SecretKey::generate();
  std::string team = identity::team_id_of(key.public_key());

  std::string manifest(std::vector<std::string> callers = {}, std::optional<std::string> preset = {}) const {
    const auto public_key = key.public_key();
    identity::Manifest manifest;
    manifest.identifier = "org.example.app";
    manifest.version = 2;
    manifest.team_key = Data(std::vector<std::byte>(public_key.begin(), public_key.end()));
    manifest.digest = Data(std::vector<std::byte>(32));
    manifest.groups = {team + ".shared"};
    manifest.allowed_callers = std::move(callers);
    manifest.preset = std::move(preset);
    const auto bytes = *identity::encode(manifest);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

const Signer& ours() {
  static const Signer signer;
  return signer;
}

Image image_of(std::uint8_t number, std::string manifest = {}) {
  return {contract::ImageId{number}, std::move(manifest)};
}

policy::Trust revoking(const std::string& team) {
  policy::Grant grant;
  grant.team = team;
  grant.is_revoked = true;
  return {{grant}, true};
}

class Proving : public testing::Test {
 protected:
  // The order that it gives rise to, if it is the only one of its kind.
  template <class T>
  static T the(const Orders& orders) {
    const auto all = Stage::all<T>(orders);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? T{} : all.front();
  }
  Orders ask(PeerId peer, contract::Request what, const Endpoint& fresh = {}) {
    return stage.apply(PeerAsked{peer, stage.next_request++, std::move(what), fresh});
  }
  Orders found(const Identify& asked, const std::string& manifest, std::uint64_t inode = 7) {
    return stage.apply(Identified{asked.number, {1, inode, 100, 5}, manifest});
  }
  static Data nonce(int n) {
    const Endpoint token = token_of(n);
    return Data(std::vector<std::byte>(token.token.begin(), token.token.end()));
  }
  PeerId verified(const Signer& signer) {
    const PeerId peer = stage.client();
    found(the<Identify>(ask(peer, contract::Prove{}, token_of(1))), signer.manifest());
    const auto proof =
        value_of<contract::Proof>(found(the<Identify>(ask(peer, contract::Prove{nonce(1)})), signer.manifest()));
    EXPECT_EQ(proof->who.trust, PeerClass::verified) << proof->why_not;
    return peer;
  }
  Launch launched_with(PeerId client, const std::string& name, const Image& image) {
    const auto first = the<Launch>(stage.look_up(client, name));
    return the<Launch>(stage.apply(ImageIs{first.instance, image}));
  }

  Stage stage;
};

TEST_F(Proving, ANonceThatWasNotGivenProvesNothing) {
  const PeerId peer = stage.client();
  EXPECT_EQ(error_of(ask(peer, contract::Prove{nonce(1)})).code, code::kNotTrusted) << "before any was given";
  found(the<Identify>(ask(peer, contract::Prove{}, token_of(1))), ours().manifest());
  EXPECT_EQ(error_of(ask(peer, contract::Prove{nonce(2)})).code, code::kNotTrusted);
  EXPECT_EQ(error_of(ask(peer, contract::Prove{nonce(1)})).code, code::kNotTrusted) << "it is good once";
  EXPECT_EQ(error_of(ask(peer, contract::Prove{nonce(0)})).code, code::kNotTrusted) << "all zeros were given to nobody";
}

TEST_F(Proving, OneThatBecomesAnotherProgramIsNotVerified) {
  const PeerId peer = stage.client();
  found(the<Identify>(ask(peer, contract::Prove{}, token_of(1))), ours().manifest(), 7);
  const auto proof =
      value_of<contract::Proof>(found(the<Identify>(ask(peer, contract::Prove{nonce(1)})), ours().manifest(), 8));
  EXPECT_EQ(proof->who.trust, PeerClass::uid_only);
  EXPECT_NE(proof->why_not.find("another program"), std::string::npos);
}

TEST_F(Proving, WhatCannotBeProvenIsToldWithItsReason) {
  const PeerId peer = stage.client();
  const auto asked = the<Identify>(ask(peer, contract::Prove{}, token_of(1)));
  const auto proof = value_of<contract::Proof>(stage.apply(Identified{
      asked.number, {}, std::unexpected(Error{Kind::denied, code::kNotTrusted, "a debugger holds it", ""})}));
  EXPECT_EQ(proof->who.trust, PeerClass::uid_only);
  EXPECT_EQ(proof->why_not, "a debugger holds it");
  EXPECT_EQ(proof->nonce.size(), 0U);
}

TEST_F(Proving, OneQuestionOfAPeerIsOpenAtATime) {
  const PeerId peer = stage.client();
  the<Identify>(ask(peer, contract::Prove{}, token_of(1)));
  EXPECT_EQ(error_of(ask(peer, contract::Prove{}, token_of(2))).kind, Kind::busy);
}

TEST_F(Proving, OnlySoManyProcessesAreLookedAtAtATime) {
  for (std::size_t i = 0; i < kIdentificationsMax; ++i) the<Identify>(ask(stage.client(), contract::Prove{}));
  const PeerId late = stage.client();
  EXPECT_EQ(error_of(ask(late, contract::Prove{})).code, code::kQueueFull);
}

TEST_F(Proving, ANewSpawnerIsAskedAgain) {
  const auto asked = the<Identify>(ask(stage.client(), contract::Prove{}));
  EXPECT_EQ(the<Identify>(stage.apply(SpawnerCame{2})).number, asked.number);
}

TEST_F(Proving, OneThatLeavesIsForgottenWithItsQuestion) {
  const PeerId peer = stage.client();
  const auto asked = the<Identify>(ask(peer, contract::Prove{}));
  stage.apply(PeerLeft{peer});
  EXPECT_TRUE(found(asked, ours().manifest()).empty());
  EXPECT_TRUE(stage.core->is_idle());
}

TEST_F(Proving, AVerifiedProgramRegistersInItsTeamsGroupsAndNobodyElseDoes) {
  const std::string name = ours().team + ".shared.name";
  const Signer other;
  EXPECT_EQ(error_of(ask(stage.client(), contract::Register{name})).code, code::kNotPrivileged) << "unsigned";
  EXPECT_EQ(error_of(ask(verified(other), contract::Register{name})).code, code::kNotPrivileged) << "another team";
  EXPECT_TRUE(value_of<bool>(ask(verified(ours()), contract::Register{name})).value_or(false));
}

TEST_F(Proving, ThoseWhoAskForATeamAreFoundByItAloneAndToldWhoCalls) {
  Job callee = job_named("a");
  callee.allowed_callers = callers("team:" + ours().team);
  stage.knows({callee});
  EXPECT_EQ(error_of(stage.look_up(stage.client(), "a")).code, code::kUnknownService);
  EXPECT_EQ(error_of(stage.look_up(verified(Signer()), "a")).code, code::kUnknownService);
  const auto launch = the<Launch>(stage.look_up(verified(ours()), "a"));
  const PeerId service = stage.come_up(launch.instance);
  const auto handed = the<HandOver>(stage.check_in(service, launch.instance));
  EXPECT_EQ(handed.client.peer.team, ours().team);
  EXPECT_EQ(handed.client.peer.trust, PeerClass::verified);
  EXPECT_EQ(handed.client.peer.identifier, ours().team + ".org.example.app");
}

TEST_F(Proving, FoldersAreForMembers) {
  const std::string group = ours().team + ".shared";
  EXPECT_EQ(error_of(ask(stage.client(), contract::Join{group})).code, code::kNotPrivileged);
  EXPECT_EQ(error_of(ask(verified(Signer()), contract::Join{group})).code, code::kNotPrivileged);
  EXPECT_EQ(value_of<std::string>(ask(verified(ours()), contract::Join{group})).value_or(""), "/" + group);
}

TEST_F(Proving, WhatIsRevokedLosesItsConnection) {
  const PeerId peer = verified(ours());
  ask(peer, contract::List{});
  const Orders orders = stage.apply(Scanned{{}, {}, revoking(ours().team)});
  EXPECT_EQ(the<Drop>(orders).peer, peer);
}

TEST_F(Proving, NothingCountsWhileATrustFileIsNotUnderstood) {
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{}, {}, {{}, false}});
  const PeerId peer = stage.client();
  found(the<Identify>(ask(peer, contract::Prove{}, token_of(1))), ours().manifest());
  const auto proof =
      value_of<contract::Proof>(found(the<Identify>(ask(peer, contract::Prove{nonce(1)})), ours().manifest()));
  EXPECT_EQ(proof->who.trust, PeerClass::uid_only);
}

TEST_F(Proving, AProgramIsJudgedBeforeItIsStarted) {
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const auto first = the<Launch>(stage.look_up(client, "a"));
  EXPECT_EQ(first.image, contract::ImageId{}) << "nobody has seen it";
  const auto second = the<Launch>(stage.apply(ImageIs{first.instance, image_of(5, ours().manifest())}));
  EXPECT_EQ(second.image, contract::ImageId{5});
  EXPECT_EQ(second.control, Launch::Control::kept);
  const PeerId service = stage.come_up(first.instance);
  stage.check_in(service, first.instance);
  const auto found = value_of<contract::JobDetails>(ask(client, contract::Print{"a"}));
  EXPECT_EQ(found->identifier, ours().team + ".org.example.app");
}

TEST_F(Proving, AProgramWithoutASignatureGoesByWhatItIs) {
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  launched_with(client, "a", image_of(0xab));
  const auto found = value_of<contract::JobDetails>(ask(client, contract::Print{"a"}));
  EXPECT_EQ(found->identifier, "adhoc.ab" + std::string(62, '0'));
}

TEST_F(Proving, WhatIsRevokedIsNotStartedAndAskedForAnewTheNextTime) {
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{job_named("a")}, {}, revoking(ours().team)});
  const auto first = the<Launch>(stage.look_up(stage.client(), "a"));
  const Orders orders = stage.apply(ImageIs{first.instance, image_of(5, ours().manifest())});
  EXPECT_TRUE(Stage::all<Launch>(orders).empty());
  EXPECT_NE(the<Refuse>(orders).reason.message.find("is revoked"), std::string::npos);
  EXPECT_EQ(the<Launch>(stage.look_up(stage.client(), "a")).image, contract::ImageId{}) << "it may have been replaced";
}

TEST_F(Proving, WhatIsRevokedWhileItRunsIsEnded) {
  stage.knows({job_named("a")});
  const auto launch = launched_with(stage.client(), "a", image_of(5, ours().manifest()));
  stage.check_in(stage.come_up(launch.instance), launch.instance);
  ask(stage.client(), contract::List{});
  const auto kill = the<Kill>(stage.apply(Scanned{{job_named("a")}, {}, revoking(ours().team)}));
  EXPECT_EQ(kill.instance, launch.instance);
  EXPECT_EQ(kill.signal, SIGKILL);
}

TEST_F(Proving, WhatIsRevokedWhileItIsLaunchedIsEndedWhenItIsThere) {
  stage.knows({job_named("a")});
  const auto launch = launched_with(stage.client(), "a", image_of(5, ours().manifest()));
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{job_named("a")}, {}, revoking(ours().team)});
  EXPECT_EQ(the<Kill>(stage.apply(Launched{launch.instance, 4242})).signal, SIGKILL);
}

// The broker before may have died between reading of it and ending it.
TEST_F(Proving, WhatIsRevokedAndRunsIsEndedByTheNextBrokerTooAndIsConfinedUntilThen) {
  Job job = job_named("a");
  job.text = job_text("a", "", "");
  job.text.replace(job.text.find("none"), 4, "parser");
  stage.knows({job});
  const auto launch = launched_with(stage.client(), "a", image_of(5, ours().manifest()));
  const PeerId service = stage.come_up(launch.instance);
  stage.check_in(service, launch.instance);
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{job}, {}, revoking(ours().team)});
  EXPECT_EQ(the<Kill>(stage.next_broker()).instance, launch.instance);
  EXPECT_EQ(error_of(ask(service, contract::Stop{"a"})).code, code::kNotPrivileged);
}

TEST_F(Proving, WhatASignatureAsksForHoldsAlsoWhileItGivesNothing) {
  policy::Trust broken = revoking(ours().team);
  broken.is_whole = false;
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{job_named("a")}, {}, broken});
  const auto first = the<Launch>(stage.look_up(stage.client(), "a"));
  const Orders revoked = stage.apply(ImageIs{first.instance, image_of(5, ours().manifest())});
  EXPECT_NE(the<Refuse>(revoked).reason.message.find("is revoked"), std::string::npos);
  const Signer other;
  const auto next = the<Launch>(stage.look_up(stage.client(), "a"));
  stage.apply(ImageIs{next.instance, image_of(6, other.manifest({"team:" + other.team}))});
  const PeerId service = stage.come_up(next.instance);
  EXPECT_EQ(the<Refuse>(stage.check_in(service, next.instance)).reason.code, code::kUnknownService);
}

TEST_F(Proving, AProgramRunsInThePresetThatItWasSignedForOrNotAtAll) {
  stage.knows({job_named("a")});
  const auto first = the<Launch>(stage.look_up(stage.client(), "a"));
  const Orders orders = stage.apply(ImageIs{first.instance, image_of(5, ours().manifest({}, "compute"))});
  EXPECT_NE(the<Refuse>(orders).reason.message.find("signed for the preset compute"), std::string::npos);
}

TEST_F(Proving, AClientIsGivenNoServiceThatIsNotWhatItRequires) {
  stage.knows({job_named("a")});
  const auto required = [&](const std::string& what) { return contract::LookUp{"a", 0, what}; };
  EXPECT_EQ(error_of(ask(stage.client(), required("nobody"))).code, code::kWrongType);
  const auto first = the<Launch>(ask(stage.client(), required("team:" + ours().team)));
  stage.apply(ImageIs{first.instance, image_of(5)});
  const PeerId service = stage.come_up(first.instance);
  const Orders orders = stage.check_in(service, first.instance);
  EXPECT_TRUE(Stage::all<HandOver>(orders).empty());
  EXPECT_EQ(the<Refuse>(orders).reason.code, code::kNotMet);
  const Orders later = ask(stage.client(), required("class:bound and preset:parser"));
  EXPECT_EQ(Stage::all<HandOver>(later).size(), 1U);
}

TEST_F(Proving, WhatASandboxLacksHereIsInTheRecordOfWhoeverRunsInOne) {
  stage.lacking = 0b101;
  stage.next_broker();
  Job bare = job_named("bare");
  bare.preset = "none";
  stage.knows({job_named("a"), bare});
  const auto required = [&](const std::string& what) { return contract::LookUp{"a", 0, what}; };
  const PeerId client = stage.client();
  const std::vector<std::string> lacking{"landlock", "landlock-scopes"};
  const Orders asked = ask(client, required("enforces:landlock"));
  EXPECT_EQ(the<Grant>(asked).service.lacking, lacking) << "before it was ever started";
  const auto first = the<Launch>(asked);
  const PeerId service = stage.come_up(first.instance);
  EXPECT_EQ(the<Refuse>(stage.check_in(service, first.instance)).reason.code, code::kNotMet);
  EXPECT_EQ(Stage::all<HandOver>(ask(client, required("confined and enforces:landlock-ports"))).size(), 1U);
  EXPECT_EQ(value_of<contract::JobDetails>(ask(client, contract::Print{"a"}))->lacking, lacking);
  EXPECT_EQ(value_of<contract::Proof>(ask(service, contract::Prove{}))->who.lacking, lacking);
  the<Launch>(stage.look_up(client, "bare"));
  EXPECT_TRUE(value_of<contract::JobDetails>(ask(client, contract::Print{"bare"}))->lacking.empty());
}

TEST_F(Proving, ASignatureSaysWhoMayCallEvenWhereTheJobLetsAllOfThem) {
  stage.knows({job_named("a")});
  const auto launch = launched_with(stage.client(), "a", image_of(5, ours().manifest({"team:" + ours().team})));
  const PeerId service = stage.come_up(launch.instance);
  EXPECT_EQ(the<Refuse>(stage.check_in(service, launch.instance)).reason.code, code::kUnknownService);
  EXPECT_EQ(Stage::all<HandOver>(stage.look_up(verified(ours()), "a")).size(), 1U);
}

TEST_F(Proving, AServiceSaysWhoMayCallWhenItChecksIn) {
  stage.knows({job_named("a")});
  const auto first = the<Launch>(stage.look_up(stage.client(), "a"));
  const PeerId service = stage.come_up(first.instance);
  EXPECT_EQ(error_of(ask(service, contract::CheckIn{{{"a", "anybody"}}})).code, code::kWrongType);
  ask(service, contract::CheckIn{{{"a", "class:verified"}}});
  EXPECT_EQ(the<Refuse>(stage.apply(Confirmed{first.instance, 2})).reason.code, code::kUnknownService);
  EXPECT_EQ(Stage::all<HandOver>(stage.look_up(verified(ours()), "a")).size(), 1U);
}

// All that is known of a process is kept in one packet.
TEST_F(Proving, WhatOneProcessAsksOfItsCallersIsBounded) {
  stage.knows({job_named("a")});
  const auto first = the<Launch>(stage.look_up(stage.client(), "a"));
  const PeerId service = stage.come_up(first.instance);
  const std::string longest = "user" + std::string(kRequirementBytesMax - 4, ' ');
  contract::CheckIn many;
  for (int i = 0; i < 17; ++i) many.callers["n." + std::to_string(i)] = longest;
  EXPECT_EQ(error_of(ask(service, many)).code, code::kTooLarge);
  const PeerId peer = verified(ours());
  // By the bound, or before that by the peer's share: each is charged for what it becomes when it is understood.
  int taken = 0;
  const auto name = [&] { return ours().team + ".shared." + std::to_string(taken); };
  while (taken < 17 && value_of<bool>(ask(peer, contract::Register{name(), contract::Scope::everybody, longest})))
    ++taken;
  EXPECT_GT(taken, 0);
  EXPECT_LE(taken, 16);
}

TEST_F(Proving, TheNextBrokerKnowsWhoEverybodyIs) {
  Job member = job_named("member");
  member.preset = "none";
  member.text = job_text("member");
  policy::Grant floor;
  floor.team = ours().team;
  floor.minimum_versions["org.example.app"] = 1;
  ask(stage.client(), contract::List{});
  stage.apply(Scanned{{member}, {}, {{floor}, true}});
  const auto launch = launched_with(stage.client(), "member", image_of(5, ours().manifest()));
  const PeerId service = stage.come_up(launch.instance);
  stage.check_in(service, launch.instance);
  const PeerId peer = verified(ours());
  ask(peer, contract::Register{ours().team + ".shared.name"});
  stage.next_broker();
  // Before any file has been read again.
  EXPECT_TRUE(value_of<bool>(ask(peer, contract::Register{ours().team + ".shared.more"})).value_or(false));
  EXPECT_TRUE(value_of<bool>(ask(service, contract::Register{ours().team + ".shared.last"})).value_or(false));
}

TEST_F(Proving, PeopleAreToldWhoAProcessIsAndConfinedServicesAreNot) {
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const auto launch = launched_with(client, "a", image_of(5));
  const PeerId service = stage.come_up(launch.instance);
  EXPECT_EQ(error_of(ask(service, contract::Identify{1})).code, code::kNotPrivileged);
  const auto bound = value_of<contract::Identified>(ask(client, contract::Identify{4242}));
  EXPECT_EQ(bound->who.trust, PeerClass::bound);
  const auto asked = the<Identify>(ask(client, contract::Identify{99}));
  EXPECT_EQ(asked.pid, 99);
  const auto seen = value_of<contract::Identified>(found(asked, ours().manifest()));
  EXPECT_EQ(seen->who.trust, PeerClass::verified);
  EXPECT_EQ(seen->why_not, "the broker did not start it");
}

}  // namespace
}  // namespace reeve::broker
