#include "core.hpp"

#include <algorithm>
#include <csignal>
#include <type_traits>

#include "../object/typed.hpp"
#include "../sandbox/preset.hpp"

namespace reeve::broker {
namespace {

Error unknown_service(const std::string& name) {
  return {Kind::denied, code::kUnknownService, "no service is called " + name + ", or none that you may call",
          "see `reeve list`; a service needs a job file with the name under MachServices"};
}

bool is_confined(const Job& job) {
  const sandbox::Preset* preset = sandbox::find_preset(job.preset);
  return preset != nullptr && preset->confined;
}

template <class T>
Dictionary typed_reply(T value) {
  return object::value_message(object::to_object(std::move(value)));
}

}  // namespace

Orders Core::apply(const Event& event) {
  now_ = event.now;
  orders_.clear();
  std::visit([this](const auto& what) { on(what); }, event.what);
  return std::move(orders_);
}

bool Core::is_idle() const {
  return peers_.empty() &&
         std::all_of(jobs_.begin(), jobs_.end(), [](const auto& j) { return j.second.state == State::idle; });
}

void Core::answer(PeerId peer, RequestId request, Result<Dictionary> what) {
  orders_.push_back(Answer{peer, request, std::move(what)});
}

Core::JobState* Core::job_of(InstanceId instance) {
  if (!instance) return nullptr;
  const auto found =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& j) { return j.second.instance == instance; });
  return found == jobs_.end() ? nullptr : &found->second;
}

Core::JobState* Core::job_offering(const std::string& name) {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : &jobs_.at(found->second);
}

// The broker before this one.

void Core::on(const Recovered& event) {
  next_ = first_number(event.broker);
  user_ = event.user;
  const auto each = [&]<class T>(std::type_identity<T>) {
    for (const auto& [number, kept] : event.kept) {
      if (const T* what = std::get_if<T>(&kept)) recover(number, *what);
    }
  };
  each(std::type_identity<KeptJob>());
  each(std::type_identity<KeptService>());
  each(std::type_identity<KeptEnd>());
  for (auto& [label, job] : jobs_) {
    if (job.state == State::running && job.taken) hand_over_waiting(job);
    start_if_wanted(job);
  }
  if (!event.kept.empty()) scan();
}

void Core::recover(std::uint64_t number, const KeptJob& kept) {
  auto job = parse_job(kept.file, kept.text);
  if (!job || job->label != kept.label || jobs_.contains(kept.label)) return orders_.push_back(Forget{number});
  JobState& state = jobs_[kept.label];
  state.number = number;
  state.job = std::move(*job);
  for (const std::string& name : state.job.names) names_.emplace(name, kept.label);
  for (const std::int64_t start : kept.recent_starts_ns) state.recent_starts.emplace_back(start);
  state.fruitless_starts = kept.fruitless_starts;
  if (kept.exited) state.last_exit = os::ExitStatus{kept.by_signal, kept.exit_value};
}

void Core::recover(std::uint64_t number, const KeptService& kept) {
  auto job = parse_job(kept.file, kept.text);
  JobState& state = jobs_[kept.label];
  if (!job || job->label != kept.label || state.instance || kept.endpoint.size() != sizeof(Endpoint::token)) {
    orders_.push_back(Kill{InstanceId{number}});
    orders_.push_back(Forget{number});
    if (state.job.label.empty()) jobs_.erase(kept.label);
    return;
  }
  if (state.job.label.empty()) {
    state.job = *job;
    for (const std::string& name : state.job.names) names_.emplace(name, kept.label);
  }
  state.active = std::move(*job);
  state.state = kept.is_retiring ? State::retiring : kept.is_running ? State::running : State::starting;
  state.instance = InstanceId{number};
  state.service = control_of(state.instance);
  peers_[state.service] = {0, user_, state.instance, 0};
  state.started = os::Time(kept.started_ns);
  state.recent_starts.push_back(state.started);
  state.check_in = kept.check_in;
  std::copy_n(kept.endpoint.bytes().begin(), sizeof state.endpoint.token, state.endpoint.token.begin());
  state.took_any = kept.is_running;
  if (state.state == State::starting) {
    state.taken = 0;
    state.ends_by = now_ + kCheckInTime;
  }
  if (state.state == State::retiring) state.ends_by = now_ + kStopGrace;
}

