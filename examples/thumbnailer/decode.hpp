// Pictures as rows of pixels. Both libraries report damage by longjmp: between their calls and the one setjmp of each
// file stands nothing that has a destructor.
#pragma once

#include <cstdint>
#include <span>

#include "shrink.hpp"

/// Errors: damaged, too-slow, too-many-pixels.
reeve::Result<void> decode_png(std::span<const std::uint8_t> file, Shrinker& into);
reeve::Result<void> decode_jpeg(std::span<const std::uint8_t> file, Shrinker& into);
