// The service's side of its conversations: takes requests, one at a time, and answers each exactly once.
//
// Owns:    its channels, and for each a few unsent answers, charged to the peer they are for.
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

/// Answers one request, which lies in the packet that brought it: views of it end with the call. Runs on the loop's
/// thread and is never re-entered.
using Handler = std::function<Result<Dictionary>(const Peer& peer, const wire::DictionaryView& request)>;

class Server {
 public:
  /// `left` is called when a peer has gone.
  Server(os::Loop& loop, Handler handler, std::function<void()> left);

  /// Serves this channel until it ends. What the record tells of its peer, every packet must bear out.
  Result<void> add(channel::Channel channel, Peer peer, const channel::Record& record);

  std::size_t count() const { return conversations_.size(); }

  /// False once a peer has sent what makes the end of this process wait for that peer: then it is better to go on.
  bool may_end() const { return may_end_; }

 private:
  struct Conversation {
    Conversation(channel::Channel c, Peer p) : channel(std::move(c)), peer(std::move(p)) {}
    channel::Channel channel;
    Peer peer;
    quota::Charge charge;  // for the descriptor; of one that was introduced, who introduced it pays
    os::Loop::Watch watch;
    os::Interest interest{.readable = true};
    bool is_paused = false;
    // While too many answers wait for room nothing more is read: a peer that does not read cannot make this side grow.
    channel::Outbox outbox;
  };
  enum class Next : std::uint8_t { goes_on, nothing_there, over };  // of reading one conversation

  void on_ready(std::uint64_t number, os::Ready ready);
  Next read_some(Conversation& conversation);
  Next read_one(Conversation& conversation);
  Next take(Conversation& conversation, channel::Delivered packet);
  Next take_request(Conversation& conversation, channel::Delivered& packet);
  Next take_introduction(Conversation& conversation, channel::Delivered& packet);
  Next answer(Conversation& conversation, std::uint64_t request, const Result<Dictionary>& answer);
  Next put_off(Conversation& conversation, Parcel parcel);
  Next flush(Conversation& conversation);
  Next refuse(Conversation& conversation, const Error& reason);
  Result<void> begin(std::unique_ptr<Conversation> conversation, std::uint64_t payer);
  bool watch(Conversation& conversation);
  Next pause(Conversation& conversation);
  static void learn_peer(Conversation& conversation);
  void drop(std::uint64_t number);

  os::Loop& loop_;
  Handler handler_;
  std::function<void()> left_;
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  Parcel answer_;         // what is being sent; its room is used again
  std::map<std::uint64_t, std::unique_ptr<Conversation>> conversations_;
  std::uint64_t next_ = 1;
  os::Loop::Timer resume_;
  bool may_end_ = true;
};

}  // namespace reeve::connection
