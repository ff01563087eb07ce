// How often this process has asked for memory by `new`.
//
// Threads: any.
#pragma once

#include <cstdint>

namespace bench {

std::uint64_t allocations();

}  // namespace bench
