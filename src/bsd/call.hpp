// Calling a user's own code, which may throw what nobody here catches.
#pragma once

#include <functional>

namespace reeve::bsd {

/// What it throws ends the process.
void call(const std::function<void()>& what) noexcept;

}  // namespace reeve::bsd
