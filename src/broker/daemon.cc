#include "daemon.hpp"

#include <array>
#include <csignal>

#include "../contract/inherited.hpp"
#include "../object/typed.hpp"
#include "../os/pipe.hpp"
#include "../os/random.hpp"
#include "../sandbox/preset.hpp"
#include "../vocab/text.hpp"

namespace reeve::broker {
namespace {

using contract::SpawnerEventKind;
using contract::SpawnerOp;
using contract::SpawnerRequest;

// Every request to the broker fits one packet: nothing is held of a longer one.
constexpr quota::Amount kNothingHeld{};

// As it can be sent and shown, whatever a file or its name holds.
std::string sentence(std::string_view text) { return printable(text.substr(0, kProblemBytesMax)); }

std::string assignment(const char* variable, int number) {
  return std::string(variable) + "=" + std::to_string(number);
}

contract::WithText<SpawnerRequest> plain_request(SpawnerOp op, InstanceId instance = {}, int signal = 0) {
  SpawnerRequest head;
  head.op = op;
  head.instance = instance.value;
  head.signal = signal;
  return {head, {}};
}

}  // namespace

Daemon::Daemon(os::Loop& loop, os::Fd listener, os::Fd spawner, DaemonOptions options)
    : loop_(loop),
      listener_(std::move(listener)),
      spawner_(std::move(spawner)),
      options_(std::move(options)),
      inbox_(kNothingHeld) {}

Result<void> Daemon::begin() {
  spawner_watch_ = REEVE_TRY(loop_.watch(spawner_, {.readable = true}, [this](os::Ready ready) { on_spawner(ready); }));
  REEVE_TRY(listen_again());
  consider_leaving();
  return {};
}

// Events that orders give rise to wait until the orders before them are done.
void Daemon::apply(EventKind what) {
  events_.push_back(std::move(what));
  if (applying_) return;
  applying_ = true;
  while (!events_.empty()) {
    const Event event{os::now(), std::move(events_.front())};
    events_.pop_front();
    for (Order& order : core_.apply(event)) perform(std::move(order));
  }
  applying_ = false;
  wake_.drop();
  if (const auto when = core_.wake_at()) wake_ = loop_.at(*when, [this] { apply(Tick{}); });
  consider_leaving();
}

void Daemon::perform(Order order) {
  std::visit([this](auto& what) { perform(what); }, order);
}

void Daemon::perform(Answer& order) { post(order.peer, connection::make_answer(order.request, order.what)); }

void Daemon::perform(Grant& order) {
  auto pair = os::channel_pair();
  if (!pair) {
    post(order.peer, connection::make_answer(order.request, std::unexpected(pair.error())));
    return apply(GrantFailed{order.end});
  }
  ends_.emplace(order.end, std::make_shared<const os::Fd>(std::move(pair->first)));
  contract::Found found{order.label, object::ChannelEnd(std::move(pair->second))};
  post(order.peer, connection::make_answer(order.request, object::value_message(object::to_object(std::move(found)))));
}

void Daemon::perform(HandOver& order) {
  const auto end = ends_.find(order.end);
  if (end == ends_.end()) return;
  contract::Handover handover;
  handover.end = object::ChannelEnd(end->second);
  handover.uid = order.client.peer.uid;
  handover.pid = order.client.record.pid;
  handover.process = order.client.record.process;
  handover.bound = order.client.peer.trust == PeerClass::bound;
  handover.label = std::move(order.client.peer.label);
  const Object message = object::to_object(std::move(handover));
  auto parcel = connection::make_parcel(channel::PacketKind::message, *message.get<Dictionary>());
  if (parcel) post(order.service, std::move(*parcel));
}

void Daemon::perform(Release& order) { ends_.erase(order.end); }

void Daemon::perform(Refuse& order) {
  const auto end = ends_.extract(order.end);
  if (!end) return;
  auto socket = end.mapped()->duplicate();
  if (!socket) return;  // Out of descriptors: the client sees its channel end, without the reason.
  channel::Channel channel(std::move(*socket));
  connection::end_with(channel, order.reason);
}

void Daemon::perform(Launch& order) {
  const auto launched = try_launch(order);
  if (!launched) apply(LaunchFailed{order.instance, launched.error().message});
}

Result<void> Daemon::try_launch(Launch& order) {
  const sandbox::Preset* preset = sandbox::find_preset(order.job.preset);
  REEVE_INVARIANT(preset != nullptr);
  contract::LaunchTexts texts{order.job.label, order.job.program, order.job.arguments, options_.environment};
  texts.environment.push_back(assignment(contract::kControlVariable, contract::kControlNumber));
  if (preset->confined) texts.environment.push_back(assignment(contract::kFilterVariable, contract::kFilterNumber));
  texts.environment.insert(texts.environment.end(), order.job.environment.begin(), order.job.environment.end());
  auto request = REEVE_TRY(contract::encode_launch(order.instance.value, preset->number, texts));
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  const PeerId peer = REEVE_TRY(add_peer(std::move(ours), {}));
  instances_.emplace(order.instance, peer);
  apply(PeerCame{peer, 0, os::own_user(), order.instance});
  ask_spawner(std::move(request), std::move(theirs));
  return {};
}

void Daemon::perform(Kill& order) { ask_spawner(plain_request(SpawnerOp::signal, order.instance, SIGKILL)); }
void Daemon::perform(Confirm& order) { ask_spawner(plain_request(SpawnerOp::confirm, order.instance)); }

void Daemon::perform(Scan&) {
  scan_ = {};
  ask_spawner(plain_request(SpawnerOp::scan));
}

void Daemon::perform(Drop& order) {
  const auto peer = peers_.find(order.peer);
  if (peer == peers_.end()) return;
  connection::end_with(peer->second->channel, order.reason);
  remove(order.peer);
}

// Clients.

Result<void> Daemon::listen_again() {
  listener_watch_ = REEVE_TRY(loop_.watch(listener_, {.readable = true}, [this](os::Ready) { on_listener(); }));
  return {};
}

// Out of descriptors or full: those who wait stay in the backlog, and nobody who is served notices.
void Daemon::pause_listener() {
  listener_watch_.drop();
  pause_ = loop_.at(os::now() + kAcceptPause, [this] {
    if (!listen_again()) pause_listener();
  });
}

void Daemon::on_listener() {
  for (std::size_t i = 0; i < kPacketsPerTurn; ++i) {
    if (peers_.size() >= kPeersMax) return pause_listener();
    auto accepted = os::accept_from(listener_);
    if (!accepted) return pause_listener();
    if (!*accepted) return;
    os::Fd socket = std::move(**accepted);
    const auto who = os::connected_by(socket);
    const std::uint64_t process = os::process_behind(socket);
    // The folder lets nobody else in; this is the second lock on the same door.
    if (!who || (who->uid != os::own_user() && who->uid != 0)) continue;
    // Whoever connected must be who speaks: the end may have been handed on.
    const auto id = add_peer(std::move(socket), channel::Record{who->pid, process});
    if (!id) return pause_listener();
    apply(PeerCame{*id, who->pid, who->uid, {}, process});
  }
}

Result<PeerId> Daemon::add_peer(os::Fd socket, const std::optional<channel::Record>& record) {
  const PeerId id{next_peer_++};
  auto peer = std::make_unique<Connected>(channel::Channel(std::move(socket), os::Rights::refuse));
  if (record) peer->channel.bind_to(*record);
  peer->watch = REEVE_TRY(
      loop_.watch(peer->channel.socket(), {.readable = true}, [this, id](os::Ready ready) { on_peer(id, ready); }));
  peers_.emplace(id, std::move(peer));
  return id;
}

void Daemon::remove(PeerId id) {
  std::erase_if(instances_, [&](const auto& instance) { return instance.second == id; });
  if (peers_.erase(id) > 0) apply(PeerLeft{id});
}

void Daemon::on_peer(PeerId id, os::Ready) {
  bool more = true;
  for (std::size_t i = 0; i < kPacketsPerTurn && more; ++i) {
    const auto found = peers_.find(id);  // An order may have removed it.
    if (found == peers_.end()) return;
    Connected& peer = *found->second;
    if (!flush(id, peer)) return lose(id);
    if (!peer.outbox.empty()) return;
    if (!read_one(id, peer, more)) return remove(id);
  }
}

// False where the peer has left or broke a rule.
bool Daemon::read_one(PeerId id, Connected& peer, bool& more) {
  auto incoming = peer.channel.receive(inbox_);
  // What the kernel lacks just now is no fault of the peer's, and its packet is still there for the next turn.
  if (!incoming && !peer.channel.is_broken()) {
    more = false;
    return true;
  }
  if (!incoming) return refuse(peer, incoming.error());
  if (std::holds_alternative<channel::Ended>(*incoming)) return false;
  if (const auto* refused = std::get_if<channel::Refused>(&*incoming)) return refuse(peer, refused->reason);
  auto* packet = std::get_if<channel::Delivered>(&*incoming);
  more = packet != nullptr;
  return packet == nullptr || read_request(id, *packet);
}

// A peer that breaks a rule is told, and so is whoever reads the broker's log. Always false.
bool Daemon::refuse(Connected& peer, const Error& reason) {
  const auto sender = peer.channel.sender();
  os::show_line("reeve broker: refused process " + std::to_string(sender ? sender->pid : 0) + ": " +
                printable(reason.message));
  connection::end_with(peer.channel, reason);
  return false;
}

bool Daemon::read_request(PeerId id, channel::Delivered& packet) {
  Connected& peer = *peers_.at(id);
  const auto kind = packet.header.kind;
  if (kind == channel::PacketKind::end) return false;
  const auto body = connection::open_packet(packet);
  if (!body) return refuse(peer, body.error());
  const Dictionary message = body->root().object();
  if (kind == channel::PacketKind::message) {
    const auto taken = contract::decode_taken(message);
    if (taken) apply(PeerAsked{id, 0, *taken, {}});
    return taken.has_value();
  }
  if (kind != channel::PacketKind::request) {
    return refuse(peer, Error{Kind::invalid, code::kBadPacket, "packet: the broker takes requests only", ""});
  }
  auto request = contract::decode_request(message);
  if (request) {
    PeerAsked asked{id, packet.header.id, std::move(*request), {}};
    if (std::holds_alternative<contract::CheckIn>(asked.what)) asked.fresh.token = os::random_token();
    apply(std::move(asked));
  } else {
    post(id, connection::make_answer(packet.header.id, std::unexpected(request.error())));
  }
  return true;
}

void Daemon::post(PeerId id, connection::Parcel parcel) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second->is_lost) return;
  Connected& peer = *found->second;
  peer.outbox.push_back(std::move(parcel));
  // A service that does not read its control channel is of no use to those who are handed to it.
  if (!flush(id, peer) || peer.outbox.size() > kOutboxPacketsMax) lose(id);
}

