// When a job runs: what starts it, what ends it, and how often it may try.
#include <algorithm>
#include <csignal>

#include "../contract/supervisor.hpp"
#include "calendar.hpp"
#include "core.hpp"

namespace reeve::broker {
namespace {

constexpr std::uint32_t kUnknownPath = 1U << 31;  // The spawner has not told of it yet.

std::uint32_t bit(contract::PathBit which) { return static_cast<std::uint32_t>(which); }

// Signals by which a program ends for its own fault.
bool is_crash(const os::ExitStatus& status) {
  constexpr int kCrashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
  return status.by_signal && std::find(std::begin(kCrashes), std::end(kCrashes), status.value) != std::end(kCrashes);
}

}  // namespace

Core::JobState* Core::job_of(InstanceId instance) {
  if (!instance) return nullptr;
  const auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& j) { return j.second.instance == instance; });
  return found == jobs_.end() ? nullptr : &found->second;
}

bool Core::is_enabled(const JobState& job) { return !job.removed && !job.is_unloaded && !job.job.disabled; }

// A job whose type is Application has an instance for each process that calls it.
Core::JobState& Core::instance_for(JobState& job, const PeerState& client) {
  if (job.job.service_type != ServiceType::application) return job;
  const std::string label = job.label + "@" + std::to_string(client.process != 0 ? client.process : client.pid);
  const auto [place, is_new] = jobs_.try_emplace(label);
  if (is_new) {
    place->second.label = label;
    place->second.job = job.job;
    place->second.is_new = false;
  }
  return place->second;
}

// What wants it to run.

std::uint32_t Core::bits_of(const std::string& path) const {
  const auto found = std::lower_bound(watched_.begin(), watched_.end(), path);
  if (found == watched_.end() || *found != path) return kUnknownPath;
  return path_bits_[static_cast<std::size_t>(found - watched_.begin())];
}

std::vector<std::string> Core::reasons_to_run(const JobState& job) const {
  std::vector<std::string> reasons;
  const KeepAlive& keep = job.job.keep_alive;
  if (keep.always) reasons.emplace_back("KeepAlive");
  for (const std::string& folder : job.job.queue_directories) {
    if (bits_of(folder) & bit(contract::PathBit::is_filled)) reasons.push_back("QueueDirectories " + folder);
  }
  if (keep.after_initial_demand && !job.was_demanded) return reasons;
  const bool succeeded = job.last_exit && !job.last_exit->by_signal && job.last_exit->value == 0;
  // Both imply that it runs a first time.
  if (keep.successful_exit && (!job.last_exit || *keep.successful_exit == succeeded)) {
    reasons.emplace_back("KeepAlive.SuccessfulExit");
  }
  if (keep.crashed && (!job.last_exit || *keep.crashed == is_crash(*job.last_exit))) {
    reasons.emplace_back("KeepAlive.Crashed");
  }
  for (const auto& [path, exists] : keep.path_state) {
    const std::uint32_t bits = bits_of(path);
    if (bits != kUnknownPath && exists == ((bits & bit(contract::PathBit::exists)) != 0)) {
      reasons.push_back("KeepAlive.PathState " + path);
    }
  }
  for (const auto& [label, is_to_be_enabled] : keep.other_job_enabled) {
    const auto other = jobs_.find(label);
    if (is_to_be_enabled == (other != jobs_.end() && is_enabled(other->second))) {
      reasons.push_back("KeepAlive.OtherJobEnabled " + label);
    }
  }
  return reasons;
}

bool Core::is_kept_alive(const JobState& job) const {
  return may_start(job) && !is_one_of_many(job) && !reasons_to_run(job).empty();
}

bool Core::may_start(const JobState& job) const {
  return is_enabled(job) && !(job.job.launch_only_once && job.starts > 0);
}

