#include "daemon.hpp"

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
using contract::SupervisorEventKind;
using contract::SupervisorOp;

// Every request to the broker fits one packet: nothing is held of a longer one.
constexpr quota::Amount kNothingHeld{};

std::string assignment(const char* variable, int number) {
  return std::string(variable) + "=" + std::to_string(number);
}

// What clients can have of this process. The rest is for services and for what comes and goes.
quota::Amount to_give() {
  const std::size_t limit = os::descriptor_limit();
  return {.bytes = kBrokerBytesMax, .descriptors = limit - std::min(limit / 4, kBrokerSpareDescriptors), .objects = 0};
}

SpawnerRequest plain_request(SpawnerOp op, InstanceId instance = {}) {
  SpawnerRequest head;
  head.op = op;
  head.instance = instance.value;
  return head;
}

}  // namespace

Daemon::Daemon(os::Loop& loop, os::Fd supervisor, DaemonOptions options)
    : loop_(loop),
      // The supervisor never waits for the broker, so that the broker may wait for it: what is to be kept is with it
      // before anything is done.
      supervisor_(loop, std::move(supervisor), os::Rights::accept, line::WhenFull::wait),
      options_(std::move(options)),
      core_(to_give(), options_.groups_folder, options_.lacking),
      inbox_(kNothingHeld) {}

Result<void> Daemon::begin() {
  const auto take = [this](auto bytes, auto along) { take_told(bytes, std::move(along)); };
  recovered_.emplace();
  recovered_->user = os::own_user();
  while (recovered_ && !over_) REEVE_TRY(supervisor_.take_next(take, {}));
  supervisor_.open(take, [this] { over_ = true; });
  REEVE_TRY(listen_again());
  tell_supervisor(SupervisorOp::serving);
  consider_leaving();
  return {};
}

// Events that orders give rise to wait until the orders before them are done.
void Daemon::apply(EventKind what) {
  events_.push_back(std::move(what));
  if (applying_) return;
  applying_ = true;
  while (!events_.empty()) {
    const Event event{os::now(), os::local_seconds(), std::move(events_.front())};
    events_.pop_front();
    if (std::holds_alternative<SpawnerCame>(event.what)) connect_spawner();
    for (Order& order : core_.apply(event)) perform(std::move(order));
    answer_granted();
  }
  applying_ = false;
  wake_.drop();
  if (const auto when = core_.wake_at()) wake_ = loop_.at(*when, [this] { apply(Tick{}); });
  consider_leaving();
}

// An end is given away when the other is where it outlives this broker: handed over, or kept with what is to serve it.
// A client that was not answered asks again; one that was would be cut off.
void Daemon::answer_granted() {
  for (auto& [peer, answer] : std::exchange(granted_, {})) post(peer, std::move(answer));
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
  if (order.keep) keep(order.end.value, *order.keep);
  contract::Found found{std::move(order.service), object::ChannelEnd(std::move(pair->second))};
  const Object value = object::to_object(std::move(found));
  granted_.emplace_back(order.peer, connection::make_answer(order.request, object::value_message(value)));
}

void Daemon::perform(HandOver& order) {
  const auto end = ends_.find(order.end);
  if (end == ends_.end()) return;
  contract::Handover handover;
  handover.number = order.end.value;
  handover.name = std::move(order.name);
  handover.end = object::ChannelEnd(end->second);
  handover.uid = order.client.peer.uid;
  handover.pid = order.client.record.pid;
  handover.process = order.client.record.process;
  auto& client = static_cast<contract::Identity&>(order.client.peer);
  if (client != contract::Identity()) handover.client = std::move(client);
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
  const Job& job = order.job;
  contract::LaunchTexts texts{job.label,       job.program,          job.working_directory,
                              job.standard_in, job.standard_out,     job.standard_error,
                              job.arguments,   options_.environment, {}};
  texts.environment.push_back(assignment(contract::kControlVariable, contract::kControlNumber));
  if (preset->confined) texts.environment.push_back(assignment(contract::kFilterVariable, contract::kFilterNumber));
  if (preset->confined && job.setup.explains_denials != 0) {
    texts.environment.push_back(assignment(contract::kDenialsVariable, contract::kDenialsNumber));
  }
  if (job.setup.is_background != 0) {
    texts.environment.push_back(std::string(os::kWaitVariable) + "=" + os::kWaitAsleep);
  }
  texts.environment.insert(texts.environment.end(), job.environment.begin(), job.environment.end());
  texts.groups = order.groups;
  auto request = REEVE_TRY(contract::encode_launch(order.instance.value, preset->number, job.setup, texts));
  request.head.image = order.image;
  const PeerId control = control_of(order.instance);
  if (order.control == Launch::Control::fresh) {
    // Whoever holds the one before was started by a spawner that did not live to tell.
    peers_.erase(control);
    births_.erase(order.instance);
    auto [ours, theirs] = REEVE_TRY(os::channel_pair());
    channel::Channel channel(std::move(ours), os::Rights::refuse);
    REEVE_TRY(add_peer(control, std::move(channel)));
    births_.emplace(order.instance, std::move(theirs));
  }
  const auto birth = births_.find(order.instance);
  if (birth == births_.end()) {
    return fail(Kind::gone, code::kLaunchFailed, "its control channel was lost with the broker before this one");
  }
  keep(order.instance.value, order.keep);
  std::vector<os::Fd> along;
  along.push_back(REEVE_TRY(birth->second.duplicate()));
  if (spawner_) spawner_->send(request.head, request.text, std::move(along));
  return {};
}

