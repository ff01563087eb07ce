#include "service.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "../contract/broker.hpp"
#include "../contract/inherited.hpp"
#include "../os/confine.hpp"
#include "../os/memory.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"
#include "broker.hpp"

namespace reeve::bootstrap {
namespace {

// The number in a variable that the broker sets for what it starts.
std::optional<os::Fd> inherited_by(const char* variable) {
  const auto text = os::trusted_variable(variable);
  if (!text || text->size() != 1 || !std::isdigit(static_cast<unsigned char>(text->front()))) return std::nullopt;
  return os::inherited(text->front() - '0');
}

Result<os::Fd> control_channel() {
  auto control = inherited_by(contract::kControlVariable);
  if (control && os::is_channel_socket(*control)) return std::move(*control);
  return fail(Kind::denied, code::kNotPrivileged, "this program is a service, and the broker did not start it",
              "put a job file with its name under MachServices into the jobs folder; the first call then starts it");
}

// The second of the preset's two filters. The broker checks from outside that it is in force.
Result<void> close_sandbox() {
  const auto memory = inherited_by(contract::kFilterVariable);
  if (!memory) return {};
  const std::size_t size = REEVE_TRY(os::memory_size(*memory));
  if (size > kFilterBytesMax) return fail(Kind::invalid, code::kTooLarge, "the sandbox's filter is larger than agreed");
  const auto bytes = REEVE_TRY(os::read_memory(*memory, size));
  std::vector<os::FilterInstruction> filter(bytes.size() / sizeof(os::FilterInstruction));
  std::copy_n(bytes.begin(), filter.size() * sizeof(os::FilterInstruction),
              std::as_writable_bytes(std::span(filter)).begin());
  return os::load_filter(filter);
}

class Service {
 public:
  Service(os::Loop& loop, channel::Channel control, std::string name, NameFrom from, connection::Handler handler,
          std::function<void(const Endpoint&)> started)
      : loop_(loop),
        control_(std::move(control)),
        name_(std::move(name)),
        from_(from),
        started_(std::move(started)),
        server_(loop, std::move(handler), [this] { consider_retiring(); }) {}

