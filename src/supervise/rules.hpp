// All that broker and spawner can ask of the supervisor.
#pragma once

#include <array>

#include "../contract/rule.hpp"
#include "../contract/supervisor.hpp"

namespace reeve::supervise {

constexpr contract::Rule rule(contract::SupervisorOp op, std::uint32_t phases, std::uint32_t times = 0,
                              std::size_t descriptors_min = 0, std::size_t descriptors_max = 0,
                              contract::Text text = contract::Text::none) {
  return {static_cast<std::uint32_t>(op), phases, times, descriptors_min, descriptors_max, text};
}

inline constexpr std::uint32_t kStarting = static_cast<std::uint32_t>(contract::Phase::starting);
inline constexpr std::uint32_t kServing = static_cast<std::uint32_t>(contract::Phase::serving);

inline constexpr std::array kSpawnerRules{
    rule(contract::SupervisorOp::ready, kStarting, 1),
    rule(contract::SupervisorOp::not_ready, kStarting, 1, 0, 0, contract::Text::some),
    rule(contract::SupervisorOp::birth, kStarting | kServing),
    rule(contract::SupervisorOp::unborn, kStarting | kServing),
    rule(contract::SupervisorOp::adopt, kServing, 0, 1, contract::kKeptDescriptorsMax, contract::Text::some),
    rule(contract::SupervisorOp::drop, kServing),
};

// A new broker puts in order what it found kept before it serves.
inline constexpr std::array kBrokerRules{
    rule(contract::SupervisorOp::serving, kStarting, 1),
    rule(contract::SupervisorOp::keep, kStarting | kServing, 0, 0, contract::kKeptDescriptorsMax, contract::Text::some),
    rule(contract::SupervisorOp::drop, kStarting | kServing),
    rule(contract::SupervisorOp::signal, kStarting | kServing),
    rule(contract::SupervisorOp::replace, kServing),
    rule(contract::SupervisorOp::leave, kServing),
};
static_assert(kSpawnerRules.size() <= contract::Gate::kRulesMax && kBrokerRules.size() <= contract::Gate::kRulesMax);

}  // namespace reeve::supervise
