// How a process waits: asleep, or awake for a moment before it sleeps.
#pragma once

#include "../src/os/awake.hpp"

namespace bench {

enum class Waits : bool { asleep, awake };

constexpr const char* text_of(Waits waits) { return waits == Waits::awake ? "awake" : "asleep"; }

/// This process waits so while it lives.
class Waiting {
 public:
  explicit Waiting(Waits waits) { reeve::os::set_awake(waits == Waits::awake); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { reeve::os::set_awake(true); }
};

}  // namespace bench
