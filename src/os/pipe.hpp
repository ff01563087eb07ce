// Pipes.
#pragma once

#include <optional>
#include <span>
#include <utility>

#include "fd.hpp"

namespace reeve::os {

/// Reader and writer; the reader never blocks.
Result<std::pair<Fd, Fd>> make_pipe();

/// How many bytes came: 0 at the end of the pipe, nothing where none are there now.
std::optional<std::size_t> read_available(const Fd& reader, std::span<char> room);

/// Writes all of it, waiting for room where need be.
Result<void> write_all(const Fd& writer, std::span<const char> bytes);

}  // namespace reeve::os