  Result<void> run() {
    // Blocked and read by the loop: process 1 of a pid namespace hears no signal that it does not ask for.
    const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT}));
    const auto signal_watch = REEVE_TRY(loop_.watch(signals, {.readable = true}, [this](os::Ready) { over_ = true; }));
    REEVE_TRY(close_sandbox());
    const auto control_watch =
        REEVE_TRY(loop_.watch(control_.socket(), {.readable = true}, [this](os::Ready) { on_control(); }));
    control_.let_peer_be_replaced();
    if (from_ == NameFrom::job) {
      REEVE_TRY(ask(contract::CheckIn{}));
    } else {
      REEVE_TRY(ask(contract::Register{name_, contract::Scope::process}));
    }
    while (!over_) REEVE_TRY(loop_.run_once());
    if (failure_) return std::unexpected(*failure_);
    return {};
  }

 private:
  // One request at a time: to check in or to register at first, to retire later.
  Result<void> ask(contract::Request request) {
    pending_ = std::move(request);
    ++last_id_;
    return ask_again();
  }
  Result<void> ask_again() { return send(channel::PacketKind::request, contract::encode(*pending_), last_id_); }

  // The broker reads whatever it has to write, and so does the one that follows it: waiting for room here cannot be for
  // ever.
  Result<void> send(channel::PacketKind kind, const Dictionary& message, std::uint64_t id = 0) {
    connection::Parcel parcel = REEVE_TRY(connection::make_parcel(kind, message));
    parcel.id = id;
    while (true) {
      const auto sent = control_.send(parcel);
      if (sent || sent.error().code != code::kQueueFull) return sent;
      REEVE_TRY(os::wait_for(control_.socket(), os::Readiness::writable, {}));
    }
  }

  Result<void> say_what_is_taken() {
    return send(channel::PacketKind::message, contract::encode(contract::Taken{taken_, broker_}));
  }

  // A broker that has just begun knows neither which ends were taken nor what was asked of the one before.
  Result<void> take(const contract::Succession& succession) {
    broker_ = succession.broker;
    REEVE_TRY(say_what_is_taken());
    if (pending_) REEVE_TRY(ask_again());
    return {};
  }

  void stop(std::optional<Error> failure) {
    over_ = true;
    failure_ = std::move(failure);
  }

  void on_control() {
    while (!over_) {
      // A descriptor is kept for the moment in which an end arrives: without room for it the control channel would
      // break.
      spare_.close();
      auto incoming = control_.receive(inbox_);
      keep_spare();
      if (!incoming) return stop(incoming.error());
      if (std::holds_alternative<channel::NothingYet>(*incoming)) return;
      // Without its supervisor a service can be reached by nobody new; those it serves are better served afresh.
      if (std::holds_alternative<channel::Ended>(*incoming)) return stop({});
      auto* packet = std::get_if<channel::Delivered>(&*incoming);
      if (packet == nullptr) continue;  // The broker sends nothing that this side has no room for.
      if (auto taken = take(*packet); !taken) return stop(taken.error());
    }
  }

  Result<void> take(channel::Delivered& packet) {
    if (packet.header.kind == channel::PacketKind::hello) return {};
    const Dictionary message = REEVE_TRY(connection::open_packet(packet)).root().object();
    switch (packet.header.kind) {
      case channel::PacketKind::message:
        return std::visit([this](const auto& told) { return take(told); }, REEVE_TRY(contract::decode_told(message)));
      case channel::PacketKind::error:
      case channel::PacketKind::end:
        return std::unexpected(object::parse_error(message));
      case channel::PacketKind::reply:
        // One that was asked twice may be answered twice.
        if (packet.header.reply_to != last_id_ || !pending_) return {};
        return answered(*std::exchange(pending_, {}), message);
      default:
        return fail(Kind::invalid, code::kBadPacket, "the broker asked something of its service");
    }
  }

  Result<void> answered(const contract::Request& request, const Dictionary& message) {
    if (std::holds_alternative<contract::CheckIn>(request)) return checked_in(message);
    if (std::holds_alternative<contract::Retire>(request)) return retire_answered(message);
    return {};  // The name is registered.
  }

  Result<void> checked_in(const Dictionary& message) {
    const auto reply = REEVE_TRY(contract::decode_reply<contract::CheckedIn>(message));
    idle_ = std::chrono::seconds(reply.idle_seconds);
    const bool is_declared = std::find(reply.names.begin(), reply.names.end(), name_) != reply.names.end();
    // A job that declares other names has clients who want those, and not what this program does.
    if (!is_declared && !reply.names.empty()) {
      return fail(Kind::denied, code::kNotPrivileged, "the job " + reply.label + " does not offer the name " + name_,
                  "put the name under MachServices in its job file");
    }
    // One that declares none may have the name in one of its groups; whether it does, the broker says.
    if (!is_declared) REEVE_TRY(ask(contract::Register{name_, contract::Scope::everybody}));
    if (started_) started_(reply.endpoint);
    consider_retiring();
    return {};
  }

  Result<void> take(const contract::Handover& handover) {
    // A broker that has just begun hands over again what the one before may not have.
    if (handover.number <= taken_) return {};
    idle_timer_.drop();
    // Said before the first packet is read there: what was read cannot go to another instance.
    taken_ = handover.number;
    REEVE_TRY(say_what_is_taken());
    Peer peer;
    peer.uid = handover.uid;
    peer.trust = handover.bound ? PeerClass::bound : PeerClass::uid_only;
    peer.label = handover.label;
    auto end = handover.end.shared()->duplicate();
    if (!end) return {};  // This client sees its channel end; the others are served on.
    channel::Channel channel(std::move(*end));
    if (spare_) {
      (void)server_.add(std::move(channel), std::move(peer), {handover.pid, handover.process});
    } else {
      connection::end_with(channel, Error{Kind::busy, code::kQueueFull, "the service has no descriptors left",
                                          "call again when others have left"});
    }
    return {};
  }

  void keep_spare() {
    if (auto spare = control_.socket().duplicate()) spare_ = std::move(*spare);
  }

  void consider_retiring() {
    if (server_.count() > 0 || idle_.count() == 0 || !server_.may_end()) return;
    idle_timer_ = loop_.at(os::now() + idle_, [this] {
      if (!ask(contract::Retire{taken_})) over_ = true;
    });
  }

  Result<void> retire_answered(const Dictionary& message) {
    if (REEVE_TRY(contract::decode_reply<bool>(message))) over_ = true;
    return {};
  }

  os::Loop& loop_;
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  channel::Channel control_;
  std::string name_;
  NameFrom from_;
  std::function<void(const Endpoint&)> started_;
  connection::Server server_;
  os::Fd spare_;
  std::chrono::seconds idle_{0};
  os::Loop::Timer idle_timer_;
  std::uint64_t taken_ = 0;                   // the number of the last end
  std::optional<contract::Request> pending_;  // not answered yet
  std::uint64_t last_id_ = 0;
  std::uint64_t broker_ = 0;  // that has said last that it followed another
  bool over_ = false;
  std::optional<Error> failure_;
};

}  // namespace

Result<void> run_service(const std::string& name, connection::Handler handler,
                         std::function<void(const Endpoint&)> started, NameFrom from) {
  os::Fd control = REEVE_TRY(from == NameFrom::job ? control_channel() : connect_to_broker(WhenAbsent::start));
  os::Loop loop = REEVE_TRY(os::Loop::make());
  return Service(loop, channel::Channel(std::move(control)), name, from, std::move(handler), std::move(started)).run();
}

int exit_code_of(const Result<void>& outcome) {
  if (outcome) return EXIT_SUCCESS;
  const Error& error = outcome.error();
  std::fprintf(stderr, "%s\n", printable(error.message).c_str());
  if (!error.advice.empty()) std::fprintf(stderr, "%s\n", printable(error.advice).c_str());
  return EXIT_FAILURE;
}

}  // namespace reeve::bootstrap