void Core::recover(std::uint64_t number, const KeptEnd& kept) {
  const auto job = jobs_.find(kept.label);
  if (job == jobs_.end()) {
    orders_.push_back(Refuse{EndId{number}, unknown_service(kept.label)});
    return orders_.push_back(Forget{number});
  }
  End end{EndId{number}, {}, true};
  end.client.peer.uid = kept.uid;
  end.client.peer.label = kept.client_label;
  if (kept.bound) end.client.peer.trust = PeerClass::bound;
  end.client.record = {kept.pid, kept.process};
  end.client.only = InstanceId{kept.only};
  const bool is_handed = kept.handed_to != 0 && kept.handed_to == job->second.instance.value;
  (is_handed ? job->second.on_the_way : job->second.waiting).push_back(std::move(end));
}

// Asked of the spawner before this one, and perhaps not done.
void Core::on(const SpawnerCame&) {
  for (auto& [label, job] : jobs_) {
    if (job.state == State::starting && !job.is_launched) {
      orders_.push_back(Launch{job.instance, job.active, to_keep(job)});
    }
    if (job.state == State::confirming) orders_.push_back(Confirm{job.instance});
  }
  if (std::exchange(scanning_, false)) scan();
}

void Core::scan() {
  if (!std::exchange(scanning_, true)) orders_.push_back(Scan{});
}

// Keeping.

KeptService Core::to_keep(const JobState& job) const {
  KeptService kept;
  kept.label = job.active.label;
  kept.file = job.active.file;
  kept.text = job.active.text;
  kept.started_ns = job.started.count();
  kept.check_in = job.check_in;
  kept.is_retiring = job.state == State::retiring;
  kept.is_running = job.state == State::running || kept.is_retiring;
  kept.endpoint = Data(std::vector<std::byte>(job.endpoint.token.begin(), job.endpoint.token.end()));
  return kept;
}

KeptEnd Core::to_keep(const JobState& job, const End& end) const {
  KeptEnd kept;
  kept.label = job.job.label;
  kept.only = end.client.only.value;
  kept.uid = end.client.peer.uid;
  kept.pid = end.client.record.pid;
  kept.process = end.client.record.process;
  kept.bound = end.client.peer.trust == PeerClass::bound;
  kept.client_label = end.client.peer.label;
  return kept;
}

void Core::keep_service(const JobState& job) { orders_.push_back(Keep{job.instance.value, to_keep(job)}); }

void Core::keep(JobState& job) {
  if (job.number == 0) job.number = next_++;
  KeptJob kept;
  kept.label = job.job.label;
  kept.file = job.job.file;
  kept.text = job.job.text;
  for (const os::Time start : job.recent_starts) kept.recent_starts_ns.push_back(start.count());
  kept.fruitless_starts = job.fruitless_starts;
  kept.exited = job.last_exit.has_value();
  if (job.last_exit) {
    kept.by_signal = job.last_exit->by_signal;
    kept.exit_value = job.last_exit->value;
  }
  orders_.push_back(Keep{job.number, std::move(kept)});
}

void Core::forget_end(const End& end) {
  if (end.is_kept) orders_.push_back(Forget{end.id.value});
}

std::optional<os::Time> Core::wake_at() const {
  std::optional<os::Time> first;
  for (const auto& [label, job] : jobs_) {
    if (job.ends_by && (!first || *job.ends_by < *first)) first = job.ends_by;
  }
  return first;
}

void Core::on(const Tick&) {
  std::vector<InstanceId> overdue;
  for (auto& [label, job] : jobs_) {
    if (!job.ends_by || *job.ends_by > now_) continue;
    job.ends_by.reset();
    orders_.push_back(Kill{job.instance, SIGKILL});
    if (!job.is_launched) overdue.push_back(job.instance);
  }
  // There is no spawner, it seems. Should it launch one of these yet, nobody will know it, and it is ended.
  for (const InstanceId instance : overdue) on(LaunchFailed{instance, "the spawner does not answer"});
}

// Peers.

void Core::on(const PeerCame& event) {
  peers_[event.peer] = {event.pid, event.uid, {}, event.process};
}

void Core::on(const PeerLeft& event) {
  const auto peer = peers_.find(event.peer);
  if (peer == peers_.end()) return;
  std::erase_if(waiting_for_scan_, [&](const Waiting& w) { return w.peer == event.peer; });
  JobState* job = job_of(peer->second.instance);
  peers_.erase(peer);
  // A service that gave up its control channel can be handed nothing any more: it is ended, and its exit will be told.
  if (job != nullptr && job->service == event.peer) {
    job->service = {};
    if (job->state == State::retiring) return;  // As agreed; it is on its way out.
    if (job->state == State::running) job->state = State::dying;
    job->ends_by = now_ + kStopGrace;  // Long enough to end by itself, and to say why.
  }
}

