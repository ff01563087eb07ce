// A request in hand: who asked, until when they wait, and the one answer to it, or the many of a stream.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <variant>
#include <vector>

#include "../channel/peer.hpp"
#include "../os/bell.hpp"
#include "../os/clock.hpp"
#include "../os/loop.hpp"
#include "context.hpp"
#include "message.hpp"

namespace reeve::connection {

/// @cond
/// Which message of which conversation of a server.
struct Ticket {
  std::uint64_t conversation = 0;
  std::uint64_t number = 0;  ///< of a request its id; of what wants no answer the server's own count
  bool wants_answer = true;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// ... and that an answer to it is there; of what wants none, that it is no longer in hand.
struct Answer {
  Ticket ticket;
};

/// One of the items that a stream is answered by, and that there is room for.
struct Item {
  Ticket ticket;
  Parcel parcel;
};

/// Where the answers to a server's requests come together: those given on its own thread at once, those of other
/// threads when its loop is woken.
///
/// Owns:    the answers of other threads until the server takes them: one for each request in hand, and of a stream as
///          many items as there is room for.
/// Threads: deliver is any thread's, all else that of the server, which makes it.
class Desk {
 public:
  using Given = std::variant<Answer, Item>;
  /// `take` is called on the server's thread, with each answer and item.
  Desk(const os::Loop& loop, std::function<void(Given&)> take) : loop_(loop), take_(std::move(take)) {}

  os::Loop& loop() { return loop_; }

  void deliver(Given&& given);

  /// From now on other threads' answers are told of by this descriptor, which is readable where there are any.
  /// Errors: busy.
  Result<const os::Fd*> bell();
  /// Has the server take what other threads have answered.
  void take_others();
  /// The server is gone: further answers go nowhere.
  void close();

 private:
  void take_all(bool has_rung);

