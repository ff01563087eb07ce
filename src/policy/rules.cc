#include "rules.hpp"

#include <algorithm>

namespace reeve::policy {
namespace {

bool is_in_any(const std::string& name, const std::vector<std::string>& groups) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const std::string& group) { return contract::is_in_group(name, group); });
}

}  // namespace

bool may_ask_for(const Caller& caller, const std::string& name) {
  return !caller.is_confined() || is_in_any(name, caller.may_look_up) || is_in_any(name, caller.who.groups);
}

bool may_look_up(const Caller& caller, const std::string& name, const Requirement& asked_of_callers) {
  return may_ask_for(caller, name) && asked_of_callers.is_met_by(caller.who);
}

Registering may_register(const Caller& caller, const std::string& name, NameOwner owner) {
  if (owner == NameOwner::other_job) return Registering::belongs_to_job;
  if (owner == NameOwner::callers_job) return Registering::is_checked_in;
  const std::string& team = caller.who.team;
  const bool is_of_team = !team.empty() && contract::is_in_group(name, team);
  return is_of_team || is_in_any(name, caller.who.groups) ? Registering::allowed : Registering::in_no_group;
}

bool is_member(const Caller& caller, const std::string& group) {
  return std::find(caller.who.groups.begin(), caller.who.groups.end(), group) != caller.who.groups.end();
}

bool may_manage(const Caller& caller, std::uint32_t owner) {
  return !caller.is_confined() && (caller.uid == owner || caller.uid == 0);
}

bool may_list(const Caller& caller) { return !caller.is_confined(); }
bool may_redeem(const Caller& caller) { return !caller.is_confined(); }

}  // namespace reeve::policy