void Core::on(const GrantFailed& event) {
  const auto is_lost = [&](const End& end) { return end.id == event.end; };
  for (auto& [label, job] : jobs_) {
    std::erase_if(job.waiting, is_lost);
    std::erase_if(job.on_the_way, is_lost);
  }
}

void Core::on(const PeerAsked& event) {
  if (!peers_.contains(event.peer)) return;
  if (std::holds_alternative<contract::CheckIn>(event.what)) return check_in(event.peer, event.request, event.fresh);
  const auto ask = [&](const auto& what) {
    if constexpr (!std::is_same_v<decltype(what), const contract::CheckIn&>) asked(event.peer, event.request, what);
  };
  std::visit(ask, event.what);
}

bool Core::is_confined_service(const PeerState& peer) {
  const JobState* job = job_of(peer.instance);
  return job != nullptr && is_confined(job->active);
}

void Core::asked(PeerId peer, RequestId request, const contract::LookUp& what) {
  // Until entitlements say otherwise, a confined service may call nobody, and learns of nobody.
  if (is_confined_service(peers_.at(peer))) return answer(peer, request, std::unexpected(unknown_service(what.name)));
  if (JobState* job = job_offering(what.name)) return grant(peer, request, *job);
  wait_for_scan({peer, request, what.name});
}

void Core::asked(PeerId peer, RequestId request, const contract::List&) {
  if (is_confined_service(peers_.at(peer))) {
    return answer(peer, request, fail(Kind::denied, code::kNotPrivileged, "a confined service may not list others"));
  }
  wait_for_scan({peer, request, {}});
}

void Core::check_in(PeerId peer, RequestId request, const Endpoint& fresh) {
  JobState* job = job_of(peers_.at(peer).instance);
  if (job == nullptr) {
    return answer(peer, request,
                  fail(Kind::denied, code::kNotPrivileged, "only a service that the broker started can check in",
                       "write a job file for it, and let the first call start it"));
  }
  // Asked again, of a new broker: the answer was lost with the one before.
  if (job->state == State::running && job->check_in == request) return answer_check_in(*job);
  if (job->state == State::confirming && job->check_in == request) return;
  if (job->state != State::starting) {
    return answer(peer, request, fail(Kind::invalid, code::kNotPrivileged, "the service has checked in before"));
  }
  job->check_in = request;
  job->endpoint = fresh;
  if (!is_confined(job->active)) return checked_in(*job);
  job->state = State::confirming;
  orders_.push_back(Confirm{job->instance});
}

void Core::asked(PeerId peer, RequestId request, const contract::Retire& what) {
  JobState* job = job_of(peers_.at(peer).instance);
  // An end that was handed over and is still on its way decides against it: somebody has just connected.
  const bool granted = job != nullptr && (job->state == State::running || job->state == State::retiring) &&
                       job->taken == what.last && job->on_the_way.empty();
  if (granted && job->state == State::running) {
    job->state = State::retiring;
    job->ends_by = now_ + kStopGrace;
    keep_service(*job);
  }
  answer(peer, request, typed_reply(granted));
}

// One that never was and one whose instance has ended look the same.
void Core::asked(PeerId peer, RequestId request, const contract::Redeem& what) {
  const bool may_connect = !is_confined_service(peers_.at(peer));
  for (auto& [label, job] : jobs_) {
    if (!may_connect || job.state != State::running || job.endpoint != what.endpoint) continue;
    return grant(peer, request, job, job.instance);
  }
  answer(peer, request,
         fail(Kind::gone, code::kClosed, "the endpoint leads to nobody", "ask whoever gave it for another"));
}

void Core::asked(PeerId peer, RequestId, const contract::Taken& what) {
  JobState* job = job_of(peers_.at(peer).instance);
  if (job == nullptr) return;
  const std::uint64_t last = std::min(what.last, next_ - 1);
  while (!job->on_the_way.empty() && job->on_the_way.front().id.value <= last) {
    orders_.push_back(Release{job->on_the_way.front().id});
    forget_end(job->on_the_way.front());
    job->on_the_way.pop_front();
    job->took_any = true;
    job->fruitless_starts = 0;
  }
  const bool was_known = job->taken.has_value();
  job->taken = last;
  if (was_known || job->state != State::running) return;
  // What the broker before this one was about to hand over has not come: a new one's greeting is behind it in the queue.
  job->waiting.insert(job->waiting.begin(), job->on_the_way.begin(), job->on_the_way.end());
  job->on_the_way.clear();
  hand_over_waiting(*job);
}

