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
};
/// A regular file of at most `most` bytes.
Result<WholeFile> read_whole(const std::string& path, std::size_t most);
/// The same of a file that nobody but its owner, who is the caller, may read.
Result<WholeFile> read_secret(const std::string& path, std::size_t most);

/// Makes a file that nobody but the caller may read. Errors: invalid where there is one already.
Result<void> make_secret(const std::string& path, std::span<const std::byte> bytes);

/// Puts a file in the place of what is there, if anything is, in one step: whoever looks sees one or the other, whole.
Result<void> replace_whole(const std::string& path, std::span<const std::span<const std::byte>> parts,
                           std::uint32_t mode);

}  // namespace reeve::os
