#include "carrier.hpp"

#include <array>

#include "../os/descriptor.hpp"

namespace reeve::port {
namespace {

constexpr int kCarrierDepthMax = 4;  // Ports in notifications of ports in notifications: recursion stays small.

Result<void> put(const os::Fd& end, const Header& header, std::span<const std::byte> body,
                 std::span<const int> descriptors = {}) {
  if (REEVE_TRY(send_body(end, header, body, descriptors)) == os::Sent::whole) return {};
  return fail(Kind::busy, code::kQueueFull, "a port has more lines than can be moved at once", "give some rights up");
}

// Sixteen lines a packet.
Result<void> put_lines(const os::Fd& end, const Port& port) {
  std::vector<CarriedLine> lines;
  std::vector<int> descriptors;
  const auto flush = [&]() -> Result<void> {
    const auto count = static_cast<std::uint32_t>(lines.size());
    REEVE_TRY(put(end, {.kind = PacketKind::lines, .count = count}, std::as_bytes(std::span(lines)), descriptors));
    lines.clear();
    descriptors.clear();
    return {};
  };
  for (const auto& [number, line] : port.lines()) {
    lines.push_back({line.kind, {}, line.taken, line.told});
    descriptors.push_back(line.end.raw());
    if (lines.size() == kAttachmentCountMax) REEVE_TRY(flush());
  }
  if (!lines.empty()) REEVE_TRY(flush());
  return {};
}

std::unexpected<Error> bad(const char* what) {
  return fail(Kind::invalid, code::kBadPacket, std::string("carrier: ") + what);
}

// A name means nothing elsewhere.
bool moves_on(const Notice& notice) { return !is_about_name(notice.kind); }

// What is in a carrier's queue, one packet after the other.
class Unpacking {
 public:
  Unpacking(const os::Fd& carrier, const Giver& giver, const std::function<std::uint64_t()>& next_number, int depth)
      : carrier_(carrier), giver_(giver), next_number_(next_number), depth_(depth) {}

  Result<std::shared_ptr<Port>> whole() {
    if (depth_ > kCarrierDepthMax) return bad("it is one of too many within each other");
    const Packet first = REEVE_TRY(next());
    const auto* told = std::get_if<CarriedPort>(&first);
    if (told == nullptr) return bad("it does not begin with a port");
    quota::Charge charge = REEVE_TRY(giver_.account.charge({.descriptors = kPortDescriptors}));
    port_ = REEVE_TRY(Port::make(told->queue_limit));
    port_->charge = std::move(charge);
    while (port_->lines().size() < told->line_count || port_->notices().size() < told->notice_count) {
      REEVE_TRY(take(REEVE_TRY(next())));
      if (port_->lines().size() > told->line_count || port_->notices().size() > told->notice_count) {
        return bad("it brings more than it says");
      }
    }
    return std::move(port_);
  }

 private:
  Result<Packet> next() {
    auto received = REEVE_TRY(os::receive_packet(carrier_, room_, os::Rights::accept));
    auto* arrival = std::get_if<os::Arrival>(&received);
    if (arrival == nullptr || arrival->truncated || arrival->left_open) return bad("it is not whole");
    descriptors_ = std::move(arrival->descriptors);
    return decode_packet(std::span(room_).first(arrival->size), descriptors_.size());
  }

  Result<void> take(const Packet& packet) {
    if (const auto* lines = std::get_if<CarriedLines>(&packet)) return take_lines(*lines);
    const auto* notice = std::get_if<CarriedNotice>(&packet);
    if (notice == nullptr) return bad("it brings what belongs to no port");
    std::shared_ptr<Port> destroyed;
    if (!descriptors_.empty()) {
      const os::Fd carrier = std::move(descriptors_.front());
      if (!os::is_kind(carrier, os::DescriptorKind::channel)) return bad("a port in it is none");
      destroyed = REEVE_TRY(Unpacking(carrier, giver_, next_number_, depth_ + 1).whole());
    }
    const auto kind = static_cast<NotificationKind>(notice->kind);
    port_->add_notice({kind, {}, notice->count, std::move(destroyed), giver_.credentials});
    return {};
  }

  Result<void> take_lines(const CarriedLines& lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!os::is_kind(descriptors_[i], os::DescriptorKind::channel)) {
        return fail(Kind::invalid, code::kBadAttachment, "carrier: a line that is no end of one");
      }
      Line line{.end = std::move(descriptors_[i]), .kind = lines[i].kind, .charge = {}};
      line.taken = lines[i].taken;
      line.told = lines[i].told;
      line.charge = REEVE_TRY(giver_.account.charge({.descriptors = 1}));
      REEVE_TRY(os::ask_for_senders(line.end));
      REEVE_TRY(port_->add_line(next_number_(), std::move(line)));
    }
    return {};
  }

  const os::Fd& carrier_;
  const Giver& giver_;
  const std::function<std::uint64_t()>& next_number_;
  int depth_;
  std::shared_ptr<Port> port_;
  std::array<std::byte, sizeof(Header) + kAttachmentCountMax * sizeof(CarriedLine)> room_;
  std::vector<os::Fd> descriptors_;
};

Result<os::Fd> pack(const Port& port, int depth) {
  if (depth > kCarrierDepthMax) {
    return fail(Kind::busy, code::kQueueFull, "too many ports wait within each other", "receive some first");
  }
  auto [filled, carrier] = REEVE_TRY(os::channel_pair());
  os::widen(filled);
  CarriedPort told{.queue_limit = port.queue_limit()};
  told.line_count = static_cast<std::uint32_t>(port.lines().size());
  for (const Notice& notice : port.notices()) told.notice_count += moves_on(notice) ? 1 : 0;
  REEVE_TRY(put(filled, {.kind = PacketKind::port}, std::as_bytes(std::span(&told, 1))));
  REEVE_TRY(put_lines(filled, port));
  for (const Notice& notice : port.notices()) {
    if (!moves_on(notice)) continue;
    const CarriedNotice carried{static_cast<std::uint32_t>(notice.kind), notice.count};
    const os::Fd within = notice.port != nullptr ? REEVE_TRY(pack(*notice.port, depth + 1)) : os::Fd();
    const int raw = within.raw();
    REEVE_TRY(put(filled, {.kind = PacketKind::notice}, std::as_bytes(std::span(&carried, 1)),
                  std::span(&raw, within ? 1U : 0U)));
  }
  return std::move(carrier);
}

}  // namespace

Result<os::Fd> pack(const Port& port) { return pack(port, 1); }

Result<std::shared_ptr<Port>> unpack(const os::Fd& carrier, const Giver& giver,
                                     const std::function<std::uint64_t()>& next_number) {
  return Unpacking(carrier, giver, next_number, 1).whole();
}

}  // namespace reeve::port
