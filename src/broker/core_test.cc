#include "core.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "../contract/supervisor.hpp"
#include "../vocab/bounds.hpp"
#include "../wire/wire.hpp"

namespace reeve::broker {
namespace {

using namespace std::chrono_literals;

Job job_named(const std::string& label) {
  Job job;
  job.file = "/jobs/" + label + ".plist";
  job.label = label;
  job.program = "/bin/" + label;
  job.names = {OfferedName{label}};
  job.preset = "parser";
  return job;
}

// A broker's core with the kernel played by the test.
class Stage {
 public:
  Stage() {
    next_broker();
    apply(Scanned{});
  }
  Orders apply(EventKind what) {
    Orders orders = core->apply({now, 0, std::move(what)});
    store_before = store;
    for (const Order& order : orders) perform(order);
    return orders;
  }
  // The supervisor's part of it.
  void perform(const Order& order) {
    if (const auto* keep = std::get_if<Keep>(&order)) store[keep->number] = keep->what;
    if (const auto* launch = std::get_if<Launch>(&order)) store[launch->instance.value] = launch->keep;
    if (const auto* forget = std::get_if<Forget>(&order)) store.erase(forget->number);
    const auto* grant = std::get_if<Grant>(&order);
    if (grant != nullptr && grant->keep) store[grant->end.value] = *grant->keep;
  }
  // The broker died when it had performed all orders up to the last T, and the next one begins.
  template <class T>
  Orders die_after(const Orders& orders) {
    const auto is_that = [](const Order& order) { return std::holds_alternative<T>(order); };
    const auto end = std::find_if(orders.rbegin(), orders.rend(), is_that).base();
    store = store_before;
    for (auto order = orders.begin(); order != end; ++order) perform(*order);
    return next_broker();
  }
  Orders next_broker() {
    core.emplace(kHas);
    return apply(Recovered{++broker, 1000, {store.begin(), store.end()}});
  }

  template <class T>
  static const T* only(const Orders& orders) {
    if (orders.size() != 1) return nullptr;
    return std::get_if<T>(&orders.front());
  }
  template <class T>
  static std::vector<T> all(const Orders& orders) {
    std::vector<T> out;
    for (const Order& order : orders) {
      if (const T* t = std::get_if<T>(&order)) out.push_back(*t);
    }
    return out;
  }

  PeerId client() {
    const PeerId peer{next_peer++};
    apply(PeerCame{peer, 100, 1000});
    return peer;
  }
  Orders look_up(PeerId peer, const std::string& name) {
    return apply(PeerAsked{peer, next_request++, contract::LookUp{name}, {}});
  }
  void knows(std::vector<Job> jobs) {
    const PeerId peer = client();
    apply(PeerAsked{peer, next_request++, contract::List{}, {}});
    apply(Scanned{std::move(jobs), {}});
    apply(PeerLeft{peer});
  }
  // The launched instance appears on its control channel, checks in, and is confirmed.
  PeerId come_up(InstanceId instance) {
    apply(Launched{instance, 4242});
    return control_of(instance);
  }
  Orders check_in(PeerId service, InstanceId instance, int filters = 2) {
    apply(PeerAsked{service, next_request++, contract::CheckIn{}, {}});
    return apply(Confirmed{instance, filters});
  }
  Orders take_until(PeerId service, EndId end) { return apply(PeerAsked{service, 0, contract::Taken{end.value}, {}}); }
  Orders die(PeerId service, InstanceId instance) {
    apply(PeerLeft{service});
    return apply(Exited{instance, {true, 9}});
  }

