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
using SharedHandler = std::shared_ptr<const Handler>;

class Server {
 public:
  explicit Server(os::Loop& loop);

  /// Serves this channel until it ends. What the record tells of its peer, every packet must bear out.
  Result<void> add(channel::Channel channel, Peer peer, const channel::Record& record, SharedHandler handler);

  /// Takes nothing more: what was sent until now is answered, and each conversation ends then. A caller who sends later
  /// finds its channel closed before anything was lost, and connects afresh.
  void wind_up();
  bool has_peers() const { return !conversations_.empty(); }

  /// When the last request was answered, or the last peer came.
  os::Time last_use() const { return last_use_; }

  /// False while the end of this process would cost somebody more than connecting afresh: a peer that was introduced
  /// could not do that, answers are not sent yet, or a peer has sent what makes the end wait for that peer.
  bool may_end() const;

 private:
  struct Conversation {
    Conversation(channel::Channel c, Peer p, SharedHandler h)
        : channel(std::move(c)), peer(std::move(p)), handler(std::move(h)) {}
    channel::Channel channel;
    Peer peer;
    SharedHandler handler;  // of one that was introduced, that of who introduced it
    quota::Charge charge;   // for the descriptor; of one that was introduced, who introduced it pays
    os::Loop::Watch watch;
    os::Interest interest{.readable = true};
    bool is_paused = false;
    bool is_refusing = false;  // Whoever sends now finds it closed.
    bool has_ended = false;    // Nothing more comes; what waits to be sent still is.
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
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  Parcel answer_;         // what is being sent; its room is used again
  std::map<std::uint64_t, std::unique_ptr<Conversation>> conversations_;
  std::uint64_t next_ = 1;
  os::Loop::Timer resume_;
  os::Time last_use_{};
  bool has_left_open_ = false;
};

}  // namespace reeve::connection
