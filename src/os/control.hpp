// What the kernel puts beside a packet: descriptors, credentials, the sender's pidfd.
//
// Trust: it is the kernel that writes it; parsing is a pure function all the same, so that it can be shown to be safe
// with
//        whatever stands there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../vocab/bounds.hpp"

namespace reeve::os {

/// Descriptors by their numbers: whoever parses must take each of them into an Fd before anything else.
struct Control {
  std::array<int, kKernelDescriptorsMax> descriptors;
  std::size_t count = 0;
  int process = -1;  ///< a pidfd, which is the parser's too
  bool has_credentials = false;
  std::int32_t pid = 0;
  std::uint32_t uid = 65534;
  std::uint32_t gid = 65534;
};

/// The control data of one packet. What does not fit is left where it is, and never read beyond.
Control parse_control(std::span<const std::byte> bytes);

}  // namespace reeve::os
