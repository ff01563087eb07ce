#include <gtest/gtest.h>

#include "../wire/wire.hpp"
#include "stage.hpp"

namespace reeve::broker {
namespace {

TEST(Core, RefusesANameThatNoJobOffersAfterReadingTheFilesOnceMore) {
  Stage stage;
  const PeerId client = stage.client();
  EXPECT_NE(Stage::only<Scan>(stage.look_up(client, "org.nobody")), nullptr);
  EXPECT_TRUE(stage.look_up(client, "org.nobody.else").empty()) << "one scan serves all who wait";
  const Orders orders = stage.apply(Scanned{{}, {}});
  ASSERT_EQ(orders.size(), 2U);
  const auto& answer = std::get<Answer>(orders[0]);
  ASSERT_FALSE(answer.what);
  EXPECT_EQ(answer.what.error().code, code::kUnknownService);
  EXPECT_FALSE(answer.what.error().advice.empty());
}

TEST(Core, LetsNobodyCheckInThatItDidNotStart) {
  Stage stage;
  const PeerId client = stage.client();
  EXPECT_EQ(error_of(stage.apply(PeerAsked{client, 1, contract::CheckIn{}, {}})).code, code::kNotPrivileged);
}

TEST(Core, AConfinedServiceMayCallNobodyAndListNothing) {
  Stage stage;
  stage.knows({job_named("a"), job_named("b")});
  const auto launches = Stage::all<Launch>(stage.look_up(stage.client(), "a"));
  const PeerId service = stage.come_up(launches[0].instance);
  EXPECT_EQ(error_of(stage.look_up(service, "b")).code, code::kUnknownService);
  EXPECT_EQ(error_of(stage.apply(PeerAsked{service, 9, contract::List{}, {}})).code, code::kNotPrivileged);
}

// What was read may have been read before the file was written of which somebody asks now.
TEST(Core, AnswersWhatCameWhileFilesWereReadByAReadingThatBeganAfterIt) {
  Stage stage;
  const PeerId first = stage.client();
  const PeerId second = stage.client();
  const PeerId third = stage.client();
  EXPECT_EQ(Stage::all<Scan>(stage.look_up(first, "a")).size(), 1U);
  EXPECT_TRUE(Stage::all<Scan>(stage.look_up(second, "b")).empty()) << "one reading at a time";
  stage.look_up(third, "c");
  Orders orders = stage.apply(Scanned{{job_named("c")}, {}});
  const auto answers = Stage::all<Answer>(orders);
  ASSERT_EQ(answers.size(), 1U) << "b may have been written since";
  EXPECT_EQ(answers[0].peer, first);
  ASSERT_FALSE(answers[0].what);
  EXPECT_EQ(answers[0].what.error().code, code::kUnknownService);
  EXPECT_EQ(Stage::all<Grant>(orders).size(), 1U) << "what is there now need not wait";
  EXPECT_EQ(Stage::all<Scan>(orders).size(), 1U);
  orders = stage.apply(Scanned{{job_named("b"), job_named("c")}, {}});
  EXPECT_EQ(Stage::all<Grant>(orders).size(), 1U);
  EXPECT_TRUE(Stage::all<Scan>(orders).empty());
}

TEST(Core, ReadsOnceMoreWhatChangedWhileItWasRead) {
  Stage stage;
  EXPECT_EQ(Stage::all<Scan>(stage.apply(FoldersChanged{})).size(), 1U);
  EXPECT_TRUE(Stage::all<Scan>(stage.apply(FoldersChanged{})).empty());
  EXPECT_EQ(Stage::all<Scan>(stage.apply(Scanned{})).size(), 1U);
  EXPECT_TRUE(Stage::all<Scan>(stage.apply(Scanned{})).empty());
}

TEST(Core, RefusesAnInstanceThatRunsUnderFewerFiltersThanItsPreset) {
  Stage stage;
  stage.knows({job_named("a")});
  const auto launches = Stage::all<Launch>(stage.look_up(stage.client(), "a"));
  const PeerId service = stage.come_up(launches[0].instance);
  const Orders orders = stage.check_in(service, launches[0].instance, 1);
  ASSERT_EQ(Stage::all<Refuse>(orders).size(), 1U);
  EXPECT_EQ(Stage::all<Refuse>(orders)[0].reason.code, code::kMissingLayer);
  EXPECT_EQ(Stage::all<Kill>(orders).size(), 1U);
  EXPECT_TRUE(Stage::all<HandOver>(orders).empty());
}

TEST(Core, StartsAJobOnceForAllWhoWaitAndHandsOverInOrder) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders first = stage.look_up(client, "a");
  const Orders second = stage.look_up(client, "a");
  ASSERT_EQ(Stage::all<Launch>(first).size(), 1U);
  EXPECT_TRUE(Stage::all<Launch>(second).empty());
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  const PeerId service = stage.come_up(instance);
  const auto handed = Stage::all<HandOver>(stage.check_in(service, instance));
  ASSERT_EQ(handed.size(), 2U);
  EXPECT_EQ(handed[0].end, Stage::all<Grant>(first)[0].end);
  EXPECT_EQ(handed[1].end, Stage::all<Grant>(second)[0].end);
  EXPECT_EQ(handed[0].service, service);
  EXPECT_EQ(handed[0].client.peer.uid, 1000U);
  EXPECT_EQ(handed[0].client.record.pid, 0) << "a confined service sees outsiders as process 0";
}

TEST(Core, EndsThatWaitGoToTheNextInstanceWhenOneDiesBeforeItChecksIn) {
  Stage stage;
  stage.knows({job_named("a")});
  const Orders granted = stage.look_up(stage.client(), "a");
  const InstanceId first = Stage::all<Launch>(granted)[0].instance;
  const Orders after = stage.die(stage.come_up(first), first);
  ASSERT_EQ(Stage::all<Launch>(after).size(), 1U);
  const InstanceId second = Stage::all<Launch>(after)[0].instance;
  const auto handed = Stage::all<HandOver>(stage.check_in(stage.come_up(second), second));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].end, Stage::all<Grant>(granted)[0].end);
}

