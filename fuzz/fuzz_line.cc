// A packet of a line; a port whose holder says whatever it likes, with whatever descriptors; a holder whose port does.
#include "../src/port/packet.hpp"
#include "line_talk.hpp"

namespace {

using namespace reeve;
using namespace std::chrono_literals;
using fuzzing::talk;

void take_all(const ReceiveRight& port) {
  while (true) {
    const auto delivery = port.receive({.timeout = 0s});
    if (!delivery) return;
    REEVE_INVARIANT(!std::holds_alternative<port::TooLarge>(*delivery));
  }
}

// Whatever one holder says, the others are served.
void talk_to_port(std::span<const std::byte> bytes) {
  PortSpace space = PortSpace::make();
  const auto port = space.make_port();
  const auto honest = port->make_send();
  talk(bytes, *space.give_out(*port->make_send()), [&] { take_all(*port); });
  take_all(*port);
  port::Message message;
  message.id = 7;
  REEVE_INVARIANT(honest->send(message, {.timeout = 0s}).has_value());
  while (true) {
    const auto delivery = port->receive({.timeout = 0s});
    REEVE_INVARIANT(delivery.has_value());
    const auto* received = std::get_if<port::Received>(&*delivery);
    if (received != nullptr && received->id == 7) break;
  }
  REEVE_INVARIANT(space.names().size() == 1);
}

void talk_to_holder(std::span<const std::byte> bytes) {
  PortSpace space = PortSpace::make();
  auto [holder, port] = *os::channel_pair();
  const auto right = space.take_in(std::move(holder));
  talk(bytes, port, [&] {
    port::Message message;
    (void)right->send(message, {.timeout = 0s});
    (void)right->copy();
  });
  (void)right->is_dead();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 4) {
    case 0:
      talk_to_holder(bytes);
      break;
    case 1:
      (void)port::decode_packet(bytes, data[0] / 4 % 20);
      break;
    default:
      talk_to_port(bytes);
  }
  return 0;
}
