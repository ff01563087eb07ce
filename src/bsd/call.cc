// Built with exceptions, which is what makes noexcept mean something.
#include "call.hpp"

namespace reeve::bsd {

void call(const std::function<void()>& what) noexcept { what(); }

}  // namespace reeve::bsd
