// A line: how one task's messages reach a port. A holder has one end, the port the other; whatever was sent and not
// read yet lies in the kernel's queue between them, and goes with the port's end wherever that goes.
//
// Threads: whoever holds the space's lock.
// Trust:   neither end trusts the other. A holder that does not keep to its window fills its own queue alone; a port
//          whose credits are lies keeps its holders from sending, as it could by not reading.
// Errors:  gone, busy, bad-packet.
#pragma once

#include <cstdint>
#include <memory>

#include "../os/socket.hpp"
#include "../quota/quota.hpp"
#include "packet.hpp"

namespace reeve::port {

class Port;

/// The port's end.
struct Line {
  os::Fd end;
  LineKind kind = LineKind::send;
  bool is_own = false;      ///< it is the port's own space that sends on it: no sender for no-senders
  std::uint64_t taken = 0;  ///< messages
  std::uint64_t told = 0;   ///< of those, in the last credit
  quota::Charge charge;     ///< of who introduced it
};

/// The holder's end.
struct SendLine {
  os::Fd end;
  PortId id{};
  std::uint64_t sent = 0;   ///< messages
  std::uint64_t taken = 0;  ///< of those, out of the queue by now, as far as the port has told
  std::uint32_t window = kQueueLimit;
  std::uint64_t giver = 0;   ///< the line that the right came by; 0 where none
  std::weak_ptr<Port> own;   ///< the port, while it is of the same space
  std::uint64_t number = 0;  ///< ... and this line's there
  quota::Charge charge;      ///< of who gave the right

  /// Closes it, in a copy of the process (Space::abandon).
  void abandon() {
    end.close();
    charge = {};
  }
};

/// What whoever sends to a port that has ended is told.
std::unexpected<Error> dead_port();

/// Whether as many messages wait as may, as far as is known here.
bool is_full(SendLine& line);

/// Notices that all was taken: before anything is sent, which would hide it.
void look_whether_taken(SendLine& line);

/// Asks the port to take another line: whatever comes on that it sees only after all that was sent on this one.
Result<os::Sent> send_introduction(SendLine& line, const os::Fd& introduced);

/// Tells the holder what was taken, where it could not know; or whatever it knows.
enum class Tell { when_due, now };
void tell_holder(Line& line, std::uint32_t window, Tell when);

/// Reads what the port has told. Errors: gone where it has ended.
Result<void> read_credits(SendLine& line);

/// The front of a message that waits, which nobody has checked.
struct PeekedLetter {
  Header header;
  std::array<Item, kAttachmentCountMax> room;
  std::size_t data_size = 0;
  std::span<const Item> items() const { return std::span(room).first(header.count); }
};
/// Whether the next packet is a message, as far as can be seen. `is_ready`: whether there is one at all.
Result<bool> peek_letter(const Line& line, PeekedLetter& front, bool* is_ready = nullptr);

/// Sends one packet that has no data of a user's: its header and one body.
Result<os::Sent> send_body(const os::Fd& end, const Header& header, std::span<const std::byte> body,
                           std::span<const int> descriptors = {});

}  // namespace reeve::port