TEST(Core, EndsThatADeadInstanceHadNotTakenGoToTheNextAndTheOthersDieWithIt) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders early = stage.look_up(client, "a");
  const InstanceId first = Stage::all<Launch>(early)[0].instance;
  const PeerId service = stage.come_up(first);
  stage.check_in(service, first);
  const EndId late = Stage::all<Grant>(stage.look_up(client, "a"))[0].end;
  ASSERT_EQ(Stage::all<Release>(stage.take_until(service, Stage::all<Grant>(early)[0].end)).size(), 1U);
  const auto launches = Stage::all<Launch>(stage.die(service, first));
  ASSERT_EQ(launches.size(), 1U) << "somebody waits still";
  const auto handed = Stage::all<HandOver>(stage.check_in(stage.come_up(launches[0].instance), launches[0].instance));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].end, late);
}

TEST(Core, AServiceThatClaimsMoreEndsThanItWasHandedHasTakenThoseAlone) {
  Stage stage;
  stage.knows({job_named("a")});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  EXPECT_EQ(Stage::all<Release>(stage.apply(PeerAsked{service, 0, contract::Taken{~0ULL}, {}})).size(), 1U);
  EXPECT_TRUE(stage.take_until(stage.client(), EndId{1}).empty());
}

TEST(Core, ForgetsAnEndThatCouldNotBeMade) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders granted = stage.look_up(client, "a");
  const InstanceId instance = Stage::all<Launch>(granted)[0].instance;
  const EndId lost = Stage::all<Grant>(stage.look_up(client, "a"))[0].end;
  EXPECT_NE(Stage::only<Forget>(stage.apply(GrantFailed{lost})), nullptr);
  const auto handed = Stage::all<HandOver>(stage.check_in(stage.come_up(instance), instance));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].end, Stage::all<Grant>(granted)[0].end);
}

TEST(Core, TellsThoseWhoWaitWhyAJobKeepsDying) {
  Stage stage;
  Job job = job_named("a");
  job.throttle_interval = 0s;
  stage.knows({job});
  Orders orders = stage.look_up(stage.client(), "a");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Stage::all<Launch>(orders).size(), 1U);
    const InstanceId instance = Stage::all<Launch>(orders)[0].instance;
    orders = stage.die(stage.come_up(instance), instance);
  }
  ASSERT_EQ(Stage::all<Refuse>(orders).size(), 1U);
  EXPECT_EQ(Stage::all<Refuse>(orders)[0].reason.code, code::kLaunchFailed);
  EXPECT_TRUE(Stage::all<Launch>(orders).empty());
}

TEST(Core, AnInstanceWithoutItsFiltersServesNobodyAndIsEnded) {
  for (const auto& [filters, says] : {std::pair(1, "under 1 seccomp filters"), std::pair(-1, "nothing tells")}) {
    Stage stage;
    stage.knows({job_named("a")});
    const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
    const PeerId service = stage.come_up(instance);
    const Orders orders = stage.check_in(service, instance, filters);
    const auto refused = Stage::all<Refuse>(orders);
    ASSERT_EQ(refused.size(), 1U) << filters;
    EXPECT_EQ(refused[0].reason.code, code::kMissingLayer);
    EXPECT_NE(refused[0].reason.message.find(says), std::string::npos) << refused[0].reason.message;
    ASSERT_EQ(Stage::all<Kill>(orders).size(), 1U);
    EXPECT_TRUE(Stage::all<HandOver>(orders).empty());
  }
}

