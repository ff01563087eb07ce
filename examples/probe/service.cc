// Sits in the sandbox and tries to get out of it.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "probe.hpp"

namespace {

Attempt attempt(const char* what, long outcome) {
  if (outcome < 0) return {what, true, std::strerror(errno)};
  return {what, false, "ALLOWED"};
}

long open_folder(const char* path) {
  DIR* folder = ::opendir(path);
  return folder == nullptr ? -1 : 0;
}

long start_process() {
  char* const arguments[] = {const_cast<char*>("true"), nullptr};
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) return 0;
  const int error = errno;
  ::execve("/usr/bin/true", arguments, nullptr);
  errno = error;
  return -1;
}

long make_code() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? -1 : 0;
}

long read_memory_of(pid_t pid) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{&byte, 1};
  return ::process_vm_readv(pid, &here, 1, &there, 1, 0);
}

class Prisoner : public Probe {
 public:
  reeve::Result<std::vector<Attempt>> attempts(std::int32_t caller) override {
    const char* home = home_.empty() ? "/root" : home_.c_str();
    return std::vector<Attempt>{
        attempt("read /etc/passwd", ::open("/etc/passwd", O_RDONLY)),
        attempt("look into the home folder", open_folder(home)),
        attempt("write a file in /tmp", ::open("/tmp/probe", O_WRONLY | O_CREAT, 0600)),
        attempt("open an internet socket", ::socket(AF_INET, SOCK_STREAM, 0)),
        attempt("open a Unix socket", ::socket(AF_UNIX, SOCK_STREAM, 0)),
        attempt("see other processes (/proc)", open_folder("/proc")),
        attempt("signal the caller", ::kill(caller, 0)),
        attempt("read the caller's memory", read_memory_of(caller)),
        attempt("start a process", start_process()),
        attempt("ptrace the caller", ::ptrace(PTRACE_ATTACH, caller, nullptr, nullptr)),
        attempt("make a user namespace", ::unshare(CLONE_NEWUSER)),
        attempt("mount something", ::mount("none", "/", "tmpfs", 0, nullptr)),
        attempt("make executable memory", make_code()),
    };
  }

 private:
  std::string home_ = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
};

}  // namespace

int main() { return reeve::serve<Probe>(kProbeName, Prisoner{}); }
