#include "root.hpp"

#include <array>

#include "../os/files.hpp"

namespace reeve::sandbox {

Result<Root> Root::prepare(const std::string& path) {
  // Where the dynamic loader and the libraries live, whether or not the system has merged / and /usr.
  constexpr std::array<const char*, 4> kLibraries{"/usr/lib", "/usr/lib64", "/lib", "/lib64"};
  Root root;
  root.path_ = path;
  REEVE_TRY(os::make_folders(path + "/usr"));
  for (const char* library : kLibraries) {
    const auto kind = os::what_is_at(library);
    if (kind == os::AtPath::folder) {
      REEVE_TRY(os::make_folders(path + library));
      root.shown_.emplace_back(library);
    } else if (kind == os::AtPath::link) {
      REEVE_TRY(os::copy_link(library, path + library));
    }
  }
  return root;
}

}  // namespace reeve::sandbox