TEST(Core, AnEndpointLeadsToItsInstanceAloneAndNowhereWhenThatHasEnded) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const auto redeem = [&](int token) {
    return stage.apply(PeerAsked{client, 50, contract::Redeem{token_of(token)}, {}});
  };
  const InstanceId first = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(first);
  EXPECT_EQ(error_of(redeem(7)).kind, Kind::gone) << "nobody has checked in yet";
  stage.apply(PeerAsked{service, 1, contract::CheckIn{}, token_of(7)});
  EXPECT_EQ(error_of(redeem(7)).kind, Kind::gone) << "not before it is confirmed";
  stage.apply(Confirmed{first, 2});
  EXPECT_EQ(error_of(redeem(8)).kind, Kind::gone) << "a token that was never given out";
  EXPECT_EQ(error_of(stage.apply(PeerAsked{service, 9, contract::Redeem{token_of(7)}, {}})).kind, Kind::gone)
      << "a confined service may call nobody";
  const auto handed = Stage::all<HandOver>(redeem(7));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].service, service);
  EXPECT_EQ(handed[0].client.record.pid, 0) << "a record of its own: the broker's, not the giver's";
  const Orders orders = stage.die(service, first);
  const auto refused = Stage::all<Refuse>(orders);
  ASSERT_EQ(refused.size(), 1U) << "the next instance is another";
  EXPECT_EQ(refused[0].end, handed[0].end);
  EXPECT_EQ(refused[0].reason.kind, Kind::gone);
  EXPECT_EQ(error_of(redeem(7)).kind, Kind::gone);
}

TEST(Core, ThrottlesAfterThreeStartsAndRecovers) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  for (int i = 0; i < 3; ++i) {
    const Orders orders = stage.look_up(client, "a");
    const auto launches = Stage::all<Launch>(orders);
    ASSERT_EQ(launches.size(), 1U) << "start " << i << " is not delayed";
    const PeerId service = stage.come_up(launches[0].instance);
    stage.check_in(service, launches[0].instance);
    stage.take_until(service, Stage::all<Grant>(orders)[0].end);
    stage.die(service, launches[0].instance);
  }
  const Error error = error_of(stage.look_up(client, "a"));
  EXPECT_EQ(error.code, code::kThrottled);
  EXPECT_EQ(error.kind, Kind::busy);
  stage.now += 11s;
  EXPECT_EQ(Stage::all<Launch>(stage.look_up(client, "a")).size(), 1U);
}

TEST(Core, AFailedLaunchIsToldToThoseWhoWait) {
  Stage stage;
  stage.knows({job_named("a")});
  const Orders granted = stage.look_up(stage.client(), "a");
  const InstanceId instance = Stage::all<Launch>(granted)[0].instance;
  const Orders orders = stage.apply(LaunchFailed{instance, "/bin/a: open: No such file or directory"});
  ASSERT_EQ(Stage::all<Refuse>(orders).size(), 1U);
  EXPECT_NE(Stage::all<Refuse>(orders)[0].reason.message.find("No such file"), std::string::npos);
  EXPECT_NE(Stage::only<Forget>(stage.apply(Exited{instance, {}})), nullptr);
}

TEST(Core, AnEndOnItsWayKeepsAnIdleServiceFromRetiring) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders first = stage.look_up(client, "a");
  const EndId end = Stage::all<Grant>(first)[0].end;
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  const auto granted = [&](std::uint64_t last) {
    const Orders orders = stage.apply(PeerAsked{service, 77, contract::Retire{last}, {}});
    return *contract::decode_reply<bool>(*Stage::all<Answer>(orders)[0].what);
  };
  EXPECT_FALSE(granted(0)) << "one end was handed over that the service has not seen";
  EXPECT_EQ(Stage::all<Release>(stage.take_until(service, end)).size(), 1U);
  EXPECT_TRUE(granted(end.value));
  EXPECT_TRUE(Stage::all<HandOver>(stage.look_up(client, "a")).empty()) << "the next instance gets it";
  EXPECT_EQ(Stage::all<Launch>(stage.die(service, instance)).size(), 1U);
}

TEST(Core, AnInstanceThatAgreedToStopIsKilledOnlyIfItStays) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders first = stage.look_up(client, "a");
  const EndId end = Stage::all<Grant>(first)[0].end;
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  stage.take_until(service, end);
  stage.apply(PeerAsked{service, 77, contract::Retire{end.value}, {}});
  EXPECT_TRUE(stage.apply(PeerLeft{service}).empty()) << "it is on its way out";
  ASSERT_TRUE(stage.core->wake_at());
  EXPECT_TRUE(stage.apply(Tick{}).empty());
  stage.now = *stage.core->wake_at();
  EXPECT_NE(Stage::only<Kill>(stage.apply(Tick{})), nullptr);
}

