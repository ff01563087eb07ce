// Compiles the seccomp filters of the presets, at build time: building one in the child costs five times as much as
// loading a finished one. Writes a header of constants.
//
// What a filter does with a call:
//   allowed            the lists below
//   refused, EPERM     what libraries try and can do without, and what a program may want to report as refused
//   anything else      the process is killed: a call nobody thought of is not one to make
// The filters that explain say the same, to a process that tells of what it is denied (os/denial.hpp): what kills
// traps, for a handler to tell of it first, and what is refused in the second traps too.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <span>

#include "../src/os/denial.hpp"

namespace {

constexpr int kMemory[] = {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)};
constexpr int kTime[] = {SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
                         SCMP_SYS(nanosleep),     SCMP_SYS(gettimeofday), SCMP_SYS(time)};
constexpr int kThread[] = {SCMP_SYS(futex),
                           SCMP_SYS(sched_yield),
                           SCMP_SYS(sched_getaffinity),
                           SCMP_SYS(gettid),
                           SCMP_SYS(getpid),
                           SCMP_SYS(getppid),
                           SCMP_SYS(getuid),
                           SCMP_SYS(geteuid),
                           SCMP_SYS(getgid),
                           SCMP_SYS(getegid),
                           SCMP_SYS(set_robust_list),
                           SCMP_SYS(rseq),
                           SCMP_SYS(getrandom),
                           SCMP_SYS(exit),
                           SCMP_SYS(exit_group),
                           SCMP_SYS(restart_syscall),
                           SCMP_SYS(membarrier)};
constexpr int kSignals[] = {SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill),
                            SCMP_SYS(signalfd4)};
constexpr int kMasks[] = {SCMP_SYS(rt_sigprocmask)};
constexpr int kFiles[] = {SCMP_SYS(read),    SCMP_SYS(readv),       SCMP_SYS(pread64),     SCMP_SYS(preadv),
                          SCMP_SYS(write),   SCMP_SYS(writev),      SCMP_SYS(pwrite64),    SCMP_SYS(lseek),
                          SCMP_SYS(close),   SCMP_SYS(close_range), SCMP_SYS(dup),         SCMP_SYS(fstat),
                          SCMP_SYS(fstatfs), SCMP_SYS(ftruncate),   SCMP_SYS(memfd_create)};
// The channel set: what it takes to talk.
constexpr int kChannel[] = {SCMP_SYS(poll),         SCMP_SYS(ppoll),      SCMP_SYS(epoll_create1),
                            SCMP_SYS(epoll_ctl),    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
                            SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2),   SCMP_SYS(shutdown)};
constexpr int kAccept[] = {SCMP_SYS(accept4)};
// Only until the program is loaded.
constexpr int kLoader[] = {SCMP_SYS(execveat),   SCMP_SYS(openat),     SCMP_SYS(newfstatat), SCMP_SYS(access),
                           SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
                           SCMP_SYS(getdents64), SCMP_SYS(getcwd),     SCMP_SYS(arch_prctl), SCMP_SYS(set_tid_address),
                           SCMP_SYS(prlimit64),  SCMP_SYS(getrlimit),  SCMP_SYS(uname),      SCMP_SYS(sysinfo),
                           SCMP_SYS(statx),      SCMP_SYS(fcntl),      SCMP_SYS(seccomp),    SCMP_SYS(mprotect),
                           SCMP_SYS(mmap)};  // the loader maps code; PR_SET_MDWE forbids to gain it later
// What presets add.
constexpr int kThreads[] = {SCMP_SYS(sched_getscheduler),
                            SCMP_SYS(sched_getparam),
                            SCMP_SYS(getcpu),
                            SCMP_SYS(pipe2),
                            SCMP_SYS(dup2),
                            SCMP_SYS(dup3),
                            SCMP_SYS(select),
                            SCMP_SYS(pselect6),
                            SCMP_SYS(timerfd_create),
                            SCMP_SYS(timerfd_settime),
                            SCMP_SYS(timerfd_gettime),
                            SCMP_SYS(epoll_create)};
constexpr int kPathFacts[] = {SCMP_SYS(newfstatat), SCMP_SYS(statx),      SCMP_SYS(access),
                              SCMP_SYS(faccessat),  SCMP_SYS(faccessat2), SCMP_SYS(readlink),
                              SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd)};
