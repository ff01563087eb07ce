// Files that are read, made and replaced as a whole.
//
// Errors: the system's, with the path; too-large; denied where a secret is not kept as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fd.hpp"

namespace reeve::os {

struct WholeFile {
  std::vector<std::byte> bytes;
  std::uint32_t mode = 0;  ///< its permissions
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  /// Set-id, or with capabilities of its own: rights that do not follow to a file in its place.
  bool has_privileges = false;
};
/// A regular file of at most `most` bytes.
Result<WholeFile> read_whole(const std::string& path, std::size_t most);
/// The same of a file that nobody but its owner, who is the caller, may read.
Result<WholeFile> read_secret(const std::string& path, std::size_t most);

/// Makes a file that nobody but the caller may read. Errors: invalid where there is one already.
Result<void> make_secret(const std::string& path, std::span<const std::byte> bytes);

/// Puts a file in the place of what is there, if anything is, in one step: whoever looks sees one or the other, whole.
/// It has the mode and the owner of `like`. Errors: denied where it cannot be given that owner.
Result<void> replace_whole(const std::string& path, std::span<const std::span<const std::byte>> parts,
                           const WholeFile& like);

}  // namespace reeve::os
