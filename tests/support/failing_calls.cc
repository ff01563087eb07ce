// The table: what the kernel may answer when it lacks something, or is asked at the wrong moment.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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
      {"read", SYS_read, kNone, 0, {EINTR, EIO, ENOMEM}},
      {"pread64", SYS_pread64, kNone, 0, {EINTR, EIO, ENOMEM}},
      {"write", SYS_write, kNone, 0, {EINTR, EAGAIN, EPIPE, EIO, ENOSPC}},
      {"getdents64", SYS_getdents64, kNone, 0, {EIO, ENOMEM}},
      {"readlink", SYS_readlink, kNone, 0, {EACCES, EIO, ENOMEM}},
      {"mkdir", SYS_mkdir, kNone, 0, {ENOSPC, EACCES, ENOMEM}},
      {"symlink", SYS_symlink, kNone, 0, {ENOSPC, EACCES, ENOMEM}},
      {"chmod", SYS_chmod, kNone, 0, {EPERM, EIO, ENOMEM}},
      {"fchmod", SYS_fchmod, kNone, 0, {EPERM, EIO, ENOMEM}},
      {"unlinkat", SYS_unlinkat, kNone, 0, {EACCES, EIO, ENOMEM}},
      {"flock", SYS_flock, kNone, 0, {EINTR, ENOLCK}},
      {"bind", SYS_bind, kNone, 0, {EACCES, ENOMEM, EADDRINUSE}},
      {"listen", SYS_listen, kNone, 0, {ENOMEM}},
      {"inotify_init1", SYS_inotify_init1, kNone, 0, {EMFILE, ENFILE, ENOMEM}},
      {"inotify_add_watch", SYS_inotify_add_watch, kNone, 0, {ENOSPC, ENOMEM, EACCES}},
      {"waitid", SYS_waitid, kNone, 0, {EINTR}},
      {"kill", SYS_kill, kNone, 0, {EPERM}},
      {"prlimit64", SYS_prlimit64, kNone, 0, {EPERM}},
      {"chdir", SYS_chdir, kNone, 0, {ENOMEM, EACCES, EIO}},
      {"dup2", SYS_dup2, kNone, 0, {EBUSY, EINTR}},
      {"close_range", SYS_close_range, kNone, 0, {ENOMEM, EMFILE}},
      {"prctl(PR_SET_PDEATHSIG)", SYS_prctl, 0, PR_SET_PDEATHSIG, {EPERM}},
      {"prctl(PR_SET_NO_NEW_PRIVS)", SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, {EPERM}},
      {"prctl(PR_CAPBSET_DROP)", SYS_prctl, 0, PR_CAPBSET_DROP, {EPERM}},
      {"capset", SYS_capset, kNone, 0, {EPERM}},
      {"setns", SYS_setns, kNone, 0, {ENOMEM, EPERM}},
      {"unshare", SYS_unshare, kNone, 0, {ENOSPC, ENOMEM, EPERM}},
      {"setgroups", SYS_setgroups, kNone, 0, {ENOMEM, EPERM}},
      {"setresgid", SYS_setresgid, kNone, 0, {EAGAIN, EPERM}},
      {"setresuid", SYS_setresuid, kNone, 0, {EAGAIN, EPERM}},
      {"sethostname", SYS_sethostname, kNone, 0, {EPERM}},
      {"mount", SYS_mount, kNone, 0, {ENOMEM, ENOSPC, EPERM}},
      {"umount2", SYS_umount2, kNone, 0, {ENOMEM, EPERM}},
      {"pivot_root", SYS_pivot_root, kNone, 0, {EBUSY, EPERM}},
      {"mount_setattr", SYS_mount_setattr, kNone, 0, {ENOMEM, EPERM}},
      {"landlock_create_ruleset", SYS_landlock_create_ruleset, kNone, 0, {EMFILE, ENOMEM, EOPNOTSUPP}},
      {"landlock_add_rule", SYS_landlock_add_rule, kNone, 0, {ENOMEM}},
      {"landlock_restrict_self", SYS_landlock_restrict_self, kNone, 0, {E2BIG, ENOMEM}},
      {"seccomp", SYS_seccomp, kNone, 0, {ENOMEM, EACCES}},
      {"execveat", SYS_execveat, kNone, 0, {EAGAIN, ENOMEM, ETXTBSY}},
      {"execve", SYS_execve, kNone, 0, {EAGAIN, ENOMEM, ETXTBSY}},
  };
  return table;
}

}  // namespace reeve::test