// Files of its own, in folders that Landlock lets it change. No links: whoever is outside would follow them.
constexpr int kWritingPaths[] = {SCMP_SYS(openat),    SCMP_SYS(mkdir),    SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),
                                 SCMP_SYS(unlink),    SCMP_SYS(unlinkat), SCMP_SYS(rename),    SCMP_SYS(renameat),
                                 SCMP_SYS(renameat2), SCMP_SYS(fsync),    SCMP_SYS(fdatasync), SCMP_SYS(truncate),
                                 SCMP_SYS(flock),     SCMP_SYS(pwritev)};
constexpr int kInternet[] = {SCMP_SYS(connect), SCMP_SYS(getsockname), SCMP_SYS(getpeername)};

// clang-format off
constexpr int kRefused[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(chdir),
    SCMP_SYS(mkdir), SCMP_SYS(unlink), SCMP_SYS(rename), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(socket),
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept4), SCMP_SYS(fork), SCMP_SYS(vfork),
    SCMP_SYS(clone), SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal), SCMP_SYS(pidfd_getfd), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(mount),
    SCMP_SYS(ioctl), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(setrlimit), SCMP_SYS(prctl),
    SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(sched_setaffinity),
    SCMP_SYS(setpriority), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(wait4), SCMP_SYS(waitid),
    SCMP_SYS(fadvise64), SCMP_SYS(copy_file_range), SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(flock), SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
    SCMP_SYS(unlinkat), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown),
    SCMP_SYS(lchown), SCMP_SYS(fchownat), SCMP_SYS(utimensat), SCMP_SYS(truncate), SCMP_SYS(getrusage), SCMP_SYS(times),
    SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getsid), SCMP_SYS(getgroups), SCMP_SYS(pipe2), SCMP_SYS(dup2),
    SCMP_SYS(dup3), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime), SCMP_SYS(epoll_create), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
    SCMP_SYS(mlockall), SCMP_SYS(umask)};
// clang-format on
// glibc falls back from these by itself.
constexpr int kAbsent[] = {SCMP_SYS(clone3)};

// What a preset adds to what every program in a sandbox may do. That paths lead nowhere else is the root's and
// Landlock's.
struct Recipe {
  const char* name;
  bool threads;
  bool reads_paths;  // opens to read what its root shows
  bool internet;     // connects to the internet
  bool keeps_files;  // makes, changes and locks files
};
constexpr Recipe kRecipes[] = {
    {"Parser", false, false, false, false},
    {"Compute", true, false, false, false},
    {"NetworkClient", true, true, true, false},
    {"GroupFiles", true, true, false, true},
};

// Conditions on a call's arguments, by their number.
scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp differs(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
scmp_arg_cmp above(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_GT, value, 0}; }
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  explicit Filter(std::uint32_t otherwise = SCMP_ACT_KILL_PROCESS)
      : context_(seccomp_init(otherwise)), otherwise_(otherwise) {
    if (context_ == nullptr) std::exit(1);
    // A binary tree: at loading the kernel runs the filter once for every call there is, to remember which are allowed
    // whatever their arguments. With a list that is most of a launch's seccomp (200 us, where the tree takes 70).
    check(seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2));
    check(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() { seccomp_release(context_); }

  void allow(std::span<const int> calls) {
    for (const int call : calls) {
      if (!allowed_.insert(call).second) continue;
      check(seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0));
    }
  }
  void allow_if(int call, std::initializer_list<scmp_arg_cmp> arguments) {
    if (allowed_.contains(call)) return;  // Whatever its arguments.
    in_part_.insert(call);
    check(seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, static_cast<unsigned>(arguments.size()),
                                 arguments.begin()));
  }
  // libseccomp takes a rule without a condition as the last word on its call: a call that is allowed in part is refused
  // by the opposite condition instead.
  void refuse_if(int call, scmp_arg_cmp condition) {
    if (otherwise_ == SCMP_ACT_ERRNO(EPERM) || allowed_.contains(call)) return;
    check(seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(EPERM), call, 1, &condition));
  }
  // Those that nothing allows, be it in part.
  void refuse_rest(std::span<const int> calls, int error) {
    for (const int call : calls) {
      if (allowed_.contains(call) || in_part_.contains(call)) continue;
      check(seccomp_rule_add(context_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 0));
    }
  }

  /// Has the process told of what is refused with EPERM, as of what ends it. (libseccomp writes no data into a trap.)
  void tell_refusals() { tells_refusals_ = true; }

  void print(const char* recipe, const char* phase) const {
    std::FILE* file = std::tmpfile();
    if (file == nullptr) std::exit(1);
    check(seccomp_export_bpf(context_, fileno(file)));
    std::rewind(file);
    struct Instruction {
      std::uint16_t code;
      std::uint8_t jump_true;
      std::uint8_t jump_false;
      std::uint32_t k;
    } i{};
    std::printf("inline constexpr os::FilterInstruction k%s%s[] = {\n", recipe, phase);
    while (std::fread(&i, sizeof i, 1, file) == 1) {
      const bool is_refusal = i.code == (BPF_RET | BPF_K) && i.k == SCMP_ACT_ERRNO(EPERM);
      if (tells_refusals_ && is_refusal) i.k = SCMP_ACT_TRAP | EPERM;
      std::printf("    {0x%02x, %u, %u, 0x%08x},\n", i.code, i.jump_true, i.jump_false, i.k);
    }
    std::printf("};\n\n");
    std::fclose(file);
  }

 private:
  static void check(int outcome) {
    if (outcome == 0) return;
    std::fprintf(stderr, "generate_filters: libseccomp refused a rule: %d\n", outcome);
    std::exit(1);
  }
  scmp_filter_ctx context_;
  std::uint32_t otherwise_;
  std::set<int> allowed_;  // whatever their arguments
  std::set<int> in_part_;
  bool tells_refusals_ = false;
};

