// The table: what the kernel may answer when it lacks something, or is asked at the wrong moment.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>

#include "watcher.hpp"

namespace reeve::test {
namespace {

constexpr int kNone = -1;
constexpr std::uint32_t kPeerPidfd = 77;

}  // namespace

const std::vector<FailingCall>& failing_calls() {
  static const std::vector<FailingCall> table{
      {"sendmsg", SYS_sendmsg, kNone, 0, {ENOBUFS, ENOMEM, ETOOMANYREFS, EINTR, EAGAIN, EPIPE, ECONNRESET}},
      {"recvmsg", SYS_recvmsg, kNone, 0, {ENOMEM, ENOBUFS, EINTR, EAGAIN, ECONNRESET}},
      {"socketpair", SYS_socketpair, kNone, 0, {EMFILE, ENFILE, ENOMEM, ENOBUFS}},
      {"socket", SYS_socket, kNone, 0, {EMFILE, ENFILE, ENOMEM, ENOBUFS}},
      {"connect", SYS_connect, kNone, 0, {EAGAIN, EINTR, ENOMEM, EACCES, ECONNREFUSED, ENOENT}},
      {"accept4", SYS_accept4, kNone, 0, {EMFILE, ENFILE, ENOMEM, ENOBUFS, ECONNABORTED, EINTR, EPERM}},
      {"setsockopt", SYS_setsockopt, kNone, 0, {ENOMEM, EPERM}},
      {"getsockopt(SO_PEERPIDFD)", SYS_getsockopt, 2, kPeerPidfd, {EMFILE, ENFILE, ENOMEM, ESRCH}},
      {"ppoll", SYS_ppoll, kNone, 0, {EINTR, ENOMEM}},
      {"epoll_create1", SYS_epoll_create1, kNone, 0, {EMFILE, ENFILE, ENOMEM}},
      {"epoll_ctl(EPOLL_CTL_ADD)", SYS_epoll_ctl, 1, EPOLL_CTL_ADD, {ENOSPC, ENOMEM}},
#ifdef SYS_epoll_wait
      {"epoll_wait", SYS_epoll_wait, kNone, 0, {EINTR}},
#else
      {"epoll_pwait", SYS_epoll_pwait, kNone, 0, {EINTR}},
#endif
      {"signalfd4", SYS_signalfd4, kNone, 0, {EMFILE, ENFILE, ENOMEM}},
      {"fcntl(F_DUPFD_CLOEXEC)", SYS_fcntl, 1, F_DUPFD_CLOEXEC, {EMFILE}},
      {"fcntl(F_ADD_SEALS)", SYS_fcntl, 1, F_ADD_SEALS, {EBUSY, ENOMEM}},
      {"memfd_create", SYS_memfd_create, kNone, 0, {EMFILE, ENFILE, ENOMEM}},
      {"ftruncate", SYS_ftruncate, kNone, 0, {EINTR, ENOMEM, ENOSPC}},
      {"mmap(MAP_SHARED)", SYS_mmap, 3, MAP_SHARED, {ENOMEM, EAGAIN}},
      {"statx", SYS_statx, kNone, 0, {ENOMEM}},
      {"fstatfs", SYS_fstatfs, kNone, 0, {EINTR, ENOMEM}},
      {"newfstatat", SYS_newfstatat, kNone, 0, {ENOMEM}},
      {"openat", SYS_openat, kNone, 0, {EMFILE, ENFILE, ENOMEM, EINTR}},
      {"pipe2", SYS_pipe2, kNone, 0, {EMFILE, ENFILE}},
      {"clone", SYS_clone, kNone, 0, {EAGAIN, ENOMEM}},
      {"clone3", SYS_clone3, kNone, 0, {EAGAIN, ENOMEM}},
      {"pidfd_open", SYS_pidfd_open, kNone, 0, {EMFILE, ENFILE, ENOMEM}},
      {"sendfile", SYS_sendfile, kNone, 0, {EINTR, EAGAIN, ENOMEM}},
  };
  return table;
}

}  // namespace reeve::test
