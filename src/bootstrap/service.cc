#include "service.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "../os/process.hpp"
#include "../vocab/name.hpp"
#include "../vocab/text.hpp"
#include "broker.hpp"
#include "control.hpp"
#include "entrance.hpp"
#include "inherited_line.hpp"

namespace reeve::bootstrap {
namespace {

contract::Scope scope_of(NameFrom from) {
  return from == NameFrom::process ? contract::Scope::process : contract::Scope::everybody;
}

Error not_served(const std::string& name) {
  return {Kind::denied, code::kUnknownService, "the service does not serve " + name,
          "have its program offer the name, or take it out of its job file"};
}

}  // namespace

struct Service::Offered {
  std::string name;
  connection::SharedHandler handler;
  Offer offer;
};

class Service::Running {
 public:
  Running(std::vector<Offered>& offers, os::Loop& loop, os::Fd control, bool is_job)
      : offers_(offers),
        loop_(loop),
        control_(channel::Channel(std::move(control)),
                 [this](const contract::Handover& handover, bool has_room) { take(handover, has_room); }),
        only_line_(control_),
        is_job_(is_job),
        server_(loop) {}

  Result<void> run() {
    // Blocked and read by the loop: process 1 of a pid namespace hears no signal that it does not ask for.
    const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT}));
    auto signal_watch = REEVE_TRY(loop_.watch(signals, {.readable = true}, [&](os::Ready) {
      os::Loop::forget_signals(signals);
      stop();
    }));
    REEVE_TRY(close_sandbox());
    const auto read = [this](os::Ready) {
      // What has ended stays readable.
      if (!control_.read_what_came() && loop_.is_attending()) loop_.leave_alone();
    };
    control_watch_ = REEVE_TRY(loop_.watch(control_.socket(), {.readable = true}, read, os::Attends::yes));
    REEVE_TRY(begin());
    bool has_lost_control = false;
    while (!over_ && !has_lost_control) {
      REEVE_TRY(loop_.run_once(stop_by_));
      has_lost_control = control_.over() && !is_winding_up_for_good();
      if (!has_lost_control) wind_up();
    }
    tell_stopping();
    return has_lost_control ? control_ended() : Result<void>();
  }

  /// An offer that was made while run() runs.
  Result<void> add(const std::string& name) {
    const Offered& offered = *offer_for(name);
    // The broker was told when the process checked in, and is not told again.
    if (is_declared(offered) && !offered.offer.options.callers.empty()) {
      return fail(Kind::unsupported, code::kServiceActive,
                  "who may call " + name + ", which the job declares, is said before run()",
                  "offer it before, or say it in AllowedCallers of the job");
    }
    REEVE_TRY(register_name(offered));
    tell_started();
    return {};
  }
  Result<void> unregister_name(const Offered& offered) {
    if (is_declared(offered)) return {};
    const auto done = control_.ask_and_wait(contract::Unregister{offered.name, scope_of(offered.offer.options.from)});
    // Asked again, of a new broker: the answer was lost with the one before.
    if (done || done.error().code == code::kUnknownService) return {};
    return std::unexpected(done.error());
  }

 private:
  Result<void> begin() {
    if (!is_job_) {
      REEVE_TRY(prove([this](const contract::Request& what) { return control_.ask_and_wait(what); }));
      return register_all();
    }
    contract::CheckIn check_in;
    for (const Offered& offered : offers_) {
      if (!offered.offer.options.callers.empty()) check_in.callers[offered.name] = offered.offer.options.callers;
    }
    if (!offers_.empty() && !offers_.front().offer.options.callers.empty()) {
      check_in.callers[""] = offers_.front().offer.options.callers;
    }
    REEVE_TRY(control_.ask(std::move(check_in), [this](Result<Dictionary> answer) {
      if (auto done = checked_in(std::move(answer)); !done) control_.break_off(done.error());
    }));
    return {};
  }

  Result<void> checked_in(Result<Dictionary> answer) {
    const auto reply = REEVE_TRY(contract::decode_reply<contract::CheckedIn>(REEVE_TRY(std::move(answer))));
    idle_ = std::chrono::seconds(reply.idle_seconds);
    declared_ = reply.names;
    server_.set_name(reply.label);
    const bool serves_any = std::any_of(offers_.begin(), offers_.end(), [this](const Offered& o) {
      return is_declared(o) || o.offer.options.from == NameFrom::process;
    });
    // A job that declares other names has clients who want those, and not what this program does.
    if (!declared_.empty() && !serves_any) {
      return fail(Kind::denied, code::kNotPrivileged, "the program serves none of the names of the job " + reply.label,
                  "put the name that it serves under MachServices in the job file");
    }
    REEVE_TRY(register_all());
    endpoint_ = reply.endpoint;
    tell_started();
    retire_later();
    return {};
  }

  // Names that the job does not declare may lie in one of its groups; whether they do, the broker says.
  Result<void> register_all() {
    for (const Offered& offered : offers_) REEVE_TRY(register_name(offered));
    return {};
  }
  Result<void> register_name(const Offered& offered) {
    if (is_declared(offered)) return {};
    REEVE_TRY(control_.ask_and_wait(
        contract::Register{offered.name, scope_of(offered.offer.options.from), offered.offer.options.callers}));
    return {};
  }

  // Who is told may offer more, and withdraw others.
  void tell_started() {
    if (!endpoint_) return;
    const auto is_to_be_told = [](const Offered& offered) { return static_cast<bool>(offered.offer.started); };
    while (true) {
      const auto next = std::find_if(offers_.begin(), offers_.end(), is_to_be_told);
      if (next == offers_.end()) return;
      const auto kept = next->offer.keeper;
      const auto started = std::exchange(next->offer.started, {});
      started(*endpoint_);
    }
  }

  bool is_declared(const Offered& offered) const {
    return offered.offer.options.from == NameFrom::job &&
           std::find(declared_.begin(), declared_.end(), offered.name) != declared_.end();
  }

  // Without its supervisor a service can be reached by nobody new; those it serves are better served afresh.
  Result<void> control_ended() {
    if (control_.has_ended()) return {};
    return std::unexpected(*control_.over());
  }

  // Through an endpoint a client has come to the process, not to one of its names.
  const Offered* offer_for(const std::string& name) const {
    if (name.empty()) return offers_.empty() ? nullptr : &offers_.front();
    const auto found = std::find_if(offers_.begin(), offers_.end(), [&](const Offered& o) { return o.name == name; });
    return found == offers_.end() ? nullptr : &*found;
  }

  void take(const contract::Handover& handover, bool has_room) {
    auto arrival = arrival_of(handover);
    if (!arrival) return;  // This client sees its channel end; the others are served on.
    if (!has_room) return connection::end_with(arrival->channel, no_room());
    const Offered* offer = offer_for(arrival->name);
    if (offer == nullptr) return connection::end_with(arrival->channel, not_served(arrival->name));
    if (std::exchange(is_retiring_, false)) retire_later();
    if (!offer->offer.accept) return admit(std::move(*arrival), offer->handler);
    // What accepts is the user's own code: it has its turn when no other runs.
    arrived_.push_back(std::move(*arrival));
    if (arrived_.size() == 1) accept_later();
  }

  void accept_later() {
    accept_timer_ = loop_.at(os::now(), [this] {
      Arrival arrived = std::move(arrived_.front());
      arrived_.pop_front();
      accept(std::move(arrived));
      if (!arrived_.empty()) accept_later();
    });
  }

  // Whoever accepts is told the pid, which every packet will have to bear out. It may withdraw the offer.
  void accept(Arrival arrived) {
    const Offered* offer = offer_for(arrived.name);
    if (offer == nullptr) return connection::end_with(arrived.channel, not_served(arrived.name));
    const auto decide = offer->offer.accept;
    if (!decide) return admit(std::move(arrived), offer->handler);
    Peer peer = arrived.peer;
    if (arrived.record.pid != 0) peer.pid = arrived.record.pid;
    auto handler = decide(peer);
    if (!handler) return connection::end_with(arrived.channel, handler.error());
    admit(std::move(arrived), std::make_shared<const connection::Handler>(std::move(*handler)));
  }

  void admit(Arrival arrived, connection::SharedHandler handler) {
    (void)server_.add(std::move(arrived.channel), std::move(arrived.peer), arrived.record, std::move(handler));
  }

  // Nothing more is taken up. Who is told may do what it likes with the offers.
  void tell_stopping() {
    if (std::exchange(has_told_stopping_, true)) return;
    std::vector<Offer> all;  // with what they refer to
    for (const Offered& offered : offers_) {
      if (offered.offer.stopping) all.push_back(offered.offer);
    }
    for (const Offer& offer : all) offer.stopping();
  }

  // Told to: whoever is at work may finish that first.
  void stop() {
    is_told_to_stop_ = true;
    if (bell_ || !has_transactions()) return;
    auto bell = os::Bell::make();
    if (!bell) return;  // It stops without waiting for them.
    bell_.emplace(std::move(*bell));
    bell_watch_ = loop_.watch(bell_->descriptor(), {.readable = true}, [this](os::Ready) { bell_->hush(); })
                      .value_or(os::Loop::Watch());
    ring_after_transactions(&*bell_);
  }

  bool is_winding_up_for_good() const { return stop_by_.has_value(); }

  // What the broker handed over from now on would be lost: it is left to the next instance.
  void wind_up() {
    if (is_told_to_stop_ && !(bell_ && has_transactions())) {
      control_watch_.drop();
      server_.wind_up();
      if (!stop_by_) stop_by_ = os::now() + kStopGrace;
      tell_stopping();
      over_ = !server_.has_peers() || os::now() >= *stop_by_;
    } else if (is_retiring_ && !server_.has_peers()) {
      is_retiring_ = false;
      retire();
    }
  }

  void retire_later() {
    if (idle_.count() > 0) retire_at(server_.last_use() + idle_);
  }
  void retire_at(os::Time when) {
    idle_timer_ = loop_.at(when, [this] {
      if (os::now() < server_.last_use() + idle_) return retire_later();
      if (has_transactions() || !server_.may_end()) return retire_at(os::now() + idle_);
      // Those who are connected are no hindrance: what they send now finds its channel closed, and goes to a fresh one.
      server_.wind_up();
      is_retiring_ = true;
      if (!server_.has_peers()) wind_up();
    });
  }

  // Nobody is connected. A request that was answered last may have begun something.
  void retire() {
    if (has_transactions() || !server_.may_end() || !arrived_.empty()) return retire_at(os::now() + idle_);
    const auto asked = control_.ask(contract::Retire{control_.taken()}, [this](Result<Dictionary> answer) {
      const auto may = answer ? contract::decode_reply<bool>(*answer) : std::unexpected(answer.error());
      if (!may) return control_.break_off(may.error());
      if (*may) over_ = true;
      if (!*may) retire_at(os::now() + idle_);
    });
    if (!asked) over_ = true;
  }

  std::vector<Offered>& offers_;
  os::Loop& loop_;
  Control control_;
  OnlyLine only_line_;
  os::Loop::Watch control_watch_;
  bool is_job_;
  std::vector<std::string> declared_;  // names of the job's
  std::optional<Endpoint> endpoint_;   // that leads here
  connection::Server server_;
  std::chrono::seconds idle_{0};
  os::Loop::Timer idle_timer_;
  bool is_retiring_ = false;  // nobody that is connected can send any more
  bool is_told_to_stop_ = false;
  std::optional<os::Bell> bell_;
  os::Loop::Watch bell_watch_;
  os::Deadline stop_by_;
  std::deque<Arrival> arrived_;  // who waits to be accepted
  os::Loop::Timer accept_timer_;
  bool has_told_stopping_ = false;
  bool over_ = false;
};