// One of several values of an argument; another one is refused.
void allow_one_of(Filter& filter, int call, unsigned argument, std::initializer_list<scmp_datum_t> values) {
  for (const scmp_datum_t value : values) filter.allow_if(call, {equals(argument, value)});
}

// What all filters allow.
void allow_common(Filter& filter) {
  filter.allow(kMemory);
  filter.allow(kTime);
  filter.allow(kThread);
  filter.allow(kSignals);
  filter.allow(kFiles);
  filter.allow(kChannel);
  // MSG_OOB on AF_UNIX has been a way out of other sandboxes (CVE-2025-38236).
  filter.allow_if(SCMP_SYS(sendmsg), {masked(2, MSG_OOB, 0)});
  filter.allow_if(SCMP_SYS(recvmsg), {masked(2, MSG_OOB, 0)});
  // Looking at what waits, by a call that has no room for descriptors.
  filter.allow_if(SCMP_SYS(recvfrom), {equals(3, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT), equals(4, 0)});
  filter.allow_if(SCMP_SYS(socketpair), {equals(0, AF_UNIX), masked(1, 0xf, SOCK_SEQPACKET), equals(2, 0)});
  filter.refuse_if(SCMP_SYS(socketpair), differs(0, AF_UNIX));
  for (const scmp_datum_t type : {SOCK_STREAM, SOCK_DGRAM}) {
    filter.refuse_if(SCMP_SYS(socketpair), masked(1, 0xf, type));
  }
}

void allow_options_of_sockets(Filter& filter) {
  for (const int call : {SCMP_SYS(setsockopt), SCMP_SYS(getsockopt)}) {
    filter.allow_if(call, {equals(1, SOL_SOCKET)});
    filter.refuse_if(call, differs(1, SOL_SOCKET));
  }
}