// A peer to which nothing can be sent any more. What it said before still counts: which ends a service had taken
// decides which go to the next instance.
void Daemon::lose(PeerId id) {
  Connected& peer = *peers_.at(id);
  peer.is_lost = true;
  peer.outbox.clear();
  bool more = true;
  for (std::size_t i = 0; i < kOutboxPacketsMax && more; ++i) {
    const auto found = peers_.find(id);
    if (found == peers_.end() || !read_one(id, *found->second, more)) break;
  }
  remove(id);
}

bool Daemon::wait_for(Connected& peer, os::Interest interest) {
  if (peer.interest == interest) return true;
  peer.interest = interest;
  return peer.watch.change(interest).has_value();
}

// False where the peer has gone. A full queue is waited for; where the kernel lacks something else (it will not carry
// more descriptors, say) the socket is writable all the while, and is left alone for a moment.
bool Daemon::flush(PeerId id, Connected& peer) {
  while (!peer.outbox.empty()) {
    const auto sent = peer.channel.send(peer.outbox.front());
    if (!sent && sent.error().code == code::kQueueFull) return wait_for(peer, {.writable = true});
    if (!sent && sent.error().kind == Kind::busy) {
      peer.retry = loop_.at(os::now() + kAcceptPause, [this, id] { on_peer(id, {}); });
      return wait_for(peer, {});
    }
    if (!sent) return false;
    peer.outbox.pop_front();
  }
  return wait_for(peer, {.readable = true});
}

