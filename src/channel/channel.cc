#include "channel.hpp"

#include <algorithm>
#include <array>
#include <cstring>
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

constexpr std::size_t kSmallBytesMax = 1024;

// What stands behind a header: entries, then tokens; and the descriptors that go along.
struct TableOut {
  std::array<AttachmentEntry, kAttachmentCountMax> entries{};
  std::array<Endpoint, kAttachmentCountMax> endpoints{};
  std::array<int, kAttachmentCountMax> raw{};
  std::size_t entry_count = 0;
  std::size_t endpoint_count = 0;
  std::size_t raw_count = 0;

  explicit TableOut(std::span<const object::Attachment> attachments) {
    for (const object::Attachment& attachment : attachments) {
      if (const auto* descriptor = std::get_if<object::Descriptor>(&attachment)) {
        entries[entry_count++] = {static_cast<std::uint8_t>(descriptor->kind),
                                  static_cast<std::uint8_t>(descriptor->access), 0};
        raw[raw_count++] = descriptor->fd->raw();
      } else {
        entries[entry_count++] = {kEndpointEntry, 0, 0};
        endpoints[endpoint_count++] = std::get<Endpoint>(attachment);
      }
    }
  }
};

bool is_same_message(const Header& a, const Header& b) {
  return a.kind == b.kind && a.id == b.id && a.reply_to == b.reply_to;
}

}  // namespace

Channel::Channel(os::Fd socket, os::Rights rights) : socket_(std::move(socket)), rights_(rights) {
  // Kernels before 6.16 lack the option; a control buffer without room for descriptors then keeps them out.
  if (rights_ == os::Rights::refuse) (void)os::refuse_rights(socket_);
}

void Channel::bind_to(const Record& record) {
  record_ = record;
  if (record.pid == 0 && record.process != 0) is_passing_process_ = os::pass_process(socket_, os::Passing::on);
}

Result<void> Channel::greet() {
  if (sent_ != 0) return {};
  Hello hello;
  hello.monotonic = static_cast<std::uint64_t>(os::now().count());
  hello.real = static_cast<std::uint64_t>(os::real_now().count());
  hello.features = own_features_;
  Header header;
  header.body_size = header.message_size = sizeof hello;
  const std::array body{bytes_of(hello)};
  return transmit(header, {}, body);
}

Result<void> Channel::transmit(Header& header, std::span<const object::Attachment> attachments,
                               std::span<const std::span<const std::byte>> body) {
  header.sequence = sent_;
  if (attachments.empty() && body.size() == 1 && body[0].size() <= kSmallBytesMax)
    return transmit_small(header, body[0]);
  const TableOut table(attachments);
  header.attachment_count = static_cast<std::uint32_t>(table.entry_count);
  std::array<std::span<const std::byte>, kPieceCountMax + 3> parts;
  std::size_t count = 0;
  parts[count++] = bytes_of(header);
  if (table.entry_count > 0) {
    parts[count++] = std::as_bytes(std::span(table.entries).first(table.entry_count));
    parts[count++] = std::as_bytes(std::span(table.endpoints).first(table.endpoint_count));
  }
  for (const auto& piece : body) parts[count++] = piece;
  return put_on_the_wire(std::span(parts).first(count), std::span(table.raw).first(table.raw_count));
}

// In one piece: for the kernel three pieces cost more than copying so little.
Result<void> Channel::transmit_small(const Header& header, std::span<const std::byte> body) {
  alignas(Header) std::array<std::byte, sizeof(Header) + kSmallBytesMax> packet;
  std::memcpy(packet.data(), &header, sizeof header);
  if (!body.empty()) std::memcpy(packet.data() + sizeof header, body.data(), body.size());
  const std::span<const std::byte> whole(packet.data(), sizeof header + body.size());
  return put_on_the_wire(std::span(&whole, 1), {});
}

