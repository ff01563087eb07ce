// One end of a connection: messages over a stream, and those of them that are to be acknowledged.
//
// Owns:    the stream.
// Threads: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "message.hpp"
#include "stream.hpp"

namespace reeve::bsd {

/// What all ends of a server, or of a client, have in common.
struct EndKind {
  os::Loop loop;
  SocketLimits limits;
  archive::Allowed allowed;
  ProcessInfo own;
  std::shared_ptr<Holding> holding = std::make_shared<Holding>();
};

class End : public std::enable_shared_from_this<End> {
 public:
  struct Events {
    std::function<void(SocketMessage)> received;
    std::function<void(const Error& why)> ended;  ///< once; not where it is closed from here
  };
  /// `held`: of the process at the other end.
  static Result<std::shared_ptr<End>> make(std::shared_ptr<const EndKind> kind, os::Fd socket,
                                           std::shared_ptr<Held> held, Events events);
  End(std::shared_ptr<const EndKind> kind, Events events) : kind_(std::move(kind)), events_(std::move(events)) {}

  void send(SocketMessage message, SocketSent then);
  void send_acknowledged(SocketMessage message, SocketSent then);
  /// A message as `encode` has made it.
  void send_encoded(Data body, SocketSent then) { stream_->send(std::move(body), std::move(then)); }
  /// Those who wait are told by the loop that it has gone.
  void close();

 private:
  void send(Letter letter, SocketSent then);
  Result<void> take(Data body);
  void tell_acknowledged(std::uint64_t number, const Result<void>& outcome);

  std::shared_ptr<const EndKind> kind_;
  Events events_;
  std::shared_ptr<Stream> stream_;
  std::map<std::uint64_t, SocketSent> unacknowledged_;  // by the numbers that were sent with them
  std::uint64_t next_ = 1;
};

/// Whether a connection that nobody has ended has ended for what came over it.
inline bool is_fault(const Error& why) { return why.kind != Kind::gone; }

/// What whoever sends to nobody is told.
std::unexpected<Error> not_connected();

}  // namespace reeve::bsd