TEST(Core, TheFirstFileHasALabelAndANameAndTheOtherIsReported) {
  Stage stage;
  Job second = job_named("b");
  second.names = {OfferedName{"a"}, OfferedName{"b"}};
  Job same_label = job_named("a");
  same_label.file = "/later/a.plist";
  const PeerId client = stage.client();
  stage.apply(PeerAsked{client, 5, contract::List{}, {}});
  const Orders orders = stage.apply(Scanned{{job_named("a"), second, same_label}, {"x.plist: bad"}});
  const auto listing = *contract::decode_reply<contract::Listing>(*Stage::only<Answer>(orders)->what);
  EXPECT_EQ(listing.problems,
            (std::vector<std::string>{"x.plist: bad", "/jobs/b.plist: the name a belongs to the job a",
                                      "/later/a.plist: the label a stands in /jobs/a.plist already"}));
  ASSERT_EQ(listing.jobs.size(), 2U);
  EXPECT_EQ(listing.jobs[1].names, std::vector<std::string>{"b"});
}

TEST(Core, ListsAsMuchAsOneAnswerHoldsAndCountsTheRest) {
  Stage stage;
  std::vector<Job> jobs;
  for (int i = 0; i < 1000; ++i) jobs.push_back(job_named(std::string(100, 'a') + std::to_string(i)));
  const PeerId client = stage.client();
  stage.apply(PeerAsked{client, 5, contract::List{}, {}});
  const Orders orders = stage.apply(Scanned{std::move(jobs), {"one problem"}});
  const auto& answer = *Stage::only<Answer>(orders)->what;
  EXPECT_LE(wire::encode(answer)->body.bytes.size(), kFragmentBytes);
  const auto listing = *contract::decode_reply<contract::Listing>(answer);
  EXPECT_GT(listing.jobs.size(), 100U);
  ASSERT_EQ(listing.problems.size(), 2U);
  EXPECT_EQ(listing.problems[1],
            std::to_string(1000 - listing.jobs.size()) + " jobs, names or problems more than one answer can hold");
}

TEST(Core, AServiceThatGivesUpItsControlChannelHasAMomentToEndByItself) {
  Stage stage;
  stage.knows({job_named("a")});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  EXPECT_TRUE(stage.apply(PeerLeft{service}).empty());
  stage.now = *stage.core->wake_at();
  EXPECT_NE(Stage::only<Kill>(stage.apply(Tick{})), nullptr);
}

TEST(Core, AnInstanceThatDoesNotCheckInInTimeIsKilled) {
  Stage stage;
  stage.knows({job_named("a")});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  stage.come_up(instance);
  stage.now = *stage.core->wake_at();
  EXPECT_NE(Stage::only<Kill>(stage.apply(Tick{})), nullptr);
}

TEST(Core, AClientPassesByOnceItWasAnsweredAndUnlessItOffersSomething) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  EXPECT_FALSE(stage.core->is_passing_by(client)) << "it may be about to offer something";
  stage.look_up(client, "b");
  EXPECT_FALSE(stage.core->is_passing_by(client)) << "it waits until the files are read";
  stage.apply(Scanned{{job_named("a")}, {}});
  EXPECT_TRUE(stage.core->is_passing_by(client));
  const auto [instance, service] = stage.running(client, "a");
  EXPECT_TRUE(stage.core->is_passing_by(client));
  stage.look_up(service, "a");
  EXPECT_FALSE(stage.core->is_passing_by(service)) << "a service's line is for as long as it runs";
  stage.apply(PeerAsked{client, 77, contract::Register{"b"}, {}});
  EXPECT_FALSE(stage.core->is_passing_by(client));
  stage.apply(PeerAsked{client, 78, contract::Unregister{"b"}, {}});
  EXPECT_FALSE(stage.core->is_passing_by(client)) << "it may offer it again";
  stage.apply(PeerLeft{client});
  EXPECT_FALSE(stage.core->is_passing_by(client));
}

TEST(Core, AJobWhoseFileIsGoneRunsToItsEndAndIsForgotten) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const auto [instance, service] = stage.running(client, "a");
  stage.knows({});
  EXPECT_NE(Stage::only<Scan>(stage.look_up(client, "a")), nullptr);
  stage.apply(Scanned{{}, {}});
  EXPECT_TRUE(Stage::all<Launch>(stage.die(service, instance)).empty());
  stage.apply(PeerLeft{client});
  EXPECT_TRUE(stage.core->is_idle());
}

