#include "root.hpp"

#include <array>

#include "../os/confine.hpp"
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
  // The rules are of files, not of paths: they hold wherever these folders are mounted.
  root.rules_ = REEVE_TRY(os::out_of_the_way(REEVE_TRY(os::make_path_rules(root.shown_))));
  return root;
}

Result<void> Root::enter() const {
  REEVE_TRY(os::make_mounts_private());
  REEVE_TRY(os::bind_mount(path_, path_));
  for (const std::string& folder : shown_) REEVE_TRY(os::bind_mount(folder, path_ + folder));
  REEVE_TRY(os::lock_mount(path_));
  REEVE_TRY(os::change_root(path_));
  return os::set_host_name("reeve");
}

}  // namespace reeve::sandbox
