// A server of messages over a socket in an app group's folder: several clients, each with its process as the kernel
// knows it.
//
// Owns:    the address, and its clients' connections, until it is invalidated.
// Threads: the loop's. All that it tells it tells by the loop, one thing after the other.
// Trust:   whoever the group's folder lets in may connect, and is a stranger until it is accepted. What breaks a rule
//          ends that one's connection.
// Errors:  service-active where somebody listens at the address; those of SocketAddress.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "../archive/allowed.hpp"
#include "message.hpp"
#include "stream.hpp"

namespace reeve::bsd {

/// One of a server's clients, for as long as it is connected. Two connections of a process are two.
struct SocketPeer {
  std::uint64_t number = 0;  ///< of its connection; none is used twice by a server, whatever becomes of it
  ProcessInfo process;       ///< that made it
  friend bool operator==(const SocketPeer& a, const SocketPeer& b) { return a.number == b.number; }
};

/// What a server does when things come to it. All of these may send, disconnect, and invalidate; what they
/// throw ends the process.
struct SocketServerEvents {
  /// Whether whoever connects is served; before anything of it is read. None: everybody whom the folder lets in is.
  std::function<bool(const ProcessInfo& who)> accept{};
  /// A message has come.
  std::function<void(SocketMessage message, const SocketPeer& from)> received{};
  /// What came from a client was no message, or of a class that is not allowed: it is disconnected.
  std::function<void(const Error& why, const SocketPeer& from)> failed{};
  /// A client has left, or was disconnected. Told once of each that was accepted.
  std::function<void(const SocketPeer& who)> left{};
  /// The server was valid, and is no longer: once for each start.
  std::function<void()> invalidated{};
};

/// Listens at an address, and serves those that it accepts. Threads: the loop's.
class SocketServer {
 public:
  /// `allowed`: classes that messages may hold, beside NSDictionary, NSString, their mutable kin, and NSNumber. Exactly
  /// these: whoever takes an NSArray, and is to take one that can be changed, names NSMutableArray too.
  SocketServer(const os::Loop& loop, SocketAddress address, SocketServerEvents events, archive::Allowed allowed = {},
               SocketLimits limits = {});
  SocketServer(SocketServer&& other) noexcept = default;
  SocketServer& operator=(SocketServer&& other) noexcept;
  /// As invalidate, and nothing is told.
  ~SocketServer();

  /// Listens, and serves whoever connects. Again after it was invalidated. Errors: invalid where it does so already.
  Result<void> start();
  /// Serves nobody any more: all clients are disconnected, and the address is free.
  void invalidate();
  /// Whether it listens.
  bool is_valid() const;

  /// Those that are connected, the first first.
  std::vector<SocketPeer> clients() const;

  /// Sends a client a message. `then` is called once it is given to the kernel: not that the client has taken it up.
  /// Outcomes: gone where it has left; busy where it does not read; those of archive::write.
  void send(SocketMessage message, const SocketPeer& to, SocketSent then = {});
  /// The same, and `then` is called once the client has taken it up, as far as its handler has returned. For clients of
  /// this library: others acknowledge nothing. Outcomes: gone where it leaves before.
  void send_acknowledged(SocketMessage message, const SocketPeer& to, SocketSent then);
  /// Sends all clients a message. `then` is called once, with how many of them it was sent to, when that is settled of
  /// each: with 0 where there are none. Outcomes: those of archive::write.
  void broadcast(SocketMessage message, std::function<void(const Result<std::size_t>& count)> then = {});

  /// Ends a client's connection.
  void disconnect(const SocketPeer& who);

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace reeve::bsd

namespace reeve {
using bsd::SocketPeer;
using bsd::SocketServer;
using bsd::SocketServerEvents;
}  // namespace reeve
