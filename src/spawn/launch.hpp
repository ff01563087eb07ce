// Starting one program: from its sealed image, with exactly the descriptors it is meant to have, in its preset.
//
// Threads: the spawner's only one; forks.
// Errors:  missing-layer, launch-failed; each says at which step.
#pragma once

#include <optional>

#include "../contract/spawner.hpp"
#include "../os/process.hpp"
#include "../sandbox/confine.hpp"

namespace reeve::spawn {

/// What all launches share.
struct Nursery {
  os::SharedNamespaces namespaces;
  sandbox::Root root;
};

struct LaunchPlan {
  const sandbox::Preset* preset = nullptr;
  const os::Fd* image = nullptr;  ///< null for a trial: everything but the program
  const os::Fd* control = nullptr;
  const os::Fd* output = nullptr;
  const os::Fd* running_filter = nullptr;  ///< sealed memory with the preset's second filter
  std::optional<std::uint32_t> user;       ///< root starts each service as a user of its own
  contract::LaunchTexts texts;
};

/// A child that is on its way to its program.
struct Launched {
  os::Child child;
  os::Fd status;  ///< ends without a word when the program runs; else brings the text of the failure
};

Result<Launched> launch(const Nursery& nursery, const LaunchPlan& plan);

/// What came over `status`: nothing yet means nothing (ask again when it is readable); an empty text is success.
Result<std::optional<std::string>> launch_outcome(const os::Fd& status);

/// Goes through every step but the last, and says what this machine will not do.
Result<void> try_out(const Nursery& nursery, const sandbox::Preset& preset, std::optional<std::uint32_t> user);

}  // namespace reeve::spawn