  static constexpr quota::Amount kHas{.bytes = 1 << 20, .descriptors = 4096, .objects = 0};
  std::optional<Core> core{std::in_place, kHas};
  std::map<std::uint64_t, Kept> store;
  std::map<std::uint64_t, Kept> store_before;
  std::uint64_t broker = 1;
  os::Time now{1000s};
  std::uint64_t next_peer = 1;
  RequestId next_request = 1;
};

const Error& error_of(const Orders& orders) {
  static const Error kNone;
  const auto* answer = Stage::only<Answer>(orders);
  return answer != nullptr && !answer->what ? answer->what.error() : kNone;
}

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

Endpoint token_of(int n) {
  Endpoint endpoint;
  endpoint.token[0] = static_cast<std::byte>(n);
  return endpoint;
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
            std::to_string(1000 - listing.jobs.size()) + " jobs or problems more than one answer can hold");
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

TEST(Core, AJobWhoseFileIsGoneRunsToItsEndAndIsForgotten) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
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

TEST(Core, AnEndOnItsWayToOneOfManyInstancesIsKeptForThatOne) {
  Stage stage;
  Job job = job_named("a");
  job.service_type = ServiceType::application;
  stage.knows({job});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "a"))[0].instance;
  const auto kept = Stage::all<Keep>(stage.check_in(stage.come_up(instance), instance));
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(std::get<KeptEnd>(kept[1].what).label, std::get<KeptService>(kept[0].what).label);
}

TEST(Core, AJobLoadedInThePlaceOfAFileThatIsGoneKeepsNoneOfItsInterval) {
  Stage stage;
  Job job = job_named("a");
  job.start_interval = 5s;
  stage.knows({job});
  const PeerId client = stage.client();
  stage.come_up(Stage::all<Launch>(stage.look_up(client, "a"))[0].instance);
  stage.knows({});
  const char* text =
      "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", text}, {}});
  stage.now += 6s;
  stage.apply(Tick{});
  EXPECT_GT(*stage.core->wake_at(), stage.now);
}

TEST(Core, AFileInThePlaceOfAJobThatWasUnloadedGoesWhenTheFileGoes) {
  Stage stage;
  const PeerId client = stage.client();
  const char* text =
      "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
      "<key>MachServices</key><dict><key>a</key><true/></dict>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", text}, {}});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.apply(PeerAsked{client, 10, contract::Unload{"a"}, {}});
  stage.knows({job_named("a")});
  stage.die(service, instance);
  stage.knows({});
  EXPECT_EQ(error_of(stage.apply(PeerAsked{client, 11, contract::Print{"a"}, {}})).code, code::kUnknownJob);
}

TEST(Core, AJobThatWasUnloadedDoesNotComeBackWithTheNextBroker) {
  Stage stage;
  const PeerId client = stage.client();
  const char* text =
      "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
      "<key>KeepAlive</key><true/>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  const auto launches = Stage::all<Launch>(stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", text}, {}}));
  ASSERT_EQ(launches.size(), 1U);
  stage.come_up(launches[0].instance);
  stage.apply(PeerAsked{client, 10, contract::Unload{"a"}, {}});
  stage.next_broker();
  stage.apply(Launched{launches[0].instance, 4242});
  stage.apply(Scanned{});
  EXPECT_TRUE(Stage::all<Launch>(stage.die(control_of(launches[0].instance), launches[0].instance)).empty());
  EXPECT_TRUE(stage.store.empty());
}

TEST(Core, AJobThatStartsOnceIsNotStartedAgainByABrokerThatBeginsWhileItEnds) {
  Stage stage;
  const PeerId client = stage.client();
  const char* text =
      "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
      "<key>MachServices</key><dict><key>a</key><true/></dict><key>LaunchOnlyOnce</key><true/>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", text}, {}});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  stage.come_up(instance);
  const Orders orders = stage.apply(Exited{instance, {}});
  stage.store = stage.store_before;
  for (const Order& order : orders) {
    stage.perform(order);
    if (std::holds_alternative<Forget>(order)) break;
  }
  EXPECT_TRUE(Stage::all<Launch>(stage.next_broker()).empty());
  EXPECT_EQ(error_of(stage.look_up(stage.client(), "a")).code, code::kLaunchFailed);
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

constexpr const char* kPlainJob =
    "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
    "<key>MachServices</key><dict><key>a</key><true/></dict>"
    "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";

