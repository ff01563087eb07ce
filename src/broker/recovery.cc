// What is kept with the supervisor, and how the next broker goes on with it.
#include <algorithm>
#include <csignal>
#include <type_traits>

#include "core.hpp"

namespace reeve::broker {
namespace {

Data data_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return Data(std::vector<std::byte>(bytes.begin(), bytes.end()));
}
// One that this broker does not understand nobody meets.
policy::Requirement requirement_in(const std::string& text) {
  auto requirement = policy::Requirement::parse(text);
  return requirement ? std::move(*requirement) : *policy::Requirement::any_of({});
}
std::string text_in(const Data& data) {
  return {reinterpret_cast<const char*>(data.bytes().data()), data.bytes().size()};
}

}  // namespace

void Core::on(const Recovered& event) {
  broker_ = event.broker;
  next_ = first_number(event.broker);
  user_ = event.user;
  const auto each = [&]<class T>(std::type_identity<T>) {
    for (const auto& [number, kept] : event.kept) {
      if (const T* what = std::get_if<T>(&kept)) recover(number, *what);
    }
  };
  each(std::type_identity<KeptTrust>());
  each(std::type_identity<KeptJob>());
  each(std::type_identity<KeptService>());
  each(std::type_identity<KeptPeer>());
  each(std::type_identity<KeptEnd>());
  scan();
  if (!event.kept.empty()) {
    watch_paths();
    consider_all();
  }
}

void Core::recover(std::uint64_t number, const KeptJob& kept) {
  auto job = parse_job(kept.file, kept.text);
  if (!job || job->label != kept.label || jobs_.contains(kept.label)) return orders_.push_back(Forget{number});
  JobState& state = jobs_[kept.label];
  state.number = number;
  state.label = kept.label;
  state.job = std::move(*job);
  state.is_new = false;
  state.is_loaded = kept.is_loaded;
  state.is_unloaded = kept.is_unloaded;
  for (const std::int64_t start : kept.recent_starts_ns) state.recent_starts.emplace_back(start);
  if (kept.next_interval_ns != 0 && state.job.start_interval) state.next_interval = os::Time(kept.next_interval_ns);
  state.calendar_minute = local_s_ / 60;
  state.fruitless_starts = kept.fruitless_starts;
  state.starts = kept.starts;
  state.was_demanded = kept.was_demanded;
  if (kept.exited) state.last_exit = os::ExitStatus{kept.by_signal, kept.exit_value};
  std::vector<std::string> problems;
  take_names(state, problems);
}

void Core::recover(std::uint64_t number, const KeptService& kept) {
  auto job = parse_job(kept.file, kept.text);
  const bool fits = job && (job->label == kept.label || kept.label.starts_with(job->label + "@")) &&
                    kept.endpoint.size() == sizeof(Endpoint::token) && kept.image.size() == sizeof(contract::ImageId);
  const auto place = fits ? jobs_.try_emplace(kept.label).first : jobs_.end();
  if (!fits || place->second.instance) {
    orders_.push_back(Kill{InstanceId{number}, SIGKILL});
    return orders_.push_back(Forget{number});
  }
  JobState& state = place->second;
  if (state.label.empty()) {
    state.label = kept.label;
    state.job = *job;
    std::vector<std::string> problems;
    take_names(state, problems);
  }
  state.is_new = false;
  state.active = std::move(*job);
  state.state = kept.is_retiring ? State::retiring : kept.is_running ? State::running : State::starting;
  if (kept.is_stopping && state.state == State::running) state.state = State::dying;
  state.is_stopping = kept.is_stopping;
  state.instance = InstanceId{number};
  state.service = control_of(state.instance);
  peers_.insert_or_assign(state.service, control_peer(state.instance));
  state.started = os::Time(kept.started_ns);
  if (state.job.throttle_interval.count() > 0) state.recent_starts.push_back(state.started);
  ++state.starts;
  state.was_demanded = true;
  state.spawner = kept.spawner;
  if (kept.is_running) state.check_in = kept.check_in;  // One that was not answered asks again.
  std::copy_n(kept.endpoint.bytes().begin(), sizeof state.endpoint.token, state.endpoint.token.begin());
  std::copy_n(kept.image.bytes().begin(), state.image.id.size(), reinterpret_cast<std::byte*>(state.image.id.data()));
  state.image.manifest = text_in(kept.manifest);
  for (const auto& [name, text] : kept.callers) {
    state.callers.emplace(name, requirement_in(text));
  }
  if (!judge(state)) orders_.push_back(Kill{state.instance, SIGKILL});
  state.took_any = kept.is_running;
  if (state.state == State::starting) state.taken = 0;
  if (state.state == State::starting && !state.active.names.empty()) state.ends_by = now_ + kCheckInTime;
  if (state.state == State::retiring) state.ends_by = now_ + kStopGrace;
  if (state.is_stopping && state.active.exit_time_out.count() > 0) state.ends_by = now_ + state.active.exit_time_out;
}

void Core::recover(std::uint64_t number, const KeptPeer& kept) {
  const PeerId id{number};
  // An instance's own names are kept beside it; a client is one that only this knows of.
  auto [place, is_new] = peers_.try_emplace(id);
  PeerState& peer = place->second;
  peer.is_kept = true;
  peer.pid = kept.pid;
  peer.process = kept.process;
  if (is_new) peer.uid = kept.uid;
  if (is_new && number >> 63 != 0) {
    peers_.erase(place);
    return orders_.push_back(Forget{number});
  }
  if (is_new) {
    if (auto charged = charge(peer, kPeerCost)) peer.charge = std::move(*charged);
  }
  for (const KeptName& name : kept.names) {
    Registered registered{id, requirement_in(name.callers), {}};
    if (auto charged = charge(peer, kNameCost)) registered.charge = std::move(*charged);
    registered_.emplace(NameKey{name.pid, name.name}, std::move(registered));
  }
  peer.manifest = text_in(kept.manifest);
  if (auto who = verified_by(peer.manifest); who && !peer.manifest.empty()) {
    peer.identity = std::move(*who);
  }
}