// Look-ups and lists.

// A name that is not known may stand in a file that was written just now: the files are read once more first.
void Core::wait_for_scan(Waiting waiting) {
  const auto same_peer = [&](const Waiting& w) { return w.peer == waiting.peer; };
  if (std::count_if(waiting_for_scan_.begin(), waiting_for_scan_.end(), same_peer) >=
      static_cast<std::ptrdiff_t>(kRequestsPerPeerMax)) {
    return answer(waiting.peer, waiting.request,
                  fail(Kind::busy, code::kQueueFull, std::to_string(kRequestsPerPeerMax) + " requests are unanswered",
                       "wait for their answers"));
  }
  waiting_for_scan_.push_back(std::move(waiting));
  scan();
}

void Core::finish(const Waiting& waiting) {
  if (waiting.name.empty()) return answer(waiting.peer, waiting.request, typed_reply(listing()));
  if (JobState* job = job_offering(waiting.name)) return grant(waiting.peer, waiting.request, *job);
  answer(waiting.peer, waiting.request, std::unexpected(unknown_service(waiting.name)));
}

void Core::grant(PeerId peer, RequestId request, JobState& job, InstanceId only) {
  if (job.state == State::idle) {
    if (const auto error = throttled(job)) return answer(peer, request, std::unexpected(*error));
  }
  if (job.waiting.size() + job.on_the_way.size() >= kWaitingEndsMax) {
    return answer(
        peer, request,
        fail(Kind::busy, code::kQueueFull,
             std::to_string(kWaitingEndsMax) + " clients wait already for " + job.job.label, "call again later"));
  }
  const Client client = client_of(peers_.at(peer));
  const auto is_theirs = [&](const End& end) {
    return end.client.record.pid == client.record.pid && end.client.peer.uid == client.peer.uid;
  };
  const auto theirs = std::count_if(job.waiting.begin(), job.waiting.end(), is_theirs) +
                      std::count_if(job.on_the_way.begin(), job.on_the_way.end(), is_theirs);
  if (static_cast<std::size_t>(theirs) >= kWaitingEndsPerClientMax) {
    return answer(peer, request,
                  fail(Kind::busy, code::kQueueFull,
                       std::to_string(kWaitingEndsPerClientMax) + " channels of this client wait for " + job.job.label +
                           " already",
                       "use those, or call again later"));
  }
  End end{EndId{next_++}, client, false};
  end.client.only = only;
  Grant grant{peer, request, job.job.label, end.id, {}};
  // What is handed over at once is in the service's queue, which outlives this broker.
  end.is_kept = job.state != State::running || !job.taken;
  if (end.is_kept) grant.keep = to_keep(job, end);
  orders_.push_back(std::move(grant));
  job.waiting.push_back(std::move(end));
  if (job.state == State::running && job.taken) hand_over_waiting(job);
  start_if_wanted(job);
}

Client Core::client_of(const PeerState& peer) {
  Client client;
  client.peer.uid = peer.uid;
  client.record = {peer.pid, peer.process};
  if (const JobState* job = job_of(peer.instance)) {
    client.peer.trust = PeerClass::bound;
    client.peer.label = job->active.label;
  }
  return client;
}

// Jobs.

std::optional<Error> Core::throttled(JobState& job) const {
  while (!job.recent_starts.empty() && job.recent_starts.front() + job.job.throttle_interval <= now_) {
    job.recent_starts.pop_front();
  }
  if (job.recent_starts.size() < static_cast<std::size_t>(kStartsBeforeThrottle)) return std::nullopt;
  const auto wait = job.recent_starts.front() + job.job.throttle_interval - now_;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return Error{Kind::busy, code::kThrottled,
               job.job.label + " was started " + std::to_string(job.recent_starts.size()) + " times in " +
                   std::to_string(job.job.throttle_interval.count()) + " s" +
                   (job.last_exit ? " and last " + os::describe(*job.last_exit) : std::string()),
               "it may start again in " + std::to_string(seconds) + " s; mend what ends it, or set ThrottleInterval"};
}

void Core::start_if_wanted(JobState& job) {
  if (job.state != State::idle || job.waiting.empty()) return;
  if (const auto error = throttled(job)) return refuse_waiting(job, *error);
  start(job);
}