TEST(Core, AnEndpointOfAnInstanceThatIsGoneLeadsNowhereForTheNextBrokerEither) {
  Stage stage;
  const PeerId client = stage.client();
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", kPlainJob}, {}});
  const Orders first = stage.look_up(client, "a");
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  stage.come_up(instance);
  stage.apply(PeerAsked{control_of(instance), 1, contract::CheckIn{}, token_of(7)});
  stage.take_until(control_of(instance), Stage::all<Grant>(first)[0].end);
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  stage.apply(PeerCame{PeerId{900}, 100, 1000});
  const auto granted = Stage::all<Grant>(stage.apply(PeerAsked{PeerId{900}, 50, contract::Redeem{token_of(7)}, {}}));
  ASSERT_EQ(granted.size(), 1U);
  ASSERT_TRUE(granted[0].keep) << "what the instance has taken is not known yet";
  // This broker is killed too, when it has forgotten the instance and not yet refused the end.
  const Orders orders = stage.apply(Exited{instance, {}});
  stage.store = stage.store_before;
  for (const Order& order : orders) {
    stage.perform(order);
    if (std::holds_alternative<Forget>(order)) break;
  }
  const Orders next = stage.next_broker();
  ASSERT_EQ(Stage::all<Refuse>(next).size(), 1U);
  EXPECT_EQ(Stage::all<Refuse>(next)[0].end, granted[0].end);
  EXPECT_TRUE(Stage::all<Launch>(next).empty());
}

TEST(Core, AnswersARetirementAskedOfTheBrokerBeforeWhenItIsAskedAgain) {
  Stage stage;
  const PeerId client = stage.client();
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", kPlainJob}, {}});
  const Orders first = stage.look_up(client, "a");
  const InstanceId instance = Stage::all<Launch>(first)[0].instance;
  const EndId end = Stage::all<Grant>(first)[0].end;
  const PeerId service = stage.come_up(instance);
  stage.apply(PeerAsked{service, 1, contract::CheckIn{}, token_of(7)});
  stage.take_until(service, end);
  stage.next_broker();
  stage.apply(Launched{instance, 4242});
  const PeerAsked retire{service, 2, contract::Retire{end.value}, {}};
  EXPECT_TRUE(stage.apply(retire).empty()) << "it stood in the queue when the broker before this one died";
  stage.take_until(service, end);
  const Orders answered = stage.apply(retire);
  ASSERT_EQ(Stage::all<Answer>(answered).size(), 1U);
  EXPECT_TRUE(*contract::decode_reply<bool>(*Stage::all<Answer>(answered)[0].what));
}

TEST(Core, ANewBrokerHandsOverInAscendingOrderForARegisteredNameToo) {
  Stage stage;
  const PeerId client = stage.client();
  const char* text =
      "<plist version=\"1.0\"><dict><key>Label</key><string>a</string><key>Program</key><string>/bin/a</string>"
      "<key>MachServices</key><dict><key>a</key><true/></dict>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string>"
      "<key>Groups</key><array><string>g</string></array></dict></dict></plist>";
  stage.apply(PeerAsked{client, 9, contract::Load{"/x/a.plist", text}, {}});
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
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  const Orders orders = stage.apply(PeerAsked{client, 70, contract::Unload{"a"}, {}});
  ASSERT_EQ(Stage::all<Kill>(orders).size(), 1U);
  EXPECT_EQ(Stage::all<Kill>(orders)[0].instance, instance);
  EXPECT_TRUE(Stage::all<Launch>(stage.die(service, instance)).empty());
}