TEST(Core, BoundsWhatOnePeerAndOneJobMayHoldOpen) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  for (std::size_t i = 0; i < kRequestsPerPeerMax; ++i) stage.look_up(client, "x" + std::to_string(i));
  EXPECT_EQ(error_of(stage.look_up(client, "one.more")).code, code::kQueueFull);
  for (std::size_t n = 0; n < kWaitingEndsMax / kWaitingEndsPerClientMax; ++n) {
    const PeerId hog{1000 + n};
    stage.apply(PeerCame{hog, static_cast<std::int32_t>(1000 + n), 1000, 0});
    for (std::size_t i = 0; i < kWaitingEndsPerClientMax; ++i) {
      EXPECT_FALSE(Stage::all<Grant>(stage.look_up(hog, "a")).empty());
    }
    EXPECT_EQ(error_of(stage.look_up(hog, "a")).code, code::kQueueFull) << "one client leaves room for others";
  }
  EXPECT_EQ(error_of(stage.look_up(client, "a")).code, code::kQueueFull);
}

TEST(Core, AJobLoadedInThePlaceOfAFileThatIsGoneKeepsNoneOfItsInterval) {
  Stage stage;
  Job job = job_named("a");
  job.start_interval = 5s;
  stage.knows({job});
  const PeerId client = stage.client();
  stage.come_up(Stage::all<Launch>(stage.look_up(client, "a"))[0].instance);
  stage.knows({});
  stage.load(client, "a");
  stage.now += 6s;
  stage.apply(Tick{});
  EXPECT_GT(*stage.core->wake_at(), stage.now);
}

TEST(Core, AFileInThePlaceOfAJobThatWasUnloadedGoesWhenTheFileGoes) {
  Stage stage;
  const PeerId client = stage.client();
  stage.load(client, "a", kOffersA);
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.apply(PeerAsked{client, 10, contract::Unload{"a"}, {}});
  stage.knows({job_named("a")});
  stage.die(service, instance);
  stage.knows({});
  stage.apply(PeerAsked{client, 11, contract::Print{"a"}, {}});
  EXPECT_EQ(error_of(stage.apply(Scanned{})).code, code::kUnknownJob);
}

TEST(Core, ToStartAJobThatRunsDoesNotStartItAgainWhenItIsStopped) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const Orders first = stage.look_up(client, "a");
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  stage.take_until(service, Stage::all<Grant>(first)[0].end);
  stage.apply(PeerAsked{client, 90, contract::Start{"a"}, {}});
  stage.apply(Scanned{{job_named("a")}, {}});
  stage.apply(PeerAsked{client, 91, contract::Stop{"a"}, {}});
  EXPECT_TRUE(Stage::all<Launch>(stage.die(service, instance)).empty());
}

TEST(Core, AnInstanceThatWasToldToStopBeforeItCheckedInIsHandedNobody) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.apply(PeerAsked{client, 90, contract::Stop{"a"}, {}});
  const Orders orders = stage.check_in(service, instance);
  EXPECT_EQ(Stage::all<Answer>(orders).size(), 1U);
  EXPECT_TRUE(Stage::all<HandOver>(orders).empty());
  EXPECT_EQ(Stage::all<Launch>(stage.die(service, instance)).size(), 1U);
}

TEST(Core, ForgetsOneOfManyInstancesThatNobodyWaitsForAnyMore) {
  Stage stage;
  Job job = job_named("a");
  job.service_type = ServiceType::application;
  job.launch_only_once = true;
  stage.knows({job});
  const auto jobs = [&] {
    stage.apply(PeerAsked{stage.client(), 70, contract::List{}, {}});
    const Orders orders = stage.apply(Scanned{{job}, {}});
    return contract::decode_reply<contract::Listing>(*Stage::only<Answer>(orders)->what)->jobs.size();
  };
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  EXPECT_EQ(jobs(), 2U);
  stage.come_up(instance);
  stage.die(control_of(instance), instance);
  EXPECT_EQ(jobs(), 1U);
}

TEST(Core, UnloadingAJobStopsAllItsInstances) {
  Stage stage;
  Job job = job_named("a");
  job.service_type = ServiceType::application;
  stage.knows({job});
  const PeerId client = stage.client();
  const auto [instance, service] = stage.running(client, "a");
  const Orders orders = stage.apply(PeerAsked{client, 70, contract::Unload{"a"}, {}});
  ASSERT_EQ(Stage::all<Kill>(orders).size(), 1U);
  EXPECT_EQ(Stage::all<Kill>(orders)[0].instance, instance);
  EXPECT_TRUE(Stage::all<Launch>(stage.die(service, instance)).empty());
}