void Core::start(JobState& job) {
  job.state = State::starting;
  job.active = job.job;
  job.instance = InstanceId{next_++};
  job.service = control_of(job.instance);
  peers_[job.service] = {0, user_, job.instance, 0};
  job.pid.reset();
  job.is_launched = false;
  job.started = now_;
  job.taken = 0;
  job.took_any = false;
  job.check_in = 0;
  job.ends_by = now_ + kCheckInTime;
  if (job.job.throttle_interval.count() > 0) job.recent_starts.push_back(now_);
  orders_.push_back(Launch{job.instance, job.job, to_keep(job)});
}

void Core::hand_over_waiting(JobState& job) {
  for (End& end : job.waiting) {
    Client told = end.client;
    // A confined service has a pid namespace of its own, in which every outsider is process 0.
    if (is_confined(job.active)) told.record.pid = 0;
    if (end.is_kept) {
      KeptEnd kept = to_keep(job, end);
      kept.handed_to = job.instance.value;
      orders_.push_back(Keep{end.id.value, std::move(kept)});
    }
    orders_.push_back(HandOver{end.id, job.service, std::move(told)});
    job.on_the_way.push_back(std::move(end));
  }
  job.waiting.clear();
}

void Core::refuse_waiting(JobState& job, const Error& reason) {
  for (const End& end : job.waiting) {
    orders_.push_back(Refuse{end.id, reason});
    forget_end(end);
  }
  job.waiting.clear();
}

void Core::on(const Launched& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) {
    // The broker before this one knew it, and has forgotten it since.
    orders_.push_back(Kill{event.instance, SIGKILL});
    return orders_.push_back(Forget{event.instance.value});
  }
  if (job->is_launched) return;
  job->is_launched = true;
  job->pid = event.pid;
  const auto peer = peers_.find(job->service);
  if (peer != peers_.end()) peer->second.pid = event.pid, peer->second.process = event.process;
  keep_service(*job);  // From here on the service has its own end.
}

void Core::on(const LaunchFailed& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr || job->is_launched) return;
  refuse_waiting(*job, Error{Kind::gone, code::kLaunchFailed, job->job.label + " could not be started: " + event.why,
                             "mend " + job->job.file + " or what it names"});
  ended(*job);
}

void Core::on(const Confirmed& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr || job->state != State::confirming || !job->service) return;
  // Both filters of the preset must be seen from outside before a stranger's first packet can reach the service.
  if (event.filters >= 2) return checked_in(*job);
  const Error reason{
      Kind::unsupported, code::kMissingLayer,
      job->job.label + " runs under " + std::to_string(event.filters) + " seccomp filters, 2 are required",
      "link the program with this version of libreeve"};
  refuse_waiting(*job, reason);
  orders_.push_back(Kill{job->instance, SIGKILL});
}

void Core::checked_in(JobState& job) {
  job.state = State::running;
  job.ends_by.reset();
  keep_service(job);
  answer_check_in(job);
  hand_over_waiting(job);
}

void Core::answer_check_in(const JobState& job) {
  answer(job.service, job.check_in,
         typed_reply(contract::CheckedIn{job.active.label, job.active.names,
                                         static_cast<std::uint64_t>(job.active.idle_time_out.count()), job.endpoint}));
}

void Core::on(const Exited& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) return orders_.push_back(Forget{event.instance.value});
  job->last_exit = event.status;
  ended(*job);
}

void Core::ended(JobState& job) {
  const bool was_agreed = job.state == State::retiring;
  if (was_agreed) job.recent_starts.clear();  // It is no crash.
  if (!was_agreed && !job.took_any) ++job.fruitless_starts;
  job.state = State::idle;
  orders_.push_back(Forget{job.instance.value});
  job.instance = {};
  job.pid.reset();
  job.ends_by.reset();
  job.endpoint = {};
  take_back(job);
  if (job.service) {
    orders_.push_back(Drop{job.service, Error{Kind::gone, code::kClosed, "the service has ended", ""}});
    peers_.erase(job.service);
    job.service = {};
  }
  if (job.removed) return forget(job);
  keep(job);
  if (job.fruitless_starts >= kFruitlessStartsMax) give_up(job);
  start_if_wanted(job);
}

