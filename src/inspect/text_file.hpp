// Files that people name on the command line.
#pragma once

#include <string>

#include "../vocab/result.hpp"

namespace reeve::inspect {

/// All of a file, which has at most so many bytes. Errors: invalid where it cannot be opened, with the advice given;
/// too-large.
Result<std::string> read_text(const std::string& path, std::size_t most, const char* advice);

}  // namespace reeve::inspect
