#include "stalled.hpp"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

namespace reeve::test {
namespace {

constexpr std::uint64_t kFileNode = 2;
constexpr std::uint64_t kFileBytes = 4096;
constexpr std::uint64_t kHour = 3600;

fuse_attr attributes_of(std::uint64_t node) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.size = node == kFileNode ? kFileBytes : 0;
  attributes.mode = node == kFileNode ? S_IFREG | 0444U : S_IFDIR | 0555U;
  attributes.nlink = 1;
  attributes.blksize = 4096;
  return attributes;
}

void answer(int line, const fuse_in_header& request, int error, const void* body = nullptr, std::size_t size = 0) {
  std::vector<char> reply(sizeof(fuse_out_header) + size);
  fuse_out_header header{};
  header.len = static_cast<std::uint32_t>(reply.size());
  header.error = -error;
  header.unique = request.unique;
  std::memcpy(reply.data(), &header, sizeof header);
  if (size > 0) std::memcpy(reply.data() + sizeof header, body, size);
  (void)!::write(line, reply.data(), reply.size());
}

template <class T>
void answer_with(int line, const fuse_in_header& request, const T& body) {
  answer(line, request, 0, &body, sizeof body);
}

void serve_one(int line, const fuse_in_header& request) {
  switch (request.opcode) {
    case FUSE_INIT: {
      fuse_init_out init{};
      init.major = FUSE_KERNEL_VERSION;
      init.minor = 31;
      init.max_write = 4096;
      return answer_with(line, request, init);
    }
    case FUSE_LOOKUP: {
      fuse_entry_out entry{};
      entry.nodeid = kFileNode;
      entry.entry_valid = entry.attr_valid = kHour;
      entry.attr = attributes_of(kFileNode);
      return answer_with(line, request, entry);
    }
    case FUSE_GETATTR: {
      fuse_attr_out attributes{};
      attributes.attr_valid = kHour;
      attributes.attr = attributes_of(request.nodeid);
      return answer_with(line, request, attributes);
    }
    case FUSE_OPEN:
      return answer_with(line, request, fuse_open_out{});
    case FUSE_FLUSH:
    case FUSE_RELEASE:
      return answer(line, request, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return answer(line, request, ENOSYS);
  }
}

[[noreturn]] void serve(const std::string& folder, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Nothing of the test's: an end held here would keep its channel from ending.
  ::close_range(3, static_cast<unsigned>(ready) - 1, 0);
  ::close_range(static_cast<unsigned>(ready) + 1, ~0U, 0);
  const int line = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  const std::string options = "fd=" + std::to_string(line) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (line < 0 || ::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("test", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    ::_exit(1);
  }
  (void)!::write(ready, "x", 1);
  ::close(ready);
  alignas(fuse_in_header) static std::array<char, 1 << 16> room;
  while (true) {
    const ssize_t size = ::read(line, room.data(), room.size());
    if (size < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) ::_exit(0);
    fuse_in_header request{};
    std::memcpy(&request, room.data(), sizeof request);
    serve_one(line, request);
  }
}

}  // namespace

StalledFile::StalledFile() {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return;
  server_ = ::fork();
  if (server_ == 0) {
    ::close(ready[0]);
    serve(folder_.path(), ready[1]);
  }
  ::close(ready[1]);
  char byte = 0;
  if (::read(ready[0], &byte, 1) == 1) {
    path_ = "/proc/" + std::to_string(server_) + "/root" + folder_.path() + "/file";
    file_ = os::Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
  ::close(ready[0]);
}

StalledFile::~StalledFile() {
  ::kill(server_, SIGKILL);
  ::waitpid(server_, nullptr, 0);
  file_.close();
}

void StalledFile::stall() {
  ::kill(server_, SIGSTOP);
  ::waitpid(server_, nullptr, WUNTRACED);
}

void StalledFile::go_on() { ::kill(server_, SIGCONT); }

}  // namespace reeve::test
