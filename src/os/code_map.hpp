// The code that a process has mapped, as the kernel tells it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../vocab/result.hpp"

namespace reeve::os {

/// A mapping that may be executed. The same file is often mapped several times.
struct MappedCode {
  std::string path;  ///< or what the kernel calls it: "[vdso]"; empty for memory of the process's own making
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  friend bool operator==(const MappedCode&, const MappedCode&) = default;
};

/// Those of a process. Asked for one by one where the kernel can (Linux 6.11), which takes a fifth of the time of
/// reading all that it has mapped. Errors: the system's; denied where what the kernel writes is not understood.
Result<std::vector<MappedCode>> mapped_code(std::int32_t pid);

/// Those in the text of a /proc/PID/maps. Errors: denied where it is not understood.
Result<std::vector<MappedCode>> code_in_maps(std::string_view maps);

}  // namespace reeve::os
