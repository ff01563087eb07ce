#include "supervisor.hpp"

#include <algorithm>
#include <csignal>

#include "../contract/inherited.hpp"
#include "../os/pipe.hpp"
#include "rules.hpp"

namespace reeve::supervise {
namespace {

using contract::Phase;
using contract::SupervisorEvent;
using contract::SupervisorEventKind;
using contract::SupervisorOp;

constexpr std::chrono::milliseconds kSweepPause{20};  // After a launch, whose helper has ended: nothing is in a hurry.
constexpr std::chrono::milliseconds kNextSweep{2};    // At the end: between looks for what services left behind.

std::unexpected<Error> did_not_start(const std::string& name, const std::string& why) {
  return fail(Kind::gone, code::kNoBroker, "the " + name + " did not start: " + why,
              "run `reeve broker` in a terminal to see what it says");
}

}  // namespace

Supervisor::Supervisor(os::Loop& loop, SupervisorOptions options)
    : loop_(loop),
      broker_("broker", std::move(options.broker), kBrokerRules),
      spawner_("spawner", std::move(options.spawner), kSpawnerRules) {
  os::adopt_orphans();
  for (const std::int32_t pid : os::own_children()) not_ours_.insert(pid);
}

Supervisor::~Supervisor() = default;

// The two.

Result<void> Supervisor::start(Part& part) {
  ++part.failed_starts;
  auto started = try_start(part);
  if (!started && part.process.pidfd) {
    (void)os::send_signal(part.process.pidfd, SIGKILL);
    (void)os::wait_for_exit(part.process, os::now() + kStopGrace);
    part.exit_watch.drop();
    part.process = {};
    part.line.reset();
  }
  return started;
}

Result<void> Supervisor::try_start(Part& part) {
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  os::Start start;
  start.program = part.program.path;
  start.arguments = part.program.arguments;
  start.environment = part.program.environment;
  start.descriptors = {{&theirs, contract::kSupervisorLineNumber}};
  part.process = REEVE_TRY(os::start(start));
  part.line = std::make_unique<line::Line>(loop_, std::move(ours), os::Rights::accept, line::WhenFull::queue);
  part.phase = Phase::starting;
  part.gate = contract::Gate(part.rules);
  ++part.starts;
  part.line->open([this, &part](auto bytes, auto descriptors) { take(part, bytes, std::move(descriptors)); }, [] {});
  // Its end is told by its pidfd alone, after all that it said.
  part.exit_watch =
      REEVE_TRY(loop_.watch(part.process.pidfd, {.readable = true}, [this, &part](os::Ready) { on_exit(part); }));
  return tell_kept(part);
}

bool Supervisor::starts_again(Part& part) {
  const auto started = start(part);
  if (!started) os::show_line("reeve supervisor: the " + part.name + " was not started: " + started.error().message);
  return started.has_value();
}

// One that keeps ending before it serves is given more and more time: the machine may recover.
void Supervisor::start_or_retry(Part& part) {
  if (&part == &broker_ && part.failed_starts == kStartsUntilForgotten) forget_everything();
  if (part.failed_starts < kStartsAtOnce && starts_again(part)) return;
  const int doublings = std::clamp(part.failed_starts - kStartsAtOnce, 0, 6);
  part.retry = loop_.at(os::now() + kAcceptPause * (1 << doublings), [this, &part] {
    if (!starts_again(part)) start_or_retry(part);
  });
}

// What the broker keeps may be what ends it. Everything afresh is better than nothing for ever.
void Supervisor::forget_everything() {
  os::show_line("reeve supervisor: the broker cannot go on where it stopped; its services are ended");
  end_services();
  services_.clear();
  broker_.kept.clear();
}

void Supervisor::tell(Part& part, SupervisorEvent event, std::string_view text, std::vector<os::Fd> along) {
  if (part.line) part.line->send(event, text, std::move(along));
}

// All of it, or it is started again when there are descriptors: a copy that is left out would have others take its
// place, and nobody drops an entry of which nobody has heard.
Result<void> Supervisor::tell_kept(Part& part) {
  for (const auto& [id, entry] : part.kept) {
    std::vector<os::Fd> copies;
    for (const os::Fd& fd : entry.descriptors) copies.push_back(REEVE_TRY(fd.duplicate()));
    tell(part, {.kind = SupervisorEventKind::kept, .id = id}, entry.text, std::move(copies));
  }
  if (&part == &broker_) {
    for (const auto& [id, service] : services_) {
      tell_launched(id, service);
      if (service.ended) tell_exited(id, service);
    }
    std::vector<os::Fd> along;
    along.push_back(REEVE_TRY(listener_.duplicate()));
    tell(part, {.kind = SupervisorEventKind::listener}, {}, std::move(along));
    connect_parts();
  }
  tell(part, {.kind = SupervisorEventKind::go, .number = part.starts});
  return {};
}

// A new line between the two, whenever one of them is new.
void Supervisor::connect_parts() {
  if (!broker_.line || !spawner_.line || spawner_.phase != Phase::serving) return;
  auto pair = os::channel_pair();
  if (!pair) {
    // Out of descriptors. The newer of the two is started anew, a little later, and they meet then.
    (void)os::send_signal(spawner_.process.pidfd, SIGKILL);
    return;
  }
  std::vector<os::Fd> to_broker;
  to_broker.push_back(std::move(pair->first));
  tell(broker_, {.kind = SupervisorEventKind::line, .number = spawner_.starts}, {}, std::move(to_broker));
  std::vector<os::Fd> to_spawner;
  to_spawner.push_back(std::move(pair->second));
  tell(spawner_, {.kind = SupervisorEventKind::line}, {}, std::move(to_spawner));
}

void Supervisor::on_exit(Part& part) {
  const auto ended = os::wait_for_exit(part.process, os::now());
  if (!ended || !*ended) return;
  part.line->drain();
  os::show_line("reeve supervisor: the " + part.name + " " + os::describe(**ended));
  part.exit_watch.drop();
  part.line.reset();
  part.process = {};
  if (over_) return;
  if (&part == &spawner_) {
    // Whatever it was about to make and did not tell of is nobody's.
    births_ = 0;
    sweep_soon();
  }
  start_or_retry(part);
}

void Supervisor::began_to_serve(Part& part) {
  part.phase = Phase::serving;
  part.failed_starts = 0;
  if (&part == &spawner_) connect_parts();
}

Result<void> Supervisor::start_spawner(const os::Deadline& deadline) {
  REEVE_TRY(start(spawner_));
  while (spawner_.phase != Phase::serving) {
    REEVE_TRY(loop_.run_once(deadline));
    if (not_ready_) return fail(Kind::unsupported, code::kMissingLayer, *not_ready_);
    if (spawner_.failed_starts != 1 && spawner_.phase != Phase::serving) return did_not_start("spawner", "it ended");
    if (deadline && os::now() >= *deadline) return did_not_start("spawner", "it took too long");
  }
  return {};
}

Result<void> Supervisor::start_broker(os::Fd listener, const os::Deadline& deadline) {
  listener_ = std::move(listener);
  REEVE_TRY(start(broker_));
  while (broker_.phase != Phase::serving) {
    REEVE_TRY(loop_.run_once(deadline));
    if (deadline && os::now() >= *deadline) return did_not_start("broker", "it took too long");
  }
  return {};
}

// Requests.

void Supervisor::take(Part& part, std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  auto request = contract::decode_line<contract::SupervisorRequest>(bytes);
  Result<void> admitted;
  if (request) {
    admitted = part.gate.admit(
        {static_cast<std::uint32_t>(request->head.op), descriptors.size(), !request->text.empty()}, part.phase);
  } else {
    admitted = std::unexpected(request.error());
  }
  if (admitted) return answer(part, std::move(*request), std::move(descriptors));
  // It was taken over, or has lost its mind: the next one starts from what is kept.
  os::show_line("reeve supervisor: the " + part.name + " broke the contract: " + admitted.error().message);
  (void)os::send_signal(part.process.pidfd, SIGKILL);
}

void Supervisor::answer(Part& part, Request request, std::vector<os::Fd> descriptors) {
  switch (request.head.op) {
    case SupervisorOp::ready:
    case SupervisorOp::serving:
      return began_to_serve(part);
    case SupervisorOp::not_ready:
      not_ready_ = request.text;
      return;
    case SupervisorOp::birth:
      ++births_;
      return;
    case SupervisorOp::unborn:
      if (births_ > 0) --births_;
      return sweep_soon();
    case SupervisorOp::adopt:
      return adopt(std::move(request), std::move(descriptors));
    case SupervisorOp::keep:
      return keep(part, std::move(request), std::move(descriptors));
    case SupervisorOp::drop:
      return drop(part, request.head.id);
    case SupervisorOp::signal:
      return signal(request);
    case SupervisorOp::replace:
      (void)os::send_signal(spawner_.process.pidfd, SIGKILL);
      (void)os::send_signal(broker_.process.pidfd, SIGKILL);
      return;
    case SupervisorOp::leave:
      return leave();
  }
}

void Supervisor::keep(Part& part, Request request, std::vector<os::Fd> descriptors) {
  const bool is_new = !part.kept.contains(request.head.id);
  if (is_new && part.kept.size() >= kKeptEntriesMax) return;  // It goes on without; the next one will not know.
  part.kept[request.head.id] = {std::move(request.text), std::move(descriptors)};
}

void Supervisor::drop(Part& part, std::uint64_t id) {
  part.kept.erase(id);
  if (&part != &broker_) return;
  const auto service = services_.find(id);
  if (service != services_.end() && service->second.ended) services_.erase(service);
}

// Services.

void Supervisor::adopt(Request request, std::vector<os::Fd> descriptors) {
  if (births_ > 0) --births_;
  sweep_later();
  const std::uint64_t id = request.head.id;
  Service service;
  service.process = {std::move(descriptors.front()), request.head.number};
  service.grace = std::chrono::seconds(request.head.grace_s);
  service.number = os::process_number(service.process.pidfd);
  if (services_.contains(id)) {
    os::show_line("reeve supervisor: a service was not adopted: there is one of its number already");
    (void)os::send_signal(service.process.pidfd, SIGKILL);
    return;
  }
  auto watch = loop_.watch(service.process.pidfd, {.readable = true}, [this, id](os::Ready) { on_service_exit(id); });
  if (!watch) {
    // Nobody would hear of its end: it must not live, and the broker is told so at once.
    os::show_line("reeve supervisor: a service was not adopted: " + watch.error().message);
    (void)os::send_signal(service.process.pidfd, SIGKILL);
    service.ended = os::ExitStatus{true, SIGKILL};
    return tell_exited(id, service);
  }
  service.exit_watch = std::move(*watch);
  descriptors.erase(descriptors.begin());
  auto copy = service.process.pidfd.duplicate();
  if (copy) descriptors.insert(descriptors.begin(), std::move(*copy));
  const auto place = services_.emplace(id, std::move(service)).first;
  tell_launched(id, place->second);
  keep(spawner_, std::move(request), std::move(descriptors));
}

void Supervisor::tell_launched(std::uint64_t id, const Service& service) {
  tell(broker_,
       {.kind = SupervisorEventKind::launched, .id = id, .process = service.number, .number = service.process.pid});
}

void Supervisor::tell_exited(std::uint64_t id, const Service& service) {
  tell(broker_, {.kind = SupervisorEventKind::exited,
                 .by_signal = service.ended->by_signal ? 1U : 0U,
                 .id = id,
                 .number = service.ended->value});
}

void Supervisor::on_service_exit(std::uint64_t id) {
  Service& service = services_.at(id);
  const auto ended = os::wait_for_exit(service.process, os::now());
  if (ended && !*ended) return;
  service.exit_watch.drop();
  // Somebody else has reaped it; that it ended is certain all the same.
  service.ended = ended ? **ended : os::ExitStatus{true, SIGKILL};
  service.process.pidfd.close();
  tell_exited(id, service);
  sweep_soon();
}

void Supervisor::signal(const Request& request) {
  const auto found = services_.find(request.head.id);
  if (found == services_.end() || found->second.ended) return;  // It has ended while the request was on its way.
  const os::Child& child = found->second.process;
  int number = request.head.number;
  // One that has no use for SIGTERM would not hear of it: it is the first of its pid namespace.
  if (number == contract::kStopSignal) number = os::listens_for(child.pid, SIGTERM) ? SIGTERM : SIGKILL;
  (void)os::send_signal(child.pidfd, number);
}

bool Supervisor::is_known(std::int32_t pid) const {
  return not_ours_.contains(pid) || broker_.process.pid == pid || spawner_.process.pid == pid ||
         std::any_of(services_.begin(), services_.end(),
                     [&](const auto& s) { return !s.second.ended && s.second.process.pid == pid; });
}

void Supervisor::sweep_soon() {
  sweep_ = loop_.at(os::now(), [this] { sweep(); });
}

void Supervisor::sweep_later() {
  if (!sweep_.is_set()) sweep_ = loop_.at(os::now() + kSweepPause, [this] { sweep(); });
}

// Children that nobody knows: what is left of services that have ended, and what helped to make them. While the spawner
// is making one it may be that.
std::size_t Supervisor::sweep() {
  if (births_ > 0) return 0;  // What comes of it asks for this again.
  const auto children = os::own_children();
  // What the spawner said before they were looked for is known before any of them is called unknown.
  if (spawner_.line) spawner_.line->drain();
  if (births_ > 0) return 0;
  std::size_t unknown = 0;
  for (const std::int32_t pid : children) {
    if (is_known(pid)) continue;
    ++unknown;
    os::end_family(pid);
  }
  return unknown;
}

// What the spawner has made, or is making, is adopted first, to be asked like everybody else.
void Supervisor::await_births() {
  const os::Time give_up = os::now() + kStopGrace;
  bool is_gone = false;
  while (spawner_.line) {
    spawner_.line->drain();
    if (births_ == 0 || is_gone || os::now() > give_up) return;
    is_gone = os::wait_for(spawner_.process.pidfd, os::Readiness::readable, os::now() + kNextSweep).value_or(true);
  }
}

void Supervisor::end_services() {
  os::Time last = os::now();
  for (const auto& [id, service] : services_) {
    if (service.ended) continue;
    const os::Child& child = service.process;
    // One that is never to be killed is waited for as long as any.
    const auto grace = service.grace.count() == 0 ? kStopGrace : std::min(service.grace, kStopGrace);
    if (os::listens_for(child.pid, SIGTERM)) {
      (void)os::send_signal(child.pidfd, SIGTERM);
      last = std::max<os::Time>(last, os::now() + grace);
    } else {
      (void)os::send_signal(child.pidfd, SIGKILL);
    }
  }
  for (auto& [id, service] : services_) {
    if (service.ended) continue;
    const auto ended = os::wait_for_exit(service.process, last);
    if (ended && *ended) continue;
    (void)os::send_signal(service.process.pidfd, SIGKILL);
    (void)os::wait_for_exit(service.process, os::now() + kStuckAfter);
  }
}

void Supervisor::end_everything() {
  over_ = true;
  const auto end = [](Part& part) {
    part.exit_watch.drop();
    part.retry.drop();
    part.line.reset();
    if (!part.process.pidfd) return;
    if (const auto ended = os::wait_for_exit(part.process, os::now() + kStopGrace); ended && *ended) return;
    (void)os::send_signal(part.process.pidfd, SIGKILL);
    (void)os::wait_for_exit(part.process, os::now() + kStuckAfter);
  };
  listener_.close();
  end(broker_);
  await_births();
  end_services();
  // Last: it shows what they printed to the end.
  spawner_.kept.clear();
  end(spawner_);
  births_ = 0;
  // The children of one that is killed come to this process: it leaves when there are no more.
  const os::Time give_up = os::now() + kStuckAfter;
  while (sweep() > 0 && os::now() < give_up) os::wait_until(os::now() + kNextSweep);
}

}  // namespace reeve::supervise
