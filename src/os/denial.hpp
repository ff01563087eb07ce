// Calls that a seccomp filter has denied, told by the process that made them.
//
// A filter that answers with SECCOMP_RET_TRAP says by its data what is to become of the call: an errno is what it
// returns, and 0 ends the process. It is done by a handler of SIGSYS: in a process in which there is none, or in a
// thread that blocks the signal, either ends the process; and where somebody has put another in its place, he decides.
// What must end a process whatever that does is for a filter that kills.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

#include "fd.hpp"

namespace reeve::os {

/// One denied call, as it goes over the line.
struct DeniedCall {
  std::int32_t number = 0;
  std::int32_t error = 0;  ///< that it returned; 0 where it ended the process
  std::array<std::uint64_t, 6> arguments{};
  std::array<char, 200> path{};  ///< that it named, up to a NUL; what is longer is cut
};
static_assert(sizeof(DeniedCall) == 256 && std::has_unique_object_representations_v<DeniedCall>);

/// No way to set a mask of signals: with it rt_sigprocmask changes nothing, and tells whether memory can be read.
inline constexpr int kNoWayToSetAMask = 99;

/// From here on each call that is denied is told over `line`, a channel socket: once for each number, path and small
/// arguments, and kDenialsMax in all beside the last. It takes the place of any other handler of SIGSYS. Where
/// rt_sigprocmask is trapped the handler does that too, and never blocks SIGSYS. What has not been read may be lost.
/// Threads: once in a process, before a filter that traps is loaded. Errors: the system's.
Result<void> tell_denials(Fd line);

}  // namespace reeve::os
