// A session around a Core, played by chance: clients and services of every nature, a spawner, a supervisor and what it
// keeps, job files, time, and the death of each. For tests.
//
// Each order is performed as the daemon performs it, and held against what is true in the session: who asked what and
// was not answered, who owns a name, which process lives, where each end is. The first thing that does not fit is the
// failure.
//
// What is let pass, because nobody could know better: that an end goes on to another although it was taken, where the
// broker died of reading that, or its channel was lost with that in it, and the service died before it said so again;
// ends that a broker had granted and neither handed over nor kept; and all that a service brings on itself by lying.
#pragma once

#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../contract/supervisor.hpp"
#include "core.hpp"
#include "simulator_jobs.hpp"
#include "simulator_text.hpp"

namespace reeve::broker::simulator {

/// How somebody behaves: services and clients alike, as far as it means something for them.
enum class Nature : std::uint8_t { honest, crashing, stalled, lying, mute, stuck, flooding };

constexpr std::size_t kOrderKinds = std::variant_size_v<Order>;
inline constexpr const char* kOrderNames[kOrderKinds] = {"Answer", "Grant", "HandOver", "Release", "Refuse",
                                                         "Launch", "Keep",  "Forget",   "Kill",    "Confirm",
                                                         "Scan",   "Watch", "Drop",     "Replace", "Identify"};

struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t brokers = 0;
  std::uint64_t orders[kOrderKinds] = {};
};

class World {
 public:
  World(std::uint64_t seed, bool is_told, Tally& tally) : dice_(seed), is_told_(is_told), tally_(tally) {
    for (const std::string& label : kLabels) {
      if (dice_.one_in(2)) files_[label] = &dice_.of(all_jobs().at(label));
    }
    files_[kSteadyLabel] = &all_jobs().at(kSteadyLabel).front();
    spawner_starts();
    broker_starts();
  }

  /// What went wrong first, if anything.
  const std::optional<std::string>& failure() const { return failure_; }
  std::uint64_t step() const { return step_; }

  void storm(std::uint64_t steps) {
    is_storm_ = true;
    const std::uint64_t turns = steps * 50;  // Some find nothing to do.
    for (std::uint64_t turn = 0; turn < turns && step_ < steps && !failure_; ++turn) something_happens();
    is_storm_ = false;
  }

  /// Everybody does what they should; then somebody calls; then everything ends.
  void calm() {
    if (is_dead_) broker_starts();
    if (!is_spawner_up_) spawner_starts();
    for (auto& [id, instance] : instances_) {
      if (instance.nature != Nature::honest) end_process(instance, {true, SIGKILL});
    }
    time_passes(20);
    check_that_all_are_answered();
    check_that_a_call_is_served(kSteadyName);
    for (const auto& [label, job] : files_) {
      const bool anybody_may = !job->disabled && !job->launch_only_once && admits(*job, nullptr) &&
                               !loaded_.contains(label) && !unloaded_.contains(label);
      for (const OfferedName& name : job->names) {
        if (anybody_may && !name.hide_until_check_in && is_sole_owner(name.name))
          check_that_a_call_is_served(name.name);
      }
    }
    everything_ends();
  }

 private:
  // Who and what there is.

  struct Asked {
    RequestId request = 0;
    contract::Request what;
  };
  struct Line {
    bool is_connected = false;  // as the daemon sees it
    std::vector<Asked> asked;   // of this broker
  };
  struct Down {
    enum class What : std::uint8_t { succession, answer, end } what = What::succession;
    RequestId request = 0;  // of the answer; of a succession the broker's number
    bool is_yes = false;
    EndId end;
  };
  enum class Process : std::uint8_t { none, alive, ended };
  struct Instance {
    InstanceId id;
    std::string label;
    Job job;
    Nature nature = Nature::honest;
    Line line;
    Process process = Process::none;
    os::ExitStatus status;
    std::int32_t pid = 0;
    bool is_launching = false;  // the spawner has been asked, and has not said no
    bool is_adopted = false;    // the supervisor knows it
    bool is_open = true;        // it has not closed its control channel
    bool is_cut = false;        // nobody has the other end of that any more
    bool is_to_end = false;     // it has heard SIGTERM
    bool is_killed = false;     // the broker has ordered that
    bool has_asked = false;     // to check in, and the broker knows
    bool is_confirmed = false;
    bool is_checked_in = false;  // and knows it
    std::deque<PeerAsked> up;
    std::deque<Down> down;
    std::uint64_t taken = 0;
    RequestId pending = 0;
    RequestId last_request = 1;
    RequestId last_other_request = 1'000'000;
    std::uint64_t broker = 0;  // that has followed another, as it knows
  };
  struct ClientModel {
    PeerId id;
    Nature nature = Nature::honest;
    std::int32_t pid = 0;
    std::uint64_t process = 0;
    Line line;
    RequestId last_request = 0;
    contract::Request last_asked = contract::List{};
    std::deque<EndId> handed;  // for names that it has registered
    std::deque<PeerAsked> again;
  };
  struct EndModel {
    PeerId client;
    std::string label;
    PeerId owner;  // of the registered name that was looked up
    InstanceId only;
    bool is_held = false;
    bool failed = false;
    PeerId handed_to;
    std::uint64_t handed_by = 0;  // the broker that did
    PeerId taken_by;
    bool is_muddled = false;  // somebody lied of it, or was set aside with it
  };
  struct Stored {
    Kept what;
    bool has_descriptor = false;
    bool has_birth = false;
  };
  struct SpawnerAsked {
    std::uint64_t line = 0;
    Order what;
  };

  template <class... T>
  void fail(const T&... texts) {
    if (!failure_) failure_ = (std::string() + ... + std::string(texts));
  }
  static std::string text(auto id) { return detail::number(id); }

