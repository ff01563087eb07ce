// A service's life: check in, take the ends that the broker hands over, answer, and stop when nobody is left.
//
// Threads: one; run() blocks until the service stops.
// Errors:  not-privileged where the broker did not start this process, or the name is not its own; service-active.
#pragma once

#include <string>

#include "../connection/server.hpp"

namespace reeve::bootstrap {

/// Whence the process has the name.
enum class NameFrom {
  job,      ///< its job declares it, or it lies in one of the job's app groups
  process,  ///< it registers the name for itself: whoever looks it up names this process too
};

/// Serves `name` with `handler` until the broker or an idle time-out ends it.
/// The process's sandbox is closed for good before the first packet is read.
/// `started` is called once, with the endpoint that leads to this process, before the first request.
Result<void> run_service(const std::string& name, connection::Handler handler,
                         std::function<void(const Endpoint&)> started = {}, NameFrom from = NameFrom::job);

/// What main returns: 0, or 1 after saying on standard error what went wrong and what to do.
int exit_code_of(const Result<void>& outcome);

}  // namespace reeve::bootstrap
