// list and print: what people see of the broker.
#include <algorithm>
#include <csignal>

#include "core.hpp"

namespace reeve::broker {
namespace {

std::uint64_t seconds_between(os::Time from, os::Time to) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, (to - from) / std::chrono::seconds(1)));
}

using Settings = std::map<std::string, std::string>;

bool is_by_filter(const os::ExitStatus& status) { return status.by_signal && status.value == SIGSYS; }

std::string octal(std::uint32_t value) {
  std::string digits;
  for (; value != 0; value /= 8) digits.insert(digits.begin(), static_cast<char>('0' + value % 8));
  return "0" + digits;
}

std::string text_of(std::chrono::seconds time) { return std::to_string(time.count()) + " s"; }

void tell_limits(Settings& out, const contract::Setup& setup) {
  for (std::size_t i = 0; i < std::size(contract::kLimitNames); ++i) {
    const auto tell = [&](const char* kind, std::uint64_t value) {
      if (value != contract::kLimitUnset)
        out[std::string(kind) + "." + contract::kLimitNames[i]] = std::to_string(value);
    };
    tell("SoftResourceLimits", setup.limits[i].soft);
    tell("HardResourceLimits", setup.limits[i].hard);
  }
}

void tell_setup(Settings& out, const Job& job) {
  if (job.setup.nice != 0) out["Nice"] = std::to_string(job.setup.nice);
  if (job.setup.umask != contract::Setup().umask) out["Umask"] = octal(job.setup.umask);
  if (job.setup.is_background != 0) out["ProcessType"] = "Background";
  if (job.setup.explains_denials != 0) out["Reeve.ExplainDenials"] = "true";
  tell_limits(out, job.setup);
  for (const std::string& assignment : job.environment) {
    const std::size_t equals = assignment.find('=');
    out["EnvironmentVariables." + assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  const auto tell = [&](const char* key, const std::string& path) {
    if (!path.empty()) out[key] = path;
  };
  tell("WorkingDirectory", job.working_directory);
  tell("StandardInPath", job.standard_in);
  tell("StandardOutPath", job.standard_out);
  tell("StandardErrorPath", job.standard_error);
}

void tell_times(Settings& out, const Job& job) {
  const Job unset;
  if (job.start_interval) out["StartInterval"] = text_of(*job.start_interval);
  if (job.throttle_interval != unset.throttle_interval) out["ThrottleInterval"] = text_of(job.throttle_interval);
  if (job.exit_time_out != unset.exit_time_out) out["ExitTimeOut"] = text_of(job.exit_time_out);
  if (job.idle_time_out != unset.idle_time_out) out["Reeve.IdleTimeOut"] = text_of(job.idle_time_out);
  for (const CalendarDate& date : job.calendar) {
    std::string text;
    const auto tell = [&](const char* what, const std::optional<int>& value) {
      if (value) text += std::string(text.empty() ? "" : " ") + what + " " + std::to_string(*value);
    };
    tell("Minute", date.minute);
    tell("Hour", date.hour);
    tell("Day", date.day);
    tell("Weekday", date.weekday);
    tell("Month", date.month);
    std::string& dates = out["StartCalendarInterval"];
    dates += (dates.empty() ? "" : "; ") + (text.empty() ? "every minute" : text);
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void tell_rules(Settings& out, const Job& job) {
  const auto tell = [&](const char* key, bool is_so, const char* text) {
    if (is_so) out[key] = text;
  };
  tell("RunAtLoad", job.run_at_load, "true");
  tell("LaunchOnlyOnce", job.launch_only_once, "true");
  tell("EnableTransactions", !job.enable_transactions, "false");
  tell("XPCService.ServiceType", job.service_type == ServiceType::application, "Application");
  if (!job.watch_paths.empty()) out["WatchPaths"] = joined(job.watch_paths);
  if (!job.queue_directories.empty()) out["QueueDirectories"] = joined(job.queue_directories);
  if (!job.may_look_up.empty()) out["Reeve.Entitlements.LookUp"] = joined(job.may_look_up);
  if (!job.allowed_callers.text().empty()) out["Reeve.AllowedCallers"] = job.allowed_callers.text();
  for (const OfferedName& name : job.names) {
    tell(("MachServices." + name.name + ".ResetAtClose").c_str(), name.reset_at_close, "true");
    tell(("MachServices." + name.name + ".HideUntilCheckIn").c_str(), name.hide_until_check_in, "true");
  }
}

// What else a job's file says; of a file that says more than one answer has room for, as much as that has.
Settings settings_of(const Job& job) {
  Settings all;
  tell_setup(all, job);
  tell_times(all, job);
  tell_rules(all, job);
  std::size_t bytes = 0;
  for (auto setting = all.begin(); setting != all.end();) {
    constexpr std::size_t kAround = 16;
    const std::size_t size = setting->first.size() + setting->second.size() + kAround;
    const bool fits = bytes + size <= kListedBytesMax;
    if (fits) bytes += size;
    setting = fits ? std::next(setting) : all.erase(setting);
  }
  return all;
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

// The call for which its filter ended the instance that ended last, as that told before; null where it did not.
const std::string* Core::ended_by(const JobState& job) {
  const bool has_told = job.exited && job.last_call.of == job.exited;
  return has_told && is_by_filter(*job.last_exit) ? &job.last_call.what : nullptr;
}

// "killed by SIGSEGV, 3 crashes in 10 s, next start in 8 s".
std::optional<std::string> Core::how_it_ended(const JobState& job) const {
  if (!job.last_exit) return std::nullopt;
  std::string text = os::describe(*job.last_exit);
  if (const std::string* why = ended_by(job)) {
    text += ": " + *why;
  } else if (is_by_filter(*job.last_exit) && is_confined(job.job)) {
    text +=
        job.job.setup.explains_denials == 0 ? " (which call: Reeve.ExplainDenials)" : " (before it served, or untold)";
  }
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
  details.denials = job.denials.what;
  details.file = job.job.file;
  details.program = job.job.program;
  details.arguments = job.job.arguments;
  details.preset = job.job.preset;
  details.groups = job.job.groups;
  details.identifier = job.identity.identifier;
  details.lacking = job.identity.lacking;
  details.starts = job.starts;
  details.waiting = job.waiting.size() + job.on_the_way.size();
  details.kept_alive_by = reasons_to_run(job);
  details.settings = settings_of(job.job);
  for (const auto& [key, registered] : registered_) {
    if (job.service && registered.peer == job.service) details.registered.push_back(key.second);
  }
  return details;
}

contract::Listing Core::listing() {
  contract::Listing listing;
  listing.groups_folder = groups_folder_;
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
    if (const std::string* why = ended_by(job)) bytes += why->size();
    if (fits(bytes)) listing.jobs.push_back(status_of(job));
  }
  std::size_t names = 0;
  for (const auto& [key, registered] : registered_) {
    if (key.first != 0) continue;  // Whoever names its process too knows of it.
    ++names;
    contract::RegisteredName name{key.second, in_words(peers_.at(registered.peer)), registered.callers.text()};
    const bool is_shown = fits(name.name.size() + name.owner.size() + name.callers.size());
    if (is_shown) listing.registered.push_back(std::move(name));
  }
  const std::size_t missing = jobs_.size() - listing.jobs.size() + problems_.size() - listing.problems.size() + names -
                              listing.registered.size();
  if (missing > 0)
    listing.problems.push_back(std::to_string(missing) + " jobs, names or problems more than one answer can hold");
  return listing;
}

}  // namespace reeve::broker
