// A request in hand: who asked, until when they wait, and the one answer to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "../channel/peer.hpp"
#include "../os/bell.hpp"
#include "../os/clock.hpp"
#include "../os/loop.hpp"
#include "context.hpp"

namespace reeve::connection {

/// Which message of which conversation of a server.
struct Ticket {
  std::uint64_t conversation = 0;
  std::uint64_t number = 0;  ///< of a request its id; of what wants no answer the server's own count
  bool wants_answer = true;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

/// ... and what came of it; of what wants no answer, that it is no longer in hand.
struct Answer {
  Ticket ticket;
  Result<Dictionary> outcome;
};

/// Where the answers to a server's requests come together: those given on its own thread at once, those of other
/// threads when its loop is woken.
///
/// Owns:    the answers of other threads until the server takes them: one for each request in hand.
/// Threads: deliver is any thread's, all else that of the server, which makes it.
class Desk {
 public:
  /// `take` is called on the server's thread, with each answer.
  Desk(os::Loop& loop, std::function<void(Answer)> take) : loop_(loop), take_(std::move(take)) {}

  os::Loop& loop() const { return loop_; }

  void deliver(Answer answer);

  /// From now on other threads' answers are told of by this descriptor, which is readable where there are any.
  /// Errors: busy.
  Result<const os::Fd*> bell();
  /// Has the server take what other threads have answered.
  void take_others();
  /// The server is gone: further answers go nowhere.
  void close();

 private:
  os::Loop& loop_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::function<void(Answer)> take_;  // none once it is closed
  std::optional<os::Bell> bell_;
  std::vector<Answer> others_;
};

/// Whoever sent a request or a message, as the kernel and the broker know them, and how long they wait.
///
/// Owns:    a share in what is known of the request. Copies are the same.
/// Threads: any.
class Caller {
 public:
  const Peer& peer() const { return *state_->peer; }
  /// When the caller gives up, on this process's clock; nothing where it waits for as long as this process lives.
  const os::Deadline& deadline() const { return state_->context.deadline; }
  /// What calls on the caller's behalf hand on. A handler's own do so by themselves, and those of coroutines; for other
  /// threads: `OnBehalf on(caller.context())`.
  const Context& context() const { return state_->context; }
  /// The loop of the server, for what is asked of others on the caller's behalf; on its thread, while it serves.
  os::Loop& loop() const { return state_->desk->loop(); }
  /// Asked to stop once nobody waits for the answer any more: the deadline has passed, the caller has given it up or
  /// has ended, or its conversation has. That is noticed between two handlers, on the server's thread, and callbacks
  /// run there; one that is registered later than that runs at once, where it is registered.
  std::stop_token stop_token() const { return state_->stop_token(); }

 private:
  friend class Request;
  friend class Server;
  struct State {
    std::shared_ptr<Desk> desk;
    Ticket ticket;
    std::shared_ptr<const Peer> peer;
    Context context;
    std::atomic<bool> is_answered = false;

    /// Of another request: nobody else has this any more.
    void begin(std::shared_ptr<Desk> whose, Ticket which, std::shared_ptr<const Peer> who,
               const channel::Header& asked);
    std::stop_token stop_token();
    void cancel();

   private:
    std::mutex mutex_;
    bool is_cancelled_ = false;
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
  ~Request();

  const Caller& caller() const { return caller_; }

  /// Whether an answer is wanted: a message wants none, and a request only the first.
  bool wants_answer() const { return caller_.state_->ticket.wants_answer && !caller_.state_->is_answered; }

  /// The answer. One that nobody waits for any more goes nowhere. Errors: invalid where it was answered before, or
  /// wants no answer.
  Result<void> answer(Result<Dictionary> outcome);

 private:
  friend class Server;
  explicit Request(std::shared_ptr<Caller::State> state) : caller_(std::move(state)) {}
  void drop();
  Caller caller_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Caller;
using connection::OnBehalf;
using connection::Request;
}  // namespace reeve
