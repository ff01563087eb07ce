// A packet of a line; a port whose holder says whatever it likes, with whatever descriptors; a holder whose port does.
#include <cstdint>
#include <reeve/port.hpp>

#include "../src/os/descriptor.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/socket.hpp"
#include "../src/port/packet.hpp"
#include "../src/vocab/reader.hpp"

namespace {

using namespace reeve;
using namespace std::chrono_literals;

// Descriptors that are there anew for each packet.
os::Fd descriptor_of(std::uint8_t kind, PortSpace& giver) {
  switch (kind % 5) {
    case 0:
      return std::move(os::channel_pair()->first);
    case 1:
      return std::move(os::pipe_pair()->first);
    case 2:
      return *os::sealed_memory("fuzz", std::as_bytes(std::span("sealed")));
    case 3: {  // A carrier, out of the message that brings it.
      auto [taken, line] = *os::channel_pair();
      port::Message message;
      message.carried.emplace_back(*giver.make_port());
      (void)giver.take_in(std::move(line))->send(message, {.timeout = 0s});
      std::array<std::byte, 256> room;
      auto received = os::receive_packet(taken, room, os::Rights::accept);
      return std::move(std::get<os::Arrival>(*received).descriptors.at(0));
    }
    default:
      return *os::open_memory("fuzz", 4096);
  }
}

// The input as a row of packets: a size in 16 bits, how many descriptors, and which.
void talk(std::span<const std::byte> bytes, const os::Fd& line, const auto& hear) {
  PortSpace giver = PortSpace::make();
  vocab::Reader in(bytes);
  for (int i = 0; i < 20; ++i) {
    const auto size = in.read<std::uint16_t>();
    const auto count = in.read<std::uint8_t>();
    if (!size || !count) return;
    std::vector<os::Fd> descriptors;
    std::vector<int> raw;
    for (int j = 0; j < *count % 18 && descriptors.size() < kAttachmentCountMax; ++j) {
      descriptors.push_back(descriptor_of(in.read<std::uint8_t>().value_or(0), giver));
      raw.push_back(descriptors.back().raw());
    }
    const auto packet = *in.bytes(std::min<std::size_t>(*size, in.remaining()));
    const std::array<std::span<const std::byte>, 1> parts{packet};
    if (packet.empty() || !os::send_packet(line, parts, raw)) return;
    hear();
  }
}

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
