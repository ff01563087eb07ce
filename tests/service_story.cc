// What one process may be: several services, names that come and go, a caller of others, and idle or at work.
#include <atomic>
#include <thread>

#include "support/jobs.hpp"
#include "support/storm.hpp"

namespace reeve::test {
namespace {

constexpr const char* kOther = "org.example.other";
constexpr CallOptions kCall{.timeout = 60s};

Result<std::string> name_behind(const std::string& name) {
  return connect<Namesake>(name).call_with<&Namesake::name>(kCall);
}

std::int32_t code_of_finding(const std::string& name) {
  const auto outcome = name_behind(name);
  return outcome ? 0 : outcome.error().code;
}

class Services : public Jobs {
 protected:
  // An actor under its own name, which is also the namesake of others.
  void write_namesakes(const std::string& reeve = {}) const {
    JobFile job = actor_job(kLabel, {"--also", kOther, "org.example.group.x"});
    job.names = "<dict>" + true_key(kLabel) + true_key(kOther) + true_key("org.example.nobodys") + "</dict>";
    job.reeve = array_key("Groups", "org.example.group") + reeve;
    write_job(session.jobs(), job);
  }
  void write_idle(int seconds, const std::string& extra = {}) const {
    JobFile job = actor_job(kLabel);
    job.idle_seconds = seconds;
    job.extra += extra;
    write_job(session.jobs(), job);
  }
  Proxy<Actor> actor = connect<Actor>(kLabel);
};

TEST_F(Services, OneProcessServesAnInterfaceUnderEachOfItsNames) {
  write_namesakes();
  EXPECT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U));
  EXPECT_EQ(name_behind(kOther).value_or("nobody"), kOther);
  EXPECT_EQ(name_behind("org.example.group.x").value_or("nobody"), "org.example.group.x");
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

TEST_F(Services, ANameThatTheJobDeclaresAndTheProgramDoesNotServeSaysSo) {
  write_namesakes();
  const auto outcome = name_behind("org.example.nobodys");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kUnknownService);
  EXPECT_EQ(outcome.error().message, "the service does not serve org.example.nobodys");
}

TEST_F(Services, AnInterfaceIsNotReachedUnderAnothersName) {
  write_namesakes();
  const auto outcome = connect<Actor>(kOther).call_with<&Actor::sleep>(kCall, 0U);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kUnknownMethod);
}

TEST_F(Services, NamesOfAGroupComeAndGoWhileItServes) {
  write_namesakes();
  const std::string name = "org.example.group.later";
  EXPECT_EQ(code_of_finding(name), code::kUnknownService);
  ASSERT_TRUE(actor.call_with<&Actor::offer>(kCall, name));
  EXPECT_EQ(status(name), NameState::active);
  auto found = connect<Namesake>(name);
  EXPECT_EQ(found.call_with<&Namesake::name>(kCall), name);
  EXPECT_EQ(actor.call_with<&Actor::offer>(kCall, name).error().code, code::kServiceActive);

  ASSERT_TRUE(actor.call_with<&Actor::withdraw>(kCall, name));
  EXPECT_EQ(code_of_finding(name), code::kUnknownService);
  EXPECT_EQ(found.call_with<&Namesake::name>(kCall), name) << "who has found it is served on";
  EXPECT_EQ(actor.call_with<&Actor::withdraw>(kCall, name).error().code, code::kUnknownService);
}

// A client may find it before the one who offered it has heard that it is registered.
TEST_F(Services, ANameIsServedFromTheMomentInWhichItIsFound) {
  write_namesakes();
  ASSERT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U));
  const std::string name = "org.example.group.later";
  std::atomic<bool> over = false;
  std::thread finder([&] {
    while (!over) {
      const auto outcome = name_behind(name);
      if (!outcome) {
        EXPECT_EQ(outcome.error().message.find("does not serve"), std::string::npos) << outcome.error().message;
      }
    }
  });
  for (int i = 0; i < in_full_or(2000, 100); ++i) {
    EXPECT_TRUE(actor.call_with<&Actor::offer>(kCall, name));
    EXPECT_EQ(name_behind(name), name);
    EXPECT_TRUE(actor.call_with<&Actor::withdraw>(kCall, name));
  }
  over = true;
  finder.join();
}

