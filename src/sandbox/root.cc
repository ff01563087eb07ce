#include "root.hpp"

#include "../os/confine.hpp"
#include "../os/files.hpp"

namespace reeve::sandbox {

Result<Root> Root::prepare(const std::string& path, const Preset& preset, std::vector<Container> containers,
                           Layers may_lack) {
  Root root;
  root.path_ = path;
  REEVE_TRY(os::make_folders(path + "/usr"));
  for (const char* library : kLibraryFolders) {
    if (os::what_is_at(library) == os::AtPath::link) {
      REEVE_TRY(os::copy_link(library, path + library));
    } else {
      REEVE_TRY(root.show(library));
    }
  }
  for (const char* read : preset.reads) REEVE_TRY(root.show(read));
  std::vector<const os::Fd*> changeable;
  for (const Container& container : containers) {
    REEVE_TRY(os::make_folders(path + container.path));
    changeable.push_back(&container.folder);
  }
  root.containers_ = std::move(containers);
  if (has(lacking_here() & may_lack, Layer::landlock)) return root;
  // The rules are of files, not of paths: they hold wherever these folders are mounted.
  root.rules_ =
      REEVE_TRY(os::out_of_the_way(REEVE_TRY(os::make_landlock_rules(root.shown_, changeable, preset.internet))));
  return root;
}

// Of a link what it leads to: a name server's file mostly is one, and leads out of what is shown.
Result<void> Root::show(const char* path) {
  switch (os::what_is_at_end_of(path)) {
    case os::AtPath::folder:
      REEVE_TRY(os::make_folders(path_ + path));
      break;
    case os::AtPath::file:
      REEVE_TRY(os::make_empty_file(path_ + path));
      break;
    default:
      return {};
  }
  shown_.emplace_back(path);
  return {};
}

Result<void> Root::enter() const {
  REEVE_TRY(os::make_mounts_private());
  REEVE_TRY(os::bind_mount(path_, path_));
  for (const std::string& shown : shown_) REEVE_TRY(os::bind_mount(shown, path_ + shown));
  REEVE_TRY(os::lock_mount(path_));
  for (const Container& container : containers_) {
    REEVE_TRY(os::bind_folder(container.path, container.folder, path_ + container.path));
  }
  REEVE_TRY(os::change_root(path_));
  return os::set_host_name("reeve");
}

}  // namespace reeve::sandbox
