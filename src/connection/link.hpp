// The caller's side of a conversation, whichever way it waits: one channel at a time, what waits to be sent on it, and
// who waits for which answer.
//
// Owns:    the channel, made when it is first needed and made again after the service died. What the service had not
//          got whole by then goes to the fresh one; what it had is interrupted.
// Threads: one owner; with a loop, that loop's.
// Trust:   the service may be a stranger. What breaks a rule ends the channel, with a reason.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "../os/awake.hpp"
#include "dialer.hpp"
#include "waiter.hpp"

namespace reeve::connection {

/// How long the caller waits: the earliest counts. What is asked while a request is at hand is asked on its behalf: it
/// is part of the same chain of requests, and ends with the deadline of that.
struct CallOptions {
  /// From now until the answer must be there; nothing means for as long as the service lives.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// When the answer must be there: a Caller's deadline, for what is asked on its behalf.
  os::Deadline until{};
  /// From now until all of it must be on its way, which it is at once unless the service does not read: if nothing of
  /// it is, the outcome is timeout (not-sent), and nothing was done. `timeout` counts from the moment when all of it
  /// is.
  std::optional<std::chrono::nanoseconds> send_timeout{};
  /// On this process's own behalf, whatever request is at hand.
  bool is_own = false;
  /// Gives the call up when it is asked to stop, which is to happen on the connection's thread: the outcome is
  /// cancelled. A Caller's stop token, for what is asked on its behalf by a connection of its own loop. Calls that
  /// block do not look at it.
  std::optional<std::stop_token> stop{};
};

/// @cond
/// What a connection may hold of messages that are whole only in part, and what one may over which little is to come.
inline constexpr quota::Amount kHeldOfOne{kHeldBytesMax, kHeldDescriptorsMax, 0};
inline constexpr quota::Amount kHeldOfStranger{kRoomBytes, 0, 0};
inline Error given_up() { return Error{Kind::gone, code::kClosed, "the connection was given up on this side", ""}; }

class Link : public std::enable_shared_from_this<Link> {
 public:
  /// Without a loop, and after its end, every call blocks. `held`: of messages that are whole only in part.
  Link(std::unique_ptr<Dialer> dialer, os::Loop::Reference loop, const quota::Amount& held)
      : dialer_(std::move(dialer)), loop_(std::move(loop)), inbox_(held) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // These block.
  Result<wire::Body> exchange(const Message& request, const CallOptions& options);
  Result<void> post(const Message& message, const CallOptions& options);
  Result<object::Right> introduce(const CallOptions& options);
  Result<Peer> peer(const CallOptions& options);
  /// Asks for a stream. Outcomes, the items' end among them: as begin.
  void open(const Message& request, const CallOptions& options, Waiter& waiter);
  /// Waits until a stream has an item, or an outcome.
  void await_news(Waiter& waiter);

  // These do not.
  /// Asks, and wakes the waiter when the outcome is there. False where it is there already: it is not woken then.
  /// Outcomes: busy where kCallsMax wait already; invalid without a loop; gone (cancelled); those of exchange.
  bool begin(const Message& request, const CallOptions& options, Waiter& waiter);
  /// The same for a stream.
  void begin_stream(const Message& request, const CallOptions& options, Waiter& waiter);
  /// From now on the waiter of a stream is woken, once, when it has an item or an outcome; or no longer. False where it
  /// has one already.
  bool wait(Waiter& waiter);
  void wait_no_longer(Waiter& waiter);
  /// A stream's next item, where one has come. The service may send more in its place.
  std::optional<wire::Body> take_item(Waiter& waiter);
  /// Nobody waits any more. What is unsent is not sent; else the service is told so, unless it reads no more or takes
  /// no cancellations.
  void abandon(Waiter& waiter);
  /// Whoever waits still is told that the connection was given up.
  void close();
  /// While it is suspended nothing is sent, and nobody is woken.
  void suspend();
  /// Errors: invalid (suspended); gone where it was closed.
  Result<void> may_block() const;
  Result<void> resume();
  /// Calls `then` once nothing that was begun before waits to be sent any more.
  void barrier(std::function<void()> then);
  std::uint64_t stray_answers() const { return stray_answers_; }
  Result<void> connect(const CallOptions& options);
  /// Connects, and has `ended` called by the loop once that channel has ended.
  Result<void> on_end(std::function<void(const Error& why)> ended, const CallOptions& options);
  /// Whether there is a channel, by what has come.
  bool is_connected();

