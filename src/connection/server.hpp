// The service's side of its conversations: takes requests, one at a time, and answers each exactly once.
//
// Owns:    its channels, and at most one unsent answer for each.
// Threads: the loop's.
// Trust:   peers are strangers. One that breaks a rule loses its channel, and nobody else notices.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "../channel/peer.hpp"
#include "../os/loop.hpp"
#include "message.hpp"

namespace reeve::connection {

/// Answers one request. Runs on the loop's thread and is never re-entered.
using Handler = std::function<Result<Dictionary>(const Peer& peer, const Dictionary& request)>;

class Server {
 public:
  /// `left` is called when a peer has gone.
  Server(os::Loop& loop, Handler handler, std::function<void()> left);

  /// Serves this channel until it ends. Where the peer's record tells a pid, every packet must come from it.
  Result<void> add(channel::Channel channel, Peer peer);

  std::size_t count() const { return conversations_.size(); }

 private:
  struct Conversation {
    Conversation(channel::Channel c, Peer p) : channel(std::move(c)), peer(std::move(p)) {}
    channel::Channel channel;
    Peer peer;
    os::Loop::Watch watch;
    // While an answer waits for room nothing more is read: a peer that does not read cannot make this side grow.
    std::optional<Parcel> unsent;
  };

  void on_ready(std::uint64_t number, os::Ready ready);
  bool flush(Conversation& conversation);
  bool read_one(Conversation& conversation, bool& more);
  bool answer(Conversation& conversation, const channel::Packet& packet);
  bool send_answer(Conversation& conversation, Parcel parcel);
  void drop(std::uint64_t number);

  os::Loop& loop_;
  Handler handler_;
  std::function<void()> left_;
  std::map<std::uint64_t, std::unique_ptr<Conversation>> conversations_;
  std::uint64_t next_ = 1;
  channel::Inbox inbox_;
};

}  // namespace reeve::connection