TEST(Core, AnEndKeptForAJobOfWhichNothingIsKeptWaitsForItsFile) {
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

TEST(Core, AnEndKeptForAJobWhoseFileIsGoneIsRefused) {
  Stage stage;
  stage.knows({job_named("a")});
  stage.die_after<Grant>(stage.look_up(stage.client(), "a"));
  const Orders scanned = stage.apply(Scanned{});
  EXPECT_EQ(Stage::all<Refuse>(scanned).size(), 1U);
  EXPECT_TRUE(stage.store.empty());
}

TEST(Core, AClientIsKeptUnderANumberThatNothingElseHas) {
  Stage stage;
  const PeerId client = first_client(1);
  stage.apply(Recovered{1, 1000, {}});
  stage.apply(Scanned{{job_named("a")}, {}});
  stage.apply(PeerCame{client, 100, 1000});
  const Orders orders = stage.look_up(client, "a");
  stage.apply(PeerAsked{client, 9, contract::Register{"x", contract::Scope::process}, {}});
  EXPECT_EQ(stage.store.size(), 3U) << "an end, a service, and a peer";
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

// What the keys of a job file have the broker do. docs/jobs.md names these.

Orders tick_at(Stage& stage, std::int64_t local_s) { return stage.core->apply({stage.now, local_s, Tick{}}); }

template <class T>
std::optional<T> value_of(const Orders& orders) {
  const auto answers = Stage::all<Answer>(orders);
  if (answers.empty() || !answers.back().what) return std::nullopt;
  auto value = contract::decode_reply<T>(*answers.back().what);
  return value ? std::optional<T>(std::move(*value)) : std::nullopt;
}

TEST(CoreKeys, ADateStartsTheJobInItsMinuteAndOnce) {
  Stage stage;
  Job job = job_named("a");
  CalendarDate date;
  date.hour = 1;
  date.minute = 30;
  job.calendar = {date};
  stage.knows({job});
  EXPECT_TRUE(tick_at(stage, 89 * 60 + 59).empty());
  ASSERT_TRUE(stage.core->wake_at());
  EXPECT_EQ(*stage.core->wake_at(), stage.now + 1s) << "the next minute begins then";
  const auto launches = Stage::all<Launch>(tick_at(stage, 90 * 60));
  ASSERT_EQ(launches.size(), 1U);
  stage.come_up(launches[0].instance);
  stage.die(control_of(launches[0].instance), launches[0].instance);
  EXPECT_TRUE(Stage::all<Launch>(tick_at(stage, 90 * 60 + 30)).empty()) << "it came already";
  EXPECT_TRUE(Stage::all<Launch>(tick_at(stage, 91 * 60)).empty());
}

TEST(CoreKeys, AnIntervalThatPassesWhileTheJobRunsIsLetPass) {
  Stage stage;
  Job job = job_named("a");
  job.start_interval = 5s;
  stage.knows({job});
  ASSERT_EQ(stage.core->wake_at(), stage.now + 5s);
  stage.now += 5s;
  const auto launches = Stage::all<Launch>(stage.apply(Tick{}));
  ASSERT_EQ(launches.size(), 1U);
  const InstanceId instance = launches[0].instance;
  stage.check_in(stage.come_up(instance), instance);
  stage.now += 5s;
  EXPECT_TRUE(Stage::all<Launch>(stage.apply(Tick{})).empty());
  EXPECT_TRUE(Stage::all<Launch>(stage.die(control_of(instance), instance)).empty()) << "nor is it made up for";
  stage.now += 5s;
  EXPECT_EQ(Stage::all<Launch>(stage.apply(Tick{})).size(), 1U);
}

TEST(CoreKeys, OnlyWhoMayIdleIsToldAfterHowLong) {
  const auto idle_seconds = [](const Job& job) -> std::uint64_t {
    Stage stage;
    stage.knows({job});
    const PeerId client = stage.client();
    const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
    const auto told = value_of<contract::CheckedIn>(stage.check_in(stage.come_up(instance), instance));
    return told ? told->idle_seconds : 999;
  };
  Job job = job_named("a");
  job.idle_time_out = 30s;
  EXPECT_EQ(idle_seconds(job), 30U);
  job.enable_transactions = false;
  EXPECT_EQ(idle_seconds(job), 0U);
}

TEST(CoreKeys, OneThatIsKeptAliveDoesNotIdle) {
  Stage stage;
  Job job = job_named("a");
  job.idle_time_out = 30s;
  job.keep_alive.always = true;
  stage.apply(PeerCame{PeerId{77}, 100, 1000});
  stage.apply(PeerAsked{PeerId{77}, 1, contract::List{}, {}});
  const auto launches = Stage::all<Launch>(stage.apply(Scanned{{job}, {}}));
  ASSERT_EQ(launches.size(), 1U);
  const InstanceId instance = launches[0].instance;
  const auto told = value_of<contract::CheckedIn>(stage.check_in(stage.come_up(instance), instance));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->idle_seconds, 0U);
}

TEST(CoreKeys, WithoutExitTimeOutNobodyIsKilled) {
  for (const auto time_out : {7s, 0s}) {
    Stage stage;
    Job job = job_named("a");
    job.exit_time_out = time_out;
    stage.knows({job});
    const PeerId client = stage.client();
    const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
    stage.check_in(stage.come_up(instance), instance);
    const auto asked = Stage::all<Kill>(stage.apply(PeerAsked{client, 9, contract::Stop{"a"}, {}}));
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].signal, contract::kStopSignal);
    if (time_out == 0s) {
      EXPECT_EQ(stage.core->wake_at(), std::nullopt);
      continue;
    }
    EXPECT_EQ(stage.core->wake_at(), stage.now + time_out);
    stage.now += time_out;
    const auto killed = Stage::all<Kill>(stage.apply(Tick{}));
    ASSERT_EQ(killed.size(), 1U);
    EXPECT_EQ(killed[0].signal, SIGKILL);
  }
}

