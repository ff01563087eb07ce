// What becomes of a message to a message port, in the six numbers that CFMessagePort has for it.
#pragma once

#include <cstdint>

#include "../vocab/error.hpp"
#include "../vocab/result.hpp"

namespace reeve::message_port {

/// CFMessagePort's numbers.
enum class PortStatus : std::int32_t {
  success = 0,
  send_timeout = -1,     ///< not sent: the other side did not read in time
  receive_timeout = -2,  ///< sent, and no reply came in time
  is_invalid = -3,       ///< the port was known to be invalid before anything was sent
  transport_error = -4,  ///< it cannot be sent: it is too large, say, or the other side has too much in hand
  became_invalid = -5,   ///< the other side has ended, or was invalidated, as it turns out now
};

/// Which of them an error of a RemotePort's is.
constexpr PortStatus port_status(const Error& error) {
  if (error.code == code::kNotSent) return PortStatus::send_timeout;
  if (error.code == code::kTimedOut) return PortStatus::receive_timeout;
  if (error.code == code::kPortInvalid) return PortStatus::is_invalid;
  if (error.code == code::kPortEnded) return PortStatus::became_invalid;
  return PortStatus::transport_error;
}

/// ... of an outcome.
template <class T>
constexpr PortStatus port_status(const Result<T>& outcome) {
  return outcome ? PortStatus::success : port_status(outcome.error());
}

}  // namespace reeve::message_port

namespace reeve {
using message_port::port_status;
using message_port::PortStatus;
}  // namespace reeve
