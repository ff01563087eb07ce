// A client of a server of messages over a socket in an app group's folder.
//
// Owns:    its connection, until it is invalidated or the server ends it.
// Threads: the loop's. All that it tells it tells by the loop.
// Trust:   the server must be the folder's owner. What it sends is a stranger's all the same.
// Errors:  gone where nobody listens; denied (not-trusted) where somebody else does.
#pragma once

#include <functional>
#include <memory>

#include "../archive/allowed.hpp"
#include "message.hpp"
#include "stream.hpp"

namespace reeve::bsd {

/// What a client does when things come to it. All of these may send and invalidate; what they throw ends the
/// process.
struct SocketClientEvents {
  /// A message has come.
  std::function<void(SocketMessage message)> received{};
  /// What came was no message, or of a class that is not allowed: the connection is ended.
  std::function<void(const Error& why)> failed{};
  /// The client was valid, and is no longer: the server has gone, or it was invalidated here. Once for each start.
  std::function<void()> invalidated{};
};

/// A client of such a server. Threads: the loop's.
class SocketClient {
 public:
  /// `allowed`: classes that messages may hold, beside NSDictionary, NSString, their mutable kin, and NSNumber. Exactly
  /// these: whoever takes an NSArray, and is to take one that can be changed, names NSMutableArray too.
  SocketClient(const os::Loop& loop, SocketAddress address, SocketClientEvents events, archive::Allowed allowed = {},
               SocketLimits limits = {});
  SocketClient(SocketClient&& other) noexcept = default;
  SocketClient& operator=(SocketClient&& other) noexcept;
  /// As invalidate, and nothing is told.
  ~SocketClient();

  /// Connects. Again after it was invalidated. Where the server is slow to take those who connect, it waits for a
  /// second. Errors: invalid where it is connected already.
  Result<void> start();
  /// Ends the connection.
  void invalidate();
  /// Whether it is connected.
  bool is_valid() const;

  /// The server's process. Errors: gone where it is not connected.
  Result<ProcessInfo> server() const;

  /// Sends a message. `then` is called once it is given to the kernel. Outcomes: gone where it is not connected; busy
  /// where the server does not read; those of archive::write.
  void send(SocketMessage message, SocketSent then = {});
  /// The same, and `then` is called once the server has taken it up. For servers of this library.
  void send_acknowledged(SocketMessage message, SocketSent then);

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace reeve::bsd

namespace reeve {
using bsd::SocketClient;
using bsd::SocketClientEvents;
}  // namespace reeve
