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

/// How much one peer, and all of a server's, may have it hold.
struct SocketLimits {
  std::size_t message_bytes;            ///< of one message's archive
  std::size_t held_bytes;               ///< of messages that have come in part, of all peers
  std::size_t unsent_messages;          ///< to one peer
  std::size_t unsent_bytes;             ///< ... of theirs
  std::chrono::nanoseconds frame_time;  ///< from a message's first byte to its last
  std::size_t clients;                  ///< of a server
  std::size_t clients_of_one_process;   ///< ... of one process
  SocketLimits();
};

/// Called once when a message is wholly given to the kernel, or will never be.
using SocketSent = std::function<void(const Result<void>& outcome)>;

/// @cond
/// What several streams hold in part, together.
struct Holding {
  std::size_t bytes = 0;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  struct Events {
    std::function<Result<void>(Data)> body;       ///< an error ends the stream
    std::function<void(const Error& why)> ended;  ///< once; not where it is closed from here
  };
  static Result<std::shared_ptr<Stream>> make(const os::Loop& loop, os::Fd socket, const SocketLimits& limits,
                                              std::shared_ptr<Holding> holding, Events events);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { close(); }

  /// `then` is called by the loop, in any case; it may be none.
  void send(Data body, SocketSent then);
  /// What is not sent yet will not be.
  void close();
  bool is_open() const { return static_cast<bool>(socket_); }

 private:
  Stream(const os::Loop& loop, os::Fd socket, const SocketLimits& limits, std::shared_ptr<Holding> holding,
         Events events);
  struct Unsent {
    std::string head;
    Data body;
    std::size_t sent = 0;  // of both
    SocketSent then;
    std::size_t size() const { return head.size() + body.size(); }
  };
  void on_ready(os::Ready ready);
  Result<void> read();
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
  Events events_;
  http::FrameReader reader_;
  std::size_t held_ = 0;  // of the holding
  os::Loop::Timer late_;
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
