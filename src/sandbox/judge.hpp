// What a filter says to the calls of this machine's architecture, by their names. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "../os/filter.hpp"

namespace reeve::sandbox {

/// Numbers of calls end below this.
inline constexpr std::int32_t kCallNumberEnd = 1024;

/// "openat"; "call 999" for a number that has no name.
std::string name_of_call(std::int32_t number);

/// A call of that number, as a filter sees it.
os::FilteredCall call_here(std::int32_t number, const std::array<std::uint64_t, 6>& arguments);

/// What a filter says to calls of one number, over arguments that tell its conditions apart.
struct Judgement {
  os::FilterOutcome with_zeros;
  bool depends = false;  ///< on the arguments
};
Judgement judge(os::Filter filter, std::int32_t number);

}  // namespace reeve::sandbox
