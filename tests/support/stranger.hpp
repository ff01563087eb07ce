// One end of a channel, used as it should not be: raw packets.
#pragma once

#include <sys/socket.h>

#include <array>
#include <span>
#include <vector>

#include "../../src/channel/packet.hpp"
#include "../../src/object/call.hpp"
#include "../../src/os/socket.hpp"
#include "../../src/wire/wire.hpp"
#include "session.hpp"

namespace reeve::test {

struct Stranger {
  using Header = channel::Header;
  using PacketKind = channel::PacketKind;

  os::Fd socket;

  bool send(const void* bytes, std::size_t size) const { return ::send(socket.raw(), bytes, size, MSG_NOSIGNAL) >= 0; }

  bool send(const Header& header, std::span<const std::byte> body) const {
    const auto head = std::as_bytes(std::span(&header, 1));
    std::vector<std::byte> packet(head.begin(), head.end());
    packet.insert(packet.end(), body.begin(), body.end());
    return send(packet.data(), packet.size());
  }
  void greet() const {
    const channel::Hello hello;
    Header header;
    header.body_size = header.message_size = sizeof hello;
    send(header, std::as_bytes(std::span(&hello, 1)));
  }
  bool request(std::uint64_t sequence, std::span<const std::byte> body) const {
    Header header;
    header.kind = PacketKind::request;
    header.id = sequence;
    header.sequence = sequence;
    header.body_size = header.message_size = body.size();
    return send(header, body);
  }
  // Asks for an echo of so many files.
  bool request_with_files(std::uint64_t sequence, const os::Fd& file, std::size_t count) const {
    Array files(count, Object(object::Descriptor{std::make_shared<const os::Fd>(*file.duplicate())}));
    const auto body =
        wire::encode(Dictionary{{"method", Object("echo_files")}, {"arguments", Object(Array{Object(files)})}})
            ->body.bytes;
    Header header;
    header.kind = PacketKind::request;
    header.id = header.sequence = sequence;
    header.attachment_count = static_cast<std::uint32_t>(count);
    header.body_size = header.message_size = body.size();
    const std::vector<channel::AttachmentEntry> entries(count, {1, 1, 0});
    const std::vector<int> raw(count, file.raw());
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(entries)),
                           std::span<const std::byte>(body)};
    const auto sent = os::send_packet(socket, parts, raw);
    return sent && *sent == os::Sent::whole;
  }
  // A request that comes with these descriptors, all declared to be of that kind.
  bool request_with(std::uint64_t sequence, std::span<const int> raw, channel::AttachmentEntry declared) const {
    Header header;
    header.kind = PacketKind::request;
    header.id = header.sequence = sequence;
    header.attachment_count = static_cast<std::uint32_t>(raw.size());
    const std::vector<channel::AttachmentEntry> entries(raw.size(), declared);
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(entries))};
    const auto sent = os::send_packet(socket, parts, raw);
    return sent && *sent == os::Sent::whole;
  }
  // The code of the reason that the other side gives before it hangs up; 0 where it gives none within ten seconds.
  std::int32_t reason() const {
    const os::Deadline deadline = os::now() + 10s;
    std::vector<std::byte> room(channel::kPacketBytesMax);
    while (os::wait_for(socket, os::Readiness::readable, deadline).value_or(false)) {
      const auto received = os::receive_packet(socket, room, os::Rights::accept);
      const auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
      if (arrival == nullptr) return 0;
      const auto packet = std::span<const std::byte>(room).first(arrival->size);
      const auto header = channel::decode_header(packet.first(sizeof(Header)));
      if (!header || header->kind != PacketKind::end) continue;
      const auto body = wire::decode(packet.subspan(sizeof(Header)), {});
      return body ? object::parse_error(*body).code : 0;
    }
    return 0;
  }
  // Whether the other side hangs up within ten seconds, whatever it says before.
  bool is_cut_off() const {
    const os::Deadline deadline = os::now() + 10s;
    std::vector<std::byte> room(channel::kPacketBytesMax);
    while (os::wait_for(socket, os::Readiness::readable, deadline).value_or(false)) {
      const auto received = os::receive_packet(socket, room, os::Rights::accept);
      if (!received || std::holds_alternative<os::EndOfChannel>(*received)) return true;
    }
    return false;
  }
};

}  // namespace reeve::test
