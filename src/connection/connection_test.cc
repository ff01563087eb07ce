// A caller whose service does what services should not do. What the service says was put there before it was asked.
#include "connection.hpp"

#include <gtest/gtest.h>

#include "../object/call.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;
using channel::PacketKind;

// Hands out channels whose far ends stay here, each with some packets sent ahead.
struct Stage {
  std::vector<channel::Channel> services;
  std::vector<std::vector<Parcel>> ahead;  // of each channel in turn

  struct StageDialer : Dialer {
    explicit StageDialer(Stage& s) : stage(s) {}
    Result<Dialed> dial(const os::Deadline&) override {
      auto [ours, theirs] = *os::channel_pair();
      stage.services.emplace_back(std::move(theirs));
      const std::size_t turn = stage.services.size() - 1;
      if (turn < stage.ahead.size()) {
        for (Parcel& parcel : stage.ahead[turn]) EXPECT_TRUE(stage.services.back().send(parcel));
      }
      return Dialed{channel::Channel(std::move(ours)), {}};
    }
    Stage& stage;
  };
  Connection connection() { return Connection(std::make_unique<StageDialer>(*this)); }
};

Parcel error_parcel(PacketKind kind, std::uint64_t reply_to, Kind what, const char* message) {
  Parcel parcel = *make_parcel(kind, object::error_message(Error{what, 77, message, ""}));
  parcel.reply_to = reply_to;
  return parcel;
}

Dictionary large() { return {{"data", Object(Data(std::vector<std::byte>(8 << 20)))}}; }

std::vector<Parcel> only(Parcel parcel) {
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return parcels;
}

TEST(Connection, TellsTheReasonForWhichAServiceEndsWhileALongRequestIsBeingSent) {
  Stage stage;
  stage.ahead.push_back(only(error_parcel(PacketKind::end, 0, Kind::gone, "it could not be started")));
  Connection connection = stage.connection();
  const auto outcome = connection.call(large(), {.timeout = 20s});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "it could not be started");
  EXPECT_EQ(stage.services.size(), 1U) << "it was told, and is not asked again";
}

TEST(Connection, ThatGotItsAnswerBeforeALongRequestWasSentLeavesNothingBegun) {
  Stage stage;
  for (int i = 0; i < 20; ++i) {
    stage.ahead.push_back(
        only(error_parcel(PacketKind::error, static_cast<std::uint64_t>(i + 1), Kind::busy, "too large just now")));
  }
  Connection connection = stage.connection();
  for (std::size_t i = 1; i <= 20; ++i) {
    const auto outcome = connection.call(large(), {.timeout = 20s});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, Kind::busy);
    EXPECT_EQ(stage.services.size(), i) << "each on a fresh channel";
  }
}

TEST(Connection, TakesNoLateAnswerForTheOutcomeOfALongMessage) {
  Stage stage;
  stage.ahead.push_back(only(error_parcel(PacketKind::error, 1, Kind::denied, "a late answer")));
  Connection connection = stage.connection();
  const auto posted = connection.post(large(), {.timeout = 50ms});
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().kind, Kind::timeout);
}

TEST(Connection, IntroducesOverAFreshChannelWhereTheOldOneIsGone) {
  Stage stage;
  Connection connection = stage.connection();
  ASSERT_TRUE(connection.post(Dictionary()));
  stage.services[0].end({});
  EXPECT_TRUE(connection.introduce());
  EXPECT_EQ(stage.services.size(), 2U);
}

}  // namespace
}  // namespace reeve::connection