TEST(CoreKeys, AnotherJobsComingByHandIsNoticed) {
  Stage stage;
  Job job = job_named("a");
  job.keep_alive.other_job_enabled = {{"b", true}};
  stage.knows({job});
  const std::string text =
      "<plist><dict><key>Label</key><string>b</string><key>Program</key><string>/b</string>"
      "<key>Reeve</key><dict><key>Preset</key><string>none</string></dict></dict></plist>";
  const auto launches =
      Stage::all<Launch>(stage.apply(PeerAsked{stage.client(), 1, contract::Load{"/jobs/b.plist", text}, {}}));
  ASSERT_EQ(launches.size(), 1U);
  EXPECT_EQ(launches[0].job.label, "a");
}

TEST(CoreKeys, OneThatOffersNothingRunsOnWithoutItsControlChannel) {
  Stage stage;
  Job job = job_named("a");
  job.names.clear();
  job.run_at_load = true;
  const PeerId client = stage.client();
  stage.apply(PeerAsked{client, 1, contract::List{}, {}});
  const auto launches = Stage::all<Launch>(stage.apply(Scanned{{job}, {}}));
  ASSERT_EQ(launches.size(), 1U);
  const PeerId control = stage.come_up(launches[0].instance);
  EXPECT_TRUE(stage.apply(PeerLeft{control}).empty());
  EXPECT_EQ(stage.core->wake_at(), std::nullopt) << "nobody is going to end it";
  const auto details = value_of<contract::JobDetails>(stage.apply(PeerAsked{client, 2, contract::Print{"a"}, {}}));
  ASSERT_TRUE(details);
  EXPECT_EQ(details->state, "running") << "it has nothing to check in for";
}

TEST(CoreKeys, AConfinedServiceMayCallWhatItsEntitlementsName) {
  Stage stage;
  Job caller = job_named("caller");
  caller.may_look_up = {"org.group", "org.one"};
  stage.knows({caller, job_named("org.group"), job_named("org.group.a"), job_named("org.one"), job_named("org.two")});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "caller"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  for (const char* name : {"org.group", "org.group.a", "org.one"}) {
    EXPECT_EQ(Stage::all<Grant>(stage.look_up(service, name)).size(), 1U) << name;
  }
  EXPECT_EQ(error_of(stage.look_up(service, "org.two")).code, code::kUnknownService);
}

