#include "descriptor.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "memory.hpp"
#include "socket.hpp"

namespace reeve::os {
namespace {

// AT_STATX_DONT_SYNC answers from what the kernel already knows.
bool is_regular(int raw) {
  struct statx facts{};
  if (::statx(raw, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &facts) != 0) return false;
  return S_ISREG(facts.stx_mode);
}

// Regular files on disks and in memory cannot be polled, and those of FUSE can. Asked of a descriptor that is no epoll,
// epoll_ctl says which before it asks anybody: EPERM for what cannot be polled, EINVAL for what can.
bool can_be_polled(int raw) {
  epoll_event nothing{};
  return ::epoll_ctl(raw, EPOLL_CTL_DEL, raw, &nothing) != 0 && errno != EPERM;
}

bool is_socket(int raw) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(raw, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

bool is_event(int raw) {
  std::array<char, 32> path{};
  std::array<char, 64> target{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", raw);
  const ssize_t size = ::readlink(path.data(), target.data(), target.size());
  return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == "anon_inode:[eventfd]";
}

}  // namespace

std::string_view name_of(DescriptorKind kind) {
  switch (kind) {
    case DescriptorKind::file:
      return "file";
    case DescriptorKind::memory:
      return "memory";
    case DescriptorKind::pipe:
      return "pipe";
    case DescriptorKind::channel:
      return "channel";
    case DescriptorKind::event:
      return "event";
    case DescriptorKind::shared:
      return "shared memory";
    case DescriptorKind::socket:
      return "socket";
  }
  return "unknown";
}

bool is_kind(const Fd& descriptor, DescriptorKind kind) {
  const int raw = descriptor.raw();
  switch (kind) {
    case DescriptorKind::file:
      return is_regular(raw) && !can_be_polled(raw);
    case DescriptorKind::memory:
      return is_memory(descriptor, Sealing::whole);
    case DescriptorKind::pipe:
      return ::fcntl(raw, F_GETPIPE_SZ) >= 0;
    case DescriptorKind::channel:
      return is_channel_socket(descriptor);
    case DescriptorKind::event:
      return is_event(raw);
    case DescriptorKind::shared:
      return is_memory(descriptor, Sealing::size);
    case DescriptorKind::socket:
      return is_socket(raw) && !is_channel_socket(descriptor);
  }
  return false;
}

bool is_served_by_a_process(const Fd& descriptor) {
  return is_regular(descriptor.raw()) && can_be_polled(descriptor.raw());
}

Result<Access> access_of(const Fd& descriptor) {
  const int flags = ::fcntl(descriptor.raw(), F_GETFL);
  if (flags < 0) return system_failure("fcntl(F_GETFL)");
  if ((flags & O_PATH) != 0) return fail(Kind::invalid, code::kBadAttachment, "the descriptor is a mere path (O_PATH)");
  switch (flags & O_ACCMODE) {
    case O_RDONLY:
      return Access::read;
    case O_WRONLY:
      return Access::write;
    default:
      return Access::read_write;
  }
}

Result<std::pair<Fd, Fd>> pipe_pair() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("pipe2");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace reeve::os
