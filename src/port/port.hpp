// A port, where its receive right is: the ends of all its lines, and what waits there that no line brought.
//
// Owns:    the ends; destroying it ends them, and tells every holder.
// Threads: whoever holds the space's lock; any may wait for its `ready`.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "../os/bell.hpp"
#include "../os/ready_set.hpp"
#include "line.hpp"
#include "name.hpp"

namespace reeve::port {

class Inlet;
class Port;

inline constexpr std::uint64_t kPortDescriptors = 3;  ///< An epoll, a bell, and one that tells of its senders' end.

/// A notification, as it waits to be received.
struct Notice {
  NotificationKind kind = NotificationKind::send_once;
  Name name;                               ///< of dead_name, send_possible and port_deleted
  std::uint32_t count = 0;                 ///< of no_senders
  std::shared_ptr<Port> port;              ///< of port_destroyed
  std::optional<os::Credentials> giver{};  ///< of one that came with the port: who says so
};

/// What a receive right is protected by from its own process.
struct Guard {
  std::uint64_t value = 0;
  bool is_set = false;
  bool is_strict = false;     ///< it does not move either
  bool is_immovable = false;  ///< for good, guarded or not
};

/// What is refused for the sake of a guard.
std::unexpected<Error> guarded();

/// What a wait for a port has found, and nobody has looked at yet.
struct Found {
  std::array<std::uint64_t, 8> numbers{};
  std::size_t next = 0;
  std::size_t count = 0;
  int turns = 0;          ///< messages that were taken since
  bool are_more = false;  ///< it took no time: more may be there by now
  void put_last(std::uint64_t number) {
    std::copy(numbers.begin() + static_cast<std::ptrdiff_t>(next), numbers.begin() + static_cast<std::ptrdiff_t>(count),
              numbers.begin());
    count -= next;
    next = 0;
    numbers[count++] = number;
  }
};

class Port {
 public:
  static Result<std::shared_ptr<Port>> make(std::uint32_t queue_limit);

  /// Takes the port's end of a line, under a number of its own. Errors: busy.
  Result<void> add_line(std::uint64_t number, Line line);
  /// Null where there is none of that number.
  Line* line(std::uint64_t number);
  /// Closes it, as if it had never been.
  void remove_line(std::uint64_t number);
  void drop_lines();
  /// Its holder is another than the space from now on.
  void disown(std::uint64_t number);
  const std::map<std::uint64_t, Line>& lines() const { return lines_; }

  /// Before anybody waits for `ready`: from then on it tells of what no line brings. A port that nobody has waited for
  /// has one descriptor less.
  Result<void> expect_waiters();
  void add_notice(Notice notice);
  std::optional<Notice> next_notice();
  const std::deque<Notice>& notices() const { return notices_; }

  /// Who waits for it is told that it is not here any more.
  void close();
  /// It has come, or come again.
  void open();
  bool is_open() const { return is_open_; }
  /// Closes all that it has, in a copy of the process (Space::abandon): nothing is told, and nothing is unwatched.
  void abandon();

  /// Holders that may send any number of messages, beside this space.
  std::size_t sender_count() const { return sender_count_; }
  void set_queue_limit(std::uint32_t limit);
  std::uint32_t queue_limit() const { return queue_limit_; }

  /// 0: something waits that no line brought. Else the number of a line or of what is watched.
  const os::ReadySet& ready() const { return ready_; }

  /// Tells the numbers of lines whose holders have gone, once each.
  Result<const os::ReadySet*> ends();

  quota::Charge charge;  ///< of who sent it here
  PortId id{};           ///< made anew by each space that it comes to
  Name name;             ///< in the space that it is in
  std::uint32_t sequence = 0;
  std::uint32_t make_send_count = 0;
  std::shared_ptr<SendLine> no_senders_to;  ///< a send-once right: who is told
  std::uint32_t no_senders_sync = 0;
  std::weak_ptr<Port> ends_told;           ///< where its `ends` are watched
  std::uint64_t ends_number = 0;           ///< ... and as what
  std::shared_ptr<SendLine> destroyed_to;  ///< another: who has this instead of its end
  std::map<std::uint64_t, Name> watched;   ///< what is told here when it ends: a send right, or a port's lines
  Found found;
  std::vector<Name> sets;  ///< that it is a member of
  std::uint64_t context = 0;
  Guard guard;
  std::shared_ptr<Inlet> inlet;
  std::uint64_t inlet_number = 0;

 private:
  Port(os::ReadySet ready, std::uint32_t queue_limit) : ready_(std::move(ready)), queue_limit_(queue_limit) {}
  os::ReadySet ready_;
  std::optional<os::ReadySet> ends_;  // where another port is told of them
  std::optional<os::Bell> bell_;
  std::map<std::uint64_t, Line> lines_;
  std::deque<Notice> notices_;
  std::size_t sender_count_ = 0;
  std::uint32_t queue_limit_;
  bool is_open_ = true;
};

}  // namespace reeve::port
