#include "denial.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <tuple>

#include "../vocab/bounds.hpp"

// What follows runs inside a signal handler, wherever the process was: it allocates nothing, takes no lock, and makes
// no call but those that every filter allows.
namespace reeve::os {
namespace {

constexpr std::uint64_t kMaskBytes = 8;  // of the kernel's signal sets

std::atomic<int> line{-1};
std::array<std::atomic<std::uint64_t>, kDenialsMax> told{};  // marks of what was told, in no order; 0 is none

struct Registers {
  std::array<std::uint64_t, 6> arguments{};
  std::uint64_t* result = nullptr;  // where the call's outcome goes; null on a machine whose registers are not known
};

Registers registers_of(ucontext_t& context) {
#if defined(__x86_64__)
  auto& r = context.uc_mcontext.gregs;
  const auto at = [&](int which) { return static_cast<std::uint64_t>(r[which]); };
  return {{at(REG_RDI), at(REG_RSI), at(REG_RDX), at(REG_R10), at(REG_R8), at(REG_R9)},
          reinterpret_cast<std::uint64_t*>(&r[REG_RAX])};
#elif defined(__aarch64__)
  auto& r = context.uc_mcontext.regs;
  return {{r[0], r[1], r[2], r[3], r[4], r[5]}, reinterpret_cast<std::uint64_t*>(&r[0])};
#else
  (void)context;
  return {};
#endif
}

// Which argument is a path, or -1.
int path_argument(long number) {
  switch (number) {
#if defined(__x86_64__)
    case SYS_open:
    case SYS_creat:
    case SYS_stat:
    case SYS_lstat:
    case SYS_access:
    case SYS_readlink:
    case SYS_mkdir:
    case SYS_rmdir:
    case SYS_unlink:
    case SYS_rename:
    case SYS_chmod:
    case SYS_chown:
    case SYS_lchown:
#endif
    case SYS_chdir:
    case SYS_execve:
    case SYS_statfs:
    case SYS_truncate:
      return 0;
    case SYS_openat:
    case SYS_openat2:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlinkat:
    case SYS_mkdirat:
    case SYS_unlinkat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_fchmodat:
    case SYS_fchownat:
    case SYS_utimensat:
    case SYS_execveat:
      return 1;
    default:
      return -1;
  }
}

// The kernel looks at the mask before it finds that there is no such way to set it.
bool is_readable(std::uint64_t address) {
  const std::uint64_t mask = address & ~(kMaskBytes - 1);
  if (mask == 0) return false;  // To the kernel that is no mask.
  return ::syscall(SYS_rt_sigprocmask, kNoWayToSetAMask, mask, nullptr, kMaskBytes) < 0 && errno == EINVAL;
}

void read_path(std::uint64_t address, std::array<char, 200>& path) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i, ++address) {
    if ((i == 0 || address % kMaskBytes == 0) && !is_readable(address)) return;
    path[i] = *reinterpret_cast<const char*>(address);
    if (path[i] == '\0') return;
  }
}

// FNV-1a, of what makes one denial another than the next; never 0.
std::uint64_t mark_of(const DeniedCall& call) {
  std::uint64_t mark = 0xcbf29ce484222325;
  const auto add = [&](std::uint64_t value) { mark = (mark ^ value) * 0x100000001b3; };
  add(static_cast<std::uint64_t>(call.number));
  for (const char c : call.path) add(static_cast<std::uint8_t>(c));
  if (call.path[0] != '\0') return mark | 1;
  // What a socket is made of, the command of an fcntl; addresses make no difference.
  constexpr std::uint64_t kSmall = 1 << 16;
  for (std::size_t i = 0; i < 3; ++i) add(call.arguments[i] < kSmall ? call.arguments[i] : kSmall);
  return mark | 1;
}

// Whether it is the first of its kind, and there is room to remember it.
bool is_new(std::uint64_t mark) {
  for (auto& place : told) {
    std::uint64_t was = 0;
    if (place.compare_exchange_strong(was, mark)) return true;
    if (was == mark) return false;
  }
  return false;
}

void tell(const DeniedCall& call) {
  iovec part{const_cast<DeniedCall*>(&call), sizeof call};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  (void)!::sendmsg(line.load(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// As the kernel would set the mask, but that SIGSYS is never blocked: a call that is merely refused ends the process
// in a thread where it is, and libraries block all signals where they start a thread.
std::int64_t set_mask(ucontext_t& context, const std::array<std::uint64_t, 6>& arguments) {
  constexpr std::uint64_t kOwn = std::uint64_t{1} << (SIGSYS - 1);
  const auto [how, set, before, size] = std::tuple(arguments[0], arguments[1], arguments[2], arguments[3]);
  if (size != kMaskBytes) return -EINVAL;
  if (set != 0 && !(is_readable(set) && is_readable(set + kMaskBytes - 1))) return -EFAULT;
  std::uint64_t mask = 0;
  std::memcpy(&mask, &context.uc_sigmask, sizeof mask);
  std::uint64_t change = 0;
  if (set != 0) std::memcpy(&change, reinterpret_cast<const void*>(set), sizeof change);
  if (before != 0 && !(is_readable(before) && is_readable(before + kMaskBytes - 1))) return -EFAULT;
  if (before != 0) std::memcpy(reinterpret_cast<void*>(before), &mask, sizeof mask);
  if (set == 0) return 0;
  if (how > SIG_SETMASK) return -EINVAL;
  if (how == SIG_BLOCK) mask |= change;
  if (how == SIG_UNBLOCK) mask &= ~change;
  if (how == SIG_SETMASK) mask = change;
  mask &= ~kOwn;
  std::memcpy(&context.uc_sigmask, &mask, sizeof mask);
  return 0;
}

void on_denied(int, siginfo_t* info, void* at) {
  constexpr int kBySeccomp = 1;  // SYS_SECCOMP
  if (info->si_code != kBySeccomp) return;
  const int error_before = errno;
  auto& context = *static_cast<ucontext_t*>(at);
  const auto registers = registers_of(context);
  DeniedCall call;
  call.number = info->si_syscall;
  call.error = info->si_errno;
  call.arguments = registers.arguments;
  if (call.number == SYS_rt_sigprocmask && registers.result != nullptr) {
    *registers.result = static_cast<std::uint64_t>(set_mask(context, call.arguments));
    errno = error_before;
    return;
  }
  const int which = path_argument(call.number);
  if (which >= 0) read_path(call.arguments[static_cast<std::size_t>(which)], call.path);
  const bool is_end = call.error == 0 || registers.result == nullptr;
  if (is_end || is_new(mark_of(call))) tell(call);
  if (is_end) {
    // Denied again while the signal is blocked: the kernel ends the process, whatever else handles it by now.
    ::syscall(call.number, call.arguments[0], call.arguments[1], call.arguments[2], call.arguments[3],
              call.arguments[4], call.arguments[5]);
    return;
  }
  *registers.result = static_cast<std::uint64_t>(-static_cast<std::int64_t>(call.error));
  errno = error_before;
}

}  // namespace

Result<void> tell_denials(Fd to) {
  static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);
  struct sigaction action{};
  action.sa_sigaction = on_denied;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return system_failure("sigaction");
  line.store(to.release());  // For as long as the process lives.
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGSYS);
  if (::sigprocmask(SIG_UNBLOCK, &own, nullptr) != 0) return system_failure("sigprocmask");
  return {};
}

}  // namespace reeve::os
