#include "channel.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "../vocab/reader.hpp"

namespace reeve::channel {
namespace {

std::unexpected<Error> reject(std::int32_t code, std::string why) {
  return fail(Kind::invalid, code, std::move(why), "the peer broke the channel's rules; connect again");
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

Channel::Channel(os::Fd socket, os::Rights rights) : socket_(std::move(socket)), rights_(rights) {
  // Kernels before 6.16 lack the option; a control buffer without room for descriptors then keeps them out.
  if (rights_ == os::Rights::refuse) (void)os::refuse_rights(socket_);
}

Result<void> Channel::greet() {
  if (sent_ != 0) return {};
  Hello hello;
  hello.clock = static_cast<std::uint64_t>(os::now().count());
  Header header;
  header.kind = PacketKind::hello;
  Outgoing packet;
  packet.kind = PacketKind::hello;
  packet.body = bytes_of(hello);
  return transmit(header, packet);
}

Result<void> Channel::transmit(Header header, const Outgoing& packet) {
  std::array<int, kAttachmentCountMax> raw{};
  std::array<AttachmentEntry, kAttachmentCountMax> entries{};
  const std::size_t count = packet.attachments.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Attachment& attachment = packet.attachments[i];
    raw[i] = attachment.fd->raw();
    entries[i] = {static_cast<std::uint8_t>(attachment.kind), static_cast<std::uint8_t>(attachment.access), 0};
  }
  header.attachment_count = static_cast<std::uint32_t>(count);
  header.sequence = sent_;
  header.body_size = packet.body.size();
  header.message_size = packet.body.size();
  const std::array<std::span<const std::byte>, 3> parts{bytes_of(header),
                                                        std::as_bytes(std::span(entries.data(), count)), packet.body};
  const os::Sent sent = REEVE_TRY(os::send_packet(socket_, parts, std::span(raw.data(), count)));
  if (sent == os::Sent::not_now) {
    return fail(Kind::busy, code::kQueueFull, "the peer's queue is full", "wait until the channel is writable");
  }
  ++sent_;
  return {};
}

Result<void> Channel::send(const Outgoing& packet) {
  if (broken_) return std::unexpected(*broken_);
  if (packet.body.size() > kInlineBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the message's body exceeds 64 KiB", "pass larger data as a file");
  }
  if (packet.attachments.size() > kAttachmentCountMax) {
    return fail(Kind::invalid, code::kTooLarge, "the message carries more than 16 descriptors",
                "send several messages");
  }
  REEVE_TRY(greet());
  Header header;
  header.kind = packet.kind;
  header.id = packet.id;
  header.reply_to = packet.reply_to;
  if (packet.deadline) header.deadline = static_cast<std::uint64_t>(packet.deadline->count());
  return transmit(header, packet);
}

Result<void> Channel::check_sender(const os::Credentials& sender) {
  if (!sender_) sender_ = {expected_pid_.value_or(sender.pid), sender.uid};
  if (sender_->pid == sender.pid && sender_->uid == sender.uid) return {};
  return reject(code::kWrongSender, "a packet came from process " + std::to_string(sender.pid) + ", not from process " +
                                        std::to_string(sender_->pid) + ", whose channel this is");
}

Result<void> Channel::check_order(const Header& header) {
  if (header.sequence != received_) {
    return reject(code::kBadPacket,
                  "packet: sequence " + std::to_string(header.sequence) + ", expected " + std::to_string(received_));
  }
  if ((header.kind == PacketKind::hello) != (received_ == 0)) {
    return reject(code::kBadPacket, "packet: hello must come first, and once");
  }
  return {};
}

Result<std::vector<Attachment>> Channel::check_attachments(const DecodedHeader& decoded,
                                                           std::vector<os::Fd> descriptors) {
  std::vector<Attachment> attachments;
  attachments.reserve(descriptors.size());
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const auto kind = static_cast<os::DescriptorKind>(decoded.entries[i].kind);
    const auto access = static_cast<os::Access>(decoded.entries[i].access);
    const std::string which = "attachment " + std::to_string(i) + ": ";
    if (!os::is_kind(descriptors[i], kind)) {
      return reject(code::kBadAttachment,
                    which + "is not the " + std::string(os::name_of(kind)) + " it was declared to be");
    }
    const auto real = os::access_of(descriptors[i]);
    if (!real || (static_cast<unsigned>(*real) & static_cast<unsigned>(access)) != static_cast<unsigned>(access)) {
      return reject(code::kBadAttachment, which + "is not open for what it was declared to be");
    }
    attachments.push_back({std::make_shared<const os::Fd>(std::move(descriptors[i])), kind, access});
  }
  return attachments;
}

Result<Packet> Channel::accept(std::span<const std::byte> bytes, os::Arrival arrival) {
  if (arrival.truncated) {
    return reject(code::kBadPacket, rights_ == os::Rights::refuse
                                        ? "packet: larger than 64 KiB, or with descriptors, which nobody asked for"
                                        : "packet: larger than 64 KiB, or with more descriptors than were delivered");
  }
  REEVE_TRY(check_sender(arrival.sender));
  const DecodedHeader decoded = REEVE_TRY(decode_header(bytes, arrival.descriptors.size()));
  REEVE_TRY(check_order(decoded.header));
  if (decoded.header.kind == PacketKind::hello) {
    const auto hello = vocab::Reader(decoded.body).read<Hello>();
    if (!hello || decoded.body.size() != sizeof(Hello))
      return reject(code::kBadPacket, "packet: a hello of another size");
    if (hello->oldest_version > 1 || hello->newest_version < 1) {
      return fail(Kind::unsupported, code::kBadPacket, "the peer does not speak version 1", "upgrade the older side");
    }
  }
  Packet packet{decoded.header, {decoded.body.begin(), decoded.body.end()}, {}};
  packet.attachments = REEVE_TRY(check_attachments(decoded, std::move(arrival.descriptors)));
  ++received_;
  return packet;
}

Result<Incoming> Channel::receive(Inbox& inbox) {
  if (broken_) return std::unexpected(*broken_);
  while (true) {
    auto received = REEVE_TRY(os::receive_packet(socket_, inbox.room(), rights_));
    if (std::holds_alternative<os::NothingYet>(received)) return NothingYet{};
    if (std::holds_alternative<os::EndOfChannel>(received)) return Ended{};
    auto& arrival = std::get<os::Arrival>(received);
    const auto bytes = std::span<const std::byte>(inbox.room()).first(std::min(arrival.size, inbox.room().size()));
    auto packet = accept(bytes, std::move(arrival));
    if (!packet) {
      broken_ = packet.error();
      return std::unexpected(std::move(packet).error());
    }
    if (packet->header.kind == PacketKind::hello) continue;
    return std::move(*packet);
  }
}

void Channel::end(std::span<const std::byte> reason_body) {
  Outgoing last;
  last.kind = PacketKind::end;
  last.body = reason_body.first(std::min(reason_body.size(), kInlineBytesMax));
  Header header;
  header.kind = PacketKind::end;
  if (greet()) (void)transmit(header, last);
  os::shut_down(socket_);
  if (!broken_) broken_ = Error{Kind::gone, code::kClosed, "the channel was ended on this side", ""};
}

}  // namespace reeve::channel
