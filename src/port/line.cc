#include "line.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace reeve::port {
namespace {

constexpr std::uint32_t kCountedWindow = 16;  // Where more may wait nobody counts to the last until half of them do.
constexpr std::uint64_t kWordsOfWindow = 8;   // Each costs both sides a packet.
constexpr int kCreditsAtOnce = 64;

bool is_more_there(const Line& line) {
  const auto next = os::peek_packet(line.end, {});
  return next && *next && **next != 0;
}

}  // namespace

std::unexpected<Error> dead_port() {
  return fail(Kind::gone, code::kDeadPort, "the port is no more", "ask for another right");
}

Result<os::Sent> send_body(const os::Fd& end, const Header& header, std::span<const std::byte> body,
                           std::span<const int> descriptors) {
  const std::array parts{std::as_bytes(std::span(&header, 1)), body};
  return os::send_packet(end, parts, descriptors);
}

// A holder whose last message was taken finds that out by itself (see is_full), and is not told where few may wait, for
// whom every message would be worth a word. Others are told: at once, where few may wait; and often enough that who
// waits for room does not wait for long. What is told are sums: a word that found no room is in the next one.
void tell_holder(Line& line, std::uint32_t window, Tell when) {
  if (when == Tell::when_due) {
    if ((line.taken - line.told) * kWordsOfWindow < window) return;
    if (window > 1 && window <= kCountedWindow && !is_more_there(line)) return;
  }
  const Credit credit{line.taken, window, 0};
  const auto sent = send_body(line.end, {.kind = PacketKind::credit}, std::as_bytes(std::span(&credit, 1)));
  if (sent && *sent == os::Sent::whole) line.told = line.taken;
}

bool is_full(SendLine& line) {
  const std::uint64_t waiting = line.sent - line.taken;
  if (line.window > kCountedWindow && waiting * 2 < line.window) return false;
  look_whether_taken(line);
  return line.sent - line.taken >= line.window;
}

Result<bool> peek_letter(const Line& line, PeekedLetter& front, bool* is_ready) {
  std::array<std::byte, sizeof(Header) + sizeof front.room> bytes{};
  const auto size = REEVE_TRY(os::peek_packet(line.end, bytes));
  if (is_ready != nullptr) *is_ready = size.has_value();
  if (!size || *size < sizeof(Header)) return false;
  std::memcpy(&front.header, bytes.data(), sizeof(Header));
  if (front.header.kind != PacketKind::message || front.header.count > kAttachmentCountMax) return false;
  const std::size_t data_at = sizeof(Header) + front.header.count * sizeof(Item);
  if (*size < data_at) return false;
  std::memcpy(front.room.data(), &bytes[sizeof(Header)], sizeof front.room);
  front.data_size = *size - data_at;
  return true;
}

void look_whether_taken(SendLine& line) {
  if (line.sent != line.taken && !os::has_unread(line.end)) line.taken = line.sent;
}

Result<os::Sent> send_introduction(SendLine& line, const os::Fd& introduced) {
  look_whether_taken(line);
  const Introduction introduction;
  const int raw = introduced.raw();
  return send_body(line.end, {.kind = PacketKind::introduce}, std::as_bytes(std::span(&introduction, 1)),
                   std::span(&raw, 1));
}

Result<void> read_credits(SendLine& line) {
  std::array<std::byte, sizeof(Header) + sizeof(Credit)> room;
  for (int i = 0; i < kCreditsAtOnce; ++i) {  // A port that tells more holds nobody up by it.
    const auto received = REEVE_TRY(os::receive_packet(line.end, room, os::Rights::refuse));
    if (std::holds_alternative<os::NothingYet>(received)) return {};
    const auto* arrival = std::get_if<os::Arrival>(&received);
    if (arrival == nullptr) return dead_port();
    const auto packet =
        arrival->truncated ? decode_packet({}, 0) : decode_packet(std::span(room).first(arrival->size), 0);
    const auto* credit = packet ? std::get_if<Credit>(&*packet) : nullptr;
    if (credit == nullptr || credit->taken > line.sent) {
      return fail(Kind::invalid, code::kBadPacket, "line: the port said what a port does not say");
    }
    line.taken = std::max(line.taken, credit->taken);
    line.window = credit->window;
  }
  return {};
}

}  // namespace reeve::port