Result<void> Channel::put_on_the_wire(std::span<const std::span<const std::byte>> parts, std::span<const int> raw) {
  const os::Sent sent = REEVE_TRY(os::send_packet(socket_, parts, raw, &was_reset_));
  if (sent == os::Sent::not_now) {
    return fail(Kind::busy, code::kQueueFull, "the peer's queue is full", "wait until the channel is writable");
  }
  ++sent_;
  return {};
}

Result<void> Channel::send_next(Parcel& parcel) {
  if (broken_) return std::unexpected(*broken_);
  const std::size_t size = parcel.body.size();
  if (size > kMessageBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "the message's body exceeds 64 MiB", "hand it over as Memory or File");
  }
  if (parcel.attachments.size() > kAttachmentCountMax) {
    return fail(Kind::invalid, code::kTooLarge, "the message carries more than 16 descriptors",
                "send several messages");
  }
  REEVE_TRY(greet());
  const bool is_first = parcel.sent == 0;
  if (is_first && parcel.is_long()) {
    os::widen(socket_);
    if (parcel.kind == PacketKind::message) parcel.id = next_message_++;
  }
  Header header;
  header.kind = parcel.kind;
  header.id = parcel.id;
  header.reply_to = parcel.reply_to;
  header.chain = parcel.chain;
  if (parcel.deadline) header.deadline = static_cast<std::uint64_t>(parcel.deadline->count());
  header.message_size = size;
  header.fragment_offset = parcel.sent;
  header.body_size = std::min(size - parcel.sent, kFragmentBytes);
  const auto along =
      is_first ? std::span<const object::Attachment>(parcel.attachments) : std::span<const object::Attachment>();
  if (parcel.body.splices.empty()) {
    const auto body = std::span<const std::byte>(parcel.body.bytes).subspan(parcel.sent, header.body_size);
    REEVE_TRY(transmit(header, along, std::span(&body, 1)));
  } else {
    const object::Gathered body(parcel.body, parcel.sent, header.body_size);
    REEVE_TRY(transmit(header, along, body.spans()));
  }
  last_tag_ = parcel.tag;
  parcel.sent += header.body_size;
  parcel.is_sent = parcel.sent == size;
  return {};
}

Result<void> Channel::send(Parcel& parcel) {
  while (!parcel.is_sent) REEVE_TRY(send_next(parcel));
  return {};
}

// Receiving.

std::span<std::byte> Channel::Partial::rest() const {
  if (!buffer) return {};
  return buffer->bytes().subspan(begin + received, std::min(header.message_size - received, kFragmentBytes));
}

Result<Incoming> Channel::receive(Inbox& inbox, os::Wait wait) {
  Result<Incoming> outcome = NothingYet{};
  if (auto received = receive_into(*outcome, inbox, wait); !received) {
    outcome = std::unexpected(std::move(received).error());
  }
  return outcome;
}

Result<void> Channel::receive_into(Incoming& outcome, Inbox& inbox, os::Wait wait) {
  if (broken_) return std::unexpected(*broken_);
  // Fragments tell nothing until the last: after a few of them others have their turn.
  for (std::size_t i = 0; i < kPacketsPerTurn && std::holds_alternative<NothingYet>(outcome); ++i) {
    Place place = REEVE_TRY(next_place(inbox));
    auto received = receive_at(place, wait);
    if (!received) return std::unexpected(std::move(received).error());
    if (std::holds_alternative<os::NothingYet>(*received)) return {};
    if (std::holds_alternative<os::EndOfChannel>(*received)) {
      outcome = Ended{was_reset_ ? last_tag_ : 0};
    } else if (const auto accepted = accept(std::get<os::Arrival>(*received), place, inbox, outcome); !accepted) {
      broken_ = std::make_unique<const Error>(accepted.error());
      return accepted;
    }
  }
  return {};
}

// Where it belongs, if it is the next fragment of the message that the last one belonged to.
Result<Channel::Place> Channel::next_place(Inbox& inbox) {
  Place place{inbox.room(), last_ != nullptr && last_->buffer ? last_ : nullptr, {}, {}};
  if (!place.room) return fail(Kind::busy, code::kSystem, "no memory is left to receive into", "try again later");
  if (place.expected != nullptr) {
    place.its_room = place.expected->buffer;
    place.tail = place.expected->rest();
  }
  return place;
}

