#include "process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgets to say that these are C
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "proc.hpp"
#include "socket.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

constexpr int kLowestCopy = 64;  // Above every number that a child may be given, so that dup2 overwrites no source.

// What stands behind "KEY:" in /proc/PID/status; nothing where nothing does.
std::string status_field(std::int32_t pid, std::string_view key) {
  const auto text = read_text(proc_path(pid, "status"));
  return text ? std::string(field_in(*text, key)) : std::string();
}

class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawn_file_actions_init(&actions_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  posix_spawnattr_t* attributes() { return &attributes_; }
  posix_spawn_file_actions_t* actions() { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;  // A filter forbids to ask: what a preset leaves.
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::string describe(const ExitStatus& status) {
  if (!status.by_signal) return "exited with " + std::to_string(status.value);
  const char* name = ::sigabbrev_np(status.value);
  return "killed by " + (name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(status.value));
}

std::optional<int> signal_named(const std::string& text) {
  const std::string name = text.starts_with("SIG") ? text.substr(3) : text;
  for (int number = 1; number < NSIG; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (name == std::to_string(number) || (known != nullptr && name == known)) return number;
  }
  return std::nullopt;
}

Result<Child> start(const Start& what) {
  SpawnAttributes attributes;
  std::vector<Fd> copies;
  int highest = 2;
  if (what.quiet_output) {
    for (int number = 0; number <= 2; ++number) {
      ::posix_spawn_file_actions_addopen(attributes.actions(), number, "/dev/null", O_RDWR, 0);
    }
  }
  for (const Inherit& inherit : what.descriptors) {
    Fd copy(::fcntl(inherit.descriptor->raw(), F_DUPFD_CLOEXEC, kLowestCopy));
    if (!copy) return system_failure("fcntl(F_DUPFD_CLOEXEC)");
    ::posix_spawn_file_actions_adddup2(attributes.actions(), copy.raw(), inherit.as);
    copies.push_back(std::move(copy));
    highest = std::max(highest, inherit.as);
  }
  // Whatever this process inherited itself, and never made close-on-exec, stays here.
  const auto is_given = [&](int number) {
    return std::any_of(what.descriptors.begin(), what.descriptors.end(),
                       [&](const Inherit& i) { return i.as == number; });
  };
  for (int number = 3; number < highest; ++number) {
    if (!is_given(number)) ::posix_spawn_file_actions_addclose(attributes.actions(), number);
  }
  ::posix_spawn_file_actions_addclosefrom_np(attributes.actions(), highest + 1);

  std::vector<std::string> arguments{what.program};
  arguments.insert(arguments.end(), what.arguments.begin(), what.arguments.end());
  std::vector<std::string> environment = what.environment;
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, what.program.c_str(), attributes.actions(), attributes.attributes(),
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) {
    errno = error;
    return system_failure(("starting " + what.program).c_str());
  }
  return child_of(pid);
}

Result<Child> run_in_copy(const std::function<int()>& task) {
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure("fork");
  if (pid == 0) {
    die_with_parent();
    ::_exit(::getppid() == self ? task() : 1);
  }
  return child_of(pid);
}

Result<Child> child_of(std::int32_t pid) {
  Fd pidfd(::pidfd_open(pid, 0));
  if (!pidfd) {
    auto failure = system_failure("pidfd_open");
    // Nobody would hear of its end: it must not live. Until it is reaped the number is its own.
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);  // Where it is a child of ours.
    return failure;
  }
  return Child{std::move(pidfd), pid};
}

Result<std::optional<ExitStatus>> wait_for_exit(const Child& child, const Deadline& deadline) {
  if (!REEVE_TRY(wait_for(child.pidfd, Readiness::readable, deadline))) return std::nullopt;
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.raw()), &info, WEXITED) != 0) {
    return system_failure("waitid");
  }
  return ExitStatus{info.si_code != CLD_EXITED, info.si_status};
}

Result<void> send_signal(const Fd& pidfd, int number) {
  if (::pidfd_send_signal(pidfd.raw(), number, nullptr, 0) != 0) return system_failure("pidfd_send_signal");
  return {};
}

