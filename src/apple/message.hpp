// Messages as C programs have them, and what they are to a space.
//
// Threads: any.
// Trust:   what is sent is the caller's own memory; what is received a stranger may have made.
#pragma once

#include <mach/mach.h>

#include "../port/space.hpp"

namespace reeve::apple {

/// Sends it. On success what it says to move is gone; after an error all is as it was.
mach_msg_return_t send(const mach_msg_header_t& message, mach_msg_size_t size, const os::Deadline& deadline);

/// Where a message goes to, and what is asked to come with it.
struct Into {
  mach_msg_header_t* message;
  std::size_t size;  ///< in bytes
  mach_msg_option_t option;
};
mach_msg_return_t receive(mach_port_name_t from, const Into& into, const os::Deadline& deadline);

/// How many bytes a message of these things takes, without its trailer. The things may be anybody's.
std::size_t size_of(std::span<const port::Item> items, std::size_t data_size);

}  // namespace reeve::apple