void Daemon::keep(std::uint64_t number, const Kept& what) {
  std::vector<const os::Fd*> along;
  if (std::holds_alternative<KeptPeer>(what)) {
    // An instance's control channel is kept with the instance.
    const auto peer = peers_.find(PeerId{number});
    if (peer != peers_.end() && number >> 63 == 0) along.push_back(&peer->second->channel.socket());
  } else if (std::holds_alternative<KeptService>(what)) {
    const auto peer = peers_.find(control_of(InstanceId{number}));
    if (peer != peers_.end()) along.push_back(&peer->second->channel.socket());
    const auto birth = births_.find(InstanceId{number});
    if (birth != births_.end()) along.push_back(&birth->second);
  } else if (const auto end = ends_.find(EndId{number}); end != ends_.end()) {
    along.push_back(end->second.get());
  }
  supervisor_.lend(contract::SupervisorRequest{.op = SupervisorOp::keep, .id = number}, encode_kept(what),
                   std::move(along));
}

void Daemon::perform(Keep& order) { keep(order.number, order.what); }
void Daemon::perform(Forget& order) {
  births_.erase(InstanceId{order.number});
  tell_supervisor(SupervisorOp::drop, order.number);
}
void Daemon::perform(Kill& order) { tell_supervisor(SupervisorOp::signal, order.instance.value, order.signal); }
void Daemon::perform(Confirm& order) {
  if (spawner_) spawner_->send(plain_request(SpawnerOp::confirm, order.instance));
}

void Daemon::perform(Scan&) {
  reading_ = {};
  if (spawner_) spawner_->send(plain_request(SpawnerOp::scan));
}

void Daemon::perform(Watch& order) {
  const auto request = contract::encode_watch(order.number, order.paths);
  REEVE_INVARIANT(request.has_value());  // The core counts them.
  if (spawner_) spawner_->send(request->head, request->text);
}

void Daemon::perform(Replace&) { tell_supervisor(SupervisorOp::replace); }

void Daemon::perform(Identify& order) {
  if (!spawner_) return;  // The next one is asked again.
  SpawnerRequest head = plain_request(SpawnerOp::identify);
  head.instance = order.number;
  head.number = static_cast<std::uint32_t>(order.pid);
  const auto peer = peers_.find(order.peer);
  if (!order.peer) return spawner_->send(head);
  if (peer == peers_.end()) return;  // The core will hear of that.
  auto process = os::process_that_connected(peer->second->channel.socket());
  if (!process) return apply(Identified{order.number, {}, std::unexpected(process.error())});
  std::vector<os::Fd> along;
  along.push_back(std::move(*process));
  spawner_->send(head, {}, std::move(along));
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
    auto accepted = os::accept_from(listener_);
    if (!accepted) return pause_listener();
    if (!*accepted) return;
    os::Fd socket = std::move(**accepted);
    const auto who = os::connected_by(socket);
    const std::uint64_t process = os::process_behind(socket);
    // A user's folder lets nobody else in; this is the second lock on the same door.
    if (!who || (!options_.is_for_everybody && who->uid != os::own_user() && who->uid != 0)) continue;
    channel::Channel channel(std::move(socket), os::Rights::refuse);
    // Whoever connected must be who speaks: the end may have been handed on.
    channel.bind_to({who->pid, process});
    const PeerId id{next_peer_++};
    if (!add_peer(id, std::move(channel))) return pause_listener();
    apply(PeerCame{id, who->pid, who->uid, process});
  }
}

