#include "confine.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "process.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

constexpr int kOutOfTheWay = 64;  // Above every number that arrange_descriptors gives.
constexpr const char* kYes = "yes";

Result<void> check(long outcome, const char* call) {
  if (outcome < 0) return system_failure(call);
  return {};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return system_failure(("open " + path).c_str());
  if (::write(file.raw(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return system_failure(("write " + path).c_str());
  }
  return {};
}

Result<Fd> open_namespace(pid_t pid, const char* kind) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_failure(("open " + path).c_str());
  return fd;
}

// The process that lives just long enough for its namespaces to be opened. It tells over `line` how each step went.
[[noreturn]] void hold_namespaces(const Fd& line, Network network, const std::function<Result<void>()>& furnish) {
  const auto tell = [&](const Result<void>& outcome) {
    const std::string word = outcome ? kYes : text_of(outcome.error());
    if (::write(line.raw(), word.data(), word.size()) < 0 || !outcome) ::_exit(1);
  };
  const int its_own = network == Network::empty ? CLONE_NEWNET : 0;
  tell(check(::unshare(CLONE_NEWUSER | its_own | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC), "unshare"));
  char mapped = 0;
  if (::read(line.raw(), &mapped, 1) != 1) ::_exit(1);
  // Forbids user namespaces below this one, so that nobody inside can have capabilities again.
  tell(write_file("/proc/sys/user/max_user_namespaces", "0"));
  tell(furnish());
  (void)!::read(line.raw(), &mapped, 1);
  ::_exit(0);
}

constexpr const char* kForbidsUserNamespaces =
    "this machine, or a sandbox around this process, forbids user namespaces; see user.max_user_namespaces";

Result<void> expect_yes(const Fd& line, const char* step, const char* advice = "") {
  std::array<char, 512> room;
  const ssize_t size = ::read(line.raw(), room.data(), room.size());
  const std::string word(room.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (word == kYes) return {};
  return fail(Kind::unsupported, code::kMissingLayer, std::string(step) + ": " + (word.empty() ? "no answer" : word),
              advice);
}

Result<SharedNamespaces> open_namespaces_of(pid_t holder, const Fd& line, UserRange users, Network network) {
  REEVE_TRY(expect_yes(line, "a user namespace could not be made", kForbidsUserNamespaces));
  const std::string range =
      std::to_string(users.first) + " " + std::to_string(users.first) + " " + std::to_string(users.count);
  REEVE_TRY(write_file("/proc/" + std::to_string(holder) + "/uid_map", range));
  if (::write(line.raw(), "g", 1) != 1) return system_failure("write");
  REEVE_TRY(expect_yes(line, "user namespaces inside the sandbox could not be forbidden"));
  REEVE_TRY(expect_yes(line, "the sandbox could not be furnished"));
  SharedNamespaces made;
  made.user = REEVE_TRY(open_namespace(holder, "user"));
  if (network == Network::empty) made.network = REEVE_TRY(open_namespace(holder, "net"));
  made.mounts = REEVE_TRY(open_namespace(holder, "mnt"));
  made.names = REEVE_TRY(open_namespace(holder, "uts"));
  made.queues = REEVE_TRY(open_namespace(holder, "ipc"));
  return made;
}

// A child of the caller's parent; how its end is signalled is as for the caller's own.
Result<std::int32_t> fork_with(std::uint64_t flags) {
  // Not clone3: whoever restricts namespaces cannot look at its flags, and refuses it whole (systemd does).
  const long pid = ::syscall(SYS_clone, flags | CLONE_PARENT, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return system_failure("clone");
  return static_cast<std::int32_t>(pid);
}

int resource_of(Limit limit) {
  switch (limit) {
    case Limit::descriptors:
      return RLIMIT_NOFILE;
    case Limit::processes:
      return RLIMIT_NPROC;
    case Limit::address_space:
      return RLIMIT_AS;
    case Limit::file_size:
      return RLIMIT_FSIZE;
    case Limit::core:
      return RLIMIT_CORE;
    case Limit::cpu:
      return RLIMIT_CPU;
    case Limit::data:
      return RLIMIT_DATA;
    case Limit::locked_memory:
      return RLIMIT_MEMLOCK;
    case Limit::resident_set:
      return RLIMIT_RSS;
    case Limit::stack:
      return RLIMIT_STACK;
  }
  return RLIMIT_CORE;
}

// What each Landlock ABI can handle; asking for a bit the kernel does not know is an error, not a no-op.
uapi::LandlockRulesetAttr rights_for_abi(long abi, bool may_connect) {
  uapi::LandlockRulesetAttr rights{};
  rights.handled_access_fs = uapi::kFsAbi1;
  if (abi >= 2) rights.handled_access_fs |= uapi::kFsRefer;
  if (abi >= 3) rights.handled_access_fs |= uapi::kFsTruncate;
  if (abi >= 4) rights.handled_access_net = uapi::kNetBindTcp | (may_connect ? 0 : uapi::kNetConnectTcp);
  if (abi >= 5) rights.handled_access_fs |= uapi::kFsIoctlDev;
  if (abi >= 6) rights.scoped = uapi::kScopeAbstractSocket | uapi::kScopeSignal;
  return rights;
}

std::size_t attribute_size(long abi) {
  if (abi >= 6) return sizeof(uapi::LandlockRulesetAttr);
  return abi >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
}

}  // namespace

Result<SharedNamespaces> make_shared_namespaces(UserRange users, Network network,
                                                const std::function<Result<void>()>& furnish) {
  int raw[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw) != 0) return system_failure("socketpair");
  Fd line(raw[0]);
  Fd other(raw[1]);
  const pid_t holder = ::fork();
  if (holder < 0) return system_failure("fork");
  if (holder == 0) {
    line.close();  // Else it would wait for its own end to close.
    hold_namespaces(other, network, furnish);
  }
  other.close();
  // A file system that does not answer is not waited for.
  const timeval most{5, 0};
  (void)::setsockopt(line.raw(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  auto namespaces = open_namespaces_of(holder, line, users, network);
  line.close();
  ::kill(holder, SIGKILL);
  while (::waitpid(holder, nullptr, 0) < 0 && errno == EINTR) {
  }
  return namespaces;
}

Result<void> become_group(std::uint32_t group) {
  REEVE_TRY(check(::setgroups(0, nullptr), "setgroups"));
  return check(::setresgid(group, group, group), "setresgid");
}

Result<void> become_user(std::uint32_t user) { return check(::setresuid(user, user, user), "setresuid"); }

Result<void> join(const SharedNamespaces& namespaces) {
  REEVE_TRY(check(::setns(namespaces.user.raw(), CLONE_NEWUSER), "setns(user)"));
  if (namespaces.network) REEVE_TRY(check(::setns(namespaces.network.raw(), CLONE_NEWNET), "setns(network)"));
  REEVE_TRY(check(::setns(namespaces.names.raw(), CLONE_NEWUTS), "setns(uts)"));
  REEVE_TRY(check(::setns(namespaces.queues.raw(), CLONE_NEWIPC), "setns(ipc)"));
  return check(::setns(namespaces.mounts.raw(), CLONE_NEWNS), "setns(mounts)");
}

Result<std::int32_t> fork_into_new_pids() { return fork_with(CLONE_NEWPID); }

Result<std::int32_t> fork_beside() { return fork_with(0); }

Result<void> run_beside(const std::function<void()>& task) {
  constexpr std::size_t kStackBytes = 128 * 1024;
  alignas(16) std::array<std::byte, kStackBytes> stack;  // The caller sleeps, and its own is in use below this.
  const auto run = [](void* borrowed) {
    (*static_cast<const std::function<void()>*>(borrowed))();
    return 0;
  };
  const int dumpable = ::prctl(PR_GET_DUMPABLE);
  const int pid = ::clone(run, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | CLONE_PARENT,
                          const_cast<std::function<void()>*>(&task));
  if (pid < 0) return system_failure("clone");
  // Who changes its group closes the memory that it has to its own user.
  if (dumpable == 1) ::prctl(PR_SET_DUMPABLE, 1);
  return {};
}

Result<void> make_mounts_private() {
  return check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount(private)");
}

Result<void> bind_mount(const std::string& source, const std::string& target) {
  return check(::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr), "mount(bind)");
}

// By its path: a descriptor from before the namespace was made leads to another's mounts. That it is the same folder is
// looked at when it is there.
Result<void> bind_folder(const std::string& source, const Fd& folder, const std::string& target) {
  REEVE_TRY(check(::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr), "mount(bind)"));
  struct stat meant{};
  struct stat mounted{};
  REEVE_TRY(check(::fstat(folder.raw(), &meant), "fstat"));
  REEVE_TRY(check(::lstat(target.c_str(), &mounted), "lstat"));
  if (meant.st_dev != mounted.st_dev || meant.st_ino != mounted.st_ino) {
    return fail(Kind::denied, code::kLaunchFailed, source + " was replaced while it was mounted", "try again");
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return check(::syscall(SYS_mount_setattr, AT_FDCWD, target.c_str(), 0, &attributes, sizeof attributes),
               "mount_setattr");
}

Result<void> lock_mount(const std::string& path) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return check(::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), AT_RECURSIVE, &attributes, sizeof attributes),
               "mount_setattr");
}

