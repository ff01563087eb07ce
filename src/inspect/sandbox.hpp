// Presets for people: what one lets through, and a program run in it.
#pragma once

#include <string>
#include <vector>

#include "../os/process.hpp"
#include "commands.hpp"

namespace reeve::inspect {

/// Every preset, a line each; or all about one. Errors: invalid where there is none of that name.
Result<std::string> show_presets(Form form);
Result<std::string> show_preset(const std::string& name, Form form);

/// Runs a program in a preset, with this process's input and output and no broker, and waits until it has ended. It has
/// the first of the preset's filters alone: a service loads the second. What it printed last may be why it ended.
/// Errors: launch-failed, missing-layer.
Result<os::ExitStatus> run_in_preset(const std::string& name, const std::vector<std::string>& words);

}  // namespace reeve::inspect
