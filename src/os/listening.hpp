// Sockets with names in the file system, for whoever looks at a folder of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../vocab/result.hpp"

namespace reeve::os {

/// A stream socket in a folder.
struct NamedSocket {
  std::string path;
  std::uint32_t owner = 65534;
  std::uint32_t mode = 0;         ///< of the socket
  std::uint32_t folder_mode = 0;  ///< ... and of its folder
  bool is_live = false;           ///< somebody listens
  std::int32_t pid = 0;           ///< who does, as this process counts; 0 where that is not known
  std::string beside;             ///< what PATH.lock says, up to 64 KiB; empty where there is none
};

/// Those in a folder, by name; at most `most`. Whoever listens is connected to for a moment.
Result<std::vector<NamedSocket>> sockets_in(const std::string& folder, std::size_t most);

}  // namespace reeve::os
