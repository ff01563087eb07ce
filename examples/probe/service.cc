// Sits in the sandbox and tries to get out of it.
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "probe.hpp"

namespace {

// What an attempt comes to is what a system call would return: below 0 with errno set, or not.
using Try = std::function<long()>;

long fail_with(int error) {
  errno = error;
  return -1;
}

// The descriptor is closed again.
long opened(int descriptor) { return descriptor < 0 ? -1 : ::close(descriptor); }

Try opening(const char* path, int flags) {
  return [=] { return opened(::open(path, flags | O_CLOEXEC, 0600)); };
}

Try listing(std::string path) {
  return [path] {
    DIR* folder = ::opendir(path.c_str());
    return folder == nullptr ? -1L : ::closedir(folder);
  };
}

Try making_socket(int family, int type, int protocol = 0) {
  return [=] { return opened(::socket(family, type | SOCK_CLOEXEC, protocol)); };
}

long start_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child < 0 ? -1 : ::waitpid(child, nullptr, 0);
}

long start_borrowing_process() {
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(0);
  return child < 0 ? -1 : ::waitpid(child, nullptr, 0);
}

long start_thread() {
  pthread_t thread{};
  const int error = ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr);
  return error != 0 ? fail_with(error) : ::pthread_join(thread, nullptr);
}

long run_program() {
  char name[] = "true";
  char* const arguments[] = {name, nullptr};
  return ::execve("/usr/bin/true", arguments, nullptr);
}

long run_memory() {
  const int program = ::memfd_create("program", MFD_CLOEXEC);
  char* const arguments[] = {nullptr};
  const long outcome = ::execveat(program, "", arguments, arguments, AT_EMPTY_PATH);
  const int error = errno;
  ::close(program);
  errno = error;
  return outcome;
}

long map(int protection, int descriptor = -1) {
  const int flags = MAP_PRIVATE | (descriptor < 0 ? MAP_ANONYMOUS : 0);
  void* page = ::mmap(nullptr, 4096, protection, flags, descriptor, 0);
  return page == MAP_FAILED ? -1 : ::munmap(page, 4096);
}

long map_code_of_memory() {
  const int code = ::memfd_create("code", MFD_CLOEXEC);
  if (::ftruncate(code, 4096) != 0) return -1;
  const long outcome = map(PROT_READ | PROT_EXEC, code);
  const int error = errno;
  ::close(code);
  errno = error;
  return outcome;
}

long turn_data_into_code() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const long outcome = ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  const int error = errno;
  ::munmap(page, 4096);
  errno = error;
  return outcome;
}

// Nobody need listen there: who is told so has got that far.
long connect_to(const char* where) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(std::strcmp(where, "itself") == 0 ? INADDR_LOOPBACK : 0xc0000201);  // 192.0.2.1
  timeval soon{0, 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  const long outcome = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(socket);
  errno = error;
  const bool is_forbidden = outcome != 0 && (error == EPERM || error == EACCES);
  return is_forbidden ? -1 : 0;
}

// Does it to a socket; where there is none to be had, any descriptor shows what becomes of the call.
long with_socket(const std::function<long(int)>& what) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const long outcome = what(socket < 0 ? 0 : socket);
  const int error = errno;
  if (socket >= 0) ::close(socket);
  errno = error;
  return outcome;
}

long offer_a_port() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  return with_socket([&](int s) { return ::bind(s, reinterpret_cast<const sockaddr*>(&address), sizeof address); });
}

long offer_an_abstract_name() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, "probe", 5);
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  return with_socket([&](int s) { return ::bind(s, name, sizeof(sa_family_t) + 6); });
}

long move_memory_of(pid_t pid, bool is_writing) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return is_writing ? ::process_vm_writev(pid, &here, 1, &there, 1, 0)
                    : ::process_vm_readv(pid, &here, 1, &there, 1, 0);
}

