#include "handed_on.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace reeve::os {

Result<Fd> place_holder() {
  Fd nothing(::open("/dev/null", O_PATH | O_CLOEXEC));
  if (!nothing) return system_failure("open");
  return nothing;
}

void keep_for_programs(const Fd& what, const Fd& number, Kept kept) {
  if (what.raw() != number.raw()) ::dup3(what.raw(), number.raw(), O_CLOEXEC);
  ::fcntl(number.raw(), F_SETFD, kept == Kept::yes ? 0 : FD_CLOEXEC);
}

}  // namespace reeve::os