// Facts about what is open already; glibc's fstat is newfstatat.
void allow_facts(Filter& filter) {
  filter.allow_if(SCMP_SYS(statx), {masked(2, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  filter.refuse_if(SCMP_SYS(statx), masked(2, AT_EMPTY_PATH, 0));
  filter.allow_if(SCMP_SYS(newfstatat), {masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  filter.refuse_if(SCMP_SYS(newfstatat), masked(3, AT_EMPTY_PATH, 0));
}

void allow_no_new_code(Filter& filter) {
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    filter.allow_if(call, {masked(2, PROT_EXEC, 0)});
    filter.refuse_if(call, masked(2, PROT_EXEC, PROT_EXEC));
  }
}

// A thread of this process; with any namespace of its own it is none.
void allow_threads(Filter& filter) {
  constexpr scmp_datum_t kNamespaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  constexpr scmp_datum_t kOfAThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  filter.allow(kThreads);
  filter.allow_if(SCMP_SYS(clone), {masked(0, kOfAThread | kNamespaces, kOfAThread)});
  filter.refuse_if(SCMP_SYS(clone), masked(0, CLONE_THREAD, 0));
  allow_one_of(filter, SCMP_SYS(prctl), 0, {PR_SET_NAME});
  filter.refuse_if(SCMP_SYS(prctl), differs(0, PR_SET_NAME));
}

void allow_reading_paths(Filter& filter) {
  filter.allow(kPathFacts);
  filter.allow_if(SCMP_SYS(openat), {masked(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)});
  for (const int writing : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC}) {
    const auto bit = static_cast<scmp_datum_t>(writing);
    filter.refuse_if(SCMP_SYS(openat), masked(2, bit, bit));
  }
}

// What libraries set of a connection. Other options open doors (of TCP_ULP, IP_LOCAL_PORT_RANGE and filters on sockets
// nobody has need here), or are for those who serve.
struct SocketOption {
  int level;
  int name;
};
constexpr SocketOption kSocketOptions[] = {{IPPROTO_TCP, TCP_NODELAY},
                                           {IPPROTO_TCP, TCP_MAXSEG},
                                           {IPPROTO_TCP, TCP_CORK},
                                           {IPPROTO_TCP, TCP_KEEPIDLE},
                                           {IPPROTO_TCP, TCP_KEEPINTVL},
                                           {IPPROTO_TCP, TCP_KEEPCNT},
                                           {IPPROTO_TCP, TCP_SYNCNT},
                                           {IPPROTO_TCP, TCP_LINGER2},
                                           {IPPROTO_TCP, TCP_WINDOW_CLAMP},
                                           {IPPROTO_TCP, TCP_QUICKACK},
                                           {IPPROTO_TCP, TCP_USER_TIMEOUT},
                                           {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
                                           {IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
                                           {IPPROTO_IP, IP_TOS},
                                           {IPPROTO_IP, IP_TTL},
                                           {IPPROTO_IP, IP_PKTINFO},
                                           {IPPROTO_IP, IP_MTU_DISCOVER},
                                           {IPPROTO_IP, IP_RECVERR},
                                           {IPPROTO_IP, IP_RECVTTL},
                                           {IPPROTO_IP, IP_RECVTOS},
                                           {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
                                           {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
                                           {IPPROTO_IPV6, IPV6_RECVERR},
                                           {IPPROTO_IPV6, IPV6_V6ONLY},
                                           {IPPROTO_IPV6, IPV6_RECVPKTINFO},
                                           {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
                                           {IPPROTO_IPV6, IPV6_DONTFRAG},
                                           {IPPROTO_IPV6, IPV6_RECVTCLASS},
                                           {IPPROTO_IPV6, IPV6_TCLASS}};

// TCP and UDP, to connect with. Their other protocols (SCTP, MPTCP, SMC, ICMP) are code that few look at.
void allow_internet(Filter& filter) {
  filter.allow(kInternet);
  struct Kind {
    int type;
    int protocol;
  };
  constexpr Kind kKinds[] = {{SOCK_STREAM, 0}, {SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, 0}, {SOCK_DGRAM, IPPROTO_UDP}};
  const auto value = [](int number) { return static_cast<scmp_datum_t>(number); };
  for (const int family : {AF_INET, AF_INET6}) {
    for (const Kind& kind : kKinds) {
      filter.allow_if(SCMP_SYS(socket),
                      {equals(0, value(family)), masked(1, 0xf, value(kind.type)), equals(2, value(kind.protocol))});
    }
  }
  filter.refuse_if(SCMP_SYS(socket), above(2, IPPROTO_UDP));
  // libraries look for a name server's daemon, and for the machine's addresses
  for (const int family : {AF_UNIX, AF_NETLINK}) filter.refuse_if(SCMP_SYS(socket), equals(0, value(family)));
  for (const int call : {SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg)}) {
    filter.allow_if(call, {masked(3, MSG_OOB, 0)});
  }
  allow_one_of(filter, SCMP_SYS(getsockopt), 1, {SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6});
  allow_one_of(filter, SCMP_SYS(setsockopt), 1, {SOL_SOCKET});
  for (const SocketOption& option : kSocketOptions) {
    filter.allow_if(SCMP_SYS(setsockopt), {equals(1, value(option.level)), equals(2, value(option.name))});
  }
  for (const int call : {SCMP_SYS(setsockopt), SCMP_SYS(getsockopt)}) {
    filter.refuse_if(call, equals(1, IPPROTO_UDP));
    filter.refuse_if(call, above(1, IPPROTO_IPV6));
  }
}

// Before what is common: what a recipe allows whole is not to be allowed in part.
void allow_extras(Filter& filter, const Recipe& recipe) {
  if (recipe.keeps_files) filter.allow(kWritingPaths);
  if (recipe.reads_paths) allow_reading_paths(filter);
  if (recipe.threads) allow_threads(filter);
  if (recipe.internet) {
    allow_internet(filter);
  } else {
    allow_options_of_sockets(filter);
  }
}

void allow_commands_of_fcntl(Filter& filter, const Recipe& recipe) {
  allow_one_of(filter, SCMP_SYS(fcntl), 1,
               {F_GETFD, F_SETFD, F_GETFL, F_GET_SEALS, F_ADD_SEALS, F_GETPIPE_SZ, F_DUPFD_CLOEXEC});
  const auto value = [](int command) { return static_cast<scmp_datum_t>(command); };
  if (recipe.internet) {
    allow_one_of(filter, SCMP_SYS(fcntl), 1, {F_SETFL});
  } else {
    filter.refuse_if(SCMP_SYS(fcntl), equals(1, value(F_SETFL)));
  }
  for (const int command : {F_GETLK, F_SETLK, F_SETLKW}) {
    if (recipe.keeps_files) {
      allow_one_of(filter, SCMP_SYS(fcntl), 1, {value(command)});
    } else {
      filter.refuse_if(SCMP_SYS(fcntl), equals(1, value(command)));
    }
  }
  for (const int command : {F_SETOWN, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ}) {
    filter.refuse_if(SCMP_SYS(fcntl), equals(1, value(command)));
  }
}

enum class Denials { silent, told };

std::uint32_t otherwise(Denials denials) { return denials == Denials::silent ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP; }

void print_loading(const Recipe& recipe, Denials denials) {
  Filter filter(otherwise(denials));
  filter.allow(kLoader);
  filter.allow(kMasks);
  allow_extras(filter, recipe);
  allow_common(filter);
  filter.allow_if(SCMP_SYS(prctl), {equals(0, PR_SET_NAME)});
  filter.refuse_if(SCMP_SYS(prctl), differs(0, PR_SET_NAME));
  filter.refuse_rest(kRefused, EPERM);
  filter.refuse_rest(kAbsent, ENOSYS);
  filter.print(recipe.name, denials == Denials::silent ? "Loading" : "LoadingExplained");
}

void print_running(const Recipe& recipe, Denials denials) {
  Filter filter(otherwise(denials));
  allow_extras(filter, recipe);
  if (denials == Denials::silent) {
    filter.allow(kMasks);
  } else {
    filter.tell_refusals();
    // Trapped, for the handler to keep SIGSYS open. With this for a way nothing is set: it looks at memory by it.
    filter.allow_if(SCMP_SYS(rt_sigprocmask), {equals(0, reeve::os::kNoWayToSetAMask)});
  }
  allow_common(filter);
  allow_no_new_code(filter);
  allow_commands_of_fcntl(filter, recipe);
  allow_facts(filter);
  filter.refuse_rest(kRefused, EPERM);
  filter.refuse_rest(kAbsent, ENOSYS);
  filter.print(recipe.name, denials == Denials::silent ? "Running" : "RunningExplained");
}

// Nothing ends the broker: a call that nobody thought of is refused, and does not kill it.
void print_broker() {
  Filter filter(SCMP_ACT_ERRNO(EPERM));
  allow_common(filter);
  filter.allow(kMasks);
  allow_options_of_sockets(filter);
  allow_no_new_code(filter);
  allow_facts(filter);
  filter.allow(kAccept);
  allow_one_of(filter, SCMP_SYS(fcntl), 1, {F_GETFD, F_SETFD, F_GETFL, F_GET_SEALS, F_GETPIPE_SZ, F_DUPFD_CLOEXEC});
  filter.print("Broker", "Running");
}

// The architecture, and the names of its calls by their numbers.
void print_names() {
  constexpr int kNumbers = 512;
  std::printf("inline constexpr std::uint32_t kArchitecture = 0x%08x;\n", seccomp_arch_native());
  std::printf("inline constexpr const char* kCallNames[] = {\n");
  for (int number = 0; number < kNumbers; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    std::printf("    \"%s\",\n", name == nullptr ? "" : name);
    std::free(name);
  }
  std::printf("};\n\n");
}

}  // namespace

int main() {
  std::printf("// Made by generate_filters. The rules stand in its source.\n#pragma once\n\n");
  std::printf("namespace reeve::sandbox {\n\n");
  for (const Recipe& recipe : kRecipes) {
    for (const Denials denials : {Denials::silent, Denials::told}) {
      print_loading(recipe, denials);
      print_running(recipe, denials);
    }
  }
  print_broker();
  print_names();
  std::printf("}  // namespace reeve::sandbox\n");
  return 0;
}