Result<os::Received> Channel::receive_at(const Place& place, os::Wait wait) {
  const auto room = place.room->bytes().first(kPacketBytesMax);
  const bool wants_process = is_passing_process_ && !sender_ && rights_ == os::Rights::refuse;
  const os::Rights rights = wants_process ? os::Rights::process_only : rights_;
  if (place.tail.empty()) return os::receive_packet(socket_, room, rights, &was_reset_, wait);
  const std::size_t rest = room.size() - sizeof(Header) - place.tail.size();
  const std::array<std::span<std::byte>, 3> parts{room.first(sizeof(Header)), place.tail,
                                                  room.subspan(sizeof(Header), rest)};
  return os::receive_packet(socket_, parts, rights, &was_reset_, wait);
}

Result<void> Channel::check_arrival(const os::Arrival& arrival) {
  if (arrival.left_open) {
    has_left_open_ = true;
    return reject(code::kBadAttachment,
                  "a file came that a process serves (FUSE), which could keep its reader for ever");
  }
  if (!arrival.truncated) return check_sender(arrival);
  return reject(code::kBadPacket, rights_ == os::Rights::refuse
                                      ? "packet: larger than 128 KiB, or with descriptors, which nobody asked for"
                                      : "packet: larger than 128 KiB, or with more descriptors than were delivered");
}

// How the kernel vouches for the sender of the first packet decides how it does for those that follow.
Result<void> Channel::bind_first(const os::Arrival& arrival) {
  sender_ = arrival.sender;
  binding_ = arrival.sender.pid != 0 ? Binding::pid : Binding::end;
  if (record_ && record_->pid != 0) sender_->pid = record_->pid;
  if (!is_passing_process_) return {};
  // One packet with it is enough: it costs each some 3 us.
  (void)os::pass_process(socket_, os::Passing::off);
  if (!arrival.process) {
    return reject(code::kWrongSender,
                  "whoever sent the first packet cannot be found out: it has ended, or no descriptor was left to look");
  }
  if (*arrival.process == 0) return {};  // A kernel before 6.9: the end is all there is.
  if (*arrival.process != record_->process) {
    return reject(code::kWrongSender,
                  "the first packet came from another process than the one to which the broker gave the channel");
  }
  if (binding_ == Binding::end) binding_ = Binding::process;
  return {};
}

Result<void> Channel::check_sender(const os::Arrival& arrival) {
  if (!sender_) REEVE_TRY(bind_first(arrival));
  const bool same_pid = sender_->pid == arrival.sender.pid || may_be_replaced_;
  if (same_pid && sender_->uid == arrival.sender.uid) return {};
  return reject(code::kWrongSender, "a packet came from process " + std::to_string(arrival.sender.pid) +
                                        ", not from process " + std::to_string(sender_->pid) +
                                        ", whose channel this is");
}

// Another process speaks from here on, at one end or at the other.
void Channel::begin_anew(std::uint64_t sequence) {
  received_ = sequence;
  partials_.clear();
  last_ = nullptr;
}

Result<void> Channel::check_order(const Header& header) {
  const bool is_new_peer = may_be_replaced_ && header.kind == PacketKind::hello && header.sequence == 0;
  if (std::exchange(is_taken_over_, false) || is_new_peer) begin_anew(header.sequence);
  if (header.sequence != received_) {
    return reject(code::kBadPacket,
                  "packet: sequence " + std::to_string(header.sequence) + ", expected " + std::to_string(received_));
  }
  if ((header.kind == PacketKind::hello) != (received_ == 0)) {
    return reject(code::kBadPacket, "packet: hello must come first, and once");
  }
  ++received_;
  return {};
}

