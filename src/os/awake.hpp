// Waiting awake: to look again and again for a moment before going to sleep. Where processors sleep deeply, as in a
// virtual machine, waking one takes 20 to 50 us, and most answers are there sooner.
//
// A waiter lets others run between two looks, so that one whose peer shares its processor does not keep it from
// answering. It sleeps at once where its last wait was a long one; else it does whatever has taken less time of late:
// on one processor, or where others want it too, that may be sleeping. Now and then it tries the other.
//
// Owns:    what it knows of the waits before.
// Threads: one owner; set_awake and may_be_awake are anybody's.
#pragma once

#include <array>

#include "../vocab/bounds.hpp"
#include "clock.hpp"

namespace reeve::os {

/// The variable that is kWaitAsleep in the environment of a process that is to sleep at once.
inline constexpr const char* kWaitVariable = "REEVE_WAIT";
inline constexpr const char* kWaitAsleep = "asleep";

/// Whether this process may wait awake at all: unless its environment, or set_awake, says no.
bool may_be_awake();
void set_awake(bool may_be);

class Awake {
 public:
  /// After a look that found nothing: whether to look once more. Others have run meanwhile, if any would. False where
  /// it is time to sleep, or the deadline has come.
  bool look_again(const Deadline& until);

  /// Whether a look before sleeping is worth its while.
  bool is_worth_it() const { return looks_ && may_be_awake(); }

  /// What was waited for is there, or the wait was given up.
  void done();

 private:
  void choose();

  Time began_{};                    // the wait at hand; 0 while there is none
  bool looks_ = false;              // in that, or in the next
  bool prefers_looking_ = false;    // That takes less time.
  std::array<Time, 2> averages_{};  // of short waits asleep, and awake; 0 where there was none
  int left_ = 0;                    // waits until the other way is tried; not above 0 while it is
  int interval_ = kTrialIntervalMin;
};

}  // namespace reeve::os