Result<void> change_root(const std::string& path) {
  REEVE_TRY(check(::chdir(path.c_str()), "chdir"));
  // Stacks the old root upon the new one's folder, from where it can be taken off by the same name.
  REEVE_TRY(check(::syscall(SYS_pivot_root, ".", "."), "pivot_root"));
  REEVE_TRY(check(::umount2(".", MNT_DETACH), "umount2"));
  return check(::chdir("/"), "chdir");
}

Result<void> set_host_name(const std::string& name) {
  return check(::sethostname(name.data(), name.size()), "sethostname");
}

Result<void> set_limit(Limit limit, std::uint64_t value) {
  rlimit present{};
  REEVE_TRY(check(::getrlimit(static_cast<__rlimit_resource>(resource_of(limit)), &present), "getrlimit"));
  const rlim_t lower = std::min<rlim_t>(value, present.rlim_max);  // A lower one that was there before stays.
  const rlimit both{lower, lower};
  return check(::setrlimit(static_cast<__rlimit_resource>(resource_of(limit)), &both), "setrlimit");
}

Result<void> narrow_limit(Limit limit, std::optional<std::uint64_t> soft, std::optional<std::uint64_t> hard) {
  if (!soft && !hard) return {};
  rlimit now{};
  const int resource = resource_of(limit);
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return system_failure("getrlimit");
  if (hard) now.rlim_max = std::min<rlim_t>(now.rlim_max, *hard);
  now.rlim_cur = std::min<rlim_t>(soft ? *soft : now.rlim_cur, now.rlim_max);
  return check(::setrlimit(static_cast<__rlimit_resource>(resource), &now), "setrlimit");
}

