// list and print: what people see of the broker.
#include <algorithm>

#include "core.hpp"

namespace reeve::broker {
namespace {

std::uint64_t seconds_between(os::Time from, os::Time to) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, (to - from) / std::chrono::seconds(1)));
}

}  // namespace

std::string Core::state_of(const JobState& job) const {
  static constexpr const char* kStates[] = {"idle", "starting", "starting", "running", "stopping", "stopping"};
  // One that offers nothing checks in nowhere.
  if (job.state == State::starting && job.is_launched && job.active.names.empty()) return "running";
  if (job.state != State::idle) return kStates[static_cast<std::size_t>(job.state)];
  if (job.is_unloaded) return "unloaded";
  return job.job.disabled ? "disabled" : "idle";
}

// "killed by SIGSEGV, 3 crashes in 10 s, next start in 8 s".
std::optional<std::string> Core::how_it_ended(const JobState& job) const {
  if (!job.last_exit) return std::nullopt;
  std::string text = os::describe(*job.last_exit);
  const auto interval = job.job.throttle_interval.count() > 0 ? job.job.throttle_interval : kThrottleInterval;
  const auto crashes = std::count_if(job.recent_crashes.begin(), job.recent_crashes.end(),
                                     [&](os::Time crash) { return crash + interval > now_; });
  if (crashes > 1) text += ", " + std::to_string(crashes) + " crashes in " + std::to_string(interval.count()) + " s";
  const std::size_t free_starts = static_cast<std::size_t>(kStartsBeforeThrottle);
  if (job.state == State::idle && job.recent_starts.size() >= free_starts) {
    const os::Time next = job.recent_starts[job.recent_starts.size() - free_starts] + job.job.throttle_interval;
    if (next > now_) text += ", next start in " + std::to_string(seconds_between(now_, next) + 1) + " s";
  }
  return text;
}

contract::JobStatus Core::status_of(const JobState& job) const {
  contract::JobStatus status;
  status.label = job.label;
  status.state = state_of(job);
  for (const OfferedName& name : job.job.names) {
    const auto owner = names_.find(name.name);
    if (owner != names_.end() && owner->second == job.label) status.names.push_back(name.name);
  }
  if (job.state != State::idle) {
    status.pid = job.pid;
    status.uptime_s = seconds_between(job.started, now_);
  }
  status.last_exit = how_it_ended(job);
  return status;
}

contract::JobDetails Core::details_of(const JobState& job) const {
  const contract::JobStatus status = status_of(job);
  contract::JobDetails details;
  details.label = status.label;
  details.state = status.state;
  details.pid = status.pid;
  details.uptime_s = status.uptime_s;
  details.names = status.names;
  details.last_exit = status.last_exit;
  details.file = job.job.file;
  details.program = job.job.program;
  details.arguments = job.job.arguments;
  details.preset = job.job.preset;
  details.groups = job.job.groups;
  details.starts = job.starts;
  details.waiting = job.waiting.size() + job.on_the_way.size();
  details.kept_alive_by = reasons_to_run(job);
  for (const auto& [key, registered] : registered_) {
    if (job.service && registered.peer == job.service) details.registered.push_back(key.second);
  }
  return details;
}

contract::Listing Core::listing() const {
  contract::Listing listing;
  // One packet has room for so much; what does not fit is counted.
  std::size_t room = kListedBytesMax;
  const auto fits = [&](std::size_t bytes) {
    constexpr std::size_t kAround = 220;  // keys, tags, numbers, and how it ended
    if (bytes + kAround > room) return false;
    room -= bytes + kAround;
    return true;
  };
  for (const std::string& problem : problems_) {
    if (fits(problem.size())) listing.problems.push_back(problem);
  }
  for (const auto& [label, job] : jobs_) {
    std::size_t bytes = label.size();
    for (const OfferedName& name : job.job.names) bytes += name.name.size() + sizeof(std::uint64_t) * 2;
    if (fits(bytes)) listing.jobs.push_back(status_of(job));
  }
  const std::size_t missing = jobs_.size() - listing.jobs.size() + problems_.size() - listing.problems.size();
  if (missing > 0)
    listing.problems.push_back(std::to_string(missing) + " jobs or problems more than one answer can hold");
  return listing;
}

}  // namespace reeve::broker