Service::Service() = default;
Service::~Service() = default;

Result<void> Service::offer(std::string name, Offer what) {
  REEVE_TRY(vocab::check_name(name));
  const auto is_it = [&](const Offered& offered) { return offered.name == name; };
  if (std::any_of(offers_.begin(), offers_.end(), is_it)) {
    return fail(Kind::busy, code::kServiceActive, "the name " + name + " is offered already", "withdraw it first");
  }
  auto handler = std::make_shared<const connection::Handler>(std::move(what.handler));
  Offered offered{std::move(name), std::move(handler), std::move(what)};
  const std::string offered_name = offered.name;
  // First of all: who finds the name may come before the answer.
  offers_.push_back(std::move(offered));
  if (running_ == nullptr) return {};
  auto registered = running_->add(offered_name);
  if (!registered) std::erase_if(offers_, [&](const Offered& o) { return o.name == offered_name; });
  return registered;
}

Result<void> Service::withdraw(const std::string& name) {
  const auto is_it = [&](const Offered& offered) { return offered.name == name; };
  const auto found = std::find_if(offers_.begin(), offers_.end(), is_it);
  if (found == offers_.end()) return std::unexpected(not_served(name));
  // Last of all: who has found the name by now may come before the answer.
  if (running_ != nullptr) REEVE_TRY(running_->unregister_name(*found));
  std::erase_if(offers_, is_it);
  return {};
}

Result<void> Service::run() {
  const bool is_for_job = std::any_of(offers_.begin(), offers_.end(),
                                      [](const Offered& o) { return o.offer.options.from == NameFrom::job; });
  Entrance entrance = REEVE_TRY(enter(is_for_job));
  os::Loop loop = REEVE_TRY(os::Loop::make());
  Running running(offers_, loop, std::move(entrance.line), entrance.is_job);
  running_ = &running;
  const auto outcome = running.run();
  running_ = nullptr;
  ring_after_transactions(nullptr);
  return outcome;
}

int serve_alone(std::string name, Offer what) {
  Service service;
  auto outcome = service.offer(std::move(name), std::move(what));
  if (outcome) outcome = service.run();
  if (outcome) return EXIT_SUCCESS;
  const Error& error = outcome.error();
  std::fprintf(stderr, "%s\n", printable(error.message).c_str());
  if (!error.advice.empty()) std::fprintf(stderr, "%s\n", printable(error.advice).c_str());
  return EXIT_FAILURE;
}

}  // namespace reeve::bootstrap