 private:
  void address(const CallOptions& options);
  void limit(Waiter& waiter, const CallOptions& options) const;
  static os::Deadline limit_of(const Waiter& waiter);
  Error late(const Waiter& waiter) const;
  void now_awaits_answer(Waiter& waiter);
  Result<void> send_and_wait(Waiter& sleeper);
  void start(Waiter& sleeper);
  Result<void> wait_once(const Waiter& waiter);
  Result<void> connect(const os::Deadline& deadline);
  Result<bool> wait_for(os::Readiness readiness, const os::Deadline& deadline);
  Result<void> await_greeting(const os::Deadline& deadline);

  bool begin(channel::PacketKind kind, const Message& request, const CallOptions& options, Waiter& waiter);
  Result<void> fill_request(channel::PacketKind kind, const Message& request, const CallOptions& options);
  void end_in_time(Waiter& waiter, os::Loop& loop);
  void end_when_told(Waiter& waiter, const CallOptions& options);
  void give_up(Waiter& waiter, const Error& reason);
  void withdraw(std::uint64_t ticket);

  struct Barrier {
    std::uint64_t ticket;  // of the first that is not before it
    std::function<void()> then;
  };
  bool go_on();
  void go_on_later();
  void wake_later();
  void pass_barriers(os::Loop& loop);
  bool watch(os::Loop& loop);
  void on_ready();
  void take_dialed(Result<Dialed> dialed);
  void wake();

  void send_parcel();
  void let_go_of_parcel();
  void flush();
  void note_sent();
  void cannot_send(const Parcel& parcel, const Error& reason);
  void take_refusal();
  bool has_any_in_hand() const;
  void send_cancellations();
  void remove_parcel(std::uint64_t tag);

  void read_what_came();
  bool read_one(os::Wait wait = os::Wait::no);
  bool may_sleep_reading(const os::Deadline& deadline) const;
  void take(channel::Delivered& packet);
  void take_item_from(channel::Delivered& packet);
  bool say_credit(Waiter& waiter);
  void send_behind_others(Parcel parcel);

  Waiter* waiter_of(std::uint64_t ticket) const;
  Waiter* asker_of(std::uint64_t request) const;
  void complete(Waiter& waiter, Result<void> outcome);
  void end(const Error& reason);
  void drop_channel();
  void lose(const Error& reason, std::uint64_t unread = 0);
  void fail_unsent(const Error& reason);

  std::unique_ptr<Dialer> dialer_;  // null once it is closed
  os::Loop::Reference loop_;
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  os::Awake awake_;
  std::optional<Dialed> current_;
  os::Loop::Watch watch_;  // of its socket
  os::Interest interest_{};
  bool has_sent_ = false;    // anything, on this channel
  bool is_refused_ = false;  // It takes nothing more: what it has in hand is answered still.
  int fruitless_ = 0;        // channels in a row that took nothing
  Error last_end_;
  std::unique_ptr<Dialing> dialing_;  // the channel to come
  Parcel parcel_;                     // what is being sent; its room is used again
  channel::Outbox outbox_;            // by the tickets of those who wait
  std::vector<Waiter*> waiters_;
  Waiter* sender_ = nullptr;   // the one that waits until its parcel is sent, and for no answer
  std::deque<Waiter*> ready_;  // to be woken
  bool is_wake_due_ = false;
  std::vector<std::uint64_t> to_cancel_;  // on this channel, once that can be said
  std::uint64_t next_ticket_ = 1;
  int suspensions_ = 0;
  std::deque<Barrier> barriers_;
  std::uint64_t stray_answers_ = 0;
  std::function<void(const Error& why)> ended_;  // of the present channel
};

/// @endcond
}  // namespace reeve::connection
