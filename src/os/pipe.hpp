// Pipes.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "fd.hpp"

namespace reeve::os {

/// Reader and writer; the reader never blocks.
Result<std::pair<Fd, Fd>> make_pipe();

/// How many bytes came: 0 at the end of the pipe, nothing where none are there now.
std::optional<std::size_t> read_available(const Fd& reader, std::span<char> room);

/// Writes a line to standard error if there is room for it, and drops it otherwise: whoever reads there must not be
/// able to hold this process up.
void show_line(std::string_view line);

/// Writes all of it, waiting for room where need be.
Result<void> write_all(const Fd& writer, std::span<const char> bytes);

}  // namespace reeve::os
