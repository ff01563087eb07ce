// One thread's waiting place: descriptors, timers and signals, each with what to do when it is ready.
//
// Owns:    an epoll descriptor and the callbacks; never the descriptors watched.
// Threads: one. Callbacks run inside run_once and may add or drop any watch, their own included. While one of them
//          waits in wait_for those of watches that attend are called too, its own perhaps: they may be entered again.
// Errors:  busy where the kernel is out of descriptors or watches.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "awake.hpp"
#include "clock.hpp"
#include "fd.hpp"
#include "socket.hpp"

struct epoll_event;

namespace reeve::os {

/// What a watch waits for. One that waits for nothing is called when the other end has gone, and not before.
struct Interest {
  bool readable = false;  ///< something to read, or the other end will send no more
  bool writable = false;  ///< room to write
  friend bool operator==(const Interest&, const Interest&) = default;
};

/// What became true of a watched descriptor. `ended` comes with or without anything left to read.
struct Ready {
  bool readable = false;  ///< something to read, or its end
  bool writable = false;  ///< room to write
  bool ended = false;     ///< the other end has gone, in both directions
};

/// Whether a watch is looked after while a callback waits for something.
enum class Attends : bool { no, yes };

/// What runs the callbacks of connections that do not block. It has no thread of its own: whoever has it calls
/// `run_once` or `dispatch`, or has another library's loop do so (`<reeve/loops/…>`).
/// Threads: one.
class Loop {
  struct Entry {
    int raw = -1;
    std::function<void(Ready)> call;
    Interest interest;
    Attends attends = Attends::no;
    bool is_muted = false;  // out of the epoll set until this round's callbacks have run
  };
  struct State {
    Fd epoll;
    std::uint64_t attended = 0;        // the watch that is called while another callback waits
    std::vector<std::uint64_t> muted;  // in the order in which they were; 0 is the alarm
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::shared_ptr<Entry>> watches;
    std::map<std::pair<Time, std::uint64_t>, std::function<void()>> timers;  // by when, then by token
    Fd alarm;         // a timer of the kernel's, for whoever watches the epoll descriptor
    Time alarm_at{};  // none
    Awake awake;
    int wait(std::span<epoll_event> events, const Deadline& until);
    void set_alarm();
    Result<bool> attend();
    void mute(std::uint64_t token);
    void unmute_all();
  };

 public:
  /// Watches for as long as it lives. The descriptor must outlive it.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept = default;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { drop(); }
    /// Waits for that instead, from now on. Errors: system.
    Result<void> change(Interest interest);
    /// Watches no longer: the callback is not called any more.
    void drop();
    /// Whether it watches anything.
    bool is_set() const { return token_ != 0; }

   private:
    friend class Loop;
    Watch(std::weak_ptr<State> state, std::uint64_t token) : state_(std::move(state)), token_(token) {}
    std::weak_ptr<State> state_;
    std::uint64_t token_ = 0;
  };

  /// Fires once, unless it is dropped first.
  class Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept = default;
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { drop(); }
    /// It does not fire any more.
    void drop();
    /// Whether it is still to come.
    bool is_set() const;

   private:
    friend class Loop;
    using Key = std::pair<Time, std::uint64_t>;
    Timer(std::weak_ptr<State> state, Key key) : state_(std::move(state)), key_(key) {}
    std::weak_ptr<State> state_;
    Key key_{};
  };

  /// A loop that may end before whoever refers to it.
  class Reference {
   public:
    Reference() = default;
    /// To that loop, which may move and end.
    Reference(const Loop& loop) : state_(loop.state_) {}  // NOLINT: a loop is referred to
    /// The same loop; nothing once that has ended.
    std::optional<Loop> get() const;

   private:
    std::weak_ptr<State> state_;
  };

  /// Whether they are the same.
  friend bool operator==(const Loop& a, const Loop& b) { return a.state_ == b.state_; }

  /// A loop with nothing to do. Errors: busy where no descriptor is left.
  static Result<Loop> make();

  /// Has `call` called in each round in which what it waits for is so. Errors: busy; denied for what cannot be waited
  /// for, such as a regular file.
  Result<Watch> watch(const Fd& fd, Interest interest, std::function<void(Ready)> call, Attends attends = Attends::no);
  /// Has `call` called once, at that time or as soon after it as the loop runs: the earliest first.
  Timer at(Time when, std::function<void()> call);

  /// Calls it once, in one of the next rounds.
  void post(std::function<void()> call);

  /// A descriptor that is readable while there is something to do, for another loop to watch: whenever it is, call
  /// dispatch. It stays the loop's. Errors: busy; denied in a confined service, whose own loop runs already.
  Result<const Fd*> descriptor();

  /// A descriptor that becomes readable when one of the signals arrives; they are blocked for this thread.
  static Result<Fd> signal_descriptor(std::initializer_list<int> signals);
  /// Takes what has arrived at such a descriptor: it is readable again when another one does.
  static void forget_signals(const Fd& descriptor);

  /// Waits for the first thing to happen, until the deadline, and runs what is due. Where the last wait was a short one
  /// it waits awake for a moment before it sleeps (awake.hpp).
  Result<void> run_once(const Deadline& deadline = {});

  /// Runs what is due, without waiting.
  Result<void> dispatch() { return run_once(now()); }

  /// The loop whose callback this thread runs at present.
  static std::optional<Loop> running();

  /// Waits within a callback until the socket is ready, as os::wait_for does; or until something was attended to, when
  /// it may not be. Nothing but the watches that attend is called meanwhile.
  Result<bool> wait_for(const Fd& socket, Readiness readiness, const Deadline& deadline);
  /// Whether a watch is called because of that.
  bool is_attending() const { return state_->attended != 0; }
  /// The watch that is so called can do nothing more until the callback that waits has returned.
  void leave_alone() {
    if (is_attending()) state_->mute(state_->attended);
  }

 private:
  // While it lives, callbacks of that loop run.
  class Running {
   public:
    explicit Running(const std::shared_ptr<State>& state) : before_(std::exchange(running_, &state)) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { running_ = before_; }

   private:
    const std::shared_ptr<State>* before_;
  };
  static constinit thread_local const std::shared_ptr<State>* running_;

  explicit Loop(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Timer::Key add_timer(Time when, std::function<void()> call);
  void run_due_timers();
  std::shared_ptr<State> state_;
};

}  // namespace reeve::os
