// Layers of a sandbox that a kernel may lack.
#pragma once

#include <cstdint>

namespace reeve::sandbox {

/// One bit each.
enum class Layer : std::uint32_t { landlock = 1, landlock_ports = 2, landlock_scopes = 4, no_new_code = 8 };

/// Any number of them.
using Layers = std::uint32_t;
constexpr bool has(Layers layers, Layer layer) { return (layers & static_cast<Layers>(layer)) != 0; }

/// Those that this kernel has not.
Layers lacking_here();

}  // namespace reeve::sandbox
