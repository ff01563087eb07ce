// A fuzzer's input as what one holder of a right says, with whatever descriptors.
#pragma once

#include <cstdint>
#include <reeve/port.hpp>

#include "../src/os/descriptor.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/socket.hpp"
#include "../src/vocab/reader.hpp"

namespace reeve::fuzzing {

using namespace std::chrono_literals;

// Descriptors that are there anew for each packet.
inline os::Fd descriptor_of(std::uint8_t kind, PortSpace& giver) {
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
inline void talk(std::span<const std::byte> bytes, const os::Fd& line, const auto& hear) {
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

}  // namespace reeve::fuzzing
