// A process that does with ports what it is told, one thing at a time, and says what came of it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <reeve/port.hpp>

#include "../../src/os/fd.hpp"

namespace reeve::test {

/// Things that a message carries at most, in these tests.
inline constexpr std::size_t kCarriedMax = 3;

enum class Deed : std::uint32_t {
  make_port,        ///< `made`: a receive right
  make_send,        ///< of the port `subject`; `made`: the right
  make_send_once,   ///< the same
  copy,             ///< of the send right `subject`; `made`: the copy
  drop,             ///< gives `subject` up
  send,             ///< a message of that number to `subject`, which carries `carried`
  receive,          ///< from `subject`; what it carries is called `made` and the numbers after it
  tell_no_senders,  ///< of `subject`, to itself
  give_out,         ///< `subject`, as the descriptor that comes with the outcome
  take_in,          ///< the descriptor that comes with the command; `made`: the right
  names,            ///< how many names there are
};

struct Command {
  Deed deed = Deed::names;
  std::uint32_t subject = 0;
  std::uint32_t made = 0;
  std::uint32_t carried_count = 0;
  std::array<std::uint32_t, kCarriedMax> carried{};
  std::uint64_t number = 0;
};

enum class RightKind : std::uint32_t { none, dead, send, send_once, receive };

struct Outcome {
  std::int32_t error = 0;          ///< a code of reeve::code; 0 for none
  std::uint32_t name = 0;          ///< of what was made or used
  std::uint32_t notification = 0;  ///< its kind, where one was received
  std::uint32_t carried_count = 0;
  std::array<RightKind, kCarriedMax> carried{};
  std::array<std::uint32_t, kCarriedMax> names{};  ///< of what was carried
  std::int32_t sender = 0;                         ///< of the message that was received: its pid
  std::uint64_t number = 0;                        ///< ... and its number; the count of names
};

/// The process. It ends with this, and takes all its rights along.
class TaskProcess {
 public:
  TaskProcess();
  TaskProcess(const TaskProcess&) = delete;
  TaskProcess& operator=(const TaskProcess&) = delete;
  ~TaskProcess();

  /// `descriptor`: of give_out and take_in. The error is -1 where the process has ended.
  Outcome tell(const Command& command, os::Fd* descriptor = nullptr) const;
  int pid() const { return pid_; }

 private:
  int pid_ = -1;
  os::Fd line_;
};

}  // namespace reeve::test
