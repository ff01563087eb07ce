// The caller's side of a conversation: sends requests, waits for their answers.
//
// Owns:    one channel at a time, made when it is first needed and made again after the service died.
// Threads: one owner; calls block. For several threads make several connections.
// Errors:  interrupted (the service died with the request in hand; the next call starts a fresh one), timeout, gone,
//          and whatever the service answers.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "../channel/peer.hpp"
#include "message.hpp"

namespace reeve::connection {

/// A channel to somebody, and what the one who made it knows of them.
struct Dialed {
  channel::Channel channel;
  Peer peer;
};

/// Makes a fresh channel to the same service each time.
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Result<Dialed> dial(const os::Deadline& deadline) = 0;
};

/// A channel that is there already: once used up, there is no other.
std::unique_ptr<Dialer> dialer_over(const object::Right& right);

/// How long the caller waits.
struct CallOptions {
  /// From now until the answer must be there; nothing means for as long as the service lives.
  std::optional<std::chrono::nanoseconds> timeout;
};

class Connection {
 public:
  explicit Connection(std::unique_ptr<Dialer> dialer) : dialer_(std::move(dialer)) {}

  /// Sends a dictionary and returns the dictionary that answers it. Exactly one outcome.
  Result<Dictionary> call(const Dictionary& request, CallOptions options = {});

  /// The same, and the answer as it lies in the packet that brought it.
  Result<wire::Body> exchange(const Dictionary& request, CallOptions options = {});

  /// Sends a dictionary that wants no answer. It is on its way when this returns; whether the service takes it up,
  /// nobody tells. Errors: timeout where the service does not read; gone.
  Result<void> post(const Dictionary& message, CallOptions options = {});

  /// A channel of its own to the same service, for another process: the service sees it only after everything that was
  /// sent here before, and thinks no more of it than of this side.
  Result<object::Right> introduce(CallOptions options = {});

  /// Who is at the other end, connecting first if need be. Its pid is the kernel's word.
  Result<Peer> peer(CallOptions options = {});

 private:
  using Outcome = Result<wire::Body>;

  Result<void> connect(const os::Deadline& deadline);
  Result<void> send_whole();
  Result<std::optional<Error>> send_waiting();
  void give_up_sending();
  Result<void> send_parcel();
  Result<std::optional<channel::Incoming>> receive();
  Result<void> wait(const os::Deadline& deadline);
  Result<void> await_greeting(const os::Deadline& deadline);
  Outcome await_answer(std::uint64_t id, const os::Deadline& deadline);
  std::optional<Outcome> take(channel::Incoming& incoming, std::uint64_t id);
  std::optional<Outcome> take_packet(channel::Delivered& packet, std::uint64_t id);
  std::optional<Outcome> end(const Error& reason);
  Error last_words();
  Error lost();

  std::unique_ptr<Dialer> dialer_;
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  std::optional<Dialed> current_;
  Parcel parcel_;  // what is being sent; its room is used again
  std::uint64_t next_id_ = 1;
};

}  // namespace reeve::connection

namespace reeve {
using connection::CallOptions;
using connection::Connection;
}  // namespace reeve