TEST(Core, StatusTellsNothingOfANameThatIsHidden) {
  Stage stage;
  Job job = job_named("a");
  job.names.front().hide_until_check_in = true;
  stage.knows({job});
  const PeerId client = stage.client();
  const auto status = [&] { return stage.apply(PeerAsked{client, stage.next_request++, contract::Status{"a"}, {}}); };
  EXPECT_EQ(error_of(status()).code, code::kUnknownService);
  stage.apply(PeerAsked{client, stage.next_request++, contract::Start{"a"}, {}});
  const auto launched = Stage::all<Launch>(stage.apply(Scanned{{job}, {}}));
  ASSERT_EQ(launched.size(), 1U);
  const PeerId service = stage.come_up(launched[0].instance);
  EXPECT_EQ(error_of(status()).code, code::kUnknownService);
  stage.check_in(service, launched[0].instance);
  EXPECT_EQ(value_of<contract::NameStatus>(status())->state, contract::NameState::active);
}

// Who waits for a name.
struct Awaiting : Stage {
  std::uint64_t wait_ms = 60'000;
  Orders await(PeerId peer, const std::string& name, std::int32_t pid = 0) {
    return apply(PeerAsked{peer, next_request++, contract::LookUp{name, pid, {}, wait_ms}, {}});
  }
  Orders offer(PeerId peer, const std::string& name) {
    return apply(PeerAsked{peer, next_request++, contract::Register{name, contract::Scope::process}, {}});
  }
};

TEST(Core, WhoeverWaitsForANameIsAnsweredWhenItComes) {
  Awaiting stage;
  stage.knows({});
  const PeerId client = stage.client();
  EXPECT_EQ(Stage::all<Scan>(stage.await(client, "a")).size(), 1U) << "its file may have been written just now";
  EXPECT_TRUE(stage.apply(Scanned{{}, {}}).empty()) << "it is there no more than before, and that is no answer";
  EXPECT_FALSE(stage.core->is_idle());
  EXPECT_FALSE(stage.core->is_passing_by(client));
  const auto granted = Stage::all<Grant>(stage.apply(Scanned{{job_named("a")}, {}}));
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted[0].peer, client);
  EXPECT_TRUE(Stage::all<Grant>(stage.apply(Scanned{{job_named("a")}, {}})).empty()) << "once";
}

TEST(Core, WhoeverWaitsForARegisteredNameIsAnsweredWhenItComes) {
  Awaiting stage;
  const PeerId client = stage.client();
  const PeerId other = stage.client();
  const PeerId owner = stage.client();
  EXPECT_TRUE(stage.await(client, "own.a", 100).empty());
  EXPECT_TRUE(stage.await(other, "own.b", 100).empty());
  const auto granted = Stage::all<Grant>(stage.offer(owner, "own.a"));
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted[0].peer, client);
  EXPECT_EQ(Stage::all<Grant>(stage.look_up(other, "own.b")).size(), 0U);
}

TEST(Core, WhoeverHasLeftWaitsForNothing) {
  Awaiting stage;
  const PeerId client = stage.client();
  const PeerId owner = stage.client();
  const auto before = stage.core->charged();
  stage.await(client, "own.a", 100);
  EXPECT_FALSE(stage.core->charged() == before) << "who waits pays";
  stage.apply(PeerLeft{client});
  EXPECT_TRUE(Stage::all<Grant>(stage.offer(owner, "own.a")).empty());
}

TEST(Core, BoundsWhatOneClientWaitsFor) {
  Awaiting stage;
  const PeerId client = stage.client();
  for (std::size_t i = 0; i < kRequestsPerPeerMax; ++i) {
    EXPECT_TRUE(stage.await(client, "own.n" + std::to_string(i), 100).empty());
  }
  EXPECT_EQ(error_of(stage.await(client, "own.more", 100)).code, code::kQueueFull);
  EXPECT_NE(error_of(stage.await(stage.client(), "own.a", 100)).code, code::kQueueFull) << "others wait beside it";
}

TEST(Core, AHiddenNameIsWaitedForUntilItsServiceHasCheckedIn) {
  Awaiting stage;
  Job job = job_named("a");
  job.names.front().hide_until_check_in = true;
  stage.knows({job});
  const PeerId client = stage.client();
  EXPECT_TRUE(stage.await(client, "a").empty());
  stage.apply(PeerAsked{client, stage.next_request++, contract::Start{"a"}, {}});
  const auto launched = Stage::all<Launch>(stage.apply(Scanned{{job}, {}}));
  ASSERT_EQ(launched.size(), 1U);
  const PeerId service = stage.come_up(launched[0].instance);
  EXPECT_EQ(Stage::all<Grant>(stage.check_in(service, launched[0].instance)).size(), 1U);
}

