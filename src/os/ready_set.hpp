// Many descriptors that any thread may wait for, each known by a number of its owner's.
//
// Owns:    an epoll descriptor; never the descriptors watched.
// Threads: any; those who wait at the same time may be told the same.
// Errors:  busy where the kernel is out of descriptors or watches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "clock.hpp"
#include "fd.hpp"

namespace reeve::os {

class ReadySet {
 public:
  static Result<ReadySet> make();

  /// Tells that number for as long as there is something to read, or the other end has gone.
  Result<void> add(const Fd& fd, std::uint64_t number) const;
  /// Tells it for as long as it is there, once the other end has gone.
  Result<void> add_end(const Fd& fd, std::uint64_t number) const;
  /// Tells it in one wait alone: the first after the other end has gone.
  Result<void> add_end_once(const Fd& fd, std::uint64_t number) const;
  /// Tells it in one wait after each change: something came, there is room where there was none, the other end has
  /// gone.
  Result<void> add_change(const Fd& fd, std::uint64_t number) const;
  /// A descriptor that is closed, and of which there is no copy, is removed by that.
  void remove(const Fd& fd) const;

  /// The numbers of some that are ready, in turn; none where the deadline came first, or a signal did.
  Result<std::span<std::uint64_t>> wait(std::span<std::uint64_t> room, const Deadline& deadline) const;

  /// Of no use any more.
  void close() { epoll_.close(); }

  /// Readable while any is ready: it may be in another set.
  const Fd& descriptor() const { return epoll_; }

 private:
  explicit ReadySet(Fd epoll) : epoll_(std::move(epoll)) {}
  Fd epoll_;
};

}  // namespace reeve::os
