// How the next broker goes on.
#include <gtest/gtest.h>

#include "stage.hpp"

namespace reeve::broker {
namespace {

TEST(Recovery, AnEndOnItsWayToOneOfManyInstancesIsKeptForThatOne) {
  Stage stage;
  Job job = job_named("a");
  job.service_type = ServiceType::application;
  stage.knows({job});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  const auto kept = Stage::all<Keep>(stage.check_in(stage.come_up(instance), instance));
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(std::get<KeptEnd>(kept[1].what).label, std::get<KeptService>(kept[0].what).label);
}

TEST(Recovery, AJobThatWasUnloadedDoesNotComeBackWithTheNextBroker) {
  Stage stage;
  const PeerId client = stage.client();
  const auto launches = Stage::all<Launch>(stage.load(client, "a", "<key>KeepAlive</key><true/>"));
  ASSERT_EQ(launches.size(), 1U);
  stage.come_up(launches[0].instance);
  stage.apply(PeerAsked{client, 10, contract::Unload{"a"}, {}});
  stage.next_broker();
  stage.apply(Launched{launches[0].instance, 4242});
  stage.apply(Scanned{});
  EXPECT_TRUE(Stage::all<Launch>(stage.die(control_of(launches[0].instance), launches[0].instance)).empty());
  EXPECT_EQ(stage.kept_count(), 0U);
}

TEST(Recovery, AJobThatStartsOnceIsNotStartedAgainByABrokerThatBeginsWhileItEnds) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA + "<key>LaunchOnlyOnce</key><true/>");
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  stage.come_up(instance);
  const Orders orders = stage.apply(Exited{instance, {}});
  EXPECT_TRUE(Stage::all<Launch>(stage.die_after_first<Forget>(orders)).empty());
  EXPECT_EQ(error_of(stage.look_up(stage.client(), "a")).code, code::kLaunchFailed);
}

TEST(Recovery, AnEndpointOfAnInstanceThatIsGoneLeadsNowhereForTheNextBrokerEither) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA);
  const InstanceId instance = stage.serving(client, "a", token_of(7)).instance;
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  stage.apply(PeerCame{PeerId{900}, 100, 1000});
  const auto granted = Stage::all<Grant>(stage.apply(PeerAsked{PeerId{900}, 50, contract::Redeem{token_of(7)}, {}}));
  ASSERT_EQ(granted.size(), 1U);
  ASSERT_TRUE(granted[0].keep) << "what the instance has taken is not known yet";
  // This broker is killed too, when it has forgotten the instance and not yet refused the end.
  const Orders orders = stage.apply(Exited{instance, {}});
  const Orders next = stage.die_after_first<Forget>(orders);
  ASSERT_EQ(Stage::all<Refuse>(next).size(), 1U);
  EXPECT_EQ(Stage::all<Refuse>(next)[0].end, granted[0].end);
  EXPECT_TRUE(Stage::all<Launch>(next).empty());
}

TEST(Recovery, AnswersARetirementAskedOfTheBrokerBeforeWhenItIsAskedAgain) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA);
  const auto [instance, service, end] = stage.serving(client, "a", token_of(7));
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  const PeerAsked retire{service, 2, contract::Retire{end.value}, {}};
  EXPECT_TRUE(stage.apply(retire).empty()) << "it stood in the queue when the broker before this one died";
  stage.take_until(service, end);
  const Orders answered = stage.apply(retire);
  ASSERT_EQ(Stage::all<Answer>(answered).size(), 1U);
  EXPECT_TRUE(*contract::decode_reply<bool>(*Stage::all<Answer>(answered)[0].what));
}

TEST(Recovery, WhatAServiceSaidToTheBrokerBeforeDoesNotSettleWhatItHasTaken) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA);
  const auto [instance, service] = stage.running(client, "a");
  const EndId end = Stage::all<HandOver>(stage.look_up(client, "a"))[0].end;
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  // It stood in the queue when the broker died; what that had handed over last stands in the other.
  EXPECT_TRUE(
      Stage::all<HandOver>(stage.apply(PeerAsked{service, 0, contract::Taken{0, stage.broker - 1}, {}})).empty());
  const PeerAsked retire{service, 2, contract::Retire{0}, {}};
  EXPECT_TRUE(stage.apply(retire).empty()) << "it is not known what is in its queue";
  stage.take_until(service, end);
  EXPECT_FALSE(*value_of<bool>(stage.apply(retire))) << "it has taken more since it asked";
}

TEST(Recovery, ANewBrokerHandsOverInAscendingOrderForARegisteredNameToo) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA, "<key>Groups</key><array><string>g</string></array>");
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.apply(PeerAsked{service, 1, contract::CheckIn{}, token_of(7)});
  stage.apply(PeerAsked{service, 2, contract::Register{"g.x"}, {}});
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  stage.apply(PeerCame{PeerId{900}, 100, 1000});
  EXPECT_TRUE(Stage::all<HandOver>(stage.look_up(PeerId{900}, "g.x")).empty()) << "another comes first";
  const auto handed = Stage::all<HandOver>(stage.take_until(service, EndId{}));
  ASSERT_EQ(handed.size(), 2U);
  EXPECT_EQ(handed[0].name, "a");
  EXPECT_EQ(handed[1].name, "g.x");
}

TEST(Recovery, AnEndKeptForAJobOfWhichNothingIsKeptWaitsForItsFile) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders orders = stage.look_up(client, "a");
  EXPECT_TRUE(Stage::all<Refuse>(stage.die_after<Grant>(orders)).empty());
  const Orders scanned = stage.apply(Scanned{{job_named("a")}, {}});
  ASSERT_EQ(Stage::all<Launch>(scanned).size(), 1U);
  const InstanceId instance = Stage::all<Launch>(scanned)[0].instance;
  const auto handed = Stage::all<HandOver>(stage.check_in(stage.come_up(instance), instance));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].end, Stage::all<Grant>(orders)[0].end);
}

TEST(Recovery, AnEndKeptForAJobWhoseFileIsGoneIsRefused) {
  Stage stage;
  stage.knows({job_named("a")});
  stage.die_after<Grant>(stage.look_up(stage.client(), "a"));
  const Orders scanned = stage.apply(Scanned{});
  EXPECT_EQ(Stage::all<Refuse>(scanned).size(), 1U);
  EXPECT_EQ(stage.kept_count(), 0U);
}

TEST(Recovery, AClientIsKeptUnderANumberThatNothingElseHas) {
  Stage stage;
  const PeerId client = first_client(1);
  stage.apply(Recovered{1, 1000, {}});
  stage.apply(Scanned{{job_named("a")}, {}});
  stage.apply(PeerCame{client, 100, 1000});
  const Orders orders = stage.look_up(client, "a");
  stage.apply(PeerAsked{client, 9, contract::Register{"x", contract::Scope::process}, {}});
  EXPECT_EQ(stage.kept_count(), 3U) << "an end, a service, and a peer";
}

}  // namespace
}  // namespace reeve::broker