long lock(int descriptor) {
  struct flock whole{};
  whole.l_type = F_RDLCK;
  return ::fcntl(descriptor, F_SETLK, &whole);
}

long look(const char* path) {
  struct stat facts{};
  return ::stat(path, &facts);
}

long look_with_statx(const char* path) {
  struct statx facts{};
  return ::statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &facts);
}

template <class Facts>
long ask(int (*call)(Facts*)) {
  Facts facts{};
  return call(&facts);
}

long raise_limit() {
  const rlimit more{1024, 1024};
  return ::setrlimit(RLIMIT_NPROC, &more);
}

long move_to_another_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  return ::sched_setaffinity(0, sizeof set, &set);
}

long make_internet_pair() {
  int ends[2];
  if (::socketpair(AF_INET, SOCK_STREAM, 0, ends) != 0) return -1;
  ::close(ends[0]);
  return ::close(ends[1]);
}

long find_server(const char* name) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(name, "http", nullptr, &found) != 0) return fail_with(EPERM);
  ::freeaddrinfo(found);
  return 0;
}

std::vector<std::pair<const char*, Try>> files(const std::string& home) {
  return {
      {"read /etc/passwd", opening("/etc/passwd", O_RDONLY)},
      {"read /etc/shadow", opening("/etc/shadow", O_RDONLY)},
      {"read /etc/hosts", opening("/etc/hosts", O_RDONLY)},
      {"write to /etc/hosts", opening("/etc/hosts", O_WRONLY)},
      {"look into the home folder", listing(home)},
      {"look into /", listing("/")},
      {"look into /usr/lib", listing("/usr/lib")},
      {"look into /proc", listing("/proc")},
      {"look into /sys", listing("/sys")},
      {"look into /dev", listing("/dev")},
      {"look into /run", listing("/run")},
      {"open a device", opening("/dev/null", O_RDWR)},
      {"make a file in /tmp", opening("/tmp/probe", O_WRONLY | O_CREAT)},
      {"make a file in /usr/lib", opening("/usr/lib/probe", O_WRONLY | O_CREAT)},
      {"make a nameless file", opening("/usr/lib", O_TMPFILE | O_RDWR)},
      {"make a folder", [] { return ::mkdir("/probe", 0700); }},
      {"remove a file", [] { return ::unlink("/etc/hosts"); }},
      {"rename a file", [] { return ::rename("/etc/hosts", "/etc/probe"); }},
      {"change a file's mode", [] { return ::chmod("/etc/hosts", 0777); }},
      {"change the mode of what it was given", [] { return ::fchmod(0, 0777); }},
      {"ask for a file's facts", [] { return look("/etc/passwd"); }},
      {"ask for them by statx", [] { return look_with_statx("/etc/passwd"); }},
      {"ask for a file system's facts",
       [] {
         struct statfs facts{};
         return ::statfs("/", &facts);
       }},
      {"ask whether a file may be read", [] { return ::access("/etc/passwd", R_OK); }},
      {"read a link",
       [] {
         char target[64];
         return ::readlink("/proc/self/exe", target, sizeof target);
       }},
      {"go to another folder", [] { return ::chdir("/usr"); }},
      {"lock what it was given", [] { return lock(0); }},
      {"ask for notices of a folder", [] { return ::fcntl(0, F_NOTIFY, DN_MODIFY); }},
      {"lease what it was given", [] { return ::fcntl(0, F_SETLEASE, F_RDLCK); }},
  };
}