Result<std::vector<object::Attachment>> Channel::check_attachments(const Table& table,
                                                                   std::vector<os::Fd> descriptors) {
  std::vector<object::Attachment> attachments;
  std::size_t used = 0;
  for (std::size_t i = 0; i < table.count; ++i) {
    const AttachmentEntry entry = table.entry(i);
    if (entry.kind == kEndpointEntry) {
      attachments.emplace_back(table.endpoint(i - used));
      continue;
    }
    os::Fd& fd = descriptors[used++];
    const auto kind = static_cast<os::DescriptorKind>(entry.kind);
    const auto access = static_cast<os::Access>(entry.access);
    const std::string which = "attachment " + std::to_string(i) + ": ";
    if (!os::is_kind(fd, kind)) {
      return reject(code::kBadAttachment,
                    which + "is not the " + std::string(os::name_of(kind)) + " it was declared to be");
    }
    const bool is_channel = kind == os::DescriptorKind::channel;  // Always for both: no mere path is a socket.
    const auto real = is_channel ? os::Access::read_write : os::access_of(fd);
    if (!real || (static_cast<unsigned>(*real) & static_cast<unsigned>(access)) != static_cast<unsigned>(access)) {
      return reject(code::kBadAttachment, which + "is not open for what it was declared to be");
    }
    const bool has_size = kind == os::DescriptorKind::memory || kind == os::DescriptorKind::shared;
    const std::uint64_t size = has_size ? REEVE_TRY(os::memory_size(fd)) : 0;
    attachments.emplace_back(object::Descriptor{std::make_shared<const os::Fd>(std::move(fd)), kind, access, size});
  }
  return attachments;
}

Result<void> Channel::accept(os::Arrival& arrival, Place& place, Inbox& inbox, Incoming& outcome) {
  REEVE_TRY(check_arrival(arrival));
  const auto room = place.room->bytes();
  const std::size_t size = arrival.size;
  const Header header = REEVE_TRY(decode_header(room.first(std::min(size, sizeof(Header)))));
  REEVE_TRY(check_order(header));
  const std::size_t behind = size - sizeof(Header);
  if (header.fragment_offset != 0 && behind == header.body_size && arrival.descriptors.empty()) {
    Partial* partial = REEVE_TRY(partial_of(header));
    if (partial == place.expected) return advance(*partial, behind, outcome), Result<void>();
  }
  // Not where it was expected: what lies in the tail belongs before the rest.
  const std::size_t in_tail = std::min(behind, place.tail.size());
  if (in_tail > 0) {
    std::memmove(&room[sizeof(Header) + in_tail], &room[sizeof(Header)], behind - in_tail);
    std::memcpy(&room[sizeof(Header)], place.tail.data(), in_tail);
  }
  const Table table = REEVE_TRY(decode_table(header, room.subspan(sizeof(Header), behind), arrival.descriptors.size()));
  if (header.kind == PacketKind::hello) {
    REEVE_TRY(accept_hello(table.body));
    if (may_be_replaced_) outcome.emplace<Delivered>(Packet{header, {}, {}}, quota::Charge());
    return {};
  }
  if (header.fragment_offset != 0) {
    Partial& partial = *REEVE_TRY(partial_of(header));
    if (partial.buffer) std::memcpy(partial.rest().data(), table.body.data(), table.body.size());
    advance(partial, table.body.size(), outcome);
    return {};
  }
  Header local = header;
  if (local.deadline != 0) local.deadline += static_cast<std::uint64_t>(clock_offset_);
  std::vector<object::Attachment> attachments;
  if (table.count > 0) attachments = REEVE_TRY(check_attachments(table, std::move(arrival.descriptors)));
  if (header.message_size != header.body_size) {
    inbox.expect(Inbox::Expects::long_messages);
    return begin_partial(local, table.body, std::move(place.room), std::move(attachments), inbox, outcome);
  }
  inbox.expect(Inbox::Expects::packets);
  outcome.emplace<Delivered>(
      Packet{local, Data(table.body, std::move(place.room), room.size()), std::move(attachments)}, quota::Charge());
  return {};
}