void Core::recover(std::uint64_t number, const KeptTrust& kept) {
  if (has_trust_) return orders_.push_back(Forget{number});
  has_trust_ = true;
  trust_ = kept.trust;
  trust_number_ = number;
}

void Core::recover(std::uint64_t number, const KeptEnd& kept) {
  End end{EndId{number}, kept.name, {}, true, {}, {}};
  static_cast<contract::Identity&>(end.client.peer) = kept.client;
  end.client.peer.uid = kept.uid;
  end.required = requirement_in(kept.required);
  end.client.record = {kept.pid, kept.process};
  end.client.only = InstanceId{kept.only};
  PeerState payer;
  payer.pid = kept.pid;
  payer.uid = kept.uid;
  payer.process = kept.process;
  if (auto charged = charge(payer, kEndCost)) end.charge = std::move(*charged);
  // The broker before may have died before it kept anything of the job; its file says what that is.
  JobState* job = job_to_wait_for(kept.label);
  if (job == nullptr) return homeless_.emplace_back(kept.label, std::move(end)), void();
  const OfferedName* name = offered(job->job, kept.name);
  const bool goes_with_it = kept.only != 0 || (name != nullptr && name->reset_at_close);
  const std::uint64_t led_to = kept.only != 0 ? kept.only : kept.handed_to;
  if (goes_with_it && led_to != 0 && led_to != job->instance.value) {
    Ends lost;
    lost.push_back(std::move(end));
    return refuse(lost, Error{Kind::gone, code::kClosed, "whom this led to has ended", "connect again"});
  }
  const bool is_handed = kept.handed_to != 0 && kept.handed_to == job->instance.value;
  (is_handed ? job->on_the_way : job->waiting).push_back(std::move(end));
}

// Keeping.

KeptService Core::to_keep(const JobState& job) const {
  KeptService kept;
  kept.label = job.label;
  kept.file = job.active.file;
  kept.text = job.active.text;
  kept.started_ns = job.started.count();
  kept.spawner = job.spawner;
  kept.check_in = job.check_in;
  kept.is_retiring = job.state == State::retiring;
  kept.is_stopping = job.is_stopping;
  kept.is_running = job.state == State::running || job.state == State::dying || kept.is_retiring;
  kept.endpoint = Data(std::vector<std::byte>(job.endpoint.token.begin(), job.endpoint.token.end()));
  kept.image = data_of({reinterpret_cast<const char*>(job.image.id.data()), job.image.id.size()});
  kept.manifest = data_of(job.image.manifest);
  for (const auto& [name, asked] : job.callers) kept.callers[name] = asked.text();
  return kept;
}

KeptEnd Core::to_keep(const End& end, const std::string& label) const {
  KeptEnd kept;
  kept.label = label;
  kept.name = end.name;
  kept.only = end.client.only.value;
  kept.uid = end.client.peer.uid;
  kept.pid = end.client.record.pid;
  kept.process = end.client.record.process;
  kept.client = end.client.peer;
  kept.required = end.required.text();
  return kept;
}

void Core::keep_service(const JobState& job) { orders_.push_back(Keep{job.instance.value, to_keep(job)}); }

void Core::keep(JobState& job) {
  if (job.removed) {
    // It is there until its instance has ended, which is kept by itself.
    if (job.number != 0) orders_.push_back(Forget{std::exchange(job.number, 0)});
    return;
  }
  if (job.number == 0) job.number = next_number();
  KeptJob kept;
  kept.label = job.label;
  kept.file = job.job.file;
  kept.text = job.job.text;
  for (const os::Time start : job.recent_starts) kept.recent_starts_ns.push_back(start.count());
  if (job.next_interval) kept.next_interval_ns = job.next_interval->count();
  kept.fruitless_starts = job.fruitless_starts;
  kept.starts = job.state == State::idle ? job.starts : job.starts - 1;  // One that runs is kept by itself.
  kept.was_demanded = job.was_demanded;
  kept.is_loaded = job.is_loaded;
  kept.is_unloaded = job.is_unloaded;
  kept.exited = job.last_exit.has_value();
  if (job.last_exit) {
    kept.by_signal = job.last_exit->by_signal;
    kept.exit_value = job.last_exit->value;
  }
  orders_.push_back(Keep{job.number, std::move(kept)});
}

// A peer that has registered names outlives this broker; one that has none any more does not.
void Core::keep_peer(PeerId id) {
  PeerState& peer = peers_.at(id);
  KeptPeer kept{peer.pid, peer.uid, peer.process, {}, data_of(peer.manifest)};
  for (const auto& [key, registered] : registered_) {
    if (registered.peer == id) kept.names.push_back({key.first, key.second, registered.callers.text()});
  }
  const bool had_names = std::exchange(peer.is_kept, !kept.names.empty());
  if (peer.is_kept) {
    orders_.push_back(Keep{id.value, std::move(kept)});
  } else if (had_names) {
    orders_.push_back(Forget{id.value});
  }
}

}  // namespace reeve::broker
