#include "broker.hpp"

#include "../os/confine.hpp"
#include "../os/process.hpp"
#include "filters.hpp"  // made at build time by generate_filters

namespace reeve::sandbox {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasFilter = false;
#else
constexpr bool kHasFilter = true;
#endif

}  // namespace

Result<void> confine_broker() {
  REEVE_TRY(os::set_limit(os::Limit::core, 0));
  REEVE_TRY(os::is_root() ? os::drop_privileges() : os::refuse_privileges_by_exec());
  (void)os::refuse_new_code();  // Linux 6.3; the filter forbids it too.
  REEVE_TRY(os::restrict_paths({}));
  if constexpr (!kHasFilter) return {};
  return os::load_filter(kBrokerRunning);
}

}  // namespace reeve::sandbox
