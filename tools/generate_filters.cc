// Compiles the seccomp filters of the presets, at build time: building one in the child costs five times as much as
// loading a finished one. Writes a header of constants.
//
// What a filter does with a call:
//   allowed            the lists below
//   refused, EPERM     what libraries try and can do without, and what a program may want to report as refused
//   anything else      the process is killed: a call nobody thought of is not one to make
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

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
constexpr int kSignals[] = {SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
                            SCMP_SYS(sigaltstack),  SCMP_SYS(tgkill),         SCMP_SYS(signalfd4)};
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
// clang-format off
constexpr int kRefused[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(chdir),
    SCMP_SYS(mkdir), SCMP_SYS(unlink), SCMP_SYS(rename), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(socket),
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept4), SCMP_SYS(fork), SCMP_SYS(vfork),
    SCMP_SYS(clone), SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal), SCMP_SYS(pidfd_getfd), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(mount),
    SCMP_SYS(ioctl), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(setrlimit),
    SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(sched_setaffinity),
    SCMP_SYS(setpriority), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(wait4), SCMP_SYS(waitid)};
// clang-format on
// Refused once the program runs; until then it may set its name.
constexpr int kPrctl[] = {SCMP_SYS(prctl)};
// glibc falls back from these by itself.
constexpr int kAbsent[] = {SCMP_SYS(clone3)};

// Conditions on a call's arguments, by their number.
scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp differs(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
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
    for (const int call : calls) check(seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0));
  }
  void allow_if(int call, std::initializer_list<scmp_arg_cmp> arguments) {
    check(seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, static_cast<unsigned>(arguments.size()),
                                 arguments.begin()));
  }
  void refuse(std::span<const int> calls, int error) {
    const std::uint32_t action = SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error));
    for (const int call : calls) check(seccomp_rule_add(context_, action, call, 0));
  }
  // libseccomp takes a rule without a condition as the last word on its call: a call that is allowed in part is refused
  // by the opposite condition instead.
  void refuse_if(int call, scmp_arg_cmp condition) {
    if (otherwise_ == SCMP_ACT_ERRNO(EPERM)) return;  // It is refused already.
    check(seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(EPERM), call, 1, &condition));
  }

  void print(const char* name) const {
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
    std::printf("inline constexpr os::FilterInstruction %s[] = {\n", name);
    while (std::fread(&i, sizeof i, 1, file) == 1) {
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
};

// What both of a preset's filters allow.
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
  filter.allow_if(SCMP_SYS(socketpair), {equals(0, AF_UNIX), masked(1, 0xf, SOCK_SEQPACKET), equals(2, 0)});
  filter.refuse_if(SCMP_SYS(socketpair), differs(0, AF_UNIX));
  filter.allow_if(SCMP_SYS(setsockopt), {equals(1, SOL_SOCKET)});
  filter.refuse_if(SCMP_SYS(setsockopt), differs(1, SOL_SOCKET));
  filter.allow_if(SCMP_SYS(getsockopt), {equals(1, SOL_SOCKET)});
  filter.refuse_if(SCMP_SYS(getsockopt), differs(1, SOL_SOCKET));
}

// Facts about what is open already; glibc's fstat is newfstatat.
void allow_facts(Filter& filter) {
  filter.allow_if(SCMP_SYS(statx), {masked(2, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  filter.allow_if(SCMP_SYS(newfstatat), {masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)});
}

void allow_no_new_code(Filter& filter) {
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) filter.allow_if(call, {masked(2, PROT_EXEC, 0)});
}

// All of `calls` that are not in `allowed`.
std::vector<int> without(std::span<const int> calls, std::span<const int> allowed) {
  std::vector<int> rest;
  for (const int call : calls) {
    if (std::find(allowed.begin(), allowed.end(), call) == allowed.end()) rest.push_back(call);
  }
  return rest;
}

void print_parser_loading() {
  Filter filter;
  allow_common(filter);
  filter.allow(kLoader);
  filter.allow_if(SCMP_SYS(prctl), {equals(0, PR_SET_NAME)});
  filter.refuse_if(SCMP_SYS(prctl), differs(0, PR_SET_NAME));
  filter.refuse(without(kRefused, kLoader), EPERM);
  filter.refuse(kAbsent, ENOSYS);
  filter.print("kParserLoading");
}

void print_parser_running() {
  Filter filter;
  allow_common(filter);
  allow_no_new_code(filter);
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) filter.refuse_if(call, masked(2, PROT_EXEC, PROT_EXEC));
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_GET_SEALS, F_ADD_SEALS, F_GETPIPE_SZ, F_DUPFD_CLOEXEC}) {
    filter.allow_if(SCMP_SYS(fcntl), {equals(1, static_cast<scmp_datum_t>(command))});
  }
  for (const int command : {F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ}) {
    filter.refuse_if(SCMP_SYS(fcntl), equals(1, static_cast<scmp_datum_t>(command)));
  }
  allow_facts(filter);
  filter.refuse_if(SCMP_SYS(statx), masked(2, AT_EMPTY_PATH, 0));
  filter.refuse_if(SCMP_SYS(newfstatat), masked(3, AT_EMPTY_PATH, 0));
  filter.refuse(kRefused, EPERM);
  filter.refuse(kPrctl, EPERM);
  filter.refuse(kAbsent, ENOSYS);
  filter.print("kParserRunning");
}

// Nothing ends the broker: a call that nobody thought of is refused, and does not kill it.
void print_broker() {
  Filter filter(SCMP_ACT_ERRNO(EPERM));
  allow_common(filter);
  allow_no_new_code(filter);
  allow_facts(filter);
  filter.allow(kAccept);
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_GET_SEALS, F_GETPIPE_SZ, F_DUPFD_CLOEXEC}) {
    filter.allow_if(SCMP_SYS(fcntl), {equals(1, static_cast<scmp_datum_t>(command))});
  }
  filter.print("kBrokerRunning");
}

}  // namespace

int main() {
  std::printf("// Made by generate_filters. The rules stand in its source.\n#pragma once\n\n");
  std::printf("namespace reeve::sandbox {\n\n");
  print_parser_loading();
  print_parser_running();
  print_broker();
  std::printf("}  // namespace reeve::sandbox\n");
  return 0;
}
