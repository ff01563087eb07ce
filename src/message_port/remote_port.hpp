// A message port that somebody else has: sends it messages, and has their replies.
//
// Owns:    a channel to whoever had the name when it was made. When that ends the port is invalid, for good: one that
//          has the name next is another, to which another port leads.
// Threads: one owner; with a loop, that loop's.
// Errors:  those of PortStatus; see port_status.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "../connection/connection.hpp"
#include "message.hpp"
#include "status.hpp"

namespace reeve::message_port {

/// How long each part may take; nothing means as long as the other side lives. More than ten days is nothing, too.
struct PortTimes {
  std::optional<std::chrono::nanoseconds> send{};     ///< until the other side has room for the message
  std::optional<std::chrono::nanoseconds> receive{};  ///< from then on, until its reply is there
};

/// Which port is meant, and what is asked of whoever has it.
struct RemotePortOptions {
  /// Where outcomes come from that are not waited for, and by which it is known at once that the port has ended.
  os::Loop::Reference loop{};
  /// How long to wait for somebody to have the name, if nobody has.
  std::chrono::nanoseconds wait{0};
  /// What whoever has it must meet (policy/requirement.hpp), before it is given anything.
  std::string required{};
  /// Takes up messages that whoever has the port sends by itself: this side allows it. Needs the loop.
  PortHandler handler{};
};

/// Copies are the same port.
class RemotePort {
 public:
  /// The port of that name. Blocks while the broker is asked, and while it is waited for. In a thread there is one for
  /// each name, as long as anybody has it, of those that ask nothing and take no messages.
  /// Errors: unknown-service where nobody has it, or none is there in time; invalid for what is no name, or where
  /// messages are taken without a loop; denied in calls where whoever has it does not meet what is required.
  static Result<RemotePort> make(std::string name, RemotePortOptions options = {});
  /// The same without blocking, on the loop of the options: `co_await RemotePort::make_later(name, options)`. (g++ 12
  /// takes no options in braces there: give them a name first.)
  static connection::Task<RemotePort> make_later(std::string name, RemotePortOptions options);

  /// A port over a right that a message brought, used up by that. It is worth no more than who gave it.
  static Result<RemotePort> over(const Right& right, RemotePortOptions options = {});

  /// As it was looked up; empty for one over a right.
  const std::string& name() const;

  /// Sends a message that wants no reply. It is on its way when this returns.
  Result<void> send(std::int32_t id, Data data, PortTimes times = {});
  /// Sends a message and waits for the reply to it; of what has no data an empty one.
  Result<Data> request(std::int32_t id, Data data, PortTimes times = {});
  /// The same, for a coroutine.
  connection::Task<Data> async_request(std::int32_t id, Data data, PortTimes times = {});

  /// Whoever has it. Blocks until it has said something. Errors: those of requests.
  Result<Peer> peer(PortTimes times = {});

  /// Whether it leads anywhere. Looks; waits for nothing.
  bool is_valid() const;
  /// Ends it, on this side.
  void invalidate();
  /// Has `call` called once, when the port becomes invalid: by the loop, or in the call in which that is noticed, or in
  /// invalidate. At once where it is invalid already. One that is set later takes the place of the one before.
  void on_invalidation(std::function<void()> call);

  /// How many replies came that nobody waited for any more: late, double or forged ones. They went nowhere.
  std::uint64_t stray_replies() const;

  friend bool operator==(const RemotePort& a, const RemotePort& b) { return a.state_ == b.state_; }

 private:
  struct State;
  explicit RemotePort(std::shared_ptr<State> state) : state_(std::move(state)) {}
  friend struct Sender;
  static Result<RemotePort> over(connection::Dialed dialed, std::string name, RemotePortOptions options,
                                 const quota::Amount& held);
  // A stranger's, who is to say little.
  static Result<RemotePort> to_sender(const Right& right, const os::Loop::Reference& loop);
  static connection::Task<Data> request_of(std::shared_ptr<State> state, std::int32_t id, Data data, PortTimes times);
  std::shared_ptr<State> state_;
};

}  // namespace reeve::message_port

namespace reeve {
using message_port::PortTimes;
using message_port::RemotePort;
using message_port::RemotePortOptions;
}  // namespace reeve