std::vector<std::pair<const char*, Try>> network() {
  return {
      {"make an internet socket", making_socket(AF_INET, SOCK_STREAM)},
      {"make one for SCTP", making_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)},
      {"make one for datagrams", making_socket(AF_INET6, SOCK_DGRAM)},
      {"make a Unix socket", making_socket(AF_UNIX, SOCK_STREAM)},
      {"make a netlink socket", making_socket(AF_NETLINK, SOCK_RAW)},
      {"find a server by its name", [] { return find_server("localhost"); }},
      {"connect to this machine", [] { return connect_to("itself"); }},
      {"connect to another", [] { return connect_to("another"); }},
      {"offer a port", offer_a_port},
      {"offer an abstract name", offer_an_abstract_name},
      {"listen", [] { return with_socket([](int s) { return ::listen(s, 1); }); }},
      {"accept", [] { return with_socket([](int s) { return opened(::accept4(s, nullptr, nullptr, 0)); }); }},
      {"make a pair that is not its channel's kind", make_internet_pair},
  };
}

std::vector<std::pair<const char*, Try>> processes(pid_t caller) {
  return {
      {"start a thread", start_thread},
      {"start a process", start_process},
      {"start one that borrows its memory", start_borrowing_process},
      {"run a program", run_program},
      {"run memory", run_memory},
      {"signal the caller", [=] { return ::kill(caller, 0); }},
      {"signal everybody", [] { return ::kill(-1, 0); }},
      {"signal a thread of the caller", [=] { return ::syscall(SYS_tkill, caller, 0); }},
      {"name the caller's process", [=] { return opened(static_cast<int>(::syscall(SYS_pidfd_open, caller, 0))); }},
      {"signal through a descriptor", [] { return ::syscall(SYS_pidfd_send_signal, 0, 0, nullptr, 0); }},
      {"take a descriptor of another", [] { return opened(static_cast<int>(::syscall(SYS_pidfd_getfd, 0, 0, 0))); }},
      {"ptrace the caller", [=] { return ::ptrace(PTRACE_ATTACH, caller, nullptr, nullptr); }},
      {"read the caller's memory", [=] { return move_memory_of(caller, false); }},
      {"write the caller's memory", [=] { return move_memory_of(caller, true); }},
      {"wait for a child", [] { return ::waitpid(-1, nullptr, WNOHANG); }},
      {"raise a limit", raise_limit},
      {"raise its priority", [] { return ::setpriority(PRIO_PROCESS, 0, -1); }},
      {"choose its processor", move_to_another_processor},
      {"become root", [] { return ::setuid(0); }},
      {"become root's group", [] { return ::setgid(0); }},
  };
}

std::vector<std::pair<const char*, Try>> kernel() {
  return {
      {"make a user namespace", [] { return ::unshare(CLONE_NEWUSER); }},
      {"make a mount namespace", [] { return ::unshare(CLONE_NEWNS); }},
      {"join a namespace", [] { return ::setns(0, 0); }},
      {"mount something", [] { return ::mount("none", "/", "tmpfs", 0, nullptr); }},
      {"make memory that is code and data", [] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }},
      {"make data into code", turn_data_into_code},
      {"run code from memory it filled", map_code_of_memory},
      {"make itself dumpable", [] { return ::prctl(PR_SET_DUMPABLE, 1); }},
      {"type into the terminal", [] { return ::ioctl(0, TIOCSTI, "x"); }},
      {"learn the machine's name", [] { return ask<utsname>(::uname); }},
      {"learn the machine's load", [] { return ask<struct sysinfo>(::sysinfo); }},
  };
}

class Prisoner : public Probe {
 public:
  reeve::Result<std::vector<Attempt>> attempts(std::int32_t caller) override {
    std::vector<Attempt> all;
    for (const auto& part : {files(home_), network(), processes(caller), kernel()}) {
      for (const auto& [what, run] : part) {
        const bool refused = run() < 0;
        const char* error = refused ? ::strerrorname_np(errno) : nullptr;
        all.push_back({what, refused, error != nullptr ? error : "allowed"});
      }
    }
    return all;
  }

 private:
  std::string home_ = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "/root";
};

}  // namespace

// Its name is its first argument's, so that several presets can have one each.
int main(int count, char** arguments) { return reeve::serve<Probe>(count > 1 ? arguments[1] : kProbeName, Prisoner{}); }