  os::Loop loop_;  // a share in it: requests outlive their server
  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::function<void(Given&)> take_;  // none once it is closed
  std::optional<os::Bell> bell_;
  std::vector<Given> others_;
  std::atomic<bool> has_others_ = false;  // what a thread has given it knows of, wherever it goes on
};

class Giving;

/// @endcond
/// What a coroutine awaits that lets others have their turn: it is run on in the loop's next round.
class [[nodiscard]] TurnOfOthers {
 public:
  /// On that loop, whose thread this is.
  explicit TurnOfOthers(const os::Loop& loop) : loop_(loop) {}
  TurnOfOthers(const TurnOfOthers&) = delete;
  TurnOfOthers& operator=(const TurnOfOthers&) = delete;
  ~TurnOfOthers() = default;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    timer_ = loop_.at(os::now(), [coroutine, context = Context::current()] {
      const OnBehalf again(context);
      coroutine.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  os::Loop loop_;
  os::Loop::Timer timer_;  // dropped with the coroutine
};

/// Whoever sent a request or a message, as the kernel and the broker know them, and how long they wait.
///
/// Owns:    a share in what is known of the request. Copies are the same.
/// Threads: any.
class Caller {
 public:
  /// Who they are.
  const Peer& peer() const { return *state_->peer; }
  /// When the caller gives up, on this process's clock; nothing where it waits for as long as this process lives.
  const os::Deadline& deadline() const { return state_->context.deadline; }
  /// Whether that has passed by now.
  bool is_late() const { return deadline() && *deadline() <= os::now(); }
  /// What calls on the caller's behalf hand on. A handler's own do so by themselves, and those of coroutines; for other
  /// threads: `OnBehalf on(caller.context())`.
  const Context& context() const { return state_->context; }
  /// The loop of the server, for what is asked of others on the caller's behalf; on its thread, while it serves.
  os::Loop& loop() const { return state_->desk->loop(); }
  /// Lets the server's loop have its turn before a coroutine goes on: `co_await caller.turn_of_others()`. Other
  /// requests are taken up meanwhile, and it is noticed who has left. On the server's thread.
  TurnOfOthers turn_of_others() const { return TurnOfOthers(loop()); }
  /// Asked to stop once nobody waits for the answer any more: the deadline has passed, the caller has given it up or
  /// has ended, or its conversation has. That is noticed between two handlers, on the server's thread, and callbacks
  /// run there; one that is registered later than that runs at once, where it is registered.
  std::stop_token stop_token() const { return state_->stop_token(); }

 private:
  friend class Giving;
  friend class Request;
  friend class Server;
  struct State : std::enable_shared_from_this<State> {
    std::shared_ptr<Desk> desk;
    Ticket ticket;
    std::shared_ptr<const Peer> peer;
    Context context;
    bool wants_items = false;
    std::atomic<bool> is_answered = false;
    bool is_told = false;  // The caller has an outcome, whatever comes of it here: an error, or it wants none.
    Parcel answer;         // whose room is used again

    /// Of another request: nobody else has this any more.
    void begin(std::shared_ptr<Desk> whose, Ticket which, std::shared_ptr<const Peer> who,
               const channel::Header& asked);
    std::stop_token stop_token();
    void cancel();

    /// Whether one item may go now. If not, `giving` waits until one may, or nobody wants any more.
    enum class May : std::uint8_t { go, wait, not_now, no_more, never };
    May ask_for_room(Giving& giving);
    void no_longer_waits(const Giving& giving);
    /// The caller has room for so much more, while so much of what it had room for is not sent yet. False where that
    /// is more than it may say it has.
    bool grant(std::uint64_t bytes, std::int64_t unsent);
    /// No more will be granted.
    void end_credit();

   private:
    std::mutex mutex_;
    bool is_cancelled_ = false;
    bool has_all_credit_ = false;
    std::int64_t credit_ = 0;               // What the caller has room for; below zero by part of an item.
    Giving* giving_ = nullptr;              // the one that waits for room
    std::optional<std::stop_source> stop_;  // made when it is first asked for
  };
  explicit Caller(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// The power to answer a request, once; or a message, which wants no answer.
///
/// Owns:    that. A request that is destroyed unanswered tells its caller so, at once.
/// Threads: one owner; may move to another thread, and be answered there.
class Request {
 public:
  Request(Request&& other) noexcept = default;
  Request& operator=(Request&& other) noexcept;
  ~Request() {
    if (caller_.state_) drop();
  }

  /// Who asks, and until when they wait.
  const Caller& caller() const { return caller_; }

  /// Whether an answer is wanted: a message wants none, and a request only the first.
  bool wants_answer() const { return caller_.state_->ticket.wants_answer && !caller_.state_->is_answered; }

  /// The answer. One that nobody waits for any more goes nowhere. Errors: invalid where it was answered before, or
  /// wants no answer.
  Result<void> answer(const Result<Dictionary>& outcome);
  /// The same, as it is written.
  Result<void> answer(const Message& message);

  /// Whether it is a stream: it wants items before its answer, any number of them.
  bool wants_items() const { return caller_.state_->wants_items; }

  /// Gives a stream its next item: `Result<void> given = co_await request.give(item)`. Waits while the caller has no
  /// room for it, which takes what came before first; one item at a time. Errors: gone where nobody wants any more;
  /// interrupted where there will be no more room, since the conversation ends in this direction;
  /// invalid where it wants none, or the item cannot be sent: it is larger than 128 KiB.
  Giving give(const Dictionary& item);
  /// The same, as it is written.
  Giving give(const Message& item);

 private:
  friend class Server;
  Request(std::shared_ptr<Caller::State> state, std::shared_ptr<const void> handler)
      : handler_(std::move(handler)), caller_(std::move(state)) {}
  void drop();
  template <class Outcome>
  Result<void> answer_with(const Outcome& outcome);
  std::shared_ptr<const void> handler_;  // what answers it may refer to that, for as long as it is in hand
  Caller caller_;
};

/// An item on its way to the caller of a stream.
///
/// Owns:    the item, until it is sent. A coroutine that is destroyed while it waits gives nothing.
/// Threads: that of its coroutine, which is run on by the server's. While it waits, no other may destroy it.
class [[nodiscard]] Giving {
 public:
  Giving(const Giving&) = delete;
  Giving& operator=(const Giving&) = delete;
  ~Giving() { state_->no_longer_waits(*this); }

  bool await_ready();
  bool await_suspend(std::coroutine_handle<> coroutine);
  Result<void> await_resume() { return std::move(outcome_); }

 private:
  friend class Request;
  friend struct Caller::State;
  Giving(std::shared_ptr<Caller::State> state, const Message& item);
  std::int64_t cost() const { return channel::item_cost(parcel_.body.size(), parcel_.attachments.size()); }
  void finish(Caller::State::May may);
  void run_on(Caller::State::May may);

  std::shared_ptr<Caller::State> state_;
  Parcel parcel_;
  Result<void> outcome_;
  std::coroutine_handle<> coroutine_;
  Context context_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Caller;
using connection::OnBehalf;
using connection::Request;
}  // namespace reeve
