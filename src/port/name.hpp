// What a right is called in its space, and what may be said of it.
#pragma once

#include <compare>
#include <cstdint>

namespace reeve::port {

/// Of a right, in one space: an index, and a generation that makes a freed name stand for nothing for a while.
struct Name {
  std::uint32_t value = 0;  ///< index << 8 | generation, as Mach has it; 0: none
  /// Whether it is one.
  explicit operator bool() const { return value != 0; }
  /// By their numbers, which tell nothing.
  friend auto operator<=>(const Name&, const Name&) = default;
};

/// What a name stands for. One that stands for a receive right may stand for send rights to it too.
enum class RightType : std::uint8_t { send, receive, send_once, port_set, dead_name };

/// What a space tells a port; the numbers are those of Mach's notifications.
enum class NotificationKind : std::uint32_t {
  port_deleted = 65,    ///< a name of which something was to be told stands for nothing any more
  send_possible = 66,   ///< where a queue was full there is room again
  port_destroyed = 69,  ///< a receive right would have been destroyed: here it is
  no_senders = 70,      ///< nobody is left who could send
  send_once = 71,       ///< a send-once right was destroyed without having been used
  dead_name = 72,       ///< the port behind a name is no more; the name has one more reference by that
};

/// Whether that is told of a name, which means nothing to another space.
constexpr bool is_about_name(NotificationKind kind) {
  return kind == NotificationKind::dead_name || kind == NotificationKind::send_possible ||
         kind == NotificationKind::port_deleted;
}

}  // namespace reeve::port
