#include "core.hpp"

#include <algorithm>

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

std::optional<os::Time> Core::wake_at() const {
  std::optional<os::Time> first;
  for (const auto& [label, job] : jobs_) {
    if (job.ends_by && (!first || *job.ends_by < *first)) first = job.ends_by;
  }
  return first;
}

void Core::on(const Tick&) {
  for (auto& [label, job] : jobs_) {
    if (!job.ends_by || *job.ends_by > now_) continue;
    job.ends_by.reset();
    orders_.push_back(Kill{job.instance});
  }
}

// Peers.

void Core::on(const PeerCame& event) {
  peers_[event.peer] = {event.pid, event.uid, event.instance, event.process};
  if (JobState* job = job_of(event.instance)) job->service = event.peer;
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
  const auto is_lost = [&](const auto& waiting) { return waiting.first == event.end; };
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
  const bool granted =
      job != nullptr && job->state == State::running && what.handed == job->taken && job->on_the_way.empty();
  if (granted) {
    job->state = State::retiring;
    job->ends_by = now_ + kStopGrace;
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
  while (job->taken < what.count && !job->on_the_way.empty()) {
    orders_.push_back(Release{job->on_the_way.front().first});
    job->on_the_way.pop_front();
    ++job->taken;
    job->fruitless_starts = 0;
  }
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
  if (!scanning_) orders_.push_back(Scan{});
  scanning_ = true;
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
  const auto is_theirs = [&](const auto& waiting) {
    return waiting.second.record.pid == client.record.pid && waiting.second.peer.uid == client.peer.uid;
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
  const EndId end{next_end_++};
  orders_.push_back(Grant{peer, request, job.job.label, end});
  job.waiting.emplace_back(end, client);
  job.waiting.back().second.only = only;
  if (job.state == State::running) hand_over_waiting(job);
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
  job.instance = InstanceId{next_instance_++};
  job.service = {};
  job.pid.reset();
  job.started = now_;
  job.taken = 0;
  job.ends_by = now_ + kCheckInTime;
  if (job.job.throttle_interval.count() > 0) job.recent_starts.push_back(now_);
  orders_.push_back(Launch{job.instance, job.job});
}

void Core::hand_over_waiting(JobState& job) {
  for (auto& [end, client] : job.waiting) {
    Client told = client;
    // A confined service has a pid namespace of its own, in which every outsider is process 0.
    if (is_confined(job.active)) told.record.pid = 0;
    orders_.push_back(HandOver{end, job.service, std::move(told)});
    job.on_the_way.emplace_back(end, std::move(client));
  }
  job.waiting.clear();
}

void Core::refuse_waiting(JobState& job, const Error& reason) {
  for (const auto& [end, client] : job.waiting) orders_.push_back(Refuse{end, reason});
  job.waiting.clear();
}

void Core::on(const Launched& event) {
  if (JobState* job = job_of(event.instance)) job->pid = event.pid;
}

void Core::on(const LaunchFailed& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) return;
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
  orders_.push_back(Kill{job->instance});
}

void Core::checked_in(JobState& job) {
  job.state = State::running;
  job.ends_by.reset();
  answer(job.service, job.check_in,
         typed_reply(contract::CheckedIn{job.active.label, job.active.names,
                                         static_cast<std::uint64_t>(job.active.idle_time_out.count()), job.endpoint}));
  hand_over_waiting(job);
}

void Core::on(const Exited& event) {
  JobState* job = job_of(event.instance);
  if (job == nullptr) return;
  job->last_exit = event.status;
  ended(*job);
}

void Core::ended(JobState& job) {
  const bool was_agreed = job.state == State::retiring;
  if (was_agreed) job.recent_starts.clear();  // It is no crash.
  if (!was_agreed && job.taken == 0) ++job.fruitless_starts;
  job.state = State::idle;
  job.instance = {};
  job.pid.reset();
  job.ends_by.reset();
  job.endpoint = {};
  job.waiting.insert(job.waiting.begin(), job.on_the_way.begin(), job.on_the_way.end());
  job.on_the_way.clear();
  // Whoever came through an endpoint wanted this instance: the next one is another.
  std::erase_if(job.waiting, [&](const auto& waiting) {
    if (!waiting.second.only) return false;
    orders_.push_back(Refuse{waiting.first, Error{Kind::gone, code::kClosed, "the endpoint leads to nobody any more",
                                                  "ask whoever gave it for another"}});
    return true;
  });
  if (job.service) {
    orders_.push_back(Drop{job.service, Error{Kind::gone, code::kClosed, "the service has ended", ""}});
    peers_.erase(job.service);
    job.service = {};
  }
  if (job.removed) return forget(job);
  if (job.fruitless_starts >= kFruitlessStartsMax) give_up(job);
  start_if_wanted(job);
}

void Core::forget(JobState& job) {
  refuse_waiting(job, unknown_service(job.job.label));
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
  std::erase_if(jobs_, [](const auto& j) { return j.second.removed && j.second.state == State::idle; });
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
