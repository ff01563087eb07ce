// Who may do what with names and jobs. Pure: who asks, what for, and what is there go in, and a decision comes out.
// docs/policy.md shows all of it as a table, which a test makes anew.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "requirement.hpp"

namespace reeve::policy {

/// Who asks.
struct Caller {
  contract::Identity who;
  std::uint32_t uid = 65534;
  std::vector<std::string>
      may_look_up;  ///< names, or groups of names, that its job lets it call although it is confined
  bool is_confined() const { return !who.preset.empty() && who.preset != "none"; }
};

/// Whether the caller finds a name whose owner asks that of callers. One that it does not find is not there, for it.
bool may_look_up(const Caller& caller, const std::string& name, const Requirement& asked_of_callers);
/// ... as far as the name alone decides.
bool may_ask_for(const Caller& caller, const std::string& name);

/// Whose a name is before somebody registers it.
enum class NameOwner : std::uint8_t { nobody, callers_job, other_job };
enum class Registering : std::uint8_t {
  allowed,
  in_no_group,     ///< the name lies in none of the caller's app groups, and is not its team's
  belongs_to_job,  ///< another job declares it
  is_checked_in    ///< the caller's own job declares it: it is checked in
};
Registering may_register(const Caller& caller, const std::string& name, NameOwner owner);

bool is_member(const Caller& caller, const std::string& group);

/// Whether the caller may load, start, stop, list and look into the jobs of the broker of user `owner`.
bool may_manage(const Caller& caller, std::uint32_t owner);
bool may_list(const Caller& caller);
/// Whether the caller may exchange an endpoint for a channel.
bool may_redeem(const Caller& caller);

}  // namespace reeve::policy
