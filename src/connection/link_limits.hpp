// Until when a call waits, and what it comes to without an answer: what the files of Link share.
#pragma once

#include "link.hpp"

namespace reeve::connection {

/// When its answer is of no use any more, by its options and on whose behalf it is made.
os::Deadline deadline_of(const CallOptions& options);

inline std::unexpected<Error> not_sent() {
  return fail(Kind::timeout, code::kNotSent, "the service did not read in time what it was to be sent",
              "allow more time, or find out what keeps the service: nothing was done");
}

inline std::unexpected<Error> timed_out() {
  return fail(Kind::timeout, code::kTimedOut, "no answer came in time",
              "allow more time, or find out what keeps the service");
}

inline Error interrupted() {
  return Error{Kind::interrupted, code::kInterrupted, "the service ended before it answered",
               "call again if doing it twice does no harm: a fresh service is started"};
}

inline Error not_taken_up() {
  return Error{Kind::interrupted, code::kNotTakenUp, "the service ended before it took the request up",
               "call again: nothing was done, and a fresh service is started"};
}

inline Error cancelled() { return Error{Kind::gone, code::kCancelled, "the call was given up on this side", ""}; }

inline Result<void> no_loop() {
  return fail(Kind::invalid, code::kNoLoop, "the connection has no loop that could tell of an answer",
              "give it one when it is made, which outlives it, or use a call that waits");
}

}  // namespace reeve::connection
