#include "bell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

namespace reeve::os {

Result<Bell> Bell::make() {
  Fd descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!descriptor) return system_failure("eventfd");
  return Bell(std::move(descriptor));
}

// It fails only where it was rung so often that it can count no further: then it is readable.
void Bell::ring() const {
  const std::uint64_t once = 1;
  [[maybe_unused]] const auto written = ::write(descriptor_.raw(), &once, sizeof once);
}

void Bell::hush() const {
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto got = ::read(descriptor_.raw(), &rings, sizeof rings);
}

}  // namespace reeve::os
