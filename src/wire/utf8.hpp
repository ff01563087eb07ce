// Whether bytes are text.
#pragma once

#include <string_view>

namespace reeve::wire {

/// True for well-formed UTF-8 (no overlong form, no surrogate, nothing above U+10FFFF) without a NUL.
bool is_text(std::string_view bytes);

}  // namespace reeve::wire
