// One connection between a server and a client, of either: bodies in frames, both ways.
//
// Owns:    the socket, what has come of a frame that is not whole, and what is not sent yet.
// Threads: the loop's.
// Trust:   the other end is a stranger's. What breaks a rule ends the connection, with a reason that this side is told.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "../http/frame.hpp"
#include "../os/loop.hpp"

namespace reeve::bsd {

/// How much is held of what peers send, and of what they do not read.
struct SocketLimits {
  std::size_t message_bytes;        ///< of one message's archive
  std::size_t held_bytes;           ///< of messages that have come in part, of all peers
  std::size_t held_bytes_of_one;    ///< ... of those of one process
  std::size_t unsent_messages;      ///< to one peer; of these as many wait for their acknowledgement at most
  std::size_t unsent_bytes;         ///< ... of theirs
  std::size_t unsent_bytes_of_all;  ///< ... of all peers'
  /// From a message's first byte to its last; and for a peer to take anything of what it is sent. More than ten days is
  /// no limit.
  std::chrono::nanoseconds frame_time;
  std::size_t clients;                 ///< of a server
  std::size_t clients_of_one_process;  ///< ... of one process
  SocketLimits();
};

/// Called once when a message is wholly given to the kernel, or will never be.
using SocketSent = std::function<void(const Result<void>& outcome)>;

/// @cond
/// Calls it later, by the loop, if it is anything.
void tell_later(os::Loop loop, SocketSent then, Result<void> outcome);

/// What streams hold together: of what came in part, those of one process and those of all; and unsent, all.
struct Held {
  std::size_t of_one = 0;
};
struct Holding {
  std::size_t in_part = 0;
  std::size_t unsent = 0;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  struct Events {
    std::function<Result<void>(Data)> body;       ///< an error ends the stream
    std::function<void(const Error& why)> ended;  ///< once; not where it is closed from here
  };
  static Result<std::shared_ptr<Stream>> make(const os::Loop& loop, os::Fd socket, const SocketLimits& limits,
                                              std::shared_ptr<Holding> holding, std::shared_ptr<Held> held,
                                              Events events);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { close(); }

  /// `then` is called by the loop, in any case; it may be none. What is owed goes beside the limits.
  enum class Owed : bool { no, yes };
  void send(Data body, SocketSent then, Owed owed = Owed::no);
  /// Whether as much is owed already as may be.
  bool owes_too_much() const { return unsent_.size() >= 2 * limits_.unsent_messages; }
  /// What is not sent yet will not be.
  void close();
  bool is_open() const { return static_cast<bool>(socket_); }

 private:
  Stream(const os::Loop& loop, os::Fd socket, const SocketLimits& limits, std::shared_ptr<Holding> holding,
         std::shared_ptr<Held> held, Events events);
  struct Unsent {
    std::string head;
    Data body;
    std::size_t sent = 0;  // of both
    SocketSent then;
    std::size_t size() const { return head.size() + body.size(); }
  };
  void on_ready(os::Ready ready);
  Result<void> exchange(os::Ready ready);
  Result<bool> read();
  Error read_to_the_end(const Error& why);
  void limit_time(os::Loop::Timer& timer, void (Stream::*late)());
  void is_late_reading();
  void is_late_writing();
  Result<void> take(std::span<const std::byte> bytes);
  Result<void> flush();
  Result<void> watch();
  Result<void> hold();
  void tell(SocketSent then, Result<void> outcome);
  void end(const Error& why);

  os::Loop loop_;
  os::Fd socket_;
  SocketLimits limits_;
  std::shared_ptr<Holding> holding_;
  std::shared_ptr<Held> of_process_;
  Events events_;
  http::FrameReader reader_;
  std::size_t held_ = 0;     // of what came in part
  bool is_reading_ = false;  // a handler is called
  os::Loop::Timer late_reading_;
  os::Loop::Timer late_writing_;  // while anything is unsent
  bool has_taken_any_ = false;    // of that, since the timer was set
  std::deque<Unsent> unsent_;
  std::size_t unsent_bytes_ = 0;
  bool is_writing_ = false;  // watched for room
  os::Loop::Watch watch_;
};
/// @endcond

}  // namespace reeve::bsd

namespace reeve {
using bsd::SocketLimits;
using bsd::SocketSent;
using os::Loop;
}  // namespace reeve
