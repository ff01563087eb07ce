// The service's side of its conversations: takes requests, in the order in which each peer sent them, and has each
// answered exactly once, in whatever order the answers come.
//
// Owns:    its channels, and for each a few requests in hand and unsent answers, charged to the peer they are for.
// Threads: the loop's. While a handler waits for something that it has asked of others, peers are heard and nothing is
//          taken up: who asks for what that handler is to answer is told that this goes round in a circle.
// Trust:   peers are strangers. One that breaks a rule loses its channel, and nobody else notices.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../channel/peer.hpp"
#include "../os/loop.hpp"
#include "message.hpp"
#include "request.hpp"

namespace reeve::connection {

/// Takes up one message, which lies in the packet that brought it: views of it end with the call. The request may be
/// kept, and answered later: not in the handler itself, which is there for as long as any request of its is in hand.
/// Runs on the loop's thread and is never re-entered.
using Handler = std::function<void(const wire::DictionaryView& message, Request request)>;
/// A handler of several channels.
using SharedHandler = std::shared_ptr<const Handler>;

/// @cond
class Server {
 public:
  explicit Server(os::Loop& loop);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Serves this channel until it ends. What the record tells of its peer, every packet must bear out.
  Result<void> add(channel::Channel channel, Peer peer, const channel::Record& record, SharedHandler handler);

  /// What peers call it, to whom its pid may mean nothing.
  void set_name(std::string name) { name_ = std::move(name); }

  /// Takes nothing more: what was sent until now is taken up and answered, and each conversation ends then. A caller
  /// who sends later finds its channel closed before anything was lost, and connects afresh.
  void wind_up();
  bool has_peers() const { return !conversations_.empty(); }
  /// Whether a handler of it runs: it may not end meanwhile.
  bool is_at_work() const { return current_ != nullptr; }

  /// When the last request was answered, or the last peer came.
  os::Time last_use() const { return last_use_; }

  /// False while the end of this process would cost somebody more than connecting afresh: a peer that was introduced
  /// could not do that, requests are in hand, answers are not sent yet, or a peer has sent what makes the end wait for
  /// that peer.
  bool may_end() const;

 private:
  using State = Caller::State;
  enum class Next : std::uint8_t { goes_on, nothing_there, over };  // of reading one conversation
  // A request that its handler has kept.
  struct InHand {
    std::shared_ptr<State> state;
    quota::Charge charge;
    os::Loop::Timer deadline;
    bool is_unpaid() const { return charge.amount() == quota::Amount(); }
  };
  struct Conversation {
    Conversation(channel::Channel c, Peer p, SharedHandler h)
        : channel(std::move(c)), peer(std::make_shared<Peer>(std::move(p))), handler(std::move(h)) {}
    std::uint64_t number = 0;
    channel::Channel channel;
    std::shared_ptr<Peer> peer;  // as its requests know it; once it is heard, that of others of its process too
    SharedHandler handler;       // of one that was introduced, that of who introduced it
    quota::Charge charge;        // for the descriptor; of one that was introduced, who introduced it pays
    os::Loop::Watch watch;
    os::Interest interest{.readable = true};
    bool is_paused = false;
    bool is_refusing = false;  // Whoever sends now finds it closed.
    bool has_ended = false;    // Nothing more comes; what waits to be sent still is.
    channel::Outbox outbox;
    std::vector<InHand> in_hand;
    std::deque<Result<channel::Incoming>> parked;  // read while a handler waited
    bool is_over = false;                          // to be dropped
    // While too many answers wait nothing more is read: a peer that does not read cannot make this side grow. Items are
    // bounded by their windows, and there is no credit for what is not sent; whoever gives up a stream is heard.
    bool has_room() const { return outbox.count() - outbox.item_count() < kUnsentAnswersMax; }
    // Nothing more comes, and all is answered.
    bool is_done() const { return has_ended && in_hand.empty() && outbox.empty(); }
  };
  // The request whose handler runs.
  struct Current {
    Conversation& conversation;
    State& state;
    std::optional<Next> outcome{};  // of answering it
  };
  void on_ready(std::uint64_t number, os::Ready ready);
  Next read_some(Conversation& conversation);
  Next read_one(Conversation& conversation);
  Next take_incoming(Conversation& conversation, Result<channel::Incoming>& incoming);
  void attend(Conversation& conversation, os::Ready ready);
  static bool may_park(const Conversation& conversation);
  bool park_one(Conversation& conversation);
  void park(Conversation& conversation, Result<channel::Incoming> incoming);
  static std::string name_of(const Peer& peer);
  Error deadlock(Conversation& conversation);
  void unpark_later();
  Next take_packet(Conversation& conversation, channel::Delivered& packet);
  Next take_request(Conversation& conversation, channel::Delivered& packet);
  Next hand_over(Conversation& conversation, Ticket ticket, const channel::Delivered& packet, quota::Charge charge,
                 const wire::DictionaryView& message);
  Next keep(Conversation& conversation, std::shared_ptr<State> state, quota::Charge charge);
  static Result<quota::Charge> pay_for(const Conversation& conversation, channel::Delivered& packet);
  Result<void> listen_to_others();
  void look_for_others();
  void let_go(std::vector<InHand>& of, std::vector<InHand>::iterator request);
  void take(const Answer& given);
  void take(Item& given);
  Next send_item(Conversation& conversation, State& state, Parcel item);
  void stop_stream(State& state);
  Next take_credit(Conversation& conversation, channel::Delivered& packet);
  std::shared_ptr<State> state_of(const Conversation& conversation, const Ticket& ticket) const;
  Next take_cancel(Conversation& conversation, const Ticket& ticket);
  static void cancel(Conversation& conversation, State& state);
  void pass_deadline(const Ticket& ticket);
  Next take_introduction(Conversation& conversation, channel::Delivered& packet);
  Next answer(Conversation& conversation, std::uint64_t request, const Error& error);
  Next send_answer(Conversation& conversation, Parcel& parcel);
  Next send_outcome(Conversation& conversation, State& state);
  Next put_off(Conversation& conversation, Parcel parcel);
  Next flush(Conversation& conversation);
  Next refuse(Conversation& conversation, const Error& reason);
  Result<void> begin(std::unique_ptr<Conversation> conversation, std::uint64_t payer);
  bool watch(Conversation& conversation);
  Next pause(Conversation& conversation);
  void learn_peer(Conversation& conversation);
  void drop(std::uint64_t number);
  void drop_later(Conversation& conversation);

  os::Loop& loop_;
  channel::Inbox inbox_;             // outlives what is charged to its ledger
  Parcel answer_;                    // an error that is being sent; its room is used again
  std::shared_ptr<State> state_;     // of a request that was answered at once; so is this
  std::shared_ptr<Peer> last_peer_;  // that has been heard
  std::shared_ptr<Desk> desk_;
  os::Loop::Watch desk_watch_;  // once a handler has kept a request
  os::Loop::Timer others_;      // ... where no descriptor was left for that
  std::map<std::uint64_t, std::unique_ptr<Conversation>> conversations_;
  std::vector<InHand> orphans_;  // whose conversations have ended: nobody waits, but they are at work still
  std::size_t unpaid_ = 0;       // of what is kept
  os::Loop::Timer sweep_;        // of conversations that are over
  std::uint64_t next_ = 1;
  std::uint64_t next_message_ = 1;
  Current* current_ = nullptr;  // null while no handler runs
  os::Loop::Timer resume_;
  os::Loop::Timer unpark_;
  std::string name_;
  os::Time last_use_{};
  bool has_left_open_ = false;
};

/// @endcond
}  // namespace reeve::connection
