// Files of /proc about a process. Only os includes this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "../vocab/result.hpp"

namespace reeve::os {

std::string proc_path(std::int32_t pid, const char* name);

/// All of a file's text, up to 1 MiB. Errors: the system's; denied where it is longer.
Result<std::string> read_text(const std::string& path);

/// What stands behind "KEY:" in the lines of `text`, without the blanks before it; nothing where there is no such line.
std::string_view field_in(std::string_view text, std::string_view key);

}  // namespace reeve::os