TEST(Core, WhoeverWaitedLongEnoughIsNotAnsweredAndMakesRoom) {
  Awaiting stage;
  const PeerId client = stage.client();
  const PeerId owner = stage.client();
  for (std::size_t i = 0; i < kRequestsPerPeerMax; ++i) stage.await(client, "own.a", 100);
  stage.now += 61s;
  EXPECT_TRUE(Stage::all<Grant>(stage.offer(owner, "own.a")).empty());
  EXPECT_TRUE(stage.await(client, "own.b", 100).empty());
  EXPECT_EQ(Stage::all<Grant>(stage.offer(owner, "own.b")).size(), 1U);
}

TEST(Core, ANameThatIsLoadedByHandHasCome) {
  Awaiting stage;
  stage.knows({});
  const PeerId client = stage.client();
  stage.await(client, "org.example.a");
  stage.apply(Scanned{{}, {}});
  const std::string text =
      "<plist><dict><key>Label</key><string>org.example.a</string><key>Program</key><string>/bin/a</string>"
      "<key>MachServices</key><dict><key>org.example.a</key><true/></dict>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  const Orders loaded = stage.apply(PeerAsked{stage.client(), 1, contract::Load{"/a.plist", text}, {}});
  EXPECT_EQ(Stage::all<Grant>(loaded).size(), 1U);
}

// Its process outlives its end, as one does that waits for a file system; what it asked is asked by nobody any more.
TEST(Core, AServiceThatIsGivenUpWaitsForNothing) {
  Awaiting stage;
  stage.knows({job_named("a")});
  const auto [instance, service] = stage.running(stage.client(), "a");
  stage.await(service, "own.a", 100);
  stage.apply(PeerAsked{stage.client(), 1, contract::Stop{"a"}, {}});
  for (int i = 0; i < 100; ++i) {
    stage.now += 1s;
    stage.apply(Tick{});
  }
  stage.apply(PeerLeft{service});
  EXPECT_TRUE(Stage::all<Grant>(stage.offer(stage.client(), "own.a")).empty());
}

// A job's process may ask before the broker has been told of its start, and so be nobody's yet.
TEST(Core, WhoeverAsksBeforeItIsKnownIsAnsweredWhenItIs) {
  Awaiting stage;
  Job friendly = job_named("a");
  friendly.allowed_callers = *policy::Requirement::parse("job:b");
  Job asker = job_named("b");
  asker.preset = "none";
  stage.knows({friendly, asker});
  const auto launches = Stage::all<Launch>(stage.look_up(stage.client(), "b"));
  ASSERT_EQ(launches.size(), 1U);
  const PeerId early{stage.next_peer++};
  stage.apply(PeerCame{early, 4242, 1000, 77});
  EXPECT_TRUE(Stage::all<Grant>(stage.await(early, "a")).empty());
  const auto granted = Stage::all<Grant>(stage.apply(Launched{launches[0].instance, 4242, 77}));
  ASSERT_EQ(granted.size(), 1U);
  EXPECT_EQ(granted[0].peer, early);
}

TEST(Core, ARegisteredNameIsThereForThoseAloneWhomItsOwnerAdmits) {
  Awaiting stage;
  const PeerId owner = stage.client();
  const PeerId client = stage.client();
  stage.apply(PeerAsked{owner, 1, contract::Register{"own.a", contract::Scope::process, "class:bound"}, {}});
  const auto asked = [&](contract::Request what) { return stage.apply(PeerAsked{client, 2, std::move(what), {}}); };
  const Error forbidden = error_of(asked(contract::LookUp{"own.a", 100}));
  const Error absent = error_of(asked(contract::LookUp{"own.b", 100}));
  EXPECT_EQ(forbidden.code, code::kUnknownService);
  EXPECT_EQ(forbidden.code, absent.code);
  EXPECT_EQ(forbidden.advice, absent.advice);
  EXPECT_TRUE(stage.await(client, "own.a", 100).empty()) << "and is waited for alike";
}

TEST(Core, ANameThatIsTakenIsToldWithWhoHasIt) {
  Awaiting stage;
  const PeerId owner = stage.client();
  const PeerId other = stage.client();
  stage.offer(owner, "own.a");
  const Error taken = error_of(stage.offer(other, "own.a"));
  EXPECT_EQ(taken.code, code::kServiceActive);
  EXPECT_EQ(taken.message, "the name own.a is registered already, by process 100");
}

