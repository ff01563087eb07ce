// The steps by which a child gives up its powers, in the one order that works.
//
// Threads: for a child of the spawner, between fork and exec.
// Errors:  missing-layer, with the layer's name; nothing is run with less than the preset requires.
#pragma once

#include <optional>

#include "preset.hpp"
#include "root.hpp"

namespace reeve::sandbox {

/// Called in the child with the name of each layer once it stands, in their order: for whoever measures them.
using OnLayer = void (*)(const char* layer);
inline constexpr OnLayer kNobodyAsks = [](const char*) {};

struct Confinement {
  const Preset& preset;
  const Root& root;
  std::optional<std::uint32_t> user;  ///< to become this user; where root starts the service
  OnLayer on_layer = kNobodyAsks;
};

/// The outcome of a step; of one that failed the error says which.
Result<void> at_step(const char* step, Result<void> outcome);

/// Everything but namespaces and filters: limits, user, capabilities, Landlock. The process must be in the shared
/// namespaces, and the first of its own pid namespace.
Result<void> confine(const Confinement& confinement);

}  // namespace reeve::sandbox