Error Core::cannot_start(const JobState& job) const {
  if (job.job.launch_only_once && job.starts > 0) {
    return {Kind::denied, code::kLaunchFailed, job.label + " is started only once, and was", "see LaunchOnlyOnce"};
  }
  return {Kind::denied, code::kLaunchFailed, job.label + " is disabled or unloaded",
          "see `reeve print " + job.label + "`"};
}

std::optional<Error> Core::throttled(JobState& job) const {
  while (!job.recent_starts.empty() && job.recent_starts.front() + job.job.throttle_interval <= now_) {
    job.recent_starts.pop_front();
  }
  if (job.recent_starts.size() < static_cast<std::size_t>(kStartsBeforeThrottle)) return std::nullopt;
  const auto wait = job.recent_starts.front() + job.job.throttle_interval - now_;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return Error{Kind::busy, code::kThrottled,
               job.label + " was started " + std::to_string(job.recent_starts.size()) + " times in " +
                   std::to_string(job.job.throttle_interval.count()) + " s" +
                   (job.last_exit ? " and last " + os::describe(*job.last_exit) : std::string()),
               "it may start again in " + std::to_string(seconds) + " s; mend what ends it, or set ThrottleInterval"};
}

// Starts a job that is to run and may.
void Core::consider(JobState& job) {
  if (job.state != State::idle) return;
  job.retry_at.reset();
  const bool by_itself = job.is_wanted || is_kept_alive(job);
  if (job.waiting.empty() && !by_itself) return;
  if (!may_start(job)) {
    job.is_wanted = false;
    return refuse(job.waiting, cannot_start(job));
  }
  if (const auto error = throttled(job)) {
    refuse(job.waiting, *error);
    if (by_itself) job.retry_at = job.recent_starts.front() + job.job.throttle_interval;
    return;
  }
  // Without a throttle of its own, what nobody waits for keeps at least this pace.
  if (job.waiting.empty() && job.starts > 0 && job.job.throttle_interval.count() == 0 &&
      now_ < job.started + kRestartPause) {
    job.retry_at = job.started + kRestartPause;
    return;
  }
  start(job);
}

void Core::consider_all() {
  for (auto& [label, job] : jobs_) consider(job);
}

// A job that is here for the first time.
void Core::begin(JobState& job) {
  job.is_new = false;
  if (!may_start(job)) return;
  const bool runs_on = job.state != State::idle && !job.is_stopping;
  if (job.job.run_at_load && !runs_on) job.is_wanted = true;
  if (job.job.start_interval) job.next_interval = now_ + *job.job.start_interval;
  job.calendar_minute = local_s_ / 60;
  if (job.job.run_at_load || job.job.start_interval) keep(job);
  consider(job);
}

// What comes while it runs has come already; a start that waits for it to end is not lost by that.
void Core::want(JobState& job) {
  if (job.state == State::idle && !is_one_of_many(job)) job.is_wanted = true;
}

void Core::tick(JobState& job) {
  if (job.next_interval && *job.next_interval <= now_) {
    job.next_interval = now_ + *job.job.start_interval;
    want(job);
  }
  if (!job.job.calendar.empty()) {
    const std::int64_t minute = local_s_ / 60;
    if (has_come(job.job.calendar, job.calendar_minute, minute)) want(job);
    job.calendar_minute = minute;
  }
  if (job.ends_by && *job.ends_by <= now_) return overdue(job);
  consider(job);
}

// It was to have ended, or to have checked in, by now.
void Core::overdue(JobState& job) {
  job.ends_by.reset();
  if (!job.is_launched) {
    // There is no spawner, it seems. Should it launch this yet, nobody will know it, and it is ended.
    orders_.push_back(Kill{job.instance, SIGKILL});
    return on(LaunchFailed{job.instance, "the spawner does not answer"});
  }
  if (!std::exchange(job.was_killed, true)) {
    job.ends_by = now_ + kStuckAfter;
    return orders_.push_back(Kill{job.instance, SIGKILL});
  }
  // Something in the kernel holds it (a file whose server does not answer, say). Its names move on without it.
  report(job.label + ": process " + std::to_string(job.pid.value_or(0)) + " outlives SIGKILL; set aside");
  ended(job);
}

