#include "ready_set.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace reeve::os {
namespace {

Result<void> enter(const Fd& epoll, const Fd& fd, std::uint32_t events, std::uint64_t number) {
  epoll_event event{events, {.u64 = number}};
  if (::epoll_ctl(epoll.raw(), EPOLL_CTL_ADD, fd.raw(), &event) != 0) return system_failure("epoll_ctl");
  return {};
}

}  // namespace

Result<ReadySet> ReadySet::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_failure("epoll_create1");
  return ReadySet(std::move(epoll));
}

Result<void> ReadySet::add(const Fd& fd, std::uint64_t number) const { return enter(epoll_, fd, EPOLLIN, number); }
Result<void> ReadySet::add_end(const Fd& fd, std::uint64_t number) const { return enter(epoll_, fd, 0, number); }
Result<void> ReadySet::add_end_once(const Fd& fd, std::uint64_t number) const {
  return enter(epoll_, fd, EPOLLET, number);
}
Result<void> ReadySet::add_change(const Fd& fd, std::uint64_t number) const {
  return enter(epoll_, fd, EPOLLIN | EPOLLOUT | EPOLLET, number);
}
void ReadySet::remove(const Fd& fd) const { ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd.raw(), nullptr); }

Result<std::span<std::uint64_t>> ReadySet::wait(std::span<std::uint64_t> room, const Deadline& deadline) const {
  std::array<epoll_event, 16> events;
  const int room_size = static_cast<int>(std::min(room.size(), events.size()));
  const int count = ::epoll_wait(epoll_.raw(), events.data(), room_size, milliseconds_until(deadline));
  if (count < 0 && errno != EINTR) return system_failure("epoll_wait");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    room[static_cast<std::size_t>(i)] = event.data.u64;
  }
  return room.first(static_cast<std::size_t>(std::max(count, 0)));
}

}  // namespace reeve::os
