// A packet's header, the table behind it, the hello; and whole conversations of packets at a channel.
#include <cstdint>

#include "../src/channel/channel.hpp"
#include "../src/vocab/reader.hpp"

namespace {

using namespace reeve;

void check_one_packet(std::span<const std::byte> bytes, std::size_t descriptors) {
  const auto header = channel::decode_header(bytes);
  if (!header) return;
  const auto table = channel::decode_table(*header, bytes.subspan(sizeof(channel::Header)), descriptors);
  if (!table) return;
  REEVE_INVARIANT(table->body.size() == header->body_size && table->body.size() <= kFragmentBytes);
  REEVE_INVARIANT(header->fragment_offset + header->body_size <= header->message_size);
  if (const auto hello = channel::decode_hello(table->body)) {
    (void)channel::clock_offset(*hello, std::chrono::nanoseconds(1), std::chrono::nanoseconds(2));
  }
}

// The input as a row of packets, each after its size in 16 bits, to which the sequence is added so that the
// conversation gets beyond its first. Bodies are made as long as the header says, for the sake of fragments.
void converse(std::span<const std::byte> bytes) {
  auto ends = os::channel_pair();
  if (!ends) return;
  channel::Inbox inbox;
  channel::Channel channel(std::move(ends->first));
  vocab::Reader in(bytes);
  std::uint64_t sequence = 0;
  for (int i = 0; i < 40; ++i) {
    const auto size = in.read<std::uint16_t>();
    if (!size || in.remaining() == 0) return;
    const auto packet = *in.bytes(std::min<std::size_t>(*size, in.remaining()));
    std::vector<std::byte> out(packet.begin(), packet.end());
    if (out.size() >= sizeof(channel::Header)) {
      channel::Header header;
      std::memcpy(&header, out.data(), sizeof header);
      header.sequence = sequence;
      std::memcpy(out.data(), &header, sizeof header);
      if (header.body_size <= kFragmentBytes && out.size() < sizeof header + header.body_size) {
        out.resize(sizeof header + header.body_size);
      }
    }
    ++sequence;
    const std::span<const std::byte> whole(out);
    if (!os::send_packet(ends->second, std::span(&whole, 1), {})) return;
    while (true) {
      const auto incoming = channel.receive(inbox);
      if (!incoming) {
        REEVE_INVARIANT(!incoming.error().message.empty());
        REEVE_INVARIANT(!channel.receive(inbox).has_value());
        return;
      }
      if (std::holds_alternative<channel::NothingYet>(*incoming)) break;
      if (std::holds_alternative<channel::Ended>(*incoming)) return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  if ((data[0] & 0x80U) != 0) {
    converse(bytes);
  } else {
    check_one_packet(bytes, data[0] % 20);
  }
  return 0;
}
