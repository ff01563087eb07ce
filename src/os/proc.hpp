// Files of /proc about a process. Only os includes this.
#pragma once

#include <cstdint>
#include <string>

#include "../vocab/result.hpp"

namespace reeve::os {

std::string proc_path(std::int32_t pid, const char* name);

/// All of a file's text, up to 1 MiB. Errors: the system's; denied where it is longer.
Result<std::string> read_text(const std::string& path);

}  // namespace reeve::os
