#include "task.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "../../src/os/socket.hpp"

namespace reeve::test {
namespace {

using namespace std::chrono_literals;

// What the process does, and holds.
class Doer {
 public:
  Outcome take(const Command& command, os::Fd& descriptor) {
    Outcome outcome;
    const auto done = carry_out(command, outcome, descriptor);
    if (!done) outcome.error = done.error().code;
    return outcome;
  }

 private:
  template <class Right>
  Right& held(std::uint32_t handle) {
    return std::get<Right>(rights_.at(handle));
  }

  template <class Right>
  Result<void> keep(Result<Right> right, const Command& command, Outcome& outcome) {
    if (!right) return std::unexpected(right.error());
    outcome.name = right->name().value;
    rights_[command.made] = std::move(*right);
    return {};
  }

  Result<void> carry_out(const Command& command, Outcome& outcome, os::Fd& descriptor) {
    switch (command.deed) {
      case Deed::make_port:
        return keep(space_.make_port(), command, outcome);
      case Deed::make_send:
        return keep(held<ReceiveRight>(command.subject).make_send(), command, outcome);
      case Deed::make_send_once:
        return keep(held<ReceiveRight>(command.subject).make_send_once(), command, outcome);
      case Deed::copy:
        return keep(held<SendRight>(command.subject).copy(), command, outcome);
      case Deed::drop:
        rights_.erase(command.subject);
        return {};
      case Deed::send:
        return send(command);
      case Deed::receive:
        return receive(command, outcome);
      case Deed::tell_no_senders: {
        const auto& port = held<ReceiveRight>(command.subject);
        return port.notify_when_no_senders(port.make_send_once().value());
      }
      case Deed::give_out: {
        SendRight right = std::move(held<SendRight>(command.subject));
        rights_.erase(command.subject);
        descriptor = REEVE_TRY(space_.give_out(std::move(right)));
        return {};
      }
      case Deed::take_in:
        return keep(space_.take_in(std::move(descriptor)), command, outcome);
      case Deed::names:
        outcome.number = space_.names().size();
        return {};
    }
    return {};
  }

  Result<void> send(const Command& command) {
    port::Message message;
    message.data = Data::copy_of(std::as_bytes(std::span(&command.number, 1)));
    for (std::uint32_t i = 0; i < command.carried_count; ++i) {
      message.carried.emplace_back(std::move(rights_.at(command.carried[i])));
    }
    port::Carried& to = rights_.at(command.subject);
    const bool is_once = std::holds_alternative<SendOnceRight>(to);
    const auto sent = is_once ? std::get<SendOnceRight>(to).send(message, {.timeout = 0s})
                              : std::get<SendRight>(to).send(message, {.timeout = 0s});
    for (std::uint32_t i = 0; i < command.carried_count; ++i) {
      if (sent) {
        rights_.erase(command.carried[i]);
      } else {
        rights_.at(command.carried[i]) = std::move(message.carried[i]);
      }
    }
    if (sent && is_once) rights_.erase(command.subject);
    return sent;
  }

  Result<void> receive(const Command& command, Outcome& outcome) {
    auto delivery = REEVE_TRY(held<ReceiveRight>(command.subject).receive({.timeout = 0s}));
    if (const auto* notification = std::get_if<port::Notification>(&delivery)) {
      outcome.notification = static_cast<std::uint32_t>(notification->kind);
      return {};
    }
    auto& received = std::get<port::Received>(delivery);
    std::memcpy(&outcome.number, received.data.bytes().data(), sizeof outcome.number);
    outcome.sender = received.sender.pid;
    for (port::Carried& carried : received.carried) {
      const std::uint32_t i = outcome.carried_count++;
      outcome.carried[i] = kind_of(carried);
      outcome.names[i] = name_of(carried);
      rights_[command.made + i] = std::move(carried);
    }
    return {};
  }

  static RightKind kind_of(const port::Carried& carried) {
    if (std::holds_alternative<DeadRight>(carried)) return RightKind::dead;
    if (std::holds_alternative<SendRight>(carried)) return RightKind::send;
    if (std::holds_alternative<SendOnceRight>(carried)) return RightKind::send_once;
    if (std::holds_alternative<ReceiveRight>(carried)) return RightKind::receive;
    return RightKind::none;
  }

  static std::uint32_t name_of(const port::Carried& carried) {
    if (const auto* send = std::get_if<SendRight>(&carried)) return send->name().value;
    if (const auto* once = std::get_if<SendOnceRight>(&carried)) return once->name().value;
    if (const auto* receive = std::get_if<ReceiveRight>(&carried)) return receive->name().value;
    return 0;
  }

  PortSpace space_ = PortSpace::make();
  std::map<std::uint32_t, port::Carried> rights_;
};

template <class Words>
bool say(const os::Fd& line, const Words& words, const os::Fd& descriptor) {
  const std::array<std::span<const std::byte>, 1> parts{std::as_bytes(std::span(&words, 1))};
  const int raw = descriptor.raw();
  const auto sent = os::send_packet(line, parts, std::span(&raw, descriptor ? 1U : 0U));
  return sent && *sent == os::Sent::whole;
}

template <class Words>
bool hear(const os::Fd& line, Words& words, os::Fd& descriptor) {
  auto received = os::receive_packet(line, std::as_writable_bytes(std::span(&words, 1)), os::Rights::accept, nullptr,
                                     os::Wait::yes);
  auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
  if (arrival == nullptr || arrival->size != sizeof words) return false;
  if (!arrival->descriptors.empty()) descriptor = std::move(arrival->descriptors.front());
  return true;
}

[[noreturn]] void serve(const os::Fd& line) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  {
    Doer doer;
    Command command;
    for (os::Fd descriptor; hear(line, command, descriptor); descriptor.close()) {
      const Outcome outcome = doer.take(command, descriptor);
      if (!say(line, outcome, descriptor)) break;
    }
  }
  ::_exit(0);
}

}  // namespace

// Those that are made later have copies of the ends of those before, so that none sees its own end before it is killed.
TaskProcess::TaskProcess() {
  auto [own, its] = os::channel_pair().value();
  pid_ = ::fork();
  if (pid_ == 0) {
    own.close();
    serve(its);
  }
  line_ = std::move(own);
}

TaskProcess::~TaskProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Outcome TaskProcess::tell(const Command& command, os::Fd* descriptor) const {
  os::Fd none;
  os::Fd& travels = descriptor != nullptr ? *descriptor : none;
  Outcome outcome;
  const bool is_said = say(line_, command, travels);
  travels.close();
  if (!is_said || !hear(line_, outcome, travels)) outcome.error = -1;
  return outcome;
}

}  // namespace reeve::test