// The spawner.

void Daemon::ask_spawner(contract::WithText<SpawnerRequest> request, os::Fd descriptor) {
  spawner_outbox_.push_back({std::move(request), std::move(descriptor)});
  flush_spawner();
}

void Daemon::flush_spawner() {
  while (!spawner_outbox_.empty()) {
    const ToSpawner& next = spawner_outbox_.front();
    const std::array parts{std::as_bytes(std::span(&next.request.head, 1)),
                           std::as_bytes(std::span(next.request.text))};
    const int raw = next.descriptor.raw();
    const auto sent = os::send_packet(spawner_, parts, std::span(&raw, next.descriptor ? 1U : 0U));
    if (!sent && sent.error().kind == Kind::busy) {
      // The kernel will carry no more descriptors just now; the launch can wait.
      spawner_retry_ = loop_.at(os::now() + kAcceptPause, [this] { flush_spawner(); });
      return;
    }
    if (!sent) {
      has_spawner_ = false;
      over_ = true;
      return;
    }
    if (*sent == os::Sent::not_now) {
      spawner_is_full_ = true;
      (void)spawner_watch_.change({.readable = true, .writable = true});
      return;
    }
    spawner_outbox_.pop_front();
  }
  if (std::exchange(spawner_is_full_, false)) (void)spawner_watch_.change({.readable = true});
}

