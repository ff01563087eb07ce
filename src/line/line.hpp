// A line between two of our own processes: whole packets, in order, with descriptors.
//
// Owns:    its end, and what waits to be sent.
// Threads: one. The callbacks run in the loop; ended may destroy the line, take may not.
// Trust:   bytes are handed on as they came; who takes them checks them.
// Errors:  a line that has broken ends: ended is called once, after all that came before was taken.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "../contract/line.hpp"
#include "../os/loop.hpp"
#include "../os/socket.hpp"

namespace reeve::line {

/// What to do while the other end's queue is full. Waiting is for an end whose owner never waits for this one.
enum class WhenFull { queue, wait };

class Line {
 public:
  using Take = std::function<void(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors)>;

  Line(os::Loop& loop, os::Fd socket, os::Rights rights, WhenFull when_full)
      : loop_(loop), socket_(std::move(socket)), rights_(rights), when_full_(when_full) {}

  /// Begins to read: as soon as the kernel has room for one more watch, since nothing goes on without the line.
  void open(Take take, std::function<void()> ended);

  template <class Head>
  void send(const Head& head, std::string_view text = {}, std::vector<os::Fd> descriptors = {}) {
    queue({bytes_of(head, text), std::move(descriptors), {}});
  }

  /// The same for a line that waits, with descriptors that stay the caller's.
  template <class Head>
  void lend(const Head& head, std::string_view text, std::vector<const os::Fd*> descriptors) {
    REEVE_INVARIANT(when_full_ == WhenFull::wait);
    queue({bytes_of(head, text), {}, std::move(descriptors)});
  }

  /// Takes what has come by now; for whoever must know all that the other end said before it died. The line must
  /// outlive it.
  void drain();
  /// What the next packet brought, waited for until the deadline; for a process that cannot go on without it.
  Result<void> take_next(const Take& take, const os::Deadline& deadline);

 private:
  struct Packet {
    std::string bytes;
    std::vector<os::Fd> descriptors;
    std::vector<const os::Fd*> lent;
  };
  template <class Head>
  static std::string bytes_of(Head head, std::string_view text) {
    head.text_size = static_cast<std::uint32_t>(text.size());
    return std::string(reinterpret_cast<const char*>(&head), sizeof head).append(text);
  }
  enum class Took { packet, nothing, end };
  void queue(Packet packet);
  void flush();
  Result<Took> take_one(const Take& take);
  void on_ready(os::Ready ready);
  void begin_to_watch();
  void watch_for_room(bool is_full);

  os::Loop& loop_;
  os::Fd socket_;
  os::Rights rights_;
  WhenFull when_full_;
  Take take_;
  std::function<void()> ended_;
  std::deque<Packet> outbox_;
  bool is_full_ = false;
  bool is_broken_ = false;
  os::Loop::Watch watch_;
  os::Loop::Timer retry_;
  os::Loop::Timer watch_later_;
};

}  // namespace reeve::line
