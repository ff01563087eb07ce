#include "core.hpp"

#include <algorithm>

#include "../sandbox/preset.hpp"

namespace reeve::broker {

Error unknown_service(const std::string& name) {
  return {Kind::denied, code::kUnknownService, "no service is called " + name + ", or none that you may call",
          "see `reeve list`; a service needs a job file with the name under MachServices"};
}

Error asks_too_much() {
  return {Kind::invalid, code::kTooLarge,
          "what is asked of callers exceeds " + std::to_string(kCallersBytesMax) + " bytes for one process",
          "say it in fewer words, or in AllowedCallers of the job"};
}

bool is_confined(const Job& job) {
  const sandbox::Preset* preset = sandbox::find_preset(job.preset);
  return preset != nullptr && preset->confined;
}

bool sees_containers(const Job& job) {
  const sandbox::Preset* preset = sandbox::find_preset(job.preset);
  return preset != nullptr && preset->containers;
}

namespace {

// Requests that are about one job.
using OfAJob =
    boost::mp11::mp_list<contract::Unload, contract::Start, contract::Stop, contract::KillJob, contract::Print>;

}  // namespace

Core::Core(const quota::Amount& has, std::string groups_folder, std::uint32_t lacking)
    : ledger_(has), lacking_(lacking), groups_folder_(std::move(groups_folder)) {}

Orders Core::apply(const Event& event) {
  now_ = event.now;
  local_s_ = event.local_s;
  orders_.clear();
  std::visit([this](const auto& what) { on(what); }, event.what);
  return std::move(orders_);
}

bool Core::is_idle() const {
  return peers_.empty() && std::all_of(jobs_.begin(), jobs_.end(), [this](const auto& entry) {
           const JobState& job = entry.second;
           const bool may_start_by_itself = !job.job.calendar.empty() || !job.job.watch_paths.empty() ||
                                            !job.job.queue_directories.empty() || job.job.keep_alive != KeepAlive();
           // What was loaded or unloaded by hand is so for as long as the session lasts.
           return job.state == State::idle && !job.is_loaded && !job.is_unloaded && !job.retry_at &&
                  !job.next_interval && !(may_start_by_itself && may_start(job));
         });
}

bool Core::is_passing_by(PeerId id) const {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return false;
  const PeerState& peer = found->second;
  const auto is_its = [&](const auto& waits) { return waits.peer == id; };
  return peer.has_looked_up && !peer.has_offered && !peer.is_kept && peer.instance == InstanceId{} &&
         peer.on_the_way.empty() && std::ranges::none_of(waiting_for_scan_, is_its) &&
         std::ranges::none_of(waiting_for_name_, is_its, &decltype(waiting_for_name_)::value_type::second) &&
         std::ranges::none_of(identifications_, is_its, &decltype(identifications_)::value_type::second);
}

void Core::answer(PeerId peer, RequestId request, Result<Dictionary> what) {
  orders_.push_back(Answer{peer, request, std::move(what)});
}

void Core::answer_true(PeerId peer, RequestId request) { answer(peer, request, typed_reply(true)); }

std::optional<os::Time> Core::wake_at() const {
  std::optional<os::Time> first;
  const auto consider_time = [&](const std::optional<os::Time>& time) {
    if (time && (!first || *time < *first)) first = time;
  };
  for (const auto& [label, job] : jobs_) {
    consider_time(job.ends_by);
    consider_time(job.retry_at);
    consider_time(job.next_interval);
    // Clocks on the wall are set, and summer comes: dates are looked at once a minute.
    if (!job.job.calendar.empty() && may_start(job)) consider_time(now_ + std::chrono::seconds(60 - local_s_ % 60));
  }
  return first;
}

void Core::on(const Tick&) {
  // An event of one job may end another's entry: labels are looked up again.
  std::vector<std::string> labels;
  for (const auto& [label, job] : jobs_) labels.push_back(label);
  for (const std::string& label : labels) {
    if (const auto job = jobs_.find(label); job != jobs_.end()) tick(job->second);
  }
}

// Peers.

Result<quota::Charge> Core::charge(const PeerState& peer, const quota::Amount& amount) {
  // By process, and strangers by user; a process that the kernel does not number goes by its pid, beside all numbers.
  const bool is_stranger = peer.uid != user_ && peer.uid != 0;
  if (is_stranger) return ledger_.account_of(static_cast<std::uint64_t>(peer.uid) | 1ULL << 62).charge(amount);
  const std::uint64_t principal = peer.process != 0 ? peer.process : static_cast<std::uint64_t>(peer.pid) | 1ULL << 63;
  return ledger_.account_of(principal).charge(amount);
}

void Core::on(const PeerCame& event) {
  PeerState peer;
  peer.pid = event.pid;
  peer.uid = event.uid;
  peer.process = event.process;
  auto charged = charge(peer, kPeerCost);
  if (!charged) return orders_.push_back(Drop{event.peer, charged.error()});
  peer.charge = std::move(*charged);
  peers_.insert_or_assign(event.peer, std::move(peer));
}

void Core::on(const PeerLeft& event) {
  forget_questions_of(event.peer);
  const auto peer = peers_.find(event.peer);
  if (peer == peers_.end()) return;
  release_names(event.peer);
  refuse(peer->second.on_the_way, Error{Kind::gone, code::kClosed, "whoever offered the name has left", ""});
  if (peer->second.is_kept) orders_.push_back(Forget{event.peer.value});
  JobState* job = job_of(peer->second.instance);
  peers_.erase(peer);
  // A service that gave up its control channel can be handed nothing any more: it is ended, and its exit will be told.
  if (job != nullptr && job->service == event.peer) {
    job->service = {};
    if (job->state == State::retiring) return;  // As agreed; it is on its way out.
    if (job->active.names.empty()) return;      // It has no use for it: programs close what they did not open.
    if (job->state == State::running) job->state = State::dying;
    if (job->state != State::dying || !job->ends_by)
      job->ends_by = now_ + kStopGrace;  // To end by itself, and say why.
  }
}

void Core::on(const PeerAsked& event) {
  if (!peers_.contains(event.peer)) return;
  std::visit(
      [&]<class T>(const T& what) {
        if constexpr (std::is_same_v<T, contract::CheckIn>) {
          check_in(event.peer, event.request, what, event.fresh);
        } else if constexpr (std::is_same_v<T, contract::Prove>) {
          asked(event.peer, event.request, what, event.fresh);
        } else {
          asked(event.peer, event.request, what);
        }
      },
      event.what);
}

// Job files.

void Core::report(std::string problem) {
  if (problems_.size() < kProblemCountMax) problems_.push_back(std::move(problem));
}

void Core::scan() {
  if (std::exchange(scanning_, true)) return;
  ++scans_;
  scan_again_ = false;
  orders_.push_back(Scan{});
}

void Core::on(const FoldersChanged&) {
  scan_again_ = scanning_;
  scan();
}

// What is asked and cannot be answered yet, paid for by who asks. Errors: busy.
Result<Core::Waiting> Core::hold(PeerId peer, RequestId request, contract::Request what) {
  quota::Amount cost = kRequestCost;
  os::Time until{};
  if (const auto* look_up = std::get_if<contract::LookUp>(&what)) {
    cost.bytes += look_up->name.size() + look_up->required.size();
    until = now_ + std::chrono::milliseconds(std::min(look_up->wait_ms, contract::kWaitMsMax));
  }
  const auto same_peer = [&](const Waiting& w) { return w.peer == peer; };
  std::erase_if(waiting_for_name_, [&](const auto& w) { return same_peer(w.second) && w.second.until <= now_; });
  const auto held =
      std::ranges::count_if(waiting_for_scan_, same_peer) +
      std::ranges::count_if(waiting_for_name_, same_peer, &decltype(waiting_for_name_)::value_type::second);
  if (static_cast<std::size_t>(held) >= kRequestsPerPeerMax) {
    return fail(Kind::busy, code::kQueueFull, std::to_string(kRequestsPerPeerMax) + " requests are unanswered",
                "wait for their answers");
  }
  auto charged = REEVE_TRY(charge(peers_.at(peer), cost));
  return Waiting{peer, request, std::move(what), scans_ + 1, until, std::move(charged)};
}

// A name or label that is not known may stand in a file that was written just now: the files are read once more first.
void Core::wait_for_scan(PeerId peer, RequestId request, contract::Request what) {
  auto waiting = hold(peer, request, std::move(what));
  if (!waiting) return answer(peer, request, std::unexpected(waiting.error()));
  waiting_for_scan_.push_back(std::move(*waiting));
  scan();
}

// False while only a reading that began after it was asked can say that there is no such thing.
bool Core::finish(Waiting& waiting) {
  if (!peers_.contains(waiting.peer)) return true;
  const bool is_last_word = waiting.scan <= scans_;
  const auto refused = [&](Error why) {
    if (is_last_word) answer(waiting.peer, waiting.request, std::unexpected(std::move(why)));
    return is_last_word;
  };
  if (std::holds_alternative<contract::List>(waiting.what)) {
    if (is_last_word) answer(waiting.peer, waiting.request, typed_reply(listing()));
    return is_last_word;
  }
  if (const auto* wanted = std::get_if<contract::LookUp>(&waiting.what)) {
    if (look_up(waiting.peer, waiting.request, *wanted)) return true;
    if (wanted->wait_ms == 0 || !is_last_word) return refused(unknown_service(wanted->name));
    const NameKey key = key_of(*wanted);
    waiting_for_name_.emplace(key, std::move(waiting));
    return true;
  }
  return std::visit(
      [&]<class T>(const T& what) {
        if constexpr (boost::mp11::mp_contains<OfAJob, T>::value) {
          const auto job = job_meant(waiting.peer, what);
          if (!job) return refused(job.error());
          act(waiting.peer, waiting.request, what, **job);
        }
        return true;
      },
      waiting.what);
}

// A job that is not known may stand in a file that was written just now.
template <class What>
void Core::manage(PeerId peer, RequestId request, const What& what) {
  const auto job = job_meant(peer, what);
  if (job) return act(peer, request, what, **job);
  if (job.error().code == code::kUnknownJob) return wait_for_scan(peer, request, what);
  answer(peer, request, std::unexpected(job.error()));
}

void Core::on(const Scanned& event) {
  scanning_ = false;
  take_trust(event.trust);
  problems_.clear();
  std::vector<std::string> problems = event.problems;
  for (auto& [label, job] : jobs_) {
    if (!job.is_loaded && !is_one_of_many(job)) job.removed = true;
  }
  names_.clear();
  for (const Job& job : event.jobs) merge(job, problems);
  for (auto& [label, job] : jobs_) {
    if (job.is_loaded) take_names(job, problems);
  }
  for (std::string& problem : problems) report(std::move(problem));
  for (auto& [label, end] : std::exchange(homeless_, {})) {
    Ends lost;
    JobState* job = end.client.only ? nullptr : job_to_wait_for(label);
    (job != nullptr ? job->waiting : lost).push_back(std::move(end));
    refuse(lost, unknown_service(label));
  }
  std::vector<std::string> gone;
  for (auto& [label, job] : jobs_) {
    if (is_one_of_many(job)) follow(job);
    if (job.removed && job.state == State::idle) gone.push_back(label);
  }
  for (const std::string& label : gone) forget(label);
  watch_paths();
  std::vector<std::string> fresh;
  for (auto& [label, job] : jobs_) {
    if (job.is_new) fresh.push_back(label);
  }
  for (const std::string& label : fresh) {
    if (const auto job = jobs_.find(label); job != jobs_.end()) begin(job->second);
  }
  consider_all();
  names_came();
  for (Waiting& w : std::exchange(waiting_for_scan_, {})) {
    if (!finish(w)) waiting_for_scan_.push_back(std::move(w));
  }
  if (scan_again_ || !waiting_for_scan_.empty()) scan();
}

// What people ask.

void Core::asked(PeerId peer, RequestId request, const contract::List& what) {
  if (!policy::may_list(caller(peers_.at(peer)))) {
    return answer(peer, request, fail(Kind::denied, code::kNotPrivileged, "a confined service may not list others"));
  }
  wait_for_scan(peer, request, what);
}

// Jobs are their owner's, and root's.
Result<void> Core::may_manage(PeerId id) {
  const policy::Caller who = caller(peers_.at(id));
  if (policy::may_manage(who, user_)) return {};
  if (who.is_confined()) return fail(Kind::denied, code::kNotPrivileged, "a confined service may not manage others");
  return fail(Kind::denied, code::kNotPrivileged,
              "the broker belongs to user " + std::to_string(user_) + ", not to you", "ask as that user, or as root");
}

// The job of that label, for somebody who may do with it as they like.
Result<Core::JobState*> Core::job_to_manage(PeerId peer, const std::string& label) {
  REEVE_TRY(may_manage(peer));
  const auto job = jobs_.find(label);
  if (job != jobs_.end()) return &job->second;
  return fail(Kind::invalid, code::kUnknownJob, "no job is called " + label, "see `reeve list`");
}

template <class What>
Result<Core::JobState*> Core::job_meant(PeerId peer, const What& what) {
  if constexpr (std::is_same_v<What, contract::Print>) {
    auto job = job_to_manage(peer, what.what);
    JobState* const offering = job || job.error().code != code::kUnknownJob ? nullptr : job_offering(what.what);
    return offering != nullptr ? offering : std::move(job);
  } else {
    return job_to_manage(peer, what.label);
  }
}

void Core::asked(PeerId peer, RequestId request, const contract::Load& what) {
  if (const auto allowed = may_manage(peer); !allowed) return answer(peer, request, std::unexpected(allowed.error()));
  auto job = parse_job(what.file, what.text);
  if (!job) return answer(peer, request, std::unexpected(job.error()));
  const std::string label = job->label;
  JobState& state = jobs_[label];
  const bool is_there = !state.label.empty() && !state.is_unloaded && !state.removed;
  if (is_there) {
    return answer(peer, request,
                  fail(Kind::invalid, code::kServiceActive, "the job " + label + " is there already",
                       "unload it first: reeve unload " + label));
  }
  if (std::count_if(jobs_.begin(), jobs_.end(), [](const auto& j) { return j.second.is_loaded; }) >=
      static_cast<std::ptrdiff_t>(kLoadedJobsMax)) {
    if (state.label.empty()) jobs_.erase(label);
    return answer(peer, request,
                  fail(Kind::busy, code::kQueueFull, std::to_string(kLoadedJobsMax) + " jobs are loaded by hand",
                       "unload one, or write files for them into a job folder"));
  }
  state.label = label;
  state.is_loaded = true;
  state.is_unloaded = state.removed = false;
  state.is_new = true;
  state.next_interval.reset();  // Its file, if it had one, is gone, and what that said.
  state.job = std::move(*job);
  std::vector<std::string> problems;
  take_names(state, problems);
  for (std::string& problem : problems) report(std::move(problem));
  keep(state);
  watch_paths();
  begin(state);
  consider_all();  // Others may run while this one is there.
  names_came();
  answer(peer, request, typed_reply(label));
}

void Core::asked(PeerId peer, RequestId request, const contract::Unload& what) { manage(peer, request, what); }

void Core::act(PeerId peer, RequestId request, const contract::Unload& what, JobState& job) {
  job.is_unloaded = !job.is_loaded;
  job.removed = job.is_loaded;
  std::erase_if(names_, [&](const auto& n) { return n.second == job.label; });
  for (auto& [label, instance] : jobs_) {
    if (instance.job.label != job.label) continue;
    refuse(instance.waiting, unknown_service(label));
    instance.is_wanted = false;
    if (is_one_of_many(instance)) follow(instance);
    stop(instance);
  }
  job.retry_at = job.next_interval = std::nullopt;
  keep(job);
  if (job.removed && job.state == State::idle) forget(what.label);
  watch_paths();
  consider_all();
  answer_true(peer, request);
}

void Core::asked(PeerId peer, RequestId request, const contract::Start& what) {
  const auto job = job_to_manage(peer, what.label);
  if (!job && job.error().code != code::kUnknownJob) return answer(peer, request, std::unexpected(job.error()));
  wait_for_scan(peer, request, what);  // Its file may say something else by now.
}

void Core::act(PeerId peer, RequestId request, const contract::Start&, JobState& job) {
  if (!may_start(job)) return answer(peer, request, std::unexpected(cannot_start(job)));
  if (job.state == State::idle) {
    if (auto why = throttled(job)) return answer(peer, request, std::unexpected(std::move(*why)));
  }
  // One that runs is started already; one that is on its way out is started when it has gone.
  const bool runs_on =
      (job.state == State::starting || job.state == State::confirming || job.state == State::running) &&
      !job.is_stopping;
  job.is_wanted = !runs_on;
  job.was_demanded = true;
  consider(job);
  answer_true(peer, request);
}

void Core::asked(PeerId peer, RequestId request, const contract::Stop& what) { manage(peer, request, what); }

void Core::act(PeerId peer, RequestId request, const contract::Stop&, JobState& job) {
  job.is_wanted = false;
  stop(job);
  answer_true(peer, request);
}

void Core::asked(PeerId peer, RequestId request, const contract::KillJob& what) { manage(peer, request, what); }

void Core::act(PeerId peer, RequestId request, const contract::KillJob& what, JobState& job) {
  if (what.signal < 1 || what.signal > 64) {
    return answer(peer, request, fail(Kind::invalid, code::kWrongType, "signals are 1 to 64"));
  }
  if (job.state == State::idle) {
    return answer(peer, request, fail(Kind::gone, code::kUnknownJob, what.label + " does not run"));
  }
  orders_.push_back(Kill{job.instance, what.signal});
  answer_true(peer, request);
}

void Core::asked(PeerId peer, RequestId request, const contract::Print& what) { manage(peer, request, what); }

void Core::act(PeerId peer, RequestId request, const contract::Print&, JobState& job) {
  answer(peer, request, typed_reply(details_of(job)));
}

void Core::asked(PeerId peer, RequestId request, const contract::Replace&) {
  if (const auto allowed = may_manage(peer); !allowed) return answer(peer, request, std::unexpected(allowed.error()));
  answer_true(peer, request);
  orders_.push_back(Replace{});
}

}  // namespace reeve::broker
