// Stream sockets: bytes without bounds, from programs that may be anybody's.
//
// Threads: none of these blocks.
// Errors:  gone where the other end is no longer there. A full or empty socket is a condition, not an error.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "fd.hpp"

namespace reeve::os {

/// Sends as much of the parts, of which there are at most four, as there is room for: so many bytes.
Result<std::size_t> send_some(const Fd& socket, std::span<const std::span<const std::byte>> parts);

/// Receives what there is, as far as there is room for it: so many bytes, of which 0 are the end; nothing where none
/// has come yet. Descriptors that come with them are closed, without waiting for anybody; from Linux 6.16 on those
/// whose listener was made by listen_in get none.
Result<std::optional<std::size_t>> receive_some(const Fd& socket, std::span<std::byte> room);

}  // namespace reeve::os
