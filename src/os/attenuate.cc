#include "attenuate.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "descriptor.hpp"

namespace reeve::os {

// Nothing is gained by it: what is opened for reading was open for that. It is served by the kernel, and whoever has a
// lease on it is not waited for.
Result<std::optional<Fd>> for_reading_alone(const Fd& file) {
  const Access access = REEVE_TRY(access_of(file));
  if (access == Access::read) return std::nullopt;
  if (access == Access::write || !is_kind(file, DescriptorKind::file)) {
    return fail(Kind::invalid, code::kBadAttachment, "a File that is no regular file open for reading",
                "open it for reading, or hand it over as what it is");
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file.raw());
  Fd again(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!again && errno == EWOULDBLOCK) {
    return fail(Kind::busy, code::kBadAttachment, "somebody has a lease on a File, and is asked to give it up",
                "hand it over again later");
  }
  if (!again) {
    return fail(Kind::denied, code::kBadAttachment,
                "a File is open for writing too, and cannot be opened anew for reading alone",
                "open it for reading alone before it is handed over");
  }
  const off_t at = ::lseek(file.raw(), 0, SEEK_CUR);
  if (at > 0) (void)::lseek(again.raw(), at, SEEK_SET);
  return again;
}

}  // namespace reeve::os
