// Text: which bytes are, and what of it may be shown to people.
#pragma once

#include <string>
#include <string_view>

#include "error.hpp"

namespace reeve::vocab {

/// True for well-formed UTF-8 (no overlong form, no surrogate, nothing above U+10FFFF) without a NUL.
bool is_text(std::string_view bytes);

/// The same text with a '?' for whatever a terminal could take for a command, and for what is no UTF-8. Everything that
/// came from a service or a file passes through it before a person sees it.
std::string printable(std::string_view bytes);

}  // namespace reeve::vocab
