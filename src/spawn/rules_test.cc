#include "rules.hpp"

#include <gtest/gtest.h>

#include <set>

namespace reeve::spawn {
namespace {

using contract::Gate;
using contract::Phase;
using contract::SpawnerOp;
using contract::SupervisorEventKind;

using Admitted = std::set<std::pair<std::uint32_t, Phase>>;

// What a table admits: each request number in each phase, with few descriptors and many, with a text and without.
Admitted admitted(std::span<const contract::Rule> rules) {
  Admitted out;
  for (std::uint32_t op = 0; op < 256; ++op) {
    for (const Phase phase : {Phase::starting, Phase::serving, Phase::leaving}) {
      for (std::size_t descriptors = 0; descriptors < 4; ++descriptors) {
        for (const bool has_text : {false, true}) {
          Gate gate(rules);
          if (gate.admit({op, descriptors, has_text}, phase)) out.emplace(op, phase);
        }
      }
    }
  }
  return out;
}

TEST(SpawnerRules, AdmitOfTheBrokerItsRequestsOnceItServes) {
  Admitted wanted;
  for (const SpawnerOp op :
       {SpawnerOp::scan, SpawnerOp::launch, SpawnerOp::confirm, SpawnerOp::watch, SpawnerOp::identify}) {
    wanted.emplace(static_cast<std::uint32_t>(op), Phase::serving);
  }
  EXPECT_EQ(admitted(kBrokerRules), wanted);
}

TEST(SpawnerRules, AdmitOfTheSupervisorWhatWasKeptFirstAndLinesAfterwards) {
  const Admitted wanted{{static_cast<std::uint32_t>(SupervisorEventKind::kept), Phase::starting},
                        {static_cast<std::uint32_t>(SupervisorEventKind::go), Phase::starting},
                        {static_cast<std::uint32_t>(SupervisorEventKind::line), Phase::serving}};
  EXPECT_EQ(admitted(kSupervisorRules), wanted);
}

TEST(SpawnerRules, ALaunchCarriesOneEndAndSaysWhat) {
  const auto admits = [](std::size_t descriptors, bool has_text) {
    Gate gate(kBrokerRules);
    const contract::Asked launch{static_cast<std::uint32_t>(SpawnerOp::launch), descriptors, has_text};
    return gate.admit(launch, Phase::serving).has_value();
  };
  EXPECT_TRUE(admits(1, true));
  EXPECT_FALSE(admits(0, true));
  EXPECT_FALSE(admits(2, true));
  EXPECT_FALSE(admits(1, false));
}

}  // namespace
}  // namespace reeve::spawn