void be_ended_first() {
  const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.raw(), "800", 3);
}

void give_way() {
  constexpr int kIoprioWhoProcess = 1;
  constexpr int kIdleClass = 3 << 13;
  ::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIdleClass);
  (void)!::nice(10);
}

Result<void> set_nice(int value) { return check(::setpriority(PRIO_PROCESS, 0, value), "setpriority"); }

Result<void> go_to_folder(const std::string& path) { return check(::chdir(path.c_str()), ("chdir " + path).c_str()); }

void set_umask(std::uint32_t mask) { ::umask(mask); }

Result<void> drop_privileges() {
  REEVE_TRY(check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl(PR_CAP_AMBIENT)"));
  int capability = 0;
  while (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) ++capability;
  if (errno != EINVAL) return system_failure("prctl(PR_CAPBSET_DROP)");  // That one does not exist.
  constexpr unsigned long kLocked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  REEVE_TRY(check(::prctl(PR_SET_SECUREBITS, kLocked, 0, 0, 0), "prctl(PR_SET_SECUREBITS)"));
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  REEVE_TRY(check(::syscall(SYS_capset, &header, none.data()), "capset"));
  return refuse_privileges_by_exec();
}

Result<void> refuse_privileges_by_exec() {
  return check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
}

bool can_refuse_new_code() { return ::prctl(uapi::kPrGetMdwe, 0, 0, 0, 0) >= 0; }

Result<void> refuse_new_code() {
  if (::prctl(uapi::kPrSetMdwe, uapi::kMdweRefuseExecGain, 0, 0, 0) == 0) return {};
  return fail(Kind::unsupported, code::kMissingLayer, "the kernel has no PR_SET_MDWE (Linux 6.3)");
}

namespace {

Result<void> add_landlock_rule(const Fd& ruleset, const Fd& below, std::uint64_t allowed) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = allowed;
  rule.parent_fd = below.raw();
  return check(::syscall(SYS_landlock_add_rule, ruleset.raw(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0),
               "landlock_add_rule");
}

}  // namespace

long landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : version;
}

