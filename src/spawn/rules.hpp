// All that the broker can ask of the spawner, and all that the supervisor tells it. Anything else ends it.
#pragma once

#include <array>

#include "../contract/rule.hpp"
#include "../contract/spawner.hpp"
#include "../contract/supervisor.hpp"

namespace reeve::spawn {

inline constexpr std::uint32_t kStarting = static_cast<std::uint32_t>(contract::Phase::starting);
inline constexpr std::uint32_t kServing = static_cast<std::uint32_t>(contract::Phase::serving);

inline constexpr std::array kBrokerRules{
    contract::Rule{static_cast<std::uint32_t>(contract::SpawnerOp::scan), kServing, 0, 0, 0, contract::Text::none},
    contract::Rule{static_cast<std::uint32_t>(contract::SpawnerOp::launch), kServing, 0, 1, 1, contract::Text::some},
    contract::Rule{static_cast<std::uint32_t>(contract::SpawnerOp::confirm), kServing, 0, 0, 0, contract::Text::none},
    contract::Rule{static_cast<std::uint32_t>(contract::SpawnerOp::watch), kServing, 0, 0, 0, contract::Text::any},
    contract::Rule{static_cast<std::uint32_t>(contract::SpawnerOp::identify), kServing, 0, 0, 1, contract::Text::none},
};

// What was kept comes first; from `go` on there may be a line to a broker, and after it to the next.
inline constexpr std::array kSupervisorRules{
    contract::Rule{static_cast<std::uint32_t>(contract::SupervisorEventKind::kept), kStarting, 0, 0,
                   contract::kKeptDescriptorsMax, contract::Text::some},
    contract::Rule{static_cast<std::uint32_t>(contract::SupervisorEventKind::go), kStarting, 1, 0, 0,
                   contract::Text::none},
    contract::Rule{static_cast<std::uint32_t>(contract::SupervisorEventKind::line), kServing, 0, 1, 1,
                   contract::Text::none},
};
static_assert(kBrokerRules.size() <= contract::Gate::kRulesMax && kSupervisorRules.size() <= contract::Gate::kRulesMax);

}  // namespace reeve::spawn