TEST_F(Services, ANameThatIsNotTheirsIsRefusedAndTheOthersAreServedOn) {
  write_namesakes();
  write_job(session.jobs(), actor_job("org.example.taken"));
  ASSERT_EQ(reeve_tool({"list"}).exit_code, 0);
  EXPECT_EQ(actor.call_with<&Actor::offer>(kCall, "org.example.nogroup").error().code, code::kNotPrivileged);
  EXPECT_EQ(actor.call_with<&Actor::offer>(kCall, "org.example.taken").error().code, code::kNotPrivileged);
  EXPECT_EQ(actor.call_with<&Actor::offer>(kCall, "no..name").error().kind, Kind::invalid);
  EXPECT_EQ(name_behind(kOther).value_or("nobody"), kOther);
}

TEST_F(Services, StatusTellsWhatALookUpWouldFindAndStartsNothing) {
  EXPECT_EQ(status("org.example.nobody").error().code, code::kUnknownService);
  write_job(session.jobs(), actor_job(kLabel));
  load();
  EXPECT_EQ(status(kLabel), NameState::on_demand);
  EXPECT_EQ(details_of(kLabel).starts, 0U);
  EXPECT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U));
  EXPECT_EQ(status(kLabel), NameState::active);
}

TEST_F(Services, AConfinedServiceCallsThoseThatItsEntitlementsName) {
  write_namesakes(dictionary_key("Entitlements", array_key("LookUp", "org.example.friends")));
  write_job(session.jobs(), actor_job("org.example.friends.a"));
  write_job(session.jobs(), actor_job("org.example.stranger"));
  EXPECT_TRUE(actor.call_with<&Actor::call_other>(kCall, "org.example.friends.a"));
  EXPECT_TRUE(actor.call_with<&Actor::call_other>(kCall, "org.example.friends.a"));
  if (service_preset() == "none") return;
  EXPECT_EQ(actor.call_with<&Actor::call_other>(kCall, "org.example.stranger").error().code, code::kUnknownService);
}

TEST_F(Services, AConfinedServiceIsKnownToThoseItCalls) {
  write_namesakes(dictionary_key("Entitlements", array_key("LookUp", "org.example.friends")));
  JobFile choosy = actor_job("org.example.friends.a");
  choosy.reeve = array_key("AllowedCallers", std::string("job:") + kLabel);
  write_job(session.jobs(), choosy);
  EXPECT_TRUE(actor.call_with<&Actor::call_other>(kCall, "org.example.friends.a"));
  EXPECT_EQ(error_of_call("org.example.friends.a").code, code::kUnknownService);
}

// What it asks over its control channel it asks again of the next broker.
TEST_F(Services, AConfinedServiceCallsOthersWhileBrokersFollowEachOther) {
  write_namesakes(dictionary_key("Entitlements", array_key("LookUp", "org.example.friends")));
  write_job(session.jobs(), actor_job("org.example.friends.a"));
  std::atomic<bool> over = false;
  std::thread killer([&] {
    for (int i = 0; i < in_full_or(200, 10) && !over; ++i) {
      std::this_thread::sleep_for(20ms);
      if (const int broker = session.broker()) ::kill(broker, SIGKILL);
    }
    over = true;
  });
  int calls = 0;
  int answered = 0;
  for (; !over; ++calls) {
    const auto outcome = actor.call_with<&Actor::call_other>(kCall, "org.example.friends.a");
    EXPECT_TRUE(outcome) << outcome.error().message;
    answered += outcome.has_value() ? 1 : 0;
  }
  killer.join();
  std::printf("a confined service's calls while brokers are killed: %d, answered %d\n", calls, answered);
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

// Idle and at work.

TEST_F(Services, WhoIsMerelyConnectedDoesNotKeepAServiceFromStopping) {
  write_idle(1);
  EXPECT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U));
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "exited with 0");
  EXPECT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U)) << "the next call starts it, and nobody notices";
  EXPECT_EQ(details_of(kLabel).starts, 2U);
}