std::uint64_t process_number(const Fd& pidfd) {
  struct statfs system{};
  struct statx facts{};
  // Before 6.9 all pidfds share one anonymous inode, which says nothing.
  if (::fstatfs(pidfd.raw(), &system) != 0 || system.f_type != uapi::kPidfsMagic) return 0;
  if (::statx(pidfd.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &facts) != 0) return 0;
  return facts.stx_ino;
}

Result<Fd> parent_process() {
  Fd parent(::pidfd_open(::getppid(), 0));
  if (!parent) return system_failure("pidfd_open");
  return parent;
}

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

namespace {

std::int32_t parent_of(std::int32_t pid) { return std::atoi(status_field(pid, "PPid:").c_str()); }

// Each is its thread's that made it.
std::vector<std::int32_t> children_of(std::int32_t pid) {
  std::vector<std::int32_t> children;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  const std::unique_ptr<DIR, int (*)(DIR*)> threads(::opendir(tasks.c_str()), ::closedir);
  if (!threads) return children;
  while (const dirent* thread = ::readdir(threads.get())) {
    if (thread->d_name[0] == '.') continue;
    std::ifstream file(tasks + thread->d_name + "/children");
    for (std::int32_t child = 0; file >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace

std::vector<std::int32_t> own_children() { return children_of(::getpid()); }

// One that is stopped makes no more children: what it has is known before it is killed.
void end_family(std::int32_t pid) {
  if (::waitpid(pid, nullptr, WNOHANG) == pid) return;  // It had ended: what it left behind comes to this process.
  struct Member {
    std::int32_t pid;
    std::int32_t parent;
  };
  const std::int32_t self = ::getpid();
  std::vector<Member> left{{pid, self}};
  while (!left.empty()) {
    const Member member = left.back();
    left.pop_back();
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, member.pid, 0)));
    // The number may be another's by now. One whose parent was killed is ours.
    const std::int32_t parent = process ? parent_of(member.pid) : 0;
    if (parent != self && parent != member.parent) continue;
    (void)send_signal(process, SIGSTOP);
    for (const std::int32_t child : children_of(member.pid)) left.push_back({child, member.pid});
    (void)send_signal(process, SIGKILL);
  }
  // Whatever this process lacked to look at it: an own child's number is nobody else's.
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, WNOHANG);
}

std::int32_t own_pid() { return ::getpid(); }
std::uint32_t own_user() { return ::geteuid(); }
bool is_root() { return ::geteuid() == 0; }
bool has_one_user() {
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  return ::getresuid(&real, &effective, &saved) == 0 && real == effective && effective == saved;
}

WithoutSignals::WithoutSignals() {
  sigset_t most;
  sigfillset(&most);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) sigdelset(&most, own);
  ::pthread_sigmask(SIG_SETMASK, &most, &before_);
}

WithoutSignals::~WithoutSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::optional<std::string> trusted_variable(const char* name) {
  const char* value = ::secure_getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

void close_from(int first) { ::closefrom(first); }

std::optional<Fd> inherited(int number) {
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
  return Fd(number);
}

bool go_to_background() {
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid > 0) ::_exit(0);
  (void)::setsid();
  (void)!::chdir("/");
  ::umask(077);
  return true;
}

Error become(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> all{program};
  all.insert(all.end(), arguments.begin(), arguments.end());
  ::execv(program.c_str(), pointers_to(all).data());
  return system_failure(("starting " + program).c_str()).error();
}

void die_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

void default_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
}

void survive_broken_pipes() { ::signal(SIGPIPE, SIG_IGN); }

void give_memory_back() { ::malloc_trim(0); }

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

std::optional<int> seccomp_filter_count(std::int32_t pid) {
  const std::string text = status_field(pid, "Seccomp_filters:");
  if (text.empty()) return std::nullopt;
  return std::atoi(text.c_str());
}

bool listens_for(std::int32_t pid, int signal) {
  // Its number in each namespace, from ours to its own.
  const std::string numbers = status_field(pid, "NSpid:");
  if (!numbers.ends_with("\t1")) return true;
  for (const char* mask : {"SigCgt:", "SigBlk:"}) {
    const std::uint64_t bits = std::strtoull(status_field(pid, mask).c_str(), nullptr, 16);
    if ((bits >> static_cast<unsigned>(signal - 1) & 1U) != 0) return true;
  }
  return false;
}

}  // namespace reeve::os
