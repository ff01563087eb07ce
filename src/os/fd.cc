#include "fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace reeve::os {
namespace {

Kind kind_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
    case ENOSPC:
    case ETOOMANYREFS:
      return Kind::busy;
    case EPIPE:
    case ECONNRESET:
    case ECONNREFUSED:
    case ENOENT:
    case ESRCH:
      return Kind::gone;
    case EPERM:
    case EACCES:
      return Kind::denied;
    case ENOSYS:
    case EOPNOTSUPP:
      return Kind::unsupported;
    default:
      return Kind::invalid;
  }
}

}  // namespace

void Fd::close() {
  if (raw_ >= 0) ::close(std::exchange(raw_, -1));
}

Result<Fd> Fd::duplicate() const {
  const int copy = ::fcntl(raw_, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return system_failure("fcntl(F_DUPFD_CLOEXEC)");
  return Fd(copy);
}

std::unexpected<Error> system_failure(const char* call) {
  const int error = errno;
  return fail(kind_of(error), code::kSystem, std::string(call) + ": " + std::strerror(error));
}

}  // namespace reeve::os