// Its file may have been written just now.
TEST(Core, AJobThatIsNotKnownIsLookedForInTheFilesOnce) {
  Stage stage;
  const PeerId client = stage.client();
  const auto is_answered = [](const Orders& orders) { return !Stage::all<Answer>(orders).empty(); };
  for (const contract::Request& request : std::initializer_list<contract::Request>{
           contract::Print{"a"}, contract::Stop{"a"}, contract::Unload{"a"}, contract::KillJob{"a", 9}}) {
    stage.knows({});
    const Orders asked = stage.apply(PeerAsked{client, 20, request, {}});
    EXPECT_FALSE(is_answered(asked));
    EXPECT_EQ(Stage::all<Scan>(asked).size(), 1U);
    EXPECT_EQ(error_of(stage.apply(Scanned{})).code, code::kUnknownJob);
    EXPECT_FALSE(is_answered(stage.apply(PeerAsked{client, 21, request, {}})));
    const Orders found = stage.apply(Scanned{{job_named("a")}, {}});
    ASSERT_TRUE(is_answered(found));
    if (std::holds_alternative<contract::KillJob>(request)) {
      EXPECT_EQ(error_of(found).kind, Kind::gone) << "it does not run";
    } else {
      EXPECT_TRUE(Stage::all<Answer>(found)[0].what);
    }
  }
}

TEST(Core, BoundsTheJobsThatAreLoadedByHand) {
  Stage stage;
  const PeerId client = stage.client();
  for (std::size_t i = 0; i < kLoadedJobsMax; ++i) {
    ASSERT_TRUE(value_of<std::string>(stage.load(client, "job" + std::to_string(i)))) << i;
  }
  EXPECT_EQ(error_of(stage.load(client, "one.more")).code, code::kQueueFull);
  stage.apply(PeerAsked{client, 9, contract::Print{"one.more"}, {}});
  EXPECT_EQ(error_of(stage.apply(Scanned{})).code, code::kUnknownJob);
  stage.apply(PeerAsked{client, 10, contract::Unload{"job7"}, {}});
  EXPECT_TRUE(value_of<std::string>(stage.load(client, "one.more")));
}

TEST(Core, BoundsTheNamesThatOnePeerRegisters) {
  Stage stage;
  const PeerId client = stage.client();
  const auto own = [&](std::size_t i) {
    return stage.apply(
        PeerAsked{client, 9, contract::Register{"own." + std::to_string(i), contract::Scope::process}, {}});
  };
  for (std::size_t i = 0; i < kNamesPerPeerMax; ++i) ASSERT_TRUE(value_of<bool>(own(i))) << i;
  EXPECT_EQ(error_of(own(kNamesPerPeerMax)).code, code::kQueueFull);
  EXPECT_TRUE(value_of<bool>(own(0))) << "asked again, it is still theirs";
  stage.apply(PeerAsked{client, 10, contract::Unregister{"own.0", contract::Scope::process}, {}});
  EXPECT_TRUE(value_of<bool>(own(kNamesPerPeerMax)));
}

// Jobs that come and go by hand can conflict for as long as somebody likes.
TEST(Core, RemembersSoManyProblems) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  for (std::size_t i = 0; i < 2 * kProblemCountMax; ++i) {
    stage.load(client, "b", kOffersA);
    stage.apply(PeerAsked{client, 9, contract::Unload{"b"}, {}});
  }
  // A list has the files read again, which forgets all but what is wrong now.
  const auto problems_of = [&](const std::vector<std::string>& problems) {
    stage.apply(PeerAsked{client, 10, contract::List{}, {}});
    return value_of<contract::Listing>(stage.apply(Scanned{{job_named("a")}, problems}))->problems;
  };
  EXPECT_TRUE(problems_of({}).empty());
  const auto told = problems_of(std::vector<std::string>(2 * kProblemCountMax, "x"));
  // ... and the job, for which they leave no room.
  const std::size_t missing = kProblemCountMax - (told.size() - 1) + 1;
  EXPECT_EQ(told.back(), std::to_string(missing) + " jobs, names or problems more than one answer can hold");
}

TEST(Core, AStrangerOfTheMachinesBrokerMayCallAndNotManage) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId stranger{7000};
  stage.apply(PeerCame{stranger, 200, 2000, 77});
  EXPECT_FALSE(Stage::all<Grant>(stage.look_up(stranger, "a")).empty());
  for (const contract::Request& request :
       {contract::Request(contract::Start{"a"}), contract::Request(contract::Stop{"a"}),
        contract::Request(contract::Unload{"a"}), contract::Request(contract::KillJob{"a", 9}),
        contract::Request(contract::Load{"/a.plist", "<plist/>"}), contract::Request(contract::Print{"a"}),
        contract::Request(contract::Replace{})}) {
    EXPECT_EQ(error_of(stage.apply(PeerAsked{stranger, 9, request, {}})).code, code::kNotPrivileged) << request.index();
  }
  const PeerId root{7001};
  stage.apply(PeerCame{root, 201, 0, 78});
  EXPECT_FALSE(Stage::all<Kill>(stage.apply(PeerAsked{root, 9, contract::Stop{"a"}, {}})).empty());
}

}  // namespace
}  // namespace reeve::broker