TEST_F(Services, ATransactionKeepsAServiceFromStopping) {
  write_idle(1);
  EXPECT_TRUE(actor.call_with<&Actor::work>(kCall, true));
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(details_of(kLabel).state, "running");
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_TRUE(actor.call_with<&Actor::work>(kCall, false));
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(details_of(kLabel).starts, 1U);
}

TEST_F(Services, WhoWasIntroducedAndCouldNotComeBackKeepsAServiceFromStopping) {
  write_idle(1);
  auto connection = open_connection(kLabel);
  auto right = connection.introduce();
  ASSERT_TRUE(right);
  {
    Proxy<Actor> guest(open_connection(*right));
    right = Right();
    EXPECT_TRUE(guest.call_with<&Actor::sleep>(kCall, 0U));
    std::this_thread::sleep_for(2500ms);
    EXPECT_TRUE(guest.call_with<&Actor::sleep>(kCall, 0U));
  }
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
}

TEST_F(Services, OneThatIsToldToStopFinishesItsTransactionsFirst) {
  write_idle(0);
  EXPECT_TRUE(actor.call_with<&Actor::work>(kCall, true));
  stop(kLabel);
  EXPECT_EQ(details_of(kLabel).state, "stopping");
  EXPECT_TRUE(actor.call_with<&Actor::sleep>(kCall, 0U)) << "it serves those it has, meanwhile";
  EXPECT_TRUE(actor.call_with<&Actor::work>(kCall, false));
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "exited with 0");
}

TEST_F(Services, OneThatDoesNotFinishItsTransactionsIsKilledInTheEnd) {
  write_idle(0, integer_key("ExitTimeOut", 1));
  const auto begun = actor.call_with<&Actor::work>(kCall, true);
  EXPECT_TRUE(begun) << begun.error().message;
  stop(kLabel);
  EXPECT_TRUE(wait_for_state(kLabel, "idle"));
  EXPECT_EQ(last_exit_of(kLabel), "killed by SIGKILL");
}

// A request that was on its way when the service went is answered by it, or by the next; none is lost.
TEST_F(Services, NobodyNoticesThatAServiceStopsForBeingIdle) {
  write_idle(1);
  std::atomic<int> calls = 0;
  std::vector<std::thread> clients;
  std::atomic<bool> over = false;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      auto mine = connect<Actor>(kLabel);
      for (int n = 0; !over; ++n, ++calls) {
        const auto outcome = mine.call_with<&Actor::sleep>(kCall, 0U);
        EXPECT_TRUE(outcome) << outcome.error().message;
        // All at about the moment in which it goes.
        std::this_thread::sleep_until(begin + (n + 1) * 1005ms +
                                      std::chrono::microseconds((n * 499 + i * 1291) % 8000));
      }
    });
  }
  const auto give_up = begin + std::chrono::seconds(in_full_or(600, 60));
  const auto wanted = static_cast<std::uint64_t>(in_full_or(50, 2));
  while (details_of(kLabel).starts < wanted && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(100ms);
  }
  over = true;
  for (std::thread& client : clients) client.join();
  const auto starts = details_of(kLabel).starts;
  std::printf("idle while 4 clients call: %d calls, all answered, %d starts\n", calls.load(), static_cast<int>(starts));
  EXPECT_GE(starts, wanted);
}

// The same, told to: of what was sent before everything is answered.
TEST_F(Services, WhatWasSentBeforeAServiceIsToldToStopIsAnswered) {
  write_idle(0);
  std::atomic<bool> over = false;
  std::atomic<int> calls = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      auto mine = connect<Actor>(kLabel);
      for (; !over; ++calls) {
        const auto outcome = mine.call_with<&Actor::sleep>(kCall, 0U);
        EXPECT_TRUE(outcome) << outcome.error().message;
      }
    });
  }
  for (int i = 0; i < in_full_or(500, 20); ++i) {
    ASSERT_TRUE(wait_for_state(kLabel, "running"));
    stop(kLabel);
    std::this_thread::sleep_for(10ms);
  }
  over = true;
  for (std::thread& client : clients) client.join();
  std::printf("stopped under 4 clients: %d calls, all answered, %d starts\n", calls.load(),
              static_cast<int>(details_of(kLabel).starts));
}

}  // namespace
}  // namespace reeve::test