TEST(CoreKeys, AJobRegistersNamesInItsGroupsAlone) {
  Stage stage;
  Job job = job_named("a");
  job.groups = {"org.group"};
  stage.knows({job});
  const PeerId client = stage.client();
  const InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  const PeerId service = stage.come_up(instance);
  stage.check_in(service, instance);
  EXPECT_EQ(error_of(stage.apply(PeerAsked{service, 50, contract::Register{"org.other"}, {}})).code,
            code::kNotPrivileged);
  EXPECT_EQ(error_of(stage.apply(PeerAsked{client, 51, contract::Register{"org.group.x"}, {}})).code,
            code::kNotPrivileged)
      << "who is no job is in no group";
  EXPECT_EQ(value_of<bool>(stage.apply(PeerAsked{service, 52, contract::Register{"org.group.x"}, {}})), true);
  EXPECT_EQ(Stage::all<Grant>(stage.look_up(client, "org.group.x")).size(), 1U);
}

TEST(CoreKeys, AllowedCallersAreJobsByLabelOrByGroup) {
  Stage stage;
  Job by_label = job_named("by.label");
  by_label.allowed_callers = {false, {"friend"}, {}};
  Job by_group = job_named("by.group");
  by_group.allowed_callers = {false, {}, {"org.group"}};
  Job nobody = job_named("nobody");
  nobody.allowed_callers = {false, {}, {}};
  Job caller = job_named("friend");
  caller.preset = "none";
  Job member = job_named("member");
  member.preset = "none";
  member.groups = {"org.group"};
  stage.knows({by_label, by_group, nobody, caller, member});
  const PeerId client = stage.client();
  const auto service_of = [&](const std::string& label) {
    const InstanceId instance = Stage::all<Launch>(stage.look_up(client, label))[0].instance;
    return stage.come_up(instance);
  };
  const PeerId of_friend = service_of("friend");
  const PeerId of_member = service_of("member");
  const auto finds = [&](PeerId peer, const std::string& name) {
    return Stage::all<Grant>(stage.look_up(peer, name)).size() == 1;
  };
  EXPECT_TRUE(finds(of_friend, "by.label"));
  EXPECT_FALSE(finds(of_member, "by.label"));
  EXPECT_FALSE(finds(client, "by.label"));
  EXPECT_TRUE(finds(of_member, "by.group"));
  EXPECT_FALSE(finds(of_friend, "by.group"));
  EXPECT_FALSE(finds(client, "by.group"));
  EXPECT_FALSE(finds(of_friend, "nobody"));
}

TEST(CoreKeys, EveryCallerWhoWaitsForAThrottledJobIsTold) {
  Stage stage;
  stage.knows({job_named("a")});
  const PeerId client = stage.client();
  InstanceId instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  // Three starts, each of which takes a call up and dies.
  for (int start = 1;; ++start) {
    const PeerId service = stage.come_up(instance);
    const auto handed = Stage::all<HandOver>(stage.check_in(service, instance));
    ASSERT_FALSE(handed.empty());
    stage.take_until(service, handed.back().end);
    if (start == 3) break;
    stage.die(service, instance);
    instance = Stage::all<Launch>(stage.look_up(client, "a"))[0].instance;
  }
  for (int i = 0; i < 3; ++i) stage.look_up(client, "a");
  const Orders orders = stage.die(control_of(instance), instance);
  EXPECT_TRUE(Stage::all<Launch>(orders).empty());
  const auto refused = Stage::all<Refuse>(orders);
  ASSERT_EQ(refused.size(), 3U);
  for (const Refuse& refuse : refused) {
    EXPECT_EQ(refuse.reason.code, code::kThrottled);
    EXPECT_EQ(refuse.reason.kind, Kind::busy);
  }
  EXPECT_EQ(error_of(stage.look_up(client, "a")).code, code::kThrottled);
  stage.now += kThrottleInterval;
  EXPECT_EQ(Stage::all<Launch>(stage.look_up(client, "a")).size(), 1U) << "the interval has passed";
}

}  // namespace
}  // namespace reeve::broker
