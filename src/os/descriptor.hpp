// What a descriptor is: its kind and its access mode, found out without asking the file system behind it.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "fd.hpp"

namespace reeve::os {

/// What a sender says that a descriptor is, and what a receiver makes sure of.
enum class DescriptorKind : std::uint8_t {
  file = 1,     ///< a regular file that the kernel serves by itself
  memory = 2,   ///< a memfd sealed against growing, shrinking and writing, with no holes and in ordinary pages
  pipe = 3,     ///< either end of a pipe
  channel = 4,  ///< one end of a channel (AF_UNIX, SOCK_SEQPACKET)
  event = 5,    ///< an eventfd
  shared = 6,   ///< a memfd whose size is sealed: its sender may still write
  socket = 7,   ///< a socket of any other kind than a channel's
};

/// What a descriptor is open for: two bits.
enum class Access : std::uint8_t { read = 1, write = 2, read_write = 3 };

/// "file", "memory", … as they stand in messages to people.
std::string_view name_of(DescriptorKind kind);

/// Whether the descriptor is of that kind. Makes no call that a stalled FUSE server could hang: fstat, poll and even
/// close can block for ever on one.
bool is_kind(const Fd& descriptor, DescriptorKind kind);

/// Whether it is a regular file behind which a process stands (FUSE): reading and even closing it waits for that
/// process, which need not answer. Asks nothing that could block.
bool is_served_by_a_process(const Fd& descriptor);

/// How the descriptor was opened; nothing for a mere path (O_PATH).
Result<Access> access_of(const Fd& descriptor);

/// The two ends of a pipe: what is written to the second is read from the first. Errors: busy.
Result<std::pair<Fd, Fd>> pipe_pair();

}  // namespace reeve::os