  Instance* instance_of(InstanceId id) {
    const auto found = instances_.find(id.value);
    return found == instances_.end() ? nullptr : &found->second;
  }
  Instance* instance_of(PeerId peer) {
    return peer.value >> 63 == 0 ? nullptr : instance_of(InstanceId{peer.value & ~(1ULL << 63)});
  }
  Line* line_of(PeerId peer) {
    if (peer.value >> 63 != 0) {
      Instance* instance = instance_of(peer);
      return instance == nullptr ? nullptr : &instance->line;
    }
    const auto client = clients_.find(peer.value);
    return client == clients_.end() ? nullptr : &client->second.line;
  }
  Line* connected_line_of(PeerId peer) {
    Line* line = line_of(peer);
    return line != nullptr && line->is_connected ? line : nullptr;
  }
  static std::string base_of(const std::string& label) { return label.substr(0, label.find('@')); }
  template <class Map>
  auto& any_of(Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(dice_.below(map.size())))->second;
  }

  // What the daemon does.

  void apply(EventKind what) {
    events_.push_back(std::move(what));
    if (is_applying_) return;
    is_applying_ = true;
    while (!events_.empty() && !failure_) {
      const Event event{now_, local_s(), std::move(events_.front())};
      events_.pop_front();
      ++step_, ++tally_.steps;
      if (is_told_)
        std::fprintf(stderr, "%llu  %s\n", static_cast<unsigned long long>(step_), text_of(event.what).c_str());
      before(event.what);
      Orders orders = core_->apply(event);
      const bool dies = is_storm_ && dice_.one_in(1000);
      const std::size_t performed = dies ? dice_.below(orders.size() + 1) : orders.size();
      for (std::size_t i = 0; i < performed && !failure_; ++i) {
        if (is_told_) std::fprintf(stderr, "    %s\n", text_of(orders[i]).c_str());
        ++tally_.orders[orders[i].index()];
        std::visit([this](auto& order) { perform(order); }, orders[i]);
      }
      if (dies) broker_dies();
    }
    is_applying_ = false;
  }

  std::int64_t local_s() const { return 1'000'000'000 + clock_skew_ + now_ / std::chrono::seconds(1); }

  // What is true once the core hears of it.
  void before(const EventKind& event) {
    liar_ = nullptr;
    if (const auto* asked = std::get_if<PeerAsked>(&event)) {
      const Instance* speaker = instance_of(asked->peer);
      if (speaker != nullptr && speaker->nature == Nature::lying) liar_ = speaker;
      Line* line = line_of(asked->peer);
      if (line == nullptr || std::holds_alternative<contract::Taken>(asked->what)) return;
      if (std::holds_alternative<contract::CheckIn>(asked->what)) {
        if (Instance* instance = instance_of(asked->peer)) instance->has_asked = true;
      }
      if (const auto* unload = std::get_if<contract::Unload>(&asked->what)) unloaded_.insert(unload->label);
      line->asked.push_back({asked->request, asked->what});
    } else if (const auto* left = std::get_if<PeerLeft>(&event)) {
      let_names_go(left->peer);
      if (Line* line = line_of(left->peer)) line->asked.clear();
    } else if (const auto* exited = std::get_if<Exited>(&event)) {
      let_names_go(control_of(exited->instance));
    } else if (const auto* failed = std::get_if<LaunchFailed>(&event)) {
      // A spawner that was asked twice may start it yet: it is ended when that is told.
      if (Instance* instance = instance_of(failed->instance)) instance->is_killed = true;
    } else if (const auto* confirmed = std::get_if<Confirmed>(&event)) {
      if (Instance* instance = instance_of(confirmed->instance); instance != nullptr && confirmed->filters >= 2) {
        instance->is_confirmed = true;
      }
    } else if (const auto* scanned = std::get_if<Scanned>(&event)) {
      std::map<std::string, const Job*> before = std::exchange(scanned_, {});
      for (const Job& job : scanned->jobs) scanned_[job.label] = &job_in(job);
      std::erase_if(once_, [&](const auto& once) {
        return scanned_[once.first] != before[once.first] || scanned_[once.first] == nullptr;
      });
    }
  }
  const Job& job_in(const Job& job) {
    for (const Job& each : all_jobs().at(job.label)) {
      if (each.text == job.text) return each;
    }
    return all_jobs().at(job.label).front();
  }
  void let_names_go(PeerId peer) {
    std::erase_if(registered_, [&](const auto& entry) { return entry.second == peer; });
  }

  // Takes the question that an order answers; nothing where there is none.
  std::optional<contract::Request> take_question(PeerId peer, RequestId request) {
    Line* line = connected_line_of(peer);
    if (line == nullptr) return fail("an answer to ", text(peer), ", who is not there"), std::nullopt;
    for (auto asked = line->asked.begin(); asked != line->asked.end(); ++asked) {
      if (asked->request != request) continue;
      contract::Request what = std::move(asked->what);
      line->asked.erase(asked);
      return what;
    }
    fail("an answer to ", text(peer), " for request ", std::to_string(request), ", which is not open");
    return std::nullopt;
  }

  void perform(Answer& order) {
    const auto question = take_question(order.peer, order.request);
    if (!question) return;
    const bool is_yes = order.what.has_value();
    if (const auto* what = std::get_if<contract::Register>(&*question); what != nullptr && is_yes) {
      const auto [place, is_free] = registered_.try_emplace(name_key(order.peer, what->name, what->scope), order.peer);
      if (!is_free && place->second != order.peer) fail("the name ", what->name, " has two owners");
    }
    if (const auto* what = std::get_if<contract::Unregister>(&*question); what != nullptr && is_yes) {
      const auto owner = registered_.find(name_key(order.peer, what->name, what->scope));
      if (owner == registered_.end() || owner->second != order.peer)
        return fail("somebody else's name was unregistered");
      registered_.erase(owner);
    }
    if (const auto* what = std::get_if<contract::Load>(&*question); what != nullptr && is_yes) {
      const std::string label = *contract::decode_reply<std::string>(*order.what);
      loaded_[label] = &job_in(*parse_job(what->file, what->text));
      once_.erase(label);
    }
    if (const auto* what = std::get_if<contract::Unload>(&*question); what != nullptr && is_yes) {
      loaded_.erase(what->label);
      once_.erase(what->label);
    }
    Instance* instance = instance_of(order.peer);
    if (instance == nullptr) return;
    bool means_yes = is_yes;
    if (is_yes && std::holds_alternative<contract::CheckIn>(*question)) {
      endpoints_.emplace_back(contract::decode_reply<contract::CheckedIn>(*order.what)->endpoint, instance->id);
    }
    if (is_yes && std::holds_alternative<contract::Retire>(*question)) {
      means_yes = *contract::decode_reply<bool>(*order.what);
      if (means_yes && instance->nature == Nature::honest && has_unread_end(*instance)) {
        fail("an instance may retire with an end on its way");
      }
    }
    instance->down.push_back({Down::What::answer, order.request, means_yes, {}});
  }
  // Of what the broker before handed over, this one knows nothing but what the service says.
  bool has_unread_end(const Instance& instance) const {
    for (const Down& down : instance.down) {
      if (down.what != Down::What::end || down.end.value <= instance.taken) continue;
      if (ends_.at(down.end.value).handed_by == broker_) return true;
    }
    return false;
  }
  std::pair<std::int32_t, std::string> name_key(PeerId peer, const std::string& name, contract::Scope scope) {
    return {scope == contract::Scope::process ? pid_of(peer) : 0, name};
  }
  std::int32_t pid_of(PeerId peer) {
    if (const Instance* instance = instance_of(peer)) return instance->pid;
    return clients_.at(peer.value).pid;
  }

  void perform(Grant& order) {
    const auto question = take_question(order.peer, order.request);
    if (!question) return;
    const auto [place, is_new] = ends_.try_emplace(order.end.value);
    if (!is_new) return fail("the number ", text(order.end), " is given out twice");
    EndModel& end = place->second;
    end.client = order.peer;
    end.label = order.label;
    const Instance* caller = instance_of(order.peer);
    if (const auto* redeem = std::get_if<contract::Redeem>(&*question)) {
      for (const auto& [endpoint, instance] : endpoints_) {
        if (endpoint == redeem->endpoint) end.only = instance;
      }
      if (!end.only) return fail("an endpoint that nobody gave out is good for a channel");
      if (caller != nullptr && is_confined(caller->job)) return fail("a confined service redeemed an endpoint");
    } else if (const auto* look_up = std::get_if<contract::LookUp>(&*question)) {
      const auto owner = registered_.find({look_up->pid, look_up->name});
      if (owner != registered_.end()) end.owner = owner->second;
      check_right(order, *look_up, caller, end.owner);
    } else {
      return fail("a channel for a request that asked for none");
    }
    if (is_storm_ && dice_.one_in(100)) {
      end.failed = true;
      return apply(GrantFailed{order.end});
    }
    end.is_held = true;
    if (order.keep) store_[order.end.value] = {*order.keep, true, false};
  }

  static bool is_in_any(const std::string& name, const std::vector<std::string>& groups) {
    for (const std::string& group : groups) {
      if (contract::is_in_group(name, group)) return true;
    }
    return false;
  }
  static bool admits(const Job& job, const Instance* caller) {
    // "(job:a) or (group:g)": what the simulated files ask for.
    std::string text = job.allowed_callers.text();
    if (text.empty()) return true;
    if (text.front() != '(') text = "(" + text + ")";
    while (!text.empty()) {
      const std::string one = text.substr(1, text.find(')') - 1);
      text.erase(0, std::min(text.size(), one.size() + std::string_view("() or ").size()));
      if (one == "user") return true;
      if (caller == nullptr) continue;
      if (one == "job:" + caller->job.label) return true;
      for (const std::string& own : caller->job.groups) {
        if (one == "group:" + own) return true;
      }
    }
    return false;
  }
  // By any file that the label may go by now: right after a broker's death that is not for the test to know.
  void check_right(const Grant& order, const contract::LookUp& what, const Instance* caller, PeerId owner) {
    if (caller != nullptr && is_confined(caller->job) && !is_in_any(what.name, caller->job.may_look_up) &&
        !is_in_any(what.name, caller->job.groups)) {
      return fail("a confined service looked up ", what.name, ", which is none of its entitlements");
    }
    if (owner) {
      const Instance* offering = instance_of(owner);
      if (offering != nullptr && !admits(offering->job, caller))
        fail("a registered name was given to who may not have it");
      if (what.pid == 0 && (offering == nullptr || !is_in_any(what.name, offering->job.groups))) {
        fail("the name ", what.name, " is registered by who has no right to it");
      }
      return;
    }
    bool is_right = false;
    const auto consider = [&](const Job* job) {
      if (job == nullptr || !admits(*job, caller)) return;
      for (const OfferedName& name : job->names) is_right = is_right || name.name == what.name;
    };
    const std::string label = base_of(order.label);
    consider(scanned_[label]);
    if (loaded_.contains(label)) consider(loaded_.at(label));
    for (const auto& [id, instance] : instances_) {
      if (base_of(instance.label) == label) consider(&instance.job);
    }
    for (const auto& [number, stored] : store_) {
      const auto* kept = std::get_if<KeptJob>(&stored.what);
      if (kept != nullptr && kept->label == label) consider(&job_in(*parse_job(kept->file, kept->text)));
    }
    if (!is_right) fail("a channel to ", order.label, " for ", what.name, ", which it does not offer to this caller");
  }

  EndModel* held(EndId id, const char* for_what) {
    const auto end = ends_.find(id.value);
    if (end == ends_.end()) return fail("an end that never was is ", for_what), nullptr;
    if (end->second.failed) return nullptr;
    if (!end->second.is_held) return fail("the end ", text(id), " is ", for_what, ", and is not held"), nullptr;
    return &end->second;
  }

  void perform(HandOver& order) {
    EndModel* end = held(order.end, "handed over");
    if (end == nullptr) return;
    Line* line = connected_line_of(order.service);
    if (line == nullptr) return;  // The daemon has just lost it, and the core will hear of that.
    Instance* instance = instance_of(order.service);
    if (end->owner) {
      if (order.service != end->owner) return fail("an end goes to who did not register its name");
    } else {
      if (instance == nullptr || instance->label != end->label) return fail("an end goes to a job that was not called");
      if (!instance->has_asked) return fail("an end goes to an instance that has not checked in");
      if (is_confined(instance->job) && !instance->is_confirmed) return fail("an end goes to an unconfirmed instance");
      if (end->only && end->only != instance->id) return fail("an endpoint led to another instance");
    }
    if (end->handed_to == order.service && end->handed_by == broker_) return fail("an end is handed over twice");
    if (end->taken_by && end->taken_by != order.service && !end->is_muddled) {
      return fail("an end that was taken goes to another");
    }
    end->handed_to = order.service;
    end->handed_by = broker_;
    if (instance != nullptr && instance->nature == Nature::lying) end->is_muddled = true;
    if (instance != nullptr) {
      instance->down.push_back({Down::What::end, 0, true, order.end});
    } else {
      clients_.at(order.service.value).handed.push_back(order.end);
    }
  }
  void perform(Release& order) {
    EndModel* end = held(order.end, "released");
    if (end == nullptr) return;
    // One that an earlier broker handed over, to a service that ended before it said anything to this one, is given up:
    // nobody knows whether it was taken.
    const bool is_this_brokers = end->handed_by == broker_;
    if (!end->taken_by && !end->is_muddled && liar_ == nullptr && is_this_brokers)
      fail("the end ", text(order.end), " is released, and nobody has taken it");
    end->is_held = false;
  }
  void perform(Refuse& order) {
    EndModel* end = held(order.end, "refused");
    if (end == nullptr) return;
    if (end->taken_by && !end->is_muddled) fail("the end ", text(order.end), " is refused, and was taken");
    end->is_held = false;
  }

  void perform(Launch& order) {
    const auto [place, is_new] = instances_.try_emplace(order.instance.value);
    Instance& instance = place->second;
    if (is_new) {
      check_that_no_other_runs(order.keep.label);
      if (order.job.launch_only_once && base_of(order.keep.label) == order.keep.label &&
          ++once_[order.keep.label] > 1) {
        fail(order.keep.label, " is started a second time");
      }
      instance.id = order.instance;
      instance.label = order.keep.label;
      instance.job = std::move(order.job);
      instance.nature = nature();
    }
    if (!instance.line.is_connected) {
      if (is_new || instance.is_cut) births_.insert(order.instance.value);
      instance.line.is_connected = true;
      instance.is_cut = false;
    }
    if (!births_.contains(order.instance.value)) return apply(LaunchFailed{order.instance, "its channel was lost"});
    store_[order.instance.value] = {std::move(order.keep), true, true};
    if (has_line()) {
      instance.is_launching = true;
      Launch asked;
      asked.instance = order.instance;
      asked.image = order.image;
      ask_spawner(std::move(asked));
    }
  }
  void check_that_no_other_runs(const std::string& label) {
    for (const auto& [id, other] : instances_) {
      if (other.label != label || other.is_killed) continue;
      const bool may_run = other.process == Process::alive || (other.process == Process::none && other.is_launching);
      if (may_run) fail(label, " is started while instance ", text(other.id), " of it runs");
    }
  }
  Nature nature() {
    if (!is_storm_) return Nature::honest;
    static const std::vector<Nature> kNatures{Nature::honest, Nature::honest,   Nature::honest,
                                              Nature::honest, Nature::crashing, Nature::stalled,
                                              Nature::lying,  Nature::mute,     Nature::stuck};
    return dice_.of(kNatures);
  }

  void perform(Keep& order) {
    Stored stored{std::move(order.what), false, false};
    if (std::holds_alternative<KeptEnd>(stored.what)) {
      stored.has_descriptor = held(EndId{order.number}, "kept") != nullptr;
    } else if (std::holds_alternative<KeptPeer>(stored.what)) {
      stored.has_descriptor = connected_line_of(PeerId{order.number}) != nullptr;
    } else if (std::holds_alternative<KeptService>(stored.what)) {
      stored.has_descriptor = connected_line_of(control_of(InstanceId{order.number})) != nullptr;
      stored.has_birth = births_.contains(order.number);
    }
    store_[order.number] = std::move(stored);
  }
  void perform(Forget& order) {
    births_.erase(order.number);
    store_.erase(order.number);
    Instance* instance = instance_of(InstanceId{order.number});
    if (instance != nullptr && instance->process == Process::ended) instance->is_adopted = false;
  }
  void perform(Kill& order) {
    Instance* instance = instance_of(order.instance);
    if (instance == nullptr) return;
    if (order.signal == SIGKILL) instance->is_killed = true;
    if (!instance->is_adopted || instance->process != Process::alive) return;
    int signal = order.signal;
    if (signal == contract::kStopSignal) signal = instance->nature == Nature::stalled ? SIGKILL : SIGTERM;
    if (signal == SIGTERM) {
      instance->is_to_end = instance->nature != Nature::lying;
    } else if (signal == SIGKILL && instance->nature != Nature::stuck) {
      end_process(*instance, {true, SIGKILL});
    } else if (signal != SIGKILL && dice_.one_in(2)) {
      end_process(*instance, {true, signal});
    }
  }
  void perform(Confirm& order) { ask_spawner(order); }
  void perform(Scan& order) { ask_spawner(order); }
  void perform(Watch& order) { ask_spawner(std::move(order)); }
  void perform(Drop& order) {
    if (connected_line_of(order.peer) != nullptr) remove(order.peer);
  }
  void perform(Replace&) {}
  void perform(Identify& order) { ask_spawner(order); }

  void remove(PeerId peer) {
    line_of(peer)->is_connected = false;
    if (Instance* instance = instance_of(peer)) {
      instance->is_cut = true;
      instance->up.clear();
    } else {
      clients_.erase(peer.value);
    }
    apply(PeerLeft{peer});
  }
  // What it said before still counts.
  void lose(Instance& instance) {
    while (instance.line.is_connected && !instance.up.empty() && !is_dead_ && !failure_) read_one(instance);
    if (instance.line.is_connected && !is_dead_) remove(control_of(instance.id));
  }
  void read_one(Instance& instance) {
    PeerAsked asked = std::move(instance.up.front());
    instance.up.pop_front();
    apply(std::move(asked));
  }

  // The broker's death, and the next.

  void broker_dies() {
    if (is_told_) std::fprintf(stderr, "    --- the broker dies\n");
    is_dead_ = true;
    events_.clear();
    supervisor_says_.clear();
    births_.clear();
    line_ = 0;
    for (auto& [id, end] : ends_) {
      end.is_held = false;
      // It read that this was taken, and died of it: should the service die too before it can say so again, nobody
      // will know.
      const Instance* taker = end.taken_by ? instance_of(end.taken_by) : nullptr;
      if (taker != nullptr && !says_that_it_took(*taker, id)) end.is_muddled = true;
    }
    for (auto& [id, instance] : instances_) {
      instance.line = {};
      if (instance.down.size() > kQueueRoom) instance.down.resize(kQueueRoom);
    }
    for (auto& [id, client] : clients_) {
      client.again.clear();
      for (Asked& asked : client.line.asked) client.again.push_back({client.id, asked.request, asked.what, {}});
      client.line = {};
    }
  }

  static bool says_that_it_took(const Instance& instance, std::uint64_t end) {
    for (const PeerAsked& asked : instance.up) {
      const auto* taken = std::get_if<contract::Taken>(&asked.what);
      if (taken != nullptr && taken->last >= end) return true;
    }
    return false;
  }

  void broker_starts() {
    is_dead_ = false;
    ++broker_, ++tally_.brokers;
    next_peer_ = first_client(broker_).value;
    core_ = std::make_unique<Core>(quota::Amount{.bytes = 1 << 22, .descriptors = 4096, .objects = 0});
    std::vector<EventKind> told;
    Recovered recovered{broker_, 1000, {}};
    for (const auto& [number, stored] : store_) {
      const bool is_lost = is_storm_ && dice_.one_in(200);  // The supervisor was short of descriptors.
      take_kept(number, stored, is_lost, told);
      recovered.kept.emplace_back(number, stored.what);
    }
    for (auto& [id, instance] : instances_) {
      if (!instance.line.is_connected) instance.is_cut = true;
      if (!instance.is_adopted) continue;
      births_.erase(id);
      told.emplace_back(Launched{instance.id, instance.pid, process_of(instance)});
      if (instance.process == Process::ended) told.emplace_back(Exited{instance.id, instance.status});
    }
    std::erase_if(clients_, [](const auto& client) { return !client.second.line.is_connected; });
    std::erase_if(registered_, [&](const auto& entry) { return connected_line_of(entry.second) == nullptr; });
    if (is_spawner_up_) {
      line_ = ++lines_;
      told.emplace_back(SpawnerCame{});
    }
    apply(std::move(recovered));
    for (EventKind& event : told) {
      const auto* exited = std::get_if<Exited>(&event);
      if (exited != nullptr && !is_dead_) lose(*instance_of(exited->instance));
      if (is_dead_ || failure_) return;
      apply(std::move(event));
    }
    if (!is_dead_) apply(Tick{});
  }
  void take_kept(std::uint64_t number, const Stored& stored, bool is_lost, std::vector<EventKind>& told) {
    if (std::holds_alternative<KeptEnd>(stored.what)) {
      if (stored.has_descriptor) ends_.at(number).is_held = true;
    } else if (std::holds_alternative<KeptService>(stored.what)) {
      Instance& instance = *instance_of(InstanceId{number});
      // With the channel is lost what it said last.
      for (auto& [id, end] : ends_)
        end.is_muddled = end.is_muddled || (is_lost && end.taken_by == control_of(instance.id));
      if (!stored.has_descriptor || instance.is_cut || is_lost)
        return told.emplace_back(PeerLeft{control_of(instance.id)}), void();
      instance.line.is_connected = true;
      instance.down.push_back({Down::What::succession, broker_, true, {}});
      if (stored.has_birth) births_.insert(number);
    } else if (const auto* kept = std::get_if<KeptPeer>(&stored.what)) {
      // The names are as they were kept: of what was not, nobody was told.
      let_names_go(PeerId{number});
      for (const KeptName& name : kept->names) registered_[{name.pid, name.name}] = PeerId{number};
      if (number >> 63 != 0) return;
      const auto client = clients_.find(number);
      if (!stored.has_descriptor || client == clients_.end() || is_lost)
        return told.emplace_back(PeerLeft{PeerId{number}}), void();
      client->second.line.is_connected = true;
    }
  }

  // Supervisor and spawner.

  static std::uint64_t process_of(const Instance& instance) {
    return 1'000'000 + static_cast<std::uint64_t>(instance.pid);
  }
  bool has_line() const { return line_ != 0 && is_spawner_up_ && line_ == lines_; }
  void ask_spawner(Order what) {
    if (has_line()) spawner_hears_.push_back({line_, std::move(what)});
  }
  void spawner_says(std::uint64_t line, EventKind what) {
    if (line == lines_) spawner_says_.emplace_back(line, std::move(what));
  }
  void spawner_starts() {
    is_spawner_up_ = true;
    watch_ = 0;
    if (!is_dead_ && core_) {
      ++lines_;
      supervisor_says_.emplace_back(SpawnerCame{});
    }
  }
  void spawner_dies() {
    if (is_told_) std::fprintf(stderr, "    --- the spawner dies\n");
    is_spawner_up_ = false;
    for (const SpawnerAsked& asked : spawner_hears_) {
      const auto* launch = std::get_if<Launch>(&asked.what);
      if (launch == nullptr) continue;
      if (Instance* instance = instance_of(launch->instance)) instance->is_launching = false;
    }
    spawner_hears_.clear();
    spawner_says_.clear();
  }

  void end_process(Instance& instance, os::ExitStatus status) {
    if (instance.process != Process::alive) return;
    instance.process = Process::ended;
    instance.status = status;
    instance.is_open = false;
    instance.down.clear();
    if (!is_dead_) supervisor_says_.emplace_back(Exited{instance.id, status});
  }

  bool spawner_works() {
    if (!is_spawner_up_ || spawner_hears_.empty()) return false;
    const SpawnerAsked asked = std::move(spawner_hears_.front());
    spawner_hears_.pop_front();
    if (const auto* launch = std::get_if<Launch>(&asked.what)) {
      spawner_launches(asked.line, launch->instance, launch->image);
    } else if (const auto* confirm = std::get_if<Confirm>(&asked.what)) {
      const Instance* instance = instance_of(confirm->instance);
      const bool is_alive = instance != nullptr && instance->process == Process::alive;
      const int lacking = is_storm_ && dice_.one_in(20) ? 1 : 2;
      if (dice_.one_in(4)) spawner_says(asked.line, Denied{confirm->instance, "a call ended it", dice_.one_in(2)});
      spawner_says(asked.line, Confirmed{confirm->instance, is_alive ? lacking : -1});
    } else if (const auto* watch = std::get_if<Watch>(&asked.what)) {
      watch_ = watch->number;
      watched_ = watch->paths;
      for (std::size_t i = 0; i < watched_.size(); ++i)
        spawner_says(asked.line, PathIs{watch_, i, path_bits_[watched_[i]]});
    } else if (const auto* identify = std::get_if<Identify>(&asked.what)) {
      spawner_says(asked.line, Identified{identify->number, {}, std::unexpected(Error{})});
    } else {
      Scanned scanned;
      for (const auto& [label, job] : files_) scanned.jobs.push_back(*job);
      spawner_says(asked.line, std::move(scanned));
    }
    return true;
  }
  void spawner_launches(std::uint64_t line, InstanceId id, const contract::ImageId& meant) {
    Instance* instance = instance_of(id);
    if (instance == nullptr || instance->process != Process::none) return;
    // Somebody builds the program anew now and then.
    std::uint8_t& version = programs_[instance->job.label];
    if (version == 0 || (is_storm_ && dice_.one_in(30))) version = static_cast<std::uint8_t>(version % 250 + 1);
    if (meant != contract::ImageId{version}) {
      return spawner_says(line, ImageIs{id, {contract::ImageId{version}, {}}});
    }
    if (is_storm_ && dice_.one_in(12)) {
      instance->is_launching = false;
      return spawner_says(line, LaunchFailed{id, "no such program"});
    }
    instance->process = Process::alive;
    instance->is_launching = false;
    instance->is_adopted = true;
    instance->pid = next_pid_++;
    if (!is_dead_) supervisor_says_.emplace_back(Launched{id, instance->pid, process_of(*instance)});
  }

  bool broker_hears_spawner() {
    if (spawner_says_.empty()) return false;
    auto [line, what] = std::move(spawner_says_.front());
    spawner_says_.pop_front();
    if (line == line_) apply(std::move(what));
    return true;
  }
  bool broker_hears_supervisor() {
    if (supervisor_says_.empty()) return false;
    EventKind what = std::move(supervisor_says_.front());
    supervisor_says_.pop_front();
    if (std::holds_alternative<SpawnerCame>(what)) line_ = lines_;
    if (const auto* launched = std::get_if<Launched>(&what)) births_.erase(launched->instance.value);
    if (const auto* exited = std::get_if<Exited>(&what)) {
      if (Instance* instance = instance_of(exited->instance)) lose(*instance);
    }
    if (!is_dead_) apply(std::move(what));
    return true;
  }

  // Services.

  bool broker_hears(Instance& instance) {
    if (!instance.line.is_connected) return false;
    if (instance.down.size() > kQueueRoom + kOutboxRoom) return lose(instance), true;
    // What waits to be sent to one who has closed its end cannot be.
    if (instance.down.size() > kQueueRoom && !instance.is_open) return lose(instance), true;
    if (!instance.up.empty()) return instance.down.size() <= kQueueRoom && (read_one(instance), true);
    const bool is_over = !instance.is_open && instance.process != Process::none;
    if (is_over) remove(control_of(instance.id));
    return is_over;
  }

  void say(Instance& instance, RequestId request, contract::Request what) {
    if (!instance.is_cut && instance.is_open) {
      instance.up.push_back({control_of(instance.id), request, std::move(what), fresh_endpoint()});
    }
  }
  Endpoint fresh_endpoint() {
    Endpoint endpoint;
    const std::uint64_t n = ++last_endpoint_;
    for (std::size_t i = 0; i < sizeof n; ++i) endpoint.token[i] = static_cast<std::byte>(n >> (8 * i));
    return endpoint;
  }
  void ask_pending(Instance& instance) {
    if (instance.pending == 1) return say(instance, 1, contract::CheckIn{});
    say(instance, instance.pending, contract::Retire{instance.taken});
  }

  // What an honest service does next; nothing where it waits.
  bool serve(Instance& instance) {
    if (instance.process != Process::alive) return false;
    if (instance.is_to_end || (instance.is_cut && instance.down.empty()))
      return end_process(instance, {false, 0}), true;
    if (instance.pending == 0 && !instance.is_checked_in) {
      instance.pending = 1;
      return ask_pending(instance), true;
    }
    return read_down(instance);
  }
  bool read_down(Instance& instance) {
    if (instance.down.empty() || !instance.is_open) return false;
    // Nobody hears that it takes an end: it takes none.
    if (instance.is_cut && instance.down.front().what == Down::What::end)
      return end_process(instance, {false, 1}), true;
    const Down down = instance.down.front();
    instance.down.pop_front();
    if (down.what == Down::What::succession) {
      instance.broker = down.request;
      say(instance, 0, contract::Taken{instance.taken, instance.broker});
      if (instance.pending != 0) ask_pending(instance);
    } else if (down.what == Down::What::answer && down.request == instance.pending) {
      instance.pending = 0;
      if (down.request == 1 && !down.is_yes) return end_process(instance, {false, 1}), true;
      if (down.request != 1 && down.is_yes) return end_process(instance, {false, 0}), true;
      instance.is_checked_in = true;
    } else if (down.what == Down::What::end && down.end.value > instance.taken) {
      // One that comes again, from a new broker, is passed over.
      instance.taken = down.end.value;
      EndModel& end = ends_.at(down.end.value);
      if (end.taken_by && !end.is_muddled) fail("the end ", text(down.end), " is taken twice");
      end.taken_by = control_of(instance.id);
      if (instance.is_killed || instance.nature != Nature::honest) end.is_muddled = true;
      say(instance, 0, contract::Taken{instance.taken, instance.broker});
    }
    return true;
  }

  void service_acts(Instance& instance) {
    if (instance.process != Process::alive) return;
    switch (instance.nature) {
      case Nature::crashing:
        if (dice_.one_in(6)) return end_process(instance, {true, dice_.one_in(2) ? SIGSEGV : SIGTERM});
        break;
      case Nature::stalled:
        if (instance.is_checked_in) return;
        break;
      case Nature::mute:
        if (instance.is_to_end) end_process(instance, {true, SIGTERM});
        return;
      case Nature::stuck:
        if (instance.is_killed && dice_.one_in(20)) return end_process(instance, {true, SIGKILL});
        break;
      case Nature::lying:
        if (dice_.one_in(4)) return lie(instance);
        break;
      default:
        break;
    }
    if (dice_.one_in(120)) return end_process(instance, {false, static_cast<int>(dice_.below(2))});
    if (dice_.one_in(300)) instance.is_open = false;
    if (instance.is_checked_in && dice_.one_in(12)) return ask_more(instance);
    if (instance.is_checked_in && instance.pending == 0 && dice_.one_in(15)) {
      instance.pending = ++instance.last_request;
      return ask_pending(instance);
    }
    (void)serve(instance);
  }
  // What it asks like any client, under numbers of its own.
  void ask_more(Instance& instance) { say(instance, ++instance.last_other_request, any_request()); }
  void lie(Instance& instance) {
    switch (dice_.below(6)) {
      case 0:
        return say(instance, 0,
                   contract::Taken{dice_.one_in(2) ? ~0ULL : first_number(broker_) + dice_.below(200),
                                   dice_.one_in(2) ? broker_ : dice_.below(4)});
      case 1:
        return say(instance, dice_.below(3), contract::Retire{dice_.one_in(2) ? instance.taken : dice_.below(100)});
      case 2:
        return say(instance, 1 + dice_.below(2), contract::CheckIn{});
      case 3:
        return say(instance, 0, contract::Taken{0, broker_});
      default:
        return say(instance, dice_.below(3), contract::Status{dice_.of(kNames)});
    }
  }

  // Clients.

  contract::Request any_request() {
    static const std::vector<std::string> kAll{"job.a", "job.b",  "job.c",  "job.d",  "job.e",
                                               "job.f", "steady", "nobody", "job.a@5"};
    const auto scope = dice_.one_in(2) ? contract::Scope::process : contract::Scope::everybody;
    switch (dice_.below(24)) {
      case 0:
        return contract::List{};
      case 1:
        return contract::LookUp{"n.nobody"};
      case 2:
        return contract::LookUp{
            dice_.of(kRegistered), dice_.one_in(2) ? 0 : any_pid(), {}, dice_.one_in(2) ? contract::kWaitMsMax : 0};
      case 3:
      case 4:
        return contract::Register{dice_.of(kRegistered), scope};
      case 5:
        return contract::Unregister{dice_.of(kRegistered), scope};
      case 6:
        return contract::Status{dice_.of(kNames)};
      case 7: {
        const std::string& label = kLabels[kFirstLoadable + dice_.below(kLabels.size() - kFirstLoadable)];
        return contract::Load{"/loaded/" + label, dice_.of(all_jobs().at(label)).text};
      }
      case 8:
        return contract::Unload{dice_.of(kLabels)};
      case 9:
        return contract::Start{dice_.of(kAll)};
      case 10:
        return contract::Stop{dice_.of(kAll)};
      case 11:
        return contract::KillJob{dice_.of(kAll), static_cast<std::int32_t>(dice_.below(70))};
      case 12:
        return contract::Print{dice_.of(kAll)};
      case 13:
        return contract::Redeem{endpoints_.empty() || dice_.one_in(4) ? Endpoint{} : dice_.of(endpoints_).first};
      case 14:
        if (dice_.one_in(20)) return contract::Replace{};
        return contract::Taken{dice_.below(100), dice_.below(4)};
      case 15:
        if (dice_.one_in(4)) return contract::CheckIn{};
        return contract::Retire{dice_.below(100)};
      case 16:
        if (dice_.one_in(2)) return contract::Identify{dice_.one_in(3) ? 0 : any_pid()};
        return contract::Prove{};
      default:
        return contract::LookUp{dice_.one_in(6) ? kSteadyName : dice_.of(kNames)};
    }
  }
  std::int32_t any_pid() {
    if (!clients_.empty() && dice_.one_in(2)) return any_of(clients_).pid;
    return instances_.empty() ? 0 : any_of(instances_).pid;
  }

  void a_client_comes(Nature nature, std::int32_t pid) {
    ClientModel client;
    client.id = PeerId{next_peer_++};
    client.nature = nature;
    client.pid = pid;
    client.process = dice_.one_in(8) ? 0 : static_cast<std::uint64_t>(pid);
    client.line.is_connected = true;
    const PeerCame came{client.id, client.pid, 1000, client.process};
    clients_.emplace(client.id.value, std::move(client));
    apply(came);
  }
  void client_acts() {
    const std::size_t most = is_flood_ ? 40 : 8;
    if (clients_.empty() || (clients_.size() < most && dice_.one_in(is_flood_ ? 4 : 12))) {
      static const std::vector<Nature> kNatures{Nature::honest, Nature::crashing, Nature::stalled, Nature::lying,
                                                Nature::flooding};
      // A few processes, each with any number of connections.
      return a_client_comes(dice_.of(kNatures), 10'000 + static_cast<std::int32_t>(dice_.below(12)));
    }
    ClientModel& client = any_of(clients_);
    if (dice_.one_in(client.nature == Nature::crashing ? 8 : 60)) return remove(client.id);
    if (!client.again.empty()) {
      PeerAsked again = std::move(client.again.front());
      client.again.pop_front();
      return apply(std::move(again));
    }
    if (!client.handed.empty() && client.nature != Nature::stalled && dice_.one_in(2)) return client_takes(client);
    const std::uint64_t times = client.nature == Nature::flooding && dice_.one_in(10) ? 1 + dice_.below(100) : 1;
    const PeerId id = client.id;
    const contract::Request what = any_request();
    for (std::uint64_t i = 0; i < times && !is_dead_ && connected_line_of(id) != nullptr; ++i) {
      // A number that was used before comes with what was asked under it: for the rest nobody could tell whose answer
      // it is.
      const bool repeats = client.nature == Nature::lying && client.last_request != 0 && dice_.one_in(4);
      if (!repeats) ++client.last_request, client.last_asked = what;
      apply(PeerAsked{id, client.last_request, client.last_asked, fresh_endpoint()});
    }
  }
  void client_takes(ClientModel& client) {
    const EndId id = client.handed.front();
    client.handed.pop_front();
    EndModel& end = ends_.at(id.value);
    if (end.taken_by && !end.is_muddled) fail("the end ", text(id), " is taken twice");
    end.taken_by = client.id;
    apply(PeerAsked{client.id, 0, contract::Taken{id.value}, {}});
  }

  // Time, files, and the rest.

  void tick_if_due() {
    for (int i = 0; i < kTicksAtOnce && !is_dead_; ++i) {
      const auto when = core_->wake_at();
      if (!when || *when > now_) return;
      apply(Tick{});
    }
    const auto when = is_dead_ ? std::nullopt : core_->wake_at();
    if (when && *when <= now_) fail("it wants to be woken for ever");
  }
  // In seconds a broker hears whatever was said to it.
  void catch_up() {
    while (!is_dead_ && !failure_ && broker_hears_supervisor()) continue;
    for (auto& [id, instance] : instances_) {
      while (!is_dead_ && !failure_ && broker_hears(instance)) continue;
    }
  }
  void time_goes_on() {
    catch_up();
    if (is_dead_ || failure_) return;
    const auto when = core_->wake_at();
    if (when && dice_.one_in(2)) {
      now_ = std::max(now_, *when) + std::chrono::milliseconds(dice_.one_in(2) ? 0 : dice_.below(3000));
    } else {
      now_ += std::chrono::milliseconds(dice_.below(4000));
    }
    if (dice_.one_in(200)) clock_skew_ += static_cast<std::int64_t>(dice_.below(8000)) - 4000;
    tick_if_due();
  }
  void a_file_changes() {
    const std::string& label = dice_.of(kLabels);
    if (dice_.one_in(3)) {
      files_.erase(label);
    } else {
      files_[label] = &dice_.of(all_jobs().at(label));
    }
    if (is_spawner_up_) spawner_says(lines_, FoldersChanged{});
  }
  void a_path_changes() {
    const std::string& path = dice_.of(kPaths);
    path_bits_[path] = static_cast<std::uint32_t>(dice_.below(4));
    for (std::size_t i = 0; i < watched_.size() && is_spawner_up_ && watch_ != 0; ++i) {
      if (watched_[i] == path) spawner_says(lines_, PathIs{watch_, i, path_bits_[path] | 4U});
    }
  }

  void something_happens() {
    if (is_dead_) {
      if (!dice_.one_in(4)) return broker_starts();
    } else if (dice_.one_in(900)) {
      return broker_dies();
    }
    if (is_spawner_up_ ? dice_.one_in(700) : dice_.one_in(6)) return is_spawner_up_ ? spawner_dies() : spawner_starts();
    const std::uint64_t which = dice_.below(100);
    if (which < 8) return (void)spawner_works();
    if (which < 28 && !instances_.empty()) return service_acts(any_of(instances_));
    if (is_dead_) return;
    if (which < 55 && !instances_.empty()) return (void)broker_hears(any_of(instances_));
    if (which < 65) return (void)broker_hears_supervisor();
    if (which < 73) return (void)broker_hears_spawner();
    if (which < 94) return client_acts();
    if (which < 97) return time_goes_on();
    if (which == 97) return a_path_changes();
    if (dice_.one_in(4)) return a_file_changes();
    if (dice_.one_in(60)) is_flood_ = !is_flood_;
    tidy();
  }
  // Nobody will hear of these again.
  void tidy() {
    std::erase_if(instances_, [&](const auto& entry) {
      const Instance& instance = entry.second;
      const bool may_come = instance.process == Process::alive || instance.is_launching || instance.is_adopted;
      return !may_come && !instance.line.is_connected && !store_.contains(entry.first);
    });
  }

  // Calm.

  void settle() {
    for (int turn = 0; turn < kTurnsToSettle && !failure_; ++turn) {
      bool goes_on = spawner_works();
      goes_on = broker_hears_supervisor() || goes_on;
      goes_on = broker_hears_spawner() || goes_on;
      for (auto& [id, instance] : instances_) {
        goes_on = serve(instance) || goes_on;
        goes_on = broker_hears(instance) || goes_on;
      }
      std::vector<PeerId> ids;
      for (auto& [id, client] : clients_) ids.push_back(client.id);
      for (const PeerId id : ids) goes_on = client_goes_on(id) || goes_on;
      if (!goes_on) return tick_if_due();
    }
    fail("there is no end of it");
  }
  bool client_goes_on(PeerId id) {
    const auto client = clients_.find(id.value);
    if (client == clients_.end()) return false;
    if (!client->second.again.empty()) {
      PeerAsked again = std::move(client->second.again.front());
      client->second.again.pop_front();
      return apply(std::move(again)), true;
    }
    if (client->second.handed.empty()) return false;
    return client_takes(client->second), true;
  }
  void time_passes(int rounds) {
    for (int i = 0; i < rounds && !failure_; ++i) {
      settle();
      tidy();
      now_ += std::chrono::seconds(5);
      tick_if_due();
    }
    settle();
  }
  bool is_sole_owner(const std::string& name) const {
    for (const auto& [key, owner] : registered_) {
      if (key.second == name) return false;
    }
    int owners = 0;
    const auto count = [&](const Job& job) {
      for (const OfferedName& offered : job.names) owners += offered.name == name ? 1 : 0;
    };
    for (const auto& [label, job] : files_) count(*job);
    for (const auto& [label, job] : loaded_) count(*job);
    return owners == 1;
  }
  void check_that_all_are_answered() {
    const auto check = [&](const Line& line, PeerId peer) {
      for (const Asked& asked : line.asked) {
        // Asked twice, these are answered once.
        if (std::holds_alternative<contract::CheckIn>(asked.what)) continue;
        if (std::holds_alternative<contract::Retire>(asked.what)) continue;
        // The name may never come.
        const auto* look_up = std::get_if<contract::LookUp>(&asked.what);
        if (look_up != nullptr && look_up->wait_ms > 0) continue;
        return fail("request ", std::to_string(asked.request), " of ", text(peer), " was never answered");
      }
    };
    for (const auto& [id, client] : clients_) check(client.line, client.id);
    for (const auto& [id, instance] : instances_) {
      if (instance.line.is_connected) check(instance.line, control_of(instance.id));
    }
  }
  void check_that_a_call_is_served(const std::string& name) {
    constexpr int kAttempts = 20;
    a_client_comes(Nature::honest, 20'000);
    if (clients_.empty()) return fail("nobody is let in");
    const PeerId caller = std::prev(clients_.end())->second.id;
    for (int i = 0; i < kAttempts && !failure_; ++i) {
      const std::uint64_t ends = ends_.empty() ? 0 : std::prev(ends_.end())->first;
      apply(PeerAsked{caller, static_cast<RequestId>(1 + i), contract::LookUp{name}, {}});
      time_passes(1);
      for (auto end = ends_.upper_bound(ends); end != ends_.end(); ++end) {
        if (end->second.client == caller && end->second.taken_by && !end->second.is_held) return remove(caller);
      }
      time_passes(8);
    }
    fail("a call of ", name, " is not served");
  }

  void everything_ends() {
    a_client_comes(Nature::honest, 20'001);
    for (const std::string& label : kLabels) {
      apply(PeerAsked{PeerId{next_peer_ - 1}, ++last_endpoint_, contract::Unload{label}, {}});
    }
    files_.clear();
    spawner_says(lines_, FoldersChanged{});
    settle();
    std::vector<PeerId> ids;
    for (auto& [id, client] : clients_) ids.push_back(client.id);
    for (const PeerId id : ids) remove(id);
    settle();
    for (auto& [id, instance] : instances_) end_process(instance, {false, 0});
    time_passes(20);
    if (failure_) return;
    for (const auto& [number, stored] : store_) {
      // What the trust folders say is for as long as the session lasts.
      if (!std::holds_alternative<KeptTrust>(stored.what))
        fail(text(number), " is kept for ever: ", detail::text_of_kept(stored.what));
    }
    for (const auto& [number, end] : ends_) {
      if (end.is_held) fail("the end ", text(number), " is held for ever");
    }
    if (core_->charged() != quota::Amount{}) fail("nobody is there, and somebody is charged");
    if (!core_->is_idle()) fail("nobody is there, and it is not idle");
    if (core_->wake_at()) fail("nobody is there, and it wants to be woken");
    for (const auto& [id, instance] : instances_) {
      if (instance.process == Process::alive) fail("instance ", text(instance.id), " lives on");
    }
  }

  static constexpr std::size_t kQueueRoom = 16;   // packets in a control channel's queue
  static constexpr std::size_t kOutboxRoom = 16;  // ... and behind it in the daemon
  static constexpr int kTicksAtOnce = 16;
  static constexpr int kTurnsToSettle = 20'000;

  Dice dice_;
  bool is_told_;
  Tally& tally_;
  std::optional<std::string> failure_;
  std::uint64_t step_ = 0;
  bool is_storm_ = false;
  bool is_flood_ = false;

  std::unique_ptr<Core> core_;
  std::deque<EventKind> events_;
  bool is_applying_ = false;
  bool is_dead_ = true;
  std::uint64_t broker_ = 0;
  std::uint64_t next_peer_ = 1;

  os::Time now_{std::chrono::seconds(1000)};
  std::int64_t clock_skew_ = 0;

  std::map<std::uint64_t, Stored> store_;
  std::deque<EventKind> supervisor_says_;
  bool is_spawner_up_ = false;
  std::uint64_t lines_ = 0;  // between broker and spawner, so far
  std::uint64_t line_ = 0;   // that the broker has
  std::deque<SpawnerAsked> spawner_hears_;
  std::deque<std::pair<std::uint64_t, EventKind>> spawner_says_;
  std::uint32_t watch_ = 0;
  std::vector<std::string> watched_;
  std::map<std::string, std::uint32_t> path_bits_;
  std::map<std::string, std::uint8_t> programs_;  // which build of each there is

  std::map<std::string, const Job*> files_;
  std::map<std::string, const Job*> scanned_;  // as the broker knows them
  std::map<std::string, const Job*> loaded_;
  std::set<std::string> unloaded_;   // at some time
  std::map<std::string, int> once_;  // starts of jobs that may start once

  std::map<std::uint64_t, Instance> instances_;
  std::map<std::uint64_t, ClientModel> clients_;
  std::map<std::uint64_t, EndModel> ends_;
  const Instance* liar_ = nullptr;  // who has just said something, and cannot be believed
  std::set<std::uint64_t> births_;
  std::map<std::pair<std::int32_t, std::string>, PeerId> registered_;
  std::vector<std::pair<Endpoint, InstanceId>> endpoints_;
  std::uint64_t last_endpoint_ = 0;
  std::int32_t next_pid_ = 100;
};

}  // namespace reeve::broker::simulator
