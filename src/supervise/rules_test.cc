#include "rules.hpp"

#include <gtest/gtest.h>

#include <set>

namespace reeve::supervise {
namespace {

using contract::Gate;
using contract::Phase;
using contract::Rule;
using contract::SupervisorOp;

constexpr Phase kPhases[] = {Phase::starting, Phase::serving, Phase::leaving};

// What a table admits: each request number in each phase, with few descriptors and many, with a text and without.
std::set<std::pair<std::uint32_t, Phase>> admitted(std::span<const Rule> rules) {
  std::set<std::pair<std::uint32_t, Phase>> out;
  for (std::uint32_t op = 0; op < 256; ++op) {
    for (const Phase phase : kPhases) {
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

std::pair<std::uint32_t, Phase> in(SupervisorOp op, Phase phase) { return {static_cast<std::uint32_t>(op), phase}; }

TEST(SupervisorRules, AdmitOfTheSpawnerWhatStandsInItsTableAndNothingElse) {
  const std::set<std::pair<std::uint32_t, Phase>> wanted{
      in(SupervisorOp::ready, Phase::starting), in(SupervisorOp::not_ready, Phase::starting),
      in(SupervisorOp::birth, Phase::starting), in(SupervisorOp::unborn, Phase::starting),
      in(SupervisorOp::birth, Phase::serving),  in(SupervisorOp::unborn, Phase::serving),
      in(SupervisorOp::adopt, Phase::serving),  in(SupervisorOp::drop, Phase::serving)};
  EXPECT_EQ(admitted(kSpawnerRules), wanted);
}

TEST(SupervisorRules, AdmitOfTheBrokerWhatStandsInItsTableAndNothingElse) {
  const std::set<std::pair<std::uint32_t, Phase>> wanted{
      in(SupervisorOp::serving, Phase::starting), in(SupervisorOp::keep, Phase::starting),
      in(SupervisorOp::drop, Phase::starting),    in(SupervisorOp::signal, Phase::starting),
      in(SupervisorOp::keep, Phase::serving),     in(SupervisorOp::drop, Phase::serving),
      in(SupervisorOp::signal, Phase::serving),   in(SupervisorOp::replace, Phase::serving),
      in(SupervisorOp::leave, Phase::serving)};
  EXPECT_EQ(admitted(kBrokerRules), wanted);
}

TEST(SupervisorRules, AnswerOnceWhatIsSaidOnce) {
  Gate gate(kBrokerRules);
  const contract::Asked serving{static_cast<std::uint32_t>(SupervisorOp::serving), 0, false};
  EXPECT_TRUE(gate.admit(serving, Phase::starting));
  EXPECT_EQ(gate.admit(serving, Phase::starting).error().message, "request 6: asked too often");
}

TEST(SupervisorRules, CountDescriptorsAndTexts) {
  const auto refusal = [](SupervisorOp op, std::size_t descriptors, bool has_text) {
    Gate gate(kSpawnerRules);
    const auto admitted = gate.admit({static_cast<std::uint32_t>(op), descriptors, has_text}, Phase::serving);
    return admitted ? "admitted" : admitted.error().message;
  };
  EXPECT_EQ(refusal(SupervisorOp::adopt, 0, true), "request 4: another number of descriptors");
  EXPECT_EQ(refusal(SupervisorOp::adopt, 4, true), "request 4: another number of descriptors");
  EXPECT_EQ(refusal(SupervisorOp::adopt, 2, false), "request 4: no text");
  EXPECT_EQ(refusal(SupervisorOp::drop, 0, true), "request 8: a text where none belongs");
  EXPECT_EQ(refusal(SupervisorOp::keep, 0, true), "request 7: unknown") << "keeping is for the broker to ask";
}

}  // namespace
}  // namespace reeve::supervise