void Core::start(JobState& job) {
  job.state = State::starting;
  job.active = job.job;
  job.instance = InstanceId{next_number()};
  job.service = control_of(job.instance);
  peers_.insert_or_assign(job.service, control_peer(job.instance));
  job.pid.reset();
  job.is_launched = job.was_killed = job.is_stopping = job.is_wanted = false;
  job.started = now_;
  job.taken = 0;
  job.took_any = false;
  job.check_in = 0;
  job.spawner = spawner_;
  ++job.starts;
  // One that offers nothing has nothing to check in for.
  if (!job.active.names.empty()) job.ends_by = now_ + kCheckInTime;
  if (job.job.throttle_interval.count() > 0) job.recent_starts.push_back(now_);
  job.callers.clear();
  launch(job, Launch::Control::fresh);
}

// Nothing is started that was not judged good: of a program that nobody has seen yet, or that is another by now, the
// spawner tells what it is, and starts nothing. Of one that was judged bad it tells that too: it may have been
// replaced.
void Core::launch(JobState& job, Launch::Control control) {
  const bool is_good = judge(job).has_value();
  Launch launch{job.instance, job.active, to_keep(job), control};
  if (is_good) launch.image = job.image.id;
  if (sees_containers(job.active)) launch.groups = job.identity.groups;
  orders_.push_back(std::move(launch));
}

void Core::on(const Launched& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) {
    // A broker before this one knew it, or this one has given it up.
    orders_.push_back(Kill{event.instance, SIGKILL});
    return orders_.push_back(Forget{event.instance.value});
  }
  if (std::exchange(job->is_launched, true)) return;
  job->pid = event.pid;
  if (event.process != 0) services_[event.process] = event.instance;
  const auto peer = peers_.find(job->service);
  if (peer != peers_.end()) peer->second.pid = event.pid, peer->second.process = event.process;
  // It may have been revoked while it was on its way.
  if (const auto judged = judge(*job); !judged) {
    report(job->label + ": ended: " + judged.error().message);
    job->was_killed = true;
    orders_.push_back(Kill{job->instance, SIGKILL});
  }
  keep_service(*job);  // From here on the service has its own end.
  if (job->state == State::starting && job->service && job->check_in != 0) admit(*job);
  if (job->is_stopping) orders_.push_back(Kill{job->instance, contract::kStopSignal});
  names_came();  // For this process, which may have asked before it was known.
}

void Core::on(const LaunchFailed& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr || job->is_launched) return;
  refuse(job->waiting, Error{Kind::gone, code::kLaunchFailed, job->label + " could not be started: " + event.why,
                             "mend " + job->job.file + " or what it names"});
  ended(*job);
}

// What was asked of the spawner before this one was perhaps not done, or done and not told of: then the supervisor has
// ended it, and it is done once more. A spawner that a broker before this one has asked already does nothing twice.
void Core::on(const SpawnerCame& event) {
  spawner_ = event.number;
  // First, so that the trust folders are read before it tells of any program.
  scanning_ = false;
  scan();
  std::vector<std::string> starting;
  for (auto& [label, job] : jobs_) {
    if (job.state == State::starting && !job.is_launched) starting.push_back(label);
    if (job.state == State::confirming) orders_.push_back(Confirm{job.instance});
  }
  for (const std::string& label : starting) {
    const auto found = jobs_.find(label);  // The failure of another may have taken it along.
    if (found == jobs_.end() || found->second.state != State::starting || found->second.is_launched) continue;
    JobState& job = found->second;
    const bool was_asked = std::exchange(job.spawner, spawner_) == spawner_;
    if (!was_asked) job.check_in = 0;
    launch(job, was_asked ? Launch::Control::kept : Launch::Control::fresh);
  }
  for (const auto& [number, asked] : identifications_) {
    orders_.push_back(Identify{number, asked.pid == 0 ? asked.peer : PeerId{}, asked.pid});
  }
  if (!watched_.empty()) orders_.push_back(Watch{++watch_, watched_});
}

