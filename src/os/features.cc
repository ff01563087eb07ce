#include "features.hpp"

#include <linux/seccomp.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgets to say that these are C
}

#include "confine.hpp"
#include "process.hpp"
#include "socket.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

bool can_make_user_namespace() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : 1);
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

bool has_seccomp_filters() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace

Features look_for_features() {
  Features features{};
  utsname name{};
  if (::uname(&name) == 0) features.kernel = name.release;
  features.user_namespaces = can_make_user_namespace();
  features.landlock = landlock_version();
  features.seccomp_filters = has_seccomp_filters();
  features.refuses_new_code = can_refuse_new_code();
  const Fd self(::pidfd_open(::getpid(), 0));
  features.numbers_processes = self && process_number(self) != 0;
  if (const auto pair = channel_pair()) {
    features.passes_processes = pass_process(pair->first, Passing::on);
    features.refuses_descriptors = refuse_rights(pair->first);
  }
  const std::string me = std::to_string(::getpid());
  features.tells_children = ::access(("/proc/self/task/" + me + "/children").c_str(), R_OK) == 0;
  const Fd notifier(::inotify_init1(IN_CLOEXEC));
  features.notices = notifier && ::inotify_add_watch(notifier.raw(), "/", IN_CREATE) >= 0;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) features.descriptors = static_cast<std::size_t>(limit.rlim_max);
  return features;
}

}  // namespace reeve::os
