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

  /// Who is at the other end, connecting first if need be. Its pid is the kernel's word.
  Result<Peer> peer(CallOptions options = {});

 private:
  Result<void> connect(const os::Deadline& deadline);
  Result<void> send_request(Parcel& parcel);
  Result<void> send_waiting(const Parcel& parcel);
  Result<std::optional<channel::Packet>> receive();
  Result<void> wait(const os::Deadline& deadline);
  Result<void> await_greeting(const os::Deadline& deadline);
  Result<Dictionary> await_answer(std::uint64_t id, const os::Deadline& deadline);
  std::optional<Result<Dictionary>> take_packet(const channel::Packet& packet, std::uint64_t id);
  Error last_words();
  Error lost();

  std::unique_ptr<Dialer> dialer_;
  std::optional<Dialed> current_;
  channel::Inbox inbox_;
  std::uint64_t next_id_ = 1;
};

}  // namespace reeve::connection

namespace reeve {
using connection::CallOptions;
using connection::Connection;
}  // namespace reeve