// Checking in.

void Core::check_in(PeerId peer, RequestId request, const contract::CheckIn& what, const Endpoint& fresh) {
  JobState* job = job_of(peers_.at(peer).instance);
  if (job == nullptr) {
    return answer(peer, request,
                  fail(Kind::denied, code::kNotPrivileged, "only a service that the broker started can check in",
                       "write a job file for it, and let the first call start it"));
  }
  // Asked again, of a new broker: the answer was lost with the one before.
  const bool has_checked_in = job->state == State::running || job->state == State::dying;
  if (has_checked_in && job->check_in == request) return answer_check_in(*job);
  if (job->state == State::confirming && job->check_in == request) return;
  if (job->state != State::starting) {
    return answer(peer, request, fail(Kind::invalid, code::kServiceActive, "the service has checked in before"));
  }
  std::map<std::string, policy::Requirement> callers;
  std::size_t bytes = 0;
  for (const auto& [name, text] : what.callers) {
    bytes += name.size() + text.size();
    if (bytes > kCallersBytesMax) return answer(peer, request, std::unexpected(asks_too_much()));
    auto asked = policy::Requirement::parse(text);
    if (!asked) return answer(peer, request, std::unexpected(asked.error()));
    callers.emplace(name, std::move(*asked));
  }
  job->callers = std::move(callers);
  job->check_in = request;
  job->endpoint = fresh;
  // It may be faster than whoever tells that it was launched. Should that spawner end before it has told, this process
  // is nobody's, and another is started in its place: until then it is given nothing.
  if (job->is_launched) admit(*job);
}

void Core::admit(JobState& job) {
  if (!is_confined(job.active)) return checked_in(job);
  job.state = State::confirming;
  orders_.push_back(Confirm{job.instance});
}

void Core::on(const Confirmed& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr || job->state != State::confirming || !job->service) return;
  // Both filters of the preset must be seen from outside before a stranger's first packet can reach the service.
  if (event.filters >= 2) return checked_in(*job);
  Error reason{Kind::unsupported, code::kMissingLayer,
               job->label + " runs under " + std::to_string(event.filters) + " seccomp filters, 2 are required",
               "link the program with this version of libreeve"};
  if (event.filters < 0) {
    reason.message = "nothing tells how many seccomp filters " + job->label + " runs under, 2 are required";
    reason.advice = "call again; where it stays so, see whether /proc can be read";
  }
  refuse(job->waiting, reason);
  orders_.push_back(Kill{job->instance, SIGKILL});
}

void Core::checked_in(JobState& job) {
  // One that was told to stop meanwhile serves nobody: who waits is for the next.
  job.state = job.is_stopping ? State::dying : State::running;
  if (!job.is_stopping) job.ends_by.reset();
  keep_service(job);
  answer_check_in(job);
  if (job.state != State::running) return;
  hand_over_waiting(job);
  names_came();
}

void Core::answer_check_in(const JobState& job) {
  contract::CheckedIn answer_to;
  answer_to.label = job.active.label;
  for (const OfferedName& name : job.active.names) answer_to.names.push_back(name.name);
  // One that is kept alive would only be started again.
  const bool may_idle = job.active.enable_transactions && !job.active.keep_alive.always;
  answer_to.idle_seconds = may_idle ? static_cast<std::uint64_t>(job.active.idle_time_out.count()) : 0;
  answer_to.endpoint = job.endpoint;
  answer(job.service, job.check_in, typed_reply(std::move(answer_to)));
}

// Ending.

void Core::asked(PeerId peer, RequestId request, const contract::Retire& what) {
  JobState* job = job_of(peers_.at(peer).instance);
  // Asked of the broker before this one: it is asked again behind what the service has taken.
  if (job != nullptr && !job->taken) return;
  // An end that was handed over and is still on its way decides against it: somebody has just connected.
  const bool granted = job != nullptr && (job->state == State::running || job->state == State::retiring) &&
                       job->taken == what.last && job->on_the_way.empty() && peers_.at(peer).on_the_way.empty();
  if (granted && job->state == State::running) {
    job->state = State::retiring;
    job->ends_by = now_ + kStopGrace;
    keep_service(*job);
  }
  answer(peer, request, typed_reply(granted));
}

