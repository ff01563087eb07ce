#include "broker.hpp"

#include "../os/confine.hpp"
#include "../os/filter.hpp"
#include "../os/process.hpp"
#include "allowance.hpp"
#include "filters.hpp"  // made at build time by generate_filters

namespace reeve::sandbox {
namespace {

#ifdef REEVE_SANITIZED
constexpr bool kIsSanitised = true;
#else
constexpr bool kIsSanitised = false;
#endif

}  // namespace

Result<void> confine_broker() {
  REEVE_TRY(os::set_limit(os::Limit::core, 0));
  REEVE_TRY(os::is_root() ? os::drop_privileges() : os::refuse_privileges_by_exec());
  (void)os::refuse_new_code();  // Linux 6.3; the filter forbids it too.
  if constexpr (kIsSanitised) return {};
  // What is wrong with the file the spawner says.
  if (!has(lacking_here() & read_allowance().value_or(0), Layer::landlock)) {
    REEVE_TRY(os::restrict_to(REEVE_TRY(os::make_landlock_rules({}, {}, false))));
  }
  return os::load_filter(kBrokerRunning);
}

}  // namespace reeve::sandbox
