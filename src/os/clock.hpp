// Time: CLOCK_MONOTONIC, in nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace reeve::os {

/// A point on CLOCK_MONOTONIC, the clock that processes of one time namespace share.
using Time = std::chrono::nanoseconds;

/// When an answer is no longer wanted; nothing means that the caller waits for as long as it takes.
using Deadline = std::optional<Time>;

/// The present. A deadline: `now() + 5s`.
Time now();

/// CLOCK_REALTIME, which people set, but which is the same in every namespace.
Time real_now();

/// What clocks on the wall show here, in seconds since 1970 as if that were UTC. The time zone is the one that was in
/// force when it was first asked for.
std::int64_t local_seconds();

/// What is left until the deadline, never negative; nothing where there is none.
std::optional<std::chrono::nanoseconds> left_until(const Deadline& deadline);

/// The same in milliseconds, rounded up, as the kernel's calls take it; -1 where there is none.
int milliseconds_until(const Deadline& deadline);

/// Does nothing until then.
void wait_until(Time when);

}  // namespace reeve::os