void Core::stop(JobState& job) {
  if (job.state == State::idle || std::exchange(job.is_stopping, true)) return;
  if (job.state == State::running) job.state = State::dying;
  job.ends_by.reset();
  if (job.active.exit_time_out.count() > 0) job.ends_by = now_ + job.active.exit_time_out;
  orders_.push_back(Kill{job.instance, contract::kStopSignal});
}

// It may come after the exit, which another process tells of.
void Core::on(const Denied& event) {
  for (auto& [label, job] : jobs_) {
    if (job.instance != event.instance && job.exited != event.instance) continue;
    if (job.denials.of != event.instance) job.denials = {event.instance, {}};
    // The one that ends it is told of whatever came before.
    if (job.denials.what.size() < kDenialsMax || event.is_end) job.denials.what.push_back(event.what);
    if (job.denials.what.size() > kDenialsMax) job.denials.what.erase(job.denials.what.begin());
    if (event.is_end) job.last_call = {event.instance, event.what};
    return;
  }
}

void Core::on(const Exited& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) return orders_.push_back(Forget{event.instance.value});
  job->last_exit = event.status;
  job->exited = event.instance;
  if (is_crash(event.status)) job->recent_crashes.push_back(now_);
  while (job->recent_crashes.size() > kCrashesRemembered) job->recent_crashes.pop_front();
  ended(*job);
}

void Core::ended(JobState& job) {
  const bool was_agreed = job.state == State::retiring;
  if (was_agreed) job.recent_starts.clear();  // It is no crash.
  if (!was_agreed && !job.is_stopping && !job.took_any) ++job.fruitless_starts;
  const bool is_given_up = job.fruitless_starts >= kFruitlessStartsMax;
  if (is_given_up) job.fruitless_starts = 0;
  job.state = State::idle;
  // First that it was started, then that it has ended: a broker that begins in between must not take it for new.
  if (!is_one_of_many(job)) keep(job);
  orders_.push_back(Forget{job.instance.value});
  std::erase_if(services_, [&](const auto& s) { return s.second == job.instance; });
  job.instance = {};
  job.pid.reset();
  job.ends_by.reset();
  job.endpoint = {};
  job.is_stopping = false;
  take_back(job);
  if (const PeerId service = std::exchange(job.service, {})) {
    release_names(service);
    if (const auto peer = peers_.find(service); peer != peers_.end()) {
      refuse(peer->second.on_the_way, Error{Kind::gone, code::kClosed, "the service has ended", "connect again"});
      if (peer->second.is_kept) orders_.push_back(Forget{service.value});
      forget_questions_of(service);
      peers_.erase(peer);
    }
    orders_.push_back(Drop{service, Error{Kind::gone, code::kClosed, "the service has ended", ""}});
  }
  if (job.removed) return forget(std::string(job.label));
  if (is_given_up) give_up(job);
  consider(job);
  forget_if_idle(std::string(job.label));
}

// One of many instances is there for those who wait for it alone.
void Core::forget_if_idle(const std::string& label) {
  const JobState& job = jobs_.at(label);
  if (is_one_of_many(job) && job.state == State::idle && job.waiting.empty()) forget(label);
}

// One of many instances goes by the file of the job that it is one of.
void Core::follow(JobState& instance) {
  const auto job = jobs_.find(instance.job.label);
  instance.removed = job == jobs_.end() || job->second.removed || job->second.is_unloaded;
  if (!instance.removed) instance.job = job->second.job;
}

void Core::forget(const std::string& label) {
  JobState& job = jobs_.at(label);
  refuse(job.waiting, unknown_service(job.label));
  std::erase_if(names_, [&](const auto& n) { return n.second == label; });
  if (job.number != 0) orders_.push_back(Forget{job.number});
  jobs_.erase(label);
}