void Daemon::on_spawner(os::Ready ready) {
  if (ready.writable) flush_spawner();
  std::vector<std::byte> room(contract::kSpawnerPacketBytesMax);
  for (std::size_t i = 0; i < kPacketsPerTurn && !over_; ++i) {
    const auto received = os::receive_packet(spawner_, room, os::Rights::refuse);
    if (received && std::holds_alternative<os::NothingYet>(*received)) return;
    if (!received && received.error().kind == Kind::busy) return;  // It is still there for the next turn.
    const auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
    if (arrival == nullptr || arrival->truncated) {
      os::show_line("reeve broker: the spawner is gone");
      has_spawner_ = false;
      over_ = true;
      return;
    }
    take_event(std::span(room).first(arrival->size));
  }
}

void Daemon::take_event(std::span<const std::byte> bytes) {
  const auto event = contract::decode_event(bytes);
  if (!event) return;
  const InstanceId instance{event->head.instance};
  const int number = event->head.number;
  switch (event->head.kind) {
    case SpawnerEventKind::job_file:
    case SpawnerEventKind::job_problem:
      return event->head.kind == SpawnerEventKind::job_file ? take_job_file(event->text) : take_problem(event->text);
    case SpawnerEventKind::scan_done:
      return apply(std::move(scan_));
    case SpawnerEventKind::launched:
      return apply(Launched{instance, number});
    case SpawnerEventKind::launch_failed:
      return apply(LaunchFailed{instance, event->text});
    case SpawnerEventKind::exited:
      read_last_words(instance);
      return apply(Exited{instance, {event->head.by_signal != 0, number}});
    case SpawnerEventKind::confirmed:
      return apply(Confirmed{instance, number});
    case SpawnerEventKind::ready:
    case SpawnerEventKind::not_ready:
      return;
  }
}

// A service's last words come before its exit.
void Daemon::read_last_words(InstanceId instance) {
  const auto peer = instances_.extract(instance);
  if (peer && peers_.contains(peer.mapped())) lose(peer.mapped());
}

void Daemon::take_problem(const std::string& text) {
  const std::size_t nul = text.find('\0');
  scan_.problems.push_back(sentence(text.substr(0, nul) + ": " + text.substr(nul + 1)));
}

void Daemon::take_job_file(const std::string& text) {
  const std::size_t nul = text.find('\0');
  auto job = parse_job(text.substr(0, nul), std::string_view(text).substr(nul + 1));
  if (job) {
    scan_.jobs.push_back(std::move(*job));
  } else {
    scan_.problems.push_back(sentence(text_of(job.error())));
  }
}

void Daemon::consider_leaving() {
  if (!options_.leaves_when_idle || !core_.is_idle()) {
    idle_.drop();
    return;
  }
  idle_ = loop_.at(os::now() + kBrokerIdle, [this] { over_ = true; });
}

}  // namespace reeve::broker