Result<void> Daemon::add_peer(PeerId id, channel::Channel channel) {
  auto peer = std::make_unique<Connected>(std::move(channel));
  peer->watch = REEVE_TRY(
      loop_.watch(peer->channel.socket(), {.readable = true}, [this, id](os::Ready ready) { on_peer(id, ready); }));
  peers_.emplace(id, std::move(peer));
  most_peers_ = std::max(most_peers_, peers_.size());
  return {};
}

void Daemon::remove(PeerId id) {
  const auto peer = peers_.extract(id);
  if (!peer) return;
  // The supervisor may hold a copy of this end: closing alone would not be noticed.
  os::shut_down(peer.mapped()->channel.socket());
  apply(PeerLeft{id});
  if (most_peers_ < kPeersWorthTrimming || peers_.size() > most_peers_ / 2) return;
  most_peers_ = peers_.size();
  os::give_memory_back();
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
    const auto* prove = std::get_if<contract::Prove>(&asked.what);
    const bool wants_nonce = prove != nullptr && prove->nonce.bytes().empty();
    const bool wants_fresh = wants_nonce || std::holds_alternative<contract::CheckIn>(asked.what);
    if (wants_fresh) asked.fresh.token = os::random_token();
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
  peer.answered = os::now();
  if (!quiet_.is_set()) quiet_ = loop_.at(*peer.answered + kClientQuiet, [this] { let_quiet_ones_go(); });
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

// Supervisor and spawner.

void Daemon::tell_supervisor(SupervisorOp op, std::uint64_t id, int number) {
  supervisor_.send(contract::SupervisorRequest{.op = op, .number = number, .id = id});
}

void Daemon::take_told(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  const auto told = contract::decode_line<contract::SupervisorEvent>(bytes);
  if (!told) return;
  const InstanceId instance{told->head.id};
  // What is told before the end of the beginning is an event after that.
  const auto apply_in_turn = [this](EventKind what) {
    if (recovered_) {
      told_meanwhile_.push_back(std::move(what));
    } else {
      apply(std::move(what));
    }
  };
  switch (told->head.kind) {
    case SupervisorEventKind::kept:
      return take_kept(*told, std::move(descriptors));
    case SupervisorEventKind::launched:
      births_.erase(instance);
      return apply_in_turn(Launched{instance, told->head.number, told->head.process});
    case SupervisorEventKind::exited:
      if (!recovered_) hear_last_words(instance);
      return apply_in_turn(Exited{instance, {told->head.by_signal != 0, told->head.number}});
    case SupervisorEventKind::line:
      if (!descriptors.empty()) next_line_ = std::move(descriptors.front());
      return apply_in_turn(SpawnerCame{told->head.number});
    case SupervisorEventKind::listener:
      if (!descriptors.empty()) listener_ = std::move(descriptors.front());
      return;
    case SupervisorEventKind::go:
      return go(static_cast<std::uint64_t>(told->head.number));
  }
}

// A service's last words come before its exit: which ends it had taken.
void Daemon::hear_last_words(InstanceId instance) {
  if (const PeerId control = control_of(instance); peers_.contains(control)) lose(control);
}

// What was kept comes first, then what has happened since, in order.
void Daemon::go(std::uint64_t broker) {
  recovered_->broker = broker;
  next_peer_ = first_client(broker).value;
  Recovered recovered = std::move(*recovered_);
  recovered_.reset();
  std::vector<PeerId> known;
  for (const auto& [id, peer] : peers_) known.push_back(id);
  apply(std::move(recovered));
  const Object succession = object::to_object(contract::Succession{broker});
  for (const PeerId id : known) {
    auto parcel = connection::make_parcel(channel::PacketKind::message, *succession.get<Dictionary>());
    if (parcel) post(id, std::move(*parcel));
  }
  for (EventKind& event : std::exchange(told_meanwhile_, {})) {
    if (const auto* exited = std::get_if<Exited>(&event)) hear_last_words(exited->instance);
    apply(std::move(event));
  }
}

void Daemon::take_kept(const Told& told, std::vector<os::Fd> descriptors) {
  auto kept = decode_kept(told.text);
  if (!kept || !recovered_) {
    os::show_line("reeve broker: what was kept is not understood: " + (kept ? "" : printable(kept.error().message)));
    return tell_supervisor(SupervisorOp::drop, told.head.id);
  }
  const InstanceId instance{told.head.id};
  const auto* peer = std::get_if<KeptPeer>(&*kept);
  const bool is_service = std::holds_alternative<KeptService>(*kept);
  if ((is_service || peer != nullptr) && !descriptors.empty()) {
    channel::Channel channel(std::move(descriptors[0]), os::Rights::refuse);
    channel.take_over();
    if (peer != nullptr) channel.bind_to({peer->pid, peer->process});
    const PeerId id = is_service ? control_of(instance) : PeerId{told.head.id};
    (void)add_peer(id, std::move(channel));
    if (descriptors.size() > 1) births_.emplace(instance, std::move(descriptors[1]));
  } else if (!descriptors.empty()) {
    ends_.emplace(EndId{told.head.id}, std::make_shared<const os::Fd>(std::move(descriptors[0])));
  }
  // One whose connection was lost with the broker before has left.
  if (is_service && !peers_.contains(control_of(instance))) told_meanwhile_.push_back(PeerLeft{control_of(instance)});
  if (peer != nullptr && told.head.id >> 63 == 0 && !peers_.contains(PeerId{told.head.id})) {
    told_meanwhile_.push_back(PeerLeft{PeerId{told.head.id}});
  }
  recovered_->kept.emplace_back(told.head.id, std::move(*kept));
}

// Not before the core knows of it: what it has launched till then it has launched again.
void Daemon::connect_spawner() {
  if (!next_line_) return;
  spawner_ =
      std::make_unique<line::Line>(loop_, std::exchange(next_line_, {}), os::Rights::refuse, line::WhenFull::queue);
  spawner_->open([this](auto bytes, auto) { take_event(bytes); },
                 [] {});  // Its end is followed by the next one's line.
}

void Daemon::take_event(std::span<const std::byte> bytes) {
  const auto event = contract::decode_line<contract::SpawnerEvent>(bytes);
  if (!event) return;
  const InstanceId instance{event->head.instance};
  switch (event->head.kind) {
    case SpawnerEventKind::job_file:
      return reading_.take_job(event->text);
    case SpawnerEventKind::job_problem:
      return reading_.take_problem(event->text,
                                   event->head.bits == static_cast<std::uint32_t>(SpawnerEventKind::trust_file));
    case SpawnerEventKind::trust_file:
      return reading_.take_trust(event->text);
    case SpawnerEventKind::scan_done:
      return apply(reading_.finish());
    case SpawnerEventKind::launch_failed:
      return apply(LaunchFailed{instance, event->text});
    case SpawnerEventKind::confirmed:
      return apply(Confirmed{instance, event->head.number});
    case SpawnerEventKind::folders_changed:
      return apply(FoldersChanged{});
    case SpawnerEventKind::path_is:
      return apply(PathIs{static_cast<std::uint32_t>(event->head.number), event->head.instance, event->head.bits});
    case SpawnerEventKind::image_is: {
      auto image = contract::decode_manifest_of<contract::ImageId>(event->text);
      if (image) apply(ImageIs{instance, {image->first, std::move(image->second)}});
      return;
    }
    case SpawnerEventKind::identified:
      return take_identified(*event);
    case SpawnerEventKind::denied:
      return apply(Denied{instance, sentence(event->text), event->head.number != 0});
  }
}

void Daemon::take_identified(const contract::WithText<contract::SpawnerEvent>& event) {
  const std::uint64_t number = event.head.instance;
  if (event.head.number == 0) {
    return apply(Identified{number, {}, fail(Kind::denied, code::kNotTrusted, sentence(event.text))});
  }
  auto found = contract::decode_manifest_of<contract::ProgramVersion>(event.text);
  if (found) apply(Identified{number, found->first, std::move(found->second)});
}

void Daemon::consider_leaving() {
  if (!options_.leaves_when_idle || !core_.is_idle()) {
    idle_.drop();
    return;
  }
  // What happens meanwhile and leaves it idle (a file was written, say) does not count.
  if (!idle_.is_set()) idle_ = loop_.at(os::now() + kBrokerIdle, [this] { tell_supervisor(SupervisorOp::leave); });
}

// A client keeps its connection for its next look-up. Those that were quiet for a while are nothing to the broker: each
// costs it memory and a descriptor, and shortens what others may have.
void Daemon::let_quiet_ones_go() {
  const os::Time since = os::now() - kClientQuiet;
  bool are_more = false;
  std::vector<PeerId> quiet;
  for (auto& [id, peer] : peers_) {
    if (!peer->answered) continue;
    if (*peer->answered > since || !peer->outbox.empty()) {
      are_more = true;
    } else if (core_.is_passing_by(id)) {
      quiet.push_back(id);
    } else {
      peer->answered.reset();
    }
  }
  if (are_more) quiet_ = loop_.at(os::now() + kClientQuiet, [this] { let_quiet_ones_go(); });
  for (const PeerId id : quiet) remove(id);
}

}  // namespace reeve::broker