// Those who wait are told; whoever asks next makes it try again.
void Core::give_up(JobState& job) {
  const std::string how = job.last_exit ? "; it last " + os::describe(*job.last_exit) : std::string();
  refuse(job.waiting,
         Error{Kind::gone, code::kLaunchFailed,
               job.label + " ended " + std::to_string(kFruitlessStartsMax) + " times before it took up a call" + how,
               "see what the broker shows of its output, or run its program by hand"});
}

// Job files.

// The first file that gives a label has it; the folders were read in the order of their rank.
void Core::merge(Job found, std::vector<std::string>& problems) {
  JobState& state = jobs_[found.label];
  const bool is_new = state.label.empty();
  if (!is_new && !state.removed) {
    problems.push_back(found.file + ": the label " + found.label + " stands in " + state.job.file + " already");
    return;
  }
  state.removed = state.is_loaded = false;
  state.label = found.label;
  for (const std::string& warning : found.warnings) problems.push_back(warning);
  // A running instance goes on as it was started; the next start takes the new file.
  if (state.job != found) {
    if (!is_new && state.job.disabled && !found.disabled) state.is_new = true;  // Nothing of it has been looked at.
    state.next_interval.reset();
    state.job = std::move(found);
    if (!state.is_new) {
      if (state.job.start_interval && is_enabled(state)) state.next_interval = now_ + *state.job.start_interval;
      state.calendar_minute = local_s_ / 60;
    }
  }
  take_names(state, problems);
}

// The first job that declares a name has it.
void Core::take_names(JobState& job, std::vector<std::string>& problems) {
  if (is_one_of_many(job) || !is_enabled(job)) return;
  for (const OfferedName& name : job.job.names) {
    const auto [owner, is_free] = names_.emplace(name.name, job.label);
    if (is_free || owner->second == job.label) continue;
    problems.push_back(job.job.file + ": the name " + name.name + " belongs to the job " + owner->second);
  }
}

// Paths.

void Core::watch_paths() {
  std::set<std::string> wanted;
  for (const auto& [label, job] : jobs_) {
    if (!is_enabled(job)) continue;
    wanted.insert(job.job.watch_paths.begin(), job.job.watch_paths.end());
    wanted.insert(job.job.queue_directories.begin(), job.job.queue_directories.end());
    for (const auto& [path, exists] : job.job.keep_alive.path_state) wanted.insert(path);
  }
  std::vector<std::string> paths(wanted.begin(), wanted.end());
  std::size_t bytes = 0;
  const auto too_much = std::find_if(paths.begin(), paths.end(), [&](const std::string& path) {
    bytes += path.size() + 1;
    return bytes > kJobFileBytesMax;
  });
  const auto most = paths.begin() + static_cast<std::ptrdiff_t>(std::min(paths.size(), kWatchedPathsMax));
  if (const auto end = std::min(too_much, most); end != paths.end()) {
    report(std::to_string(paths.end() - end) + " paths more than can be watched, from " + *end);
    paths.erase(end, paths.end());
  }
  if (paths == watched_) return;
  watched_ = std::move(paths);
  path_bits_.assign(watched_.size(), kUnknownPath);
  orders_.push_back(Watch{++watch_, watched_});
}

void Core::on(const PathIs& event) {
  if (event.watch != watch_ || event.index >= watched_.size()) return;
  path_bits_[event.index] = event.bits & ~bit(contract::PathBit::has_changed);
  if ((event.bits & bit(contract::PathBit::has_changed)) != 0) {
    const std::string& path = watched_[event.index];
    for (auto& [label, job] : jobs_) {
      const auto& paths = job.job.watch_paths;
      if (std::find(paths.begin(), paths.end(), path) != paths.end() && may_start(job)) {
        want(job);
      }
    }
  }
  consider_all();
}

}  // namespace reeve::broker
