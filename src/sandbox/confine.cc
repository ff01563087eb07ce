#include "confine.hpp"

#include "../os/confine.hpp"

namespace reeve::sandbox {

Result<void> at_step(const char* step, Result<void> outcome) {
  if (outcome) return outcome;
  Error error = std::move(outcome).error();
  error.message = std::string(step) + ": " + error.message;
  return std::unexpected(std::move(error));
}

namespace {

Result<void> set_limits(const Limits& limits) {
  REEVE_TRY(os::set_limit(os::Limit::descriptors, limits.descriptors));
  REEVE_TRY(os::set_limit(os::Limit::processes, limits.processes));
  REEVE_TRY(os::set_limit(os::Limit::address_space, limits.address_space));
  REEVE_TRY(os::set_limit(os::Limit::file_size, limits.file_size));
  return os::set_limit(os::Limit::core, 0);
}

}  // namespace

Result<void> confine(const Confinement& confinement) {
  REEVE_TRY(at_step("limits", set_limits(confinement.preset.limits)));
  confinement.on_layer("limits");
  if (confinement.user) REEVE_TRY(at_step("user", os::become_user(*confinement.user)));
  confinement.on_layer("user");
  REEVE_TRY(at_step("capabilities", os::drop_privileges()));
  // Linux 6.3. Without it the running filter alone forbids new code, so that its absence is no reason to refuse.
  (void)os::refuse_new_code();
  confinement.on_layer("capabilities");
  if (!confinement.root.rules()) return {};  // The administrator allows that.
  REEVE_TRY(at_step("landlock", os::restrict_to(confinement.root.rules())));
  confinement.on_layer("landlock");
  return {};
}

}  // namespace reeve::sandbox
