// What the keys of a job file have the broker do. docs/jobs.md names these.
#include <gtest/gtest.h>
#include <csignal>

#include "../contract/supervisor.hpp"
#include "stage.hpp"

namespace reeve::broker {
namespace {

Orders tick_at(Stage& stage, std::int64_t local_s) { return stage.core->apply({stage.now, local_s, Tick{}}); }

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
  const auto launches = Stage::all<Launch>(stage.load(stage.client(), "b"));
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
  const auto [instance, service] = stage.running(client, "a");
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
  by_label.allowed_callers = callers("job:friend");
  Job by_group = job_named("by.group");
  by_group.allowed_callers = callers("group:org.group");
  Job nobody = job_named("nobody");
  nobody.allowed_callers = callers("not user");
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

// Its library looks names up over a connection of its own.
TEST(CoreKeys, AJobIsKnownByItsProcessWhicheverConnectionItAsksOver) {
  Stage stage;
  Job callee = job_named("callee");
  callee.allowed_callers = callers("job:caller");
  Job caller = job_named("caller");
  caller.preset = "none";
  stage.knows({callee, caller});
  const InstanceId instance = Stage::all<Launch>(stage.look_up(stage.client(), "caller"))[0].instance;
  stage.apply(Launched{instance, 4242, 77});
  const auto ask_as = [&](std::uint64_t peer, std::uint64_t process) {
    stage.apply(PeerCame{PeerId{peer}, 4242, 1000, process});
    return stage.look_up(PeerId{peer}, "callee");
  };
  EXPECT_TRUE(Stage::all<Grant>(ask_as(900, 78)).empty()) << "the same pid, and another process";
  EXPECT_TRUE(Stage::all<Grant>(ask_as(901, 0)).empty()) << "a process that the kernel does not number";
  const Orders granted = ask_as(902, 77);
  ASSERT_EQ(Stage::all<Grant>(granted).size(), 1U);
  const InstanceId called = Stage::all<Launch>(granted)[0].instance;
  const auto handed = Stage::all<HandOver>(stage.check_in(stage.come_up(called), called));
  ASSERT_EQ(handed.size(), 1U);
  EXPECT_EQ(handed[0].client.peer.label, "caller");
  stage.die(control_of(instance), instance);
  EXPECT_TRUE(Stage::all<Grant>(ask_as(903, 77)).empty()) << "it has ended";
}

TEST(CoreKeys, AJobThatIsNoLongerDisabledBeginsAsANewOneDoes) {
  Stage stage;
  Job job = job_named("a");
  job.run_at_load = job.disabled = true;
  job.start_interval = 60s;
  stage.knows({job});
  EXPECT_FALSE(stage.core->wake_at());
  job.disabled = false;
  stage.apply(FoldersChanged{});
  EXPECT_EQ(Stage::all<Launch>(stage.apply(Scanned{{job}, {}})).size(), 1U);
  EXPECT_EQ(stage.core->wake_at(), stage.now + 60s);
}

// What its file said before is not looked at any more.
TEST(CoreKeys, AnIntervalGoesWithTheFileThatHadIt) {
  Stage stage;
  Job job = job_named("a");
  job.start_interval = 10s;
  stage.knows({job});
  const auto becomes = [&](const Job& next) {
    stage.apply(FoldersChanged{});
    stage.apply(Scanned{{next}, {}});
  };
  Job disabled = job;
  disabled.disabled = true;
  becomes(disabled);
  EXPECT_TRUE(stage.core->is_idle());
  EXPECT_FALSE(stage.core->wake_at());
  becomes(job_named("a"));
  stage.now += 11s;
  EXPECT_TRUE(Stage::all<Launch>(stage.apply(Tick{})).empty());
}

TEST(CoreKeys, RunAtLoadStartsNoJobAgainThatRunsWhileItsFileIsDisabledAndEnabled) {
  Stage stage;
  Job job = job_named("a");
  job.run_at_load = true;
  const InstanceId instance = [&] {
    stage.apply(FoldersChanged{});
    return Stage::all<Launch>(stage.apply(Scanned{{job}, {}}))[0].instance;
  }();
  const PeerId service = stage.come_up(instance);
  for (const bool is_disabled : {true, false}) {
    job.disabled = is_disabled;
    stage.apply(FoldersChanged{});
    stage.apply(Scanned{{job}, {}});
  }
  EXPECT_TRUE(Stage::all<Launch>(stage.die(service, instance)).empty());
}

TEST(CoreKeys, WhatIsLoadedOrUnloadedByHandKeepsABroker) {
  Stage stage;
  stage.knows({job_named("b")});
  const PeerId client = stage.client();
  const auto ask = [&](const contract::Request& request) { stage.apply(PeerAsked{client, 9, request, {}}); };
  stage.load(client, "a");
  stage.apply(PeerLeft{client});
  EXPECT_FALSE(stage.core->is_idle());
  stage.apply(PeerCame{client, 100, 1000});
  ask(contract::Unload{"a"});
  stage.apply(PeerLeft{client});
  EXPECT_TRUE(stage.core->is_idle());
  stage.apply(PeerCame{client, 100, 1000});
  ask(contract::Unload{"b"});
  stage.apply(PeerLeft{client});
  EXPECT_FALSE(stage.core->is_idle());
}

TEST(CoreKeys, OnlyAJobThatMayStartByItselfKeepsABroker) {
  Stage stage;
  Job job = job_named("a");
  job.keep_alive.path_state = {{"/x", true}};
  job.disabled = true;
  stage.knows({job});
  EXPECT_TRUE(stage.core->is_idle());
  job.disabled = false;
  stage.apply(FoldersChanged{});
  stage.apply(Scanned{{job}, {}});
  EXPECT_FALSE(stage.core->is_idle());
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
