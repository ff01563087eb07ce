#include "watcher.hpp"

#include <dirent.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "../../src/os/socket.hpp"

namespace reeve::test {
namespace {

std::uint32_t low_word_of(const seccomp_data& data, int argument) {
  return static_cast<std::uint32_t>(data.args[argument]);
}

bool is_that(const FailingCall& call, const seccomp_data& data) {
  return data.nr == call.number && (call.argument < 0 || low_word_of(data, call.argument) == call.value);
}

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

std::size_t own_descriptor_count() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

Watcher::Watcher()
    : listener_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sockaddr_un address = address_of(path_.c_str());
  if (::bind(listener_.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  if (::listen(listener_.raw(), 64) != 0) std::abort();
  thread_ = std::thread([this] { run(); });
}

Watcher::~Watcher() {
  over_ = true;
  (void)::eventfd_write(wake_.raw(), 1);
  thread_.join();
}

void Watcher::add(os::Fd filter) {
  {
    const std::lock_guard lock(mutex_);
    filters_.push_back(std::move(filter));
  }
  // By a call that is not in the table: the caller may be one who is watched, by nobody so far.
  std::uint64_t once = 1;
  const iovec part{&once, sizeof once};
  (void)!::writev(wake_.raw(), &part, 1);
}

void Watcher::begin(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  plan_ = plan;
  seen_ = {.pid = plan.pid};
}

Watcher::Seen Watcher::end() {
  const std::lock_guard lock(mutex_);
  plan_.reset();
  return seen_;
}

void Watcher::accept_filter() {
  const os::Fd socket(::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!os::wait_for(socket, os::Readiness::readable, os::now() + 10s).value_or(false)) return;
  std::array<std::byte, 8> room;
  auto received = os::receive_packet(socket, room, os::Rights::accept);
  auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
  if (arrival == nullptr || arrival->descriptors.size() != 1) return;
  const std::lock_guard lock(mutex_);
  filters_.push_back(std::move(arrival->descriptors.front()));
}

// Nothing here asks for memory: the one who waits for the answer may hold the allocator's lock.
void Watcher::answer(int filter) {
  seccomp_notif asked{};
  if (::ioctl(filter, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
  seccomp_notif_resp answer{};
  answer.id = asked.id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  const std::lock_guard lock(mutex_);
  const auto pid = static_cast<pid_t>(asked.pid);
  // One that was killed meanwhile, so that a fresh one is watched instead, is none that the plan is for.
  const bool is_there = ::ioctl(filter, SECCOMP_IOCTL_NOTIF_ID_VALID, &asked.id) == 0;
  const bool counts = plan_ && (plan_->others.empty() ? seen_.pid == 0 || seen_.pid == pid
                                                      : std::ranges::find(plan_->others, pid) == plan_->others.end());
  if (is_there && counts && is_that(*plan_->call, asked.data)) {
    seen_.pid = pid;
    if (++seen_.count == plan_->nth) {
      seen_.failed = true;
      answer.flags = 0;
      answer.error = -plan_->error;
    }
  }
  (void)::ioctl(filter, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

void Watcher::run() {
  std::vector<pollfd> entries;
  while (!over_) {
    entries = {{listener_.raw(), POLLIN, 0}, {wake_.raw(), POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      for (const os::Fd& filter : filters_) entries.push_back({filter.raw(), POLLIN, 0});
    }
    // As long as nobody new comes, nothing is made anew.
    bool is_same = true;
    while (is_same && !over_) {
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      for (std::size_t i = 2; i < entries.size(); ++i) {
        if ((entries[i].revents & POLLIN) != 0) answer(entries[i].fd);
        if ((entries[i].revents & (POLLHUP | POLLERR)) == 0) continue;
        const std::lock_guard lock(mutex_);
        std::erase_if(filters_, [&](const os::Fd& filter) { return filter.raw() == entries[i].fd; });
        is_same = false;
      }
      is_same = is_same && (entries[0].revents | entries[1].revents) == 0;
    }
    if (entries[0].revents != 0) accept_filter();
    eventfd_t ignored = 0;
    (void)::eventfd_read(wake_.raw(), &ignored);
  }
}

}  // namespace reeve::test