Result<Fd> make_landlock_rules(std::span<const std::string> readable, std::span<const Fd* const> changeable,
                               bool may_connect) {
  const long abi = landlock_version();
  if (abi < 1) {
    return fail(Kind::unsupported, code::kMissingLayer, "the kernel has no Landlock",
                "boot with lsm=landlock,… or use a kernel that has it (Linux 5.13)");
  }
  const uapi::LandlockRulesetAttr rights = rights_for_abi(abi, may_connect);
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rights, attribute_size(abi), 0)));
  if (!ruleset) return system_failure("landlock_create_ruleset");
  for (const std::string& path : readable) {
    const Fd below(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!below) return system_failure(("open " + path).c_str());
    struct stat facts{};
    REEVE_TRY(check(::fstat(below.raw(), &facts), "fstat"));
    std::uint64_t allowed = uapi::kFsExecute | uapi::kFsReadFile;
    if (S_ISDIR(facts.st_mode)) allowed |= uapi::kFsReadDir;  // Of a file it is no right.
    REEVE_TRY(add_landlock_rule(ruleset, below, allowed));
  }
  constexpr std::uint64_t kChange = uapi::kFsReadFile | uapi::kFsReadDir | uapi::kFsWriteFile | uapi::kFsRemoveDir |
                                    uapi::kFsRemoveFile | uapi::kFsMakeDir | uapi::kFsMakeReg | uapi::kFsRefer |
                                    uapi::kFsTruncate;
  for (const Fd* folder : changeable) {
    REEVE_TRY(add_landlock_rule(ruleset, *folder, kChange & rights.handled_access_fs));
  }
  return ruleset;
}

Result<void> restrict_to(const Fd& landlock_rules) {
  REEVE_TRY(refuse_privileges_by_exec());
  return check(::syscall(SYS_landlock_restrict_self, landlock_rules.raw(), 0), "landlock_restrict_self");
}

Error execute(const Fd& image, std::vector<std::string> arguments, std::vector<std::string> environment) {
  ::execveat(image.raw(), "", pointers_to(arguments).data(), pointers_to(environment).data(), AT_EMPTY_PATH);
  return system_failure("execveat").error();
}

Result<void> arrange_descriptors(std::span<const int> in_order) {
  std::vector<Fd> copies;
  for (const int raw : in_order) {
    Fd copy(::fcntl(raw, F_DUPFD_CLOEXEC, kOutOfTheWay));
    if (!copy) return system_failure("fcntl(F_DUPFD_CLOEXEC)");
    copies.push_back(std::move(copy));
  }
  int number = 0;
  for (const Fd& copy : copies) {
    if (::dup2(copy.raw(), number++) < 0) return system_failure("dup2");
  }
  return check(::close_range(static_cast<unsigned>(number), ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
}

Result<Fd> out_of_the_way(const Fd& descriptor) {
  Fd moved(::fcntl(descriptor.raw(), F_DUPFD_CLOEXEC, kOutOfTheWay));
  if (!moved) return system_failure("fcntl(F_DUPFD_CLOEXEC)");
  return moved;
}

void leave(int status) { ::_exit(status); }

void begin_child(const char* name) {
  (void)::setsid();
  ::umask(077);
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace reeve::os