Result<void> Channel::accept_hello(std::span<const std::byte> body) {
  const Hello hello = REEVE_TRY(decode_hello(body));
  clock_offset_ = clock_offset(hello, os::now(), os::real_now());
  features_ = hello.features;
  return {};
}

// The first fragment of a message. The room that it came into becomes the message's, if the rest fits behind it and
// takes most of it: what is held is to be what is charged.
Result<void> Channel::begin_partial(const Header& header, std::span<const std::byte> body, std::shared_ptr<Buffer> room,
                                    std::vector<object::Attachment> attachments, Inbox& inbox, Incoming& outcome) {
  const auto same = [&](const Partial& p) { return is_same_message(p.header, header); };
  if (std::any_of(partials_.begin(), partials_.end(), same)) {
    return reject(code::kBadPacket, "packet: a message begins again before it has ended");
  }
  if (partials_.size() == kPartialCountMax) {
    return reject(code::kBadPacket, "packet: more than 16 messages in fragments at once");
  }
  Partial& partial = partials_.emplace_back();
  partial.header = header;
  // Charged before it is kept: a peer that dies in mid-message must still pay for what we hold.
  auto charge =
      inbox.ledger().account_of(principal_).charge({.bytes = header.message_size, .descriptors = attachments.size()});
  if (charge) {
    partial.begin = static_cast<std::size_t>(body.data() - room->bytes().data());
    partial.buffer = std::move(room);
    const std::size_t there = partial.buffer->bytes().size() - partial.begin;
    if (header.message_size > there || header.message_size < there / 2) {
      const auto own = Buffer::make(header.message_size);
      if (own) std::memcpy(own->bytes().data(), body.data(), body.size());
      partial.buffer = own;
      partial.begin = 0;
    }
    partial.charge = std::move(*charge);
    partial.attachments = std::move(attachments);
  }
  if (!partial.buffer) {
    partial.charge = {};
    Error reason = charge ? Error{Kind::busy, code::kQueueFull, "the receiver has no memory left", "try again later"}
                          : std::move(charge).error();
    outcome = Refused{header, std::move(reason)};
  }
  partial.received = body.size();
  last_ = &partial;
  return {};
}

// The partial that a later fragment goes on with, exactly where it left off.
Result<Channel::Partial*> Channel::partial_of(const Header& header) {
  if (last_ == nullptr || !is_same_message(last_->header, header)) {
    const auto found = std::find_if(partials_.begin(), partials_.end(),
                                    [&](const Partial& p) { return is_same_message(p.header, header); });
    if (found == partials_.end()) return reject(code::kBadPacket, "packet: a fragment of a message that never began");
    last_ = &*found;
  }
  if (header.fragment_offset != last_->received || header.message_size != last_->header.message_size) {
    return reject(code::kBadPacket, "packet: a fragment that does not follow the one before");
  }
  return last_;
}

// So many bytes more are where they belong: a whole message, perhaps.
void Channel::advance(Partial& partial, std::size_t size, Incoming& outcome) {
  partial.received += size;
  if (partial.received < partial.header.message_size) return;
  last_ = nullptr;
  if (partial.buffer) {
    const auto body = partial.buffer->bytes().subspan(partial.begin, partial.received);
    outcome.emplace<Delivered>(Packet{partial.header, Data(body, partial.buffer, partial.buffer->bytes().size()),
                                      std::move(partial.attachments)},
                               std::move(partial.charge));
  }
  partials_.remove_if([&](const Partial& p) { return &p == &partial; });
}

void Channel::end(std::span<const std::byte> reason_body) {
  Header header;
  header.kind = PacketKind::end;
  const auto body = reason_body.first(std::min(reason_body.size(), kFragmentBytes));
  header.body_size = header.message_size = body.size();
  const std::array parts{body};
  if (greet()) (void)transmit(header, {}, parts);
  os::shut_down(socket_);
  if (!broken_) {
    broken_ = std::make_unique<const Error>(Error{Kind::gone, code::kClosed, "the channel was ended on this side", ""});
  }
}

}  // namespace reeve::channel