// What was on its way to an instance that has ended waits for the next.
void Core::take_back(JobState& job) {
  job.waiting.insert(job.waiting.begin(), job.on_the_way.begin(), job.on_the_way.end());
  job.on_the_way.clear();
  // Whoever came through an endpoint wanted this instance: the next one is another.
  std::erase_if(job.waiting, [&](const End& end) {
    if (!end.client.only) return false;
    orders_.push_back(Refuse{end.id, Error{Kind::gone, code::kClosed, "the endpoint leads to nobody any more",
                                           "ask whoever gave it for another"}});
    forget_end(end);
    return true;
  });
  for (End& end : job.waiting) {
    end.is_kept = true;
    orders_.push_back(Keep{end.id.value, to_keep(job, end)});
  }
}

void Core::forget(JobState& job) {
  refuse_waiting(job, unknown_service(job.job.label));
  if (job.number != 0) orders_.push_back(Forget{job.number});
  std::erase_if(names_, [&](const auto& n) { return n.second == job.job.label; });
  jobs_.erase(std::string(job.job.label));
}

// Those who wait are told; whoever asks next makes it try again.
void Core::give_up(JobState& job) {
  job.fruitless_starts = 0;
  const std::string how = job.last_exit ? "; it last " + os::describe(*job.last_exit) : std::string();
  refuse_waiting(job, Error{Kind::gone, code::kLaunchFailed,
                            job.job.label + " ended " + std::to_string(kFruitlessStartsMax) +
                                " times before it took up a call" + how,
                            "see what the broker shows of its output, or run its program by hand"});
}

// Job files.

void Core::on(const Scanned& event) {
  scanning_ = false;
  problems_ = event.problems;
  names_.clear();
  for (auto& [label, job] : jobs_) job.removed = true;
  for (const Job& job : event.jobs) merge(job, problems_);
  std::erase_if(jobs_, [&](const auto& j) {
    const bool is_over = j.second.removed && j.second.state == State::idle;
    if (is_over && j.second.number != 0) orders_.push_back(Forget{j.second.number});
    return is_over;
  });
  const std::vector<Waiting> waiting = std::move(waiting_for_scan_);
  waiting_for_scan_.clear();
  for (const Waiting& w : waiting) finish(w);
}

// The first file that gives a label or a name has it; the folders were read in the order of their rank.
void Core::merge(const Job& found, std::vector<std::string>& problems) {
  JobState& state = jobs_[found.label];
  const bool is_new = state.job.label.empty();
  if (!is_new && !state.removed) {
    problems.push_back(found.file + ": the label " + found.label + " stands in " + state.job.file + " already");
    return;
  }
  state.removed = false;
  // A running instance goes on as it was started; the next start takes the new file.
  state.job = found;
  for (const std::string& warning : found.warnings) problems.push_back(warning);
  std::erase_if(state.job.names, [&](const std::string& name) {
    const auto [owner, is_free] = names_.emplace(name, found.label);
    if (!is_free) problems.push_back(found.file + ": the name " + name + " belongs to the job " + owner->second);
    return !is_free;
  });
}

contract::JobStatus Core::status_of(const JobState& job) const {
  static constexpr const char* kStates[] = {"idle", "starting", "starting", "running", "stopping", "stopping"};
  contract::JobStatus status;
  status.label = job.job.label;
  status.state = kStates[static_cast<std::size_t>(job.state)];
  status.names = job.job.names;
  if (job.state != State::idle) {
    status.pid = job.pid;
    status.uptime_s = static_cast<std::uint64_t>((now_ - job.started) / std::chrono::seconds(1));
  }
  if (job.last_exit) status.last_exit = os::describe(*job.last_exit);
  return status;
}

contract::Listing Core::listing() const {
  contract::Listing listing;
  // One packet has room for so much; what does not fit is counted.
  std::size_t room = kListedBytesMax;
  const auto fits = [&](std::size_t bytes) {
    constexpr std::size_t kAround = 160;  // keys, tags and numbers
    if (bytes + kAround > room) return false;
    room -= bytes + kAround;
    return true;
  };
  for (const std::string& problem : problems_) {
    if (fits(problem.size())) listing.problems.push_back(problem);
  }
  for (const auto& [label, job] : jobs_) {
    std::size_t bytes = label.size();
    for (const std::string& name : job.job.names) bytes += name.size() + sizeof(std::uint64_t) * 2;
    if (fits(bytes)) listing.jobs.push_back(status_of(job));
  }
  const std::size_t missing = jobs_.size() - listing.jobs.size() + problems_.size() - listing.problems.size();
  if (missing > 0)
    listing.problems.push_back(std::to_string(missing) + " jobs or problems more than one answer can hold");
  return listing;
}

}  // namespace reeve::broker
