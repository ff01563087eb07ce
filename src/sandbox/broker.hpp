// What the broker gives up before it reads a stranger's first byte.
//
// Threads: for a process with one thread; the whole of it, for good.
// Errors:  missing-layer; the broker is not to run with less, unless the machine's administrator allows it.
#pragma once

#include "../vocab/result.hpp"

namespace reeve::sandbox {

/// No program, no process, no path, no socket but pairs and what is accepted, no capability, no new code. What is open
/// stays open. Under a sanitiser paths and calls are left: it looks for leaks through /proc, at the end.
Result<void> confine_broker();

}  // namespace reeve::sandbox
