// One thread's waiting place: descriptors, timers and signals, each with what to do when it is ready.
//
// Owns:    an epoll descriptor and the callbacks; never the descriptors watched.
// Threads: one. Callbacks run inside run_once and may add or drop any watch, their own included.
// Errors:  busy where the kernel is out of descriptors or watches.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>

#include "clock.hpp"
#include "fd.hpp"

namespace reeve::os {

struct Interest {
  bool readable = false;
  bool writable = false;
  friend bool operator==(const Interest&, const Interest&) = default;
};

/// What became true of a watched descriptor. `ended` comes with or without anything left to read.
struct Ready {
  bool readable = false;
  bool writable = false;
  bool ended = false;
};

class Loop {
  struct Entry {
    int raw = -1;
    std::function<void(Ready)> call;
  };
  struct State {
    Fd epoll;
    std::uint64_t next = 1;
    std::map<std::uint64_t, std::shared_ptr<Entry>> watches;
    std::multimap<Time, std::pair<std::uint64_t, std::function<void()>>> timers;
  };

 public:
  /// Watches for as long as it lives. The descriptor must outlive it.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept = default;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { drop(); }
    Result<void> change(Interest interest);
    void drop();

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
    void drop();
    /// Whether it is still to come.
    bool is_set() const;

   private:
    friend class Loop;
    Timer(std::weak_ptr<State> state, std::uint64_t token) : state_(std::move(state)), token_(token) {}
    std::weak_ptr<State> state_;
    std::uint64_t token_ = 0;
  };

  static Result<Loop> make();

  Result<Watch> watch(const Fd& fd, Interest interest, std::function<void(Ready)> call);
  Timer at(Time when, std::function<void()> call);

  /// A descriptor that becomes readable when one of the signals arrives; they are blocked for this thread.
  static Result<Fd> signal_descriptor(std::initializer_list<int> signals);
  /// Takes what has arrived at such a descriptor: it is readable again when another one does.
  static void forget_signals(const Fd& descriptor);

  /// Waits for the first thing to happen, until the deadline, and runs what is due.
  Result<void> run_once(const Deadline& deadline = {});

 private:
  explicit Loop(Fd epoll);
  void run_due_timers();
  std::shared_ptr<State> state_;
};

}  // namespace reeve::os
