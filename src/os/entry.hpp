// What stands under a name in an open folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fd.hpp"

namespace reeve::os {

struct Entry {
  bool is_socket = false;
  std::uint32_t owner = 65534;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const Entry&, const Entry&) = default;
};

/// Nothing where nothing is there. A link is looked at, and not followed.
std::optional<Entry> entry_in(const Fd& folder, const std::string& name);
/// Of what is open.
Result<Entry> entry_of(const Fd& file);

/// Nothing stands there any more; no error where nothing did.
void remove_in(const Fd& folder, const std::string& name);

/// The whole text of an open file.
Result<void> rewrite(const Fd& file, const std::string& text);

}  // namespace reeve::os
