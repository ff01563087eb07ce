// Who has a name, who may look it up, and what becomes of the ends.
#include <algorithm>

#include "core.hpp"

namespace reeve::broker {
const OfferedName* offered(const Job& job, const std::string& name) {
  const auto found =
      std::find_if(job.names.begin(), job.names.end(), [&](const OfferedName& n) { return n.name == name; });
  return found == job.names.end() ? nullptr : &*found;
}

Core::JobState* Core::job_offering(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return nullptr;
  const auto job = jobs_.find(found->second);
  return job == jobs_.end() ? nullptr : &job->second;
}

// The job whose own process that is, by whichever connection it asks.
Core::JobState* Core::caller_of(const PeerState& peer) {
  if (peer.instance) return job_of(peer.instance);
  const auto service = services_.find(peer.process);
  return service == services_.end() ? nullptr : job_of(service->second);
}

// What the kernel, a signature and its job vouch for.
policy::Caller Core::caller(const PeerState& peer) {
  const JobState* job = caller_of(peer);
  if (job == nullptr) return {peer.identity, peer.uid, {}};
  return {job->identity, peer.uid, job->active.may_look_up};
}

Client Core::client_of(const PeerState& peer) {
  Client client;
  static_cast<contract::Identity&>(client.peer) = caller(peer).who;
  client.peer.uid = peer.uid;
  client.record = {peer.pid, peer.process};
  return client;
}

// Looking up.

void Core::asked(PeerId peer, RequestId request, const contract::LookUp& what) {
  peers_.at(peer).has_looked_up = true;
  if (const auto good = policy::Requirement::parse(what.required); !good) {
    return answer(peer, request, std::unexpected(good.error()));
  }
  if (look_up(peer, request, what)) return;
  // A name that is there and hidden, or not for this caller, looks like one that is not there.
  if (!policy::may_ask_for(caller(peers_.at(peer)), what.name)) {
    return answer(peer, request, std::unexpected(unknown_service(what.name)));
  }
  if (what.pid == 0 && !names_.contains(what.name)) return wait_for_scan(peer, request, what);
  if (what.wait_ms == 0) return answer(peer, request, std::unexpected(unknown_service(what.name)));
  auto waiting = hold(peer, request, what);
  if (!waiting) return answer(peer, request, std::unexpected(waiting.error()));
  waiting_for_name_.emplace(key_of(what), std::move(*waiting));
}

// That name may be there for some for whom it was not before.
void Core::name_came(const NameKey& key) {
  const auto [begin, end] = waiting_for_name_.equal_range(key);
  std::vector<Waiting> all;
  for (auto each = begin; each != end; ++each) all.push_back(std::move(each->second));
  waiting_for_name_.erase(begin, end);
  for (Waiting& w : all) {
    if (!peers_.contains(w.peer) || w.until <= now_) continue;
    if (look_up(w.peer, w.request, std::get<contract::LookUp>(w.what))) continue;
    waiting_for_name_.emplace(key, std::move(w));
  }
}

// Any may.
void Core::names_came() {
  std::vector<NameKey> there;
  for (auto each = waiting_for_name_.begin(); each != waiting_for_name_.end();
       each = waiting_for_name_.upper_bound(each->first)) {
    const auto& [pid, name] = each->first;
    const bool is_there = registered_.contains(each->first) || (pid == 0 && names_.contains(name));
    if (is_there) there.push_back(each->first);
  }
  for (const NameKey& key : there) name_came(key);
}

// It asks, and is told, nothing any more.
void Core::forget_questions_of(PeerId peer) {
  const auto is_theirs = [&](const Waiting& w) { return w.peer == peer; };
  std::erase_if(waiting_for_scan_, is_theirs);
  std::erase_if(waiting_for_name_, [&](const auto& w) { return is_theirs(w.second); });
  std::erase_if(identifications_, [&](const auto& i) { return i.second.peer == peer; });
}

// Whether a name that somebody has registered is there for this caller, by all that is known of who offers it.
bool Core::is_for(const policy::Caller& who, const std::string& name, const Registered& registered) {
  const JobState* owner = caller_of(peers_.at(registered.peer));
  static const Job kNobodysJob;
  const Job& callee = owner != nullptr ? owner->active : kNobodysJob;
  if (!policy::may_look_up(who, name, callee.allowed_callers)) return false;
  return registered.callers.is_met_by(who.who) && (owner == nullptr || owner->signed_callers.is_met_by(who.who));
}

// False where there is no such name, for this caller.
bool Core::look_up(PeerId peer, RequestId request, const contract::LookUp& what) {
  const PeerState& asker = peers_.at(peer);
  const policy::Caller who = caller(asker);
  const auto registered = registered_.find({what.pid, what.name});
  const auto wanted = [&] { return Wanted{what.name, *policy::Requirement::parse(what.required), {}}; };
  if (registered != registered_.end()) {
    if (!is_for(who, what.name, registered->second)) return false;
    grant_registered(peer, request, wanted(), registered->second.peer);
    return true;
  }
  JobState* job = what.pid == 0 ? job_offering(what.name) : nullptr;
  if (job == nullptr || !policy::may_look_up(who, what.name, job->job.allowed_callers)) return false;
  const OfferedName* name = offered(job->job, what.name);
  if (name != nullptr && name->hide_until_check_in && job->state != State::running) return false;
  JobState& instance = instance_for(*job, asker);
  instance.was_demanded = true;
  grant(peer, request, instance, wanted());
  forget_if_idle(std::string(instance.label));
  return true;
}

// One that never was and one whose instance has ended look the same.
void Core::asked(PeerId peer, RequestId request, const contract::Redeem& what) {
  peers_.at(peer).has_looked_up = true;
  auto required = policy::Requirement::parse(what.required);
  if (!required) return answer(peer, request, std::unexpected(required.error()));
  const bool may_connect = policy::may_redeem(caller(peers_.at(peer)));
  for (auto& [label, job] : jobs_) {
    if (!may_connect || job.state != State::running || job.endpoint != what.endpoint) continue;
    return grant(peer, request, job, {{}, std::move(*required), job.instance});
  }
  answer(peer, request,
         fail(Kind::gone, code::kClosed, "the endpoint leads to nobody", "ask whoever gave it for another"));
}

// An end for one more client, paid for by that. Errors: busy.
Result<Core::End> Core::make_end(PeerId peer, const policy::Requirement& required, const Ends& waiting,
                                 const Ends& on_the_way, const std::string& for_whom) {
  if (waiting.size() + on_the_way.size() >= kWaitingEndsMax) {
    return fail(Kind::busy, code::kQueueFull, std::to_string(kWaitingEndsMax) + " clients wait already for " + for_whom,
                "call again later");
  }
  End end{EndId{}, {}, client_of(peers_.at(peer)), false, {}, {}};
  const auto is_theirs = [&](const End& other) {
    return other.client.record.pid == end.client.record.pid && other.client.peer.uid == end.client.peer.uid;
  };
  const auto theirs = std::count_if(waiting.begin(), waiting.end(), is_theirs) +
                      std::count_if(on_the_way.begin(), on_the_way.end(), is_theirs);
  if (static_cast<std::size_t>(theirs) >= kWaitingEndsPerClientMax) {
    return fail(Kind::busy, code::kQueueFull,
                std::to_string(kWaitingEndsPerClientMax) + " channels of this client wait for " + for_whom + " already",
                "use those, or call again later");
  }
  quota::Amount cost = kEndCost;
  const JobState* job = caller_of(peers_.at(peer));
  cost.bytes += required.text().size() * kRequirementCostFactor;
  cost.bytes += (job != nullptr ? job->image.manifest : peers_.at(peer).manifest).size();
  end.charge = REEVE_TRY(charge(peers_.at(peer), cost));
  end.id = EndId{next_number()};
  return end;
}

void Core::grant(PeerId peer, RequestId request, JobState& job, Wanted wanted) {
  if (job.state == State::idle) {
    if (!may_start(job)) return answer(peer, request, std::unexpected(cannot_start(job)));
    if (const auto error = throttled(job)) return answer(peer, request, std::unexpected(*error));
  }
  auto end = make_end(peer, wanted.required, job.waiting, job.on_the_way, job.label);
  if (!end) return answer(peer, request, std::unexpected(end.error()));
  end->name = std::move(wanted.name);
  end->required = std::move(wanted.required);
  end->client.only = wanted.only;
  // Of one that does not serve yet it is the job that is known: its program is judged when it is started.
  contract::Identity service = job.state == State::running ? job.identity : contract::Identity();
  service.trust = PeerClass::bound;
  service.label = job.job.label;
  service.preset = job.job.preset;
  service.lacking = lacking_in(job.job);
  Grant grant{peer, request, job.label, std::move(service), end->id, {}};
  // What is handed over at once is in the service's queue, which outlives this broker, as long as there is room in it.
  const bool can_take = job.state == State::running && job.taken;
  end->is_kept = !can_take || job.on_the_way.size() >= kQueuedEndsMax;
  if (end->is_kept) grant.keep = to_keep(*end, job.label);
  orders_.push_back(std::move(grant));
  job.waiting.push_back(std::move(*end));
  if (can_take) hand_over_waiting(job);
  consider(job);
}

void Core::grant_registered(PeerId peer, RequestId request, Wanted wanted, PeerId owner) {
  PeerState& service = peers_.at(owner);
  auto end = make_end(peer, wanted.required, {}, service.on_the_way, wanted.name);
  if (!end) return answer(peer, request, std::unexpected(end.error()));
  end->name = std::move(wanted.name);
  end->required = std::move(wanted.required);
  const JobState* job = job_of(service.instance);
  const JobState* offerer = caller_of(service);
  const std::string label = offerer != nullptr ? offerer->label : end->name;
  orders_.push_back(Grant{peer, request, label, caller(service).who, end->id, {}});
  // Until a new broker knows what the service has taken it hands over nothing: numbers ascend.
  if (job != nullptr && !job->taken) return service.on_the_way.push_back(std::move(*end));
  Ends fresh;
  fresh.push_back(std::move(*end));
  hand_over(fresh, service.on_the_way, owner, job != nullptr ? job->active : Job(), nullptr);
}

void Core::on(const GrantFailed& event) {
  const auto forget_it = [&](Ends& ends) {
    std::erase_if(ends, [&](const End& end) {
      if (end.id != event.end) return false;
      forget_end(end);
      return true;
    });
  };
  for (auto& [label, job] : jobs_) {
    forget_it(job.waiting);
    forget_it(job.on_the_way);
  }
  for (auto& [id, peer] : peers_) forget_it(peer.on_the_way);
}

// Handing over.

// Why these two are not to meet, if they are not. What either asks of the other may only now be known: a service's
// signature is read when it is started, and it says more when it checks in.
std::optional<Error> Core::mismatch(const End& end, PeerId service) {
  const auto found = peers_.find(service);
  if (found == peers_.end()) return std::nullopt;  // It has just left: the end goes to the next.
  const PeerState& owner = found->second;
  const policy::Caller who = caller(owner);
  if (!end.required.is_met_by(who.who)) {
    return Error{Kind::denied, code::kNotMet, "whoever serves this is not " + end.required.text(),
                 "see `reeve identity` of its process, or ask less of it"};
  }
  const auto admits = [&](const policy::Requirement& asked) { return asked.is_met_by(end.client.peer); };
  bool is_admitted = true;
  if (const JobState* job = caller_of(owner)) {
    const auto own = job->callers.find(end.name);
    is_admitted = admits(job->signed_callers) && (own == job->callers.end() || admits(own->second));
  }
  for (const auto& [key, registered] : registered_) {
    if (registered.peer == service && key.second == end.name) is_admitted = is_admitted && admits(registered.callers);
  }
  if (is_admitted) return std::nullopt;
  return unknown_service(end.name);
}

void Core::hand_over_waiting(JobState& job) { hand_over(job.waiting, job.on_the_way, job.service, job.active, &job); }

void Core::hand_over(Ends& from, Ends& to, PeerId service, const Job& job, const JobState* kept_for) {
  for (End& end : from) {
    if (const auto why = mismatch(end, service)) {
      orders_.push_back(Refuse{end.id, *why});
      forget_end(end);
      continue;
    }
    Client told = end.client;
    // A confined service has a pid namespace of its own, in which every outsider is process 0.
    if (is_confined(job)) told.record.pid = 0;
    if (end.is_kept && kept_for != nullptr) {
      // One of many instances has a label of its own.
      KeptEnd kept = to_keep(end, kept_for->label);
      kept.handed_to = kept_for->instance.value;
      orders_.push_back(Keep{end.id.value, std::move(kept)});
    }
    orders_.push_back(HandOver{end.id, service, end.name, std::move(told)});
    to.push_back(std::move(end));
  }
  from.clear();
}

// The job of that label, or what would be that one of a job's instances.
Core::JobState* Core::job_to_wait_for(const std::string& label) {
  if (const auto job = jobs_.find(label); job != jobs_.end()) return &job->second;
  const auto base = jobs_.find(label.substr(0, label.find('@')));
  if (base == jobs_.end()) return nullptr;
  JobState& instance = jobs_[label];
  instance.label = label;
  instance.job = base->second.job;
  instance.is_new = false;
  return &instance;
}

void Core::forget_end(const End& end) {
  if (end.is_kept) orders_.push_back(Forget{end.id.value});
}

void Core::refuse(Ends& ends, const Error& reason) {
  for (const End& end : ends) {
    orders_.push_back(Refuse{end.id, reason});
    forget_end(end);
  }
  ends.clear();
}

void Core::take(Ends& on_the_way, std::uint64_t last, JobState* job) {
  while (!on_the_way.empty() && on_the_way.front().id.value <= last) {
    orders_.push_back(Release{on_the_way.front().id});
    forget_end(on_the_way.front());
    on_the_way.pop_front();
    if (job == nullptr) continue;
    job->took_any = true;
    job->fruitless_starts = 0;
  }
}

void Core::asked(PeerId id, RequestId, const contract::Taken& what) {
  PeerState& peer = peers_.at(id);
  JobState* job = job_of(peer.instance);
  const std::uint64_t last = std::min(what.last, next_ - 1);
  take(peer.on_the_way, last, job);
  if (job == nullptr) return;
  take(job->on_the_way, last, job);
  const bool was_known = job->taken.has_value();
  // Said to the broker before this one: of what that handed over last it knows nothing yet.
  if (!was_known && what.broker != broker_) return;
  job->taken = last;
  if (was_known) return;
  // What the broker before this one was about to hand over has not come: this one's succession is behind it in the
  // queue.
  Ends for_names = std::exchange(peer.on_the_way, {});
  Ends undelivered;
  if (job->state == State::running) {
    undelivered = std::exchange(job->on_the_way, {});
    for (End& end : std::exchange(job->waiting, {})) undelivered.push_back(std::move(end));
  }
  while (!for_names.empty() || !undelivered.empty()) {
    const bool is_for_name =
        undelivered.empty() || (!for_names.empty() && for_names.front().id < undelivered.front().id);
    Ends& from = is_for_name ? for_names : undelivered;
    Ends first;
    first.push_back(std::move(from.front()));
    from.pop_front();
    hand_over(first, is_for_name ? peer.on_the_way : job->on_the_way, id, job->active, is_for_name ? nullptr : job);
  }
}

// What was on its way to an instance that has ended waits for the next, unless it was meant for that one alone. Of one
// that ended before it said anything to this broker nobody knows what it had taken: the broker before this one may have
// heard that, and ended before it was kept. Such a client is interrupted rather than served twice. It sees its channel
// end: of a reason it could not tell who gives it.
void Core::take_back(JobState& job) {
  if (!job.taken) {
    for (const End& end : job.on_the_way) {
      orders_.push_back(Release{end.id});
      forget_end(end);
    }
    job.on_the_way.clear();
  }
  Ends all = std::move(job.on_the_way);
  job.on_the_way.clear();
  for (End& end : job.waiting) all.push_back(std::move(end));
  job.waiting.clear();
  Ends lost;
  for (End& end : all) {
    const OfferedName* name = offered(job.job, end.name);
    const bool ends_too = end.client.only || (name != nullptr && name->reset_at_close);
    if (!ends_too && !end.is_kept) {
      end.is_kept = true;
    }
    if (!ends_too) orders_.push_back(Keep{end.id.value, to_keep(end, job.label)});
    (ends_too ? lost : job.waiting).push_back(std::move(end));
  }
  refuse(lost, Error{Kind::gone, code::kClosed, "whom this led to has ended", "connect again"});
}

// Registering.

Result<void> Core::may_register(const PeerState& peer, const std::string& name) {
  const auto not_theirs = [&](const std::string& why) {
    return fail(
        Kind::denied, code::kNotPrivileged, "the name " + name + " " + why,
        "register names that lie in an app group of the caller's: of its signature, or Reeve.Groups of its job");
  };
  const JobState* declaring = job_offering(name);
  const policy::NameOwner owner = declaring == nullptr           ? policy::NameOwner::nobody
                                  : declaring == caller_of(peer) ? policy::NameOwner::callers_job
                                                                 : policy::NameOwner::other_job;
  switch (policy::may_register(caller(peer), name, owner)) {
    case policy::Registering::allowed:
      return {};
    case policy::Registering::in_no_group:
      return not_theirs("lies in no app group of the caller's, and is not its team's");
    case policy::Registering::belongs_to_job:
      return not_theirs("belongs to a job");
    case policy::Registering::is_checked_in:
      return fail(Kind::invalid, code::kServiceActive, "the job's own name " + name + " is checked in, not registered");
  }
  return {};
}

void Core::asked(PeerId id, RequestId request, const contract::Register& what) {
  peers_.at(id).has_offered = true;
  PeerState& peer = peers_.at(id);
  const bool is_own = what.scope == contract::Scope::process;
  if (is_own && peer.pid == 0) {
    return answer(id, request, fail(Kind::denied, code::kNotPrivileged, "the caller's process is not known yet"));
  }
  const auto allowed = is_own ? Result<void>() : may_register(peer, what.name);
  if (!allowed) return answer(id, request, std::unexpected(allowed.error()));
  auto callers = policy::Requirement::parse(what.callers);
  if (!callers) return answer(id, request, std::unexpected(callers.error()));
  const NameKey key{is_own ? peer.pid : 0, what.name};
  if (const auto found = registered_.find(key); found != registered_.end()) {
    // Asked again, of a new broker: the answer was lost with the one before.
    if (found->second.peer == id) return answer_true(id, request);
    return answer(
        id, request,
        fail(Kind::busy, code::kServiceActive,
             "the name " + what.name + " is registered already, by " + in_words(peers_.at(found->second.peer)),
             "wait until its owner leaves"));
  }
  const auto is_theirs = [&](const auto& entry) { return entry.second.peer == id; };
  if (std::count_if(registered_.begin(), registered_.end(), is_theirs) >=
      static_cast<std::ptrdiff_t>(kNamesPerPeerMax)) {
    return answer(id, request,
                  fail(Kind::busy, code::kQueueFull, std::to_string(kNamesPerPeerMax) + " names are registered already",
                       "unregister one, or offer them from another process"));
  }
  std::size_t bytes = what.callers.size();
  for (const auto& [other, registered] : registered_) {
    if (registered.peer == id) bytes += registered.callers.text().size();
  }
  if (bytes > kCallersBytesMax) return answer(id, request, std::unexpected(asks_too_much()));
  quota::Amount cost = kNameCost;
  cost.bytes += what.callers.size() * kRequirementCostFactor;
  auto charged = charge(peer, cost);
  if (!charged) return answer(id, request, std::unexpected(charged.error()));
  registered_.emplace(key, Registered{id, std::move(*callers), std::move(*charged)});
  keep_peer(id);
  answer_true(id, request);
  name_came(key);
}

// Who that is, for another member of its group.
std::string Core::in_words(const PeerState& peer) {
  const contract::Identity who = caller(peer).who;
  const std::string process = peer.pid != 0 ? "process " + std::to_string(peer.pid) : std::string("another process");
  if (!who.label.empty()) return "the job " + who.label;
  return who.identifier.empty() ? process : process + " (" + who.identifier + ")";
}

void Core::asked(PeerId id, RequestId request, const contract::Unregister& what) {
  peers_.at(id).has_offered = true;
  const NameKey key{what.scope == contract::Scope::process ? peers_.at(id).pid : 0, what.name};
  const auto found = registered_.find(key);
  if (found == registered_.end()) return answer(id, request, std::unexpected(unknown_service(what.name)));
  if (found->second.peer != id) {
    return answer(id, request,
                  fail(Kind::denied, code::kNotPrivileged, "the name " + what.name + " is somebody else's"));
  }
  registered_.erase(found);
  keep_peer(id);
  answer_true(id, request);
}

void Core::release_names(PeerId peer) {
  std::erase_if(registered_, [&](const auto& entry) { return entry.second.peer == peer; });
}

void Core::asked(PeerId peer, RequestId request, const contract::Status& what) {
  const auto state = [&]() -> std::optional<contract::NameState> {
    const policy::Caller who = caller(peers_.at(peer));
    if (const auto found = registered_.find({0, what.name}); found != registered_.end()) {
      if (!is_for(who, what.name, found->second)) return std::nullopt;
      return contract::NameState::active;
    }
    const JobState* job = job_offering(what.name);
    if (job == nullptr || !policy::may_look_up(who, what.name, job->job.allowed_callers)) return std::nullopt;
    if (job->state == State::running) return contract::NameState::active;
    const OfferedName* name = offered(job->job, what.name);
    if (name != nullptr && name->hide_until_check_in) return std::nullopt;
    return may_start(*job) ? contract::NameState::on_demand : contract::NameState::inactive;
  }();
  if (!state) return answer(peer, request, std::unexpected(unknown_service(what.name)));
  answer(peer, request, typed_reply(contract::NameStatus{*state}));
}

}  // namespace reeve::broker
