// Starting one program: from its sealed image, with exactly the descriptors it is meant to have, in its preset.
//
// Threads: the spawner's only one; forks, and waits for the program to run.
// Errors:  missing-layer, launch-failed; each says at which step.
#pragma once

#include <optional>

#include "../contract/spawner.hpp"
#include "../os/confine.hpp"
#include "../os/process.hpp"
#include "../sandbox/confine.hpp"

namespace reeve::spawn {

/// Users for the services of a session that root started: one each, from a range that Debian leaves to such uses.
inline constexpr os::UserRange kServiceUsers{61184, 4336};
/// ... of which the first is that of all who keep files of app groups.
inline constexpr std::uint32_t kGroupFilesUser = kServiceUsers.first;

/// What all launches in a preset share.
struct Nursery {
  const sandbox::Preset* preset = nullptr;
  os::Fd supervisor;  ///< its process: nothing that is started outlives it
  // In a confined preset:
  os::SharedNamespaces namespaces;
  sandbox::Root root;
  os::Fd running_filter;    ///< sealed memory with the second filter
  os::Fd explained_filter;  ///< ... and the one in its place where the job wants denials explained
};

/// With a root made in the runtime folder, which only we can enter: it is empty there, and any number of nurseries
/// mount upon it. Errors: missing-layer, with its name.
/// `containers` and `may_lack`: see sandbox::Root.
Result<Nursery> make_nursery(const sandbox::Preset& preset, const std::string& runtime_folder,
                             std::vector<sandbox::Container> containers = {}, sandbox::Layers may_lack = 0);

/// The folder of an app group below `base`, with what is always in it; made where it is not there. Where root starts
/// services it is that of the user whom all those who keep files run as. Errors: runtime-folder where it is not its
/// user's alone; denied where a process serves it.
Result<sandbox::Container> open_container(const std::string& base, const std::string& group);

struct LaunchPlan {
  const os::Fd* image = nullptr;    ///< null for a trial: everything but the program
  const os::Fd* control = nullptr;  ///< null for a program that is no service: it has no second filter either
  const os::Fd* denials = nullptr;  ///< over which it tells what its preset denies it, where the job wants that
  const os::Fd* input = nullptr;
  const os::Fd* output = nullptr;
  const os::Fd* error = nullptr;
  std::optional<std::uint32_t> user;  ///< root starts each service as a user of its own
  contract::LaunchTexts texts;
  contract::Setup setup;
  sandbox::OnLayer on_layer = sandbox::kNobodyAsks;
};

/// What the job's file names for 0, 1 and 2; nothing where it names none.
struct StandardFiles {
  os::Fd input;
  os::Fd output;
  os::Fd error;
};
/// Errors: launch-failed, with the path.
Result<StandardFiles> open_standard_files(const contract::LaunchTexts& texts);

/// Returns once the program runs. The child is the supervisor's: where this fails one may be left there, which nobody
/// knows and the supervisor ends.
Result<os::Child> launch(const Nursery& nursery, const LaunchPlan& plan);

/// Everything but the program: whether this machine can do what the preset needs.
Result<void> try_out(const Nursery& nursery, std::optional<std::uint32_t> user);

}  // namespace reeve::spawn
