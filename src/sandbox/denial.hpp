// What a denied call was, and what would allow it, in words. Pure.
#pragma once

#include <optional>
#include <string>

#include "../os/denial.hpp"
#include "preset.hpp"

namespace reeve::sandbox {

struct Denial {
  std::string text;
  bool is_end = false;  ///< the call is one that ends the process
};

/// The call, what its preset does with it, and the line of a job file that would allow it. Nothing where the preset
/// denies no such call: whoever tells of it lies. `groups_folder`: where the folders of app groups stand.
/// Trust: a service that was taken over may have written any of it; the path is made printable.
std::optional<Denial> explain(const Preset& preset, const os::DeniedCall& call, const std::string& groups_folder);

}  // namespace reeve::sandbox
