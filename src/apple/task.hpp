// This process as a task: its ports, the names that it offers and looks up, and what its children inherit of it.
//
// A copy of the process (fork) is a task of its own: it begins without rights, but for the bootstrap port.
//
// Threads: any.
#pragma once

#include <mach/mach.h>

#include <mutex>

#include "../port/space.hpp"
#include "offered.hpp"

namespace reeve::apple {

/// What stands for no port of the space: no name of one is so small.
inline constexpr mach_port_t kTaskPort = 0x03;
inline constexpr mach_port_t kHostPort = 0x07;
inline constexpr mach_port_t kThreadPort = 0x0b;
inline constexpr mach_port_t kBrokerPort = 0x0f;
inline constexpr mach_port_t kNameMin = 0x100;
inline bool is_own_port(mach_port_t name) {
  return name == kTaskPort || name == kHostPort || name == kThreadPort || name == kBrokerPort;
}

inline port::Name name_of(mach_port_t name) { return port::Name{name < kNameMin ? 0 : name}; }

class Task {
 public:
  /// The process's own.
  static Task& own();

  Offered offered{space};  // outlives what refers to it there
  port::Space space;
  /// Another for each task that this process, or one that it is a copy of, was.
  const std::uint64_t number;

  /// The one that is inherited: the broker, or a send right. What is got has one more reference, and so has what is
  /// set.
  /// @{
  Result<mach_port_t> bootstrap_port();
  Result<void> set_bootstrap_port(mach_port_t port);
  /// @}

 private:
  friend struct Fork;
  Task();
  std::mutex mutex_;  // before the space's
  port::Name bootstrap_;
  bool has_lost_it_ = false;  // it was to have one that has ended
  os::Fd given_;              // to the child that is being made
  os::Fd for_program_;        // ... and to a program that it executes
  os::Fd kept_;               // the number under which that finds it
};

inline port::Space& space() { return Task::own().space; }

/// Ends the process: what was asked for is what a guard is there to prevent.
[[noreturn]] void end_by_guard(mach_port_t name, const char* what);

/// What an error of the space is to a caller of mach_port_*.
kern_return_t kern_of(const Error& error, mach_port_t name);

}  // namespace reeve::apple
