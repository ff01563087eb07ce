#include "runtime_folder.hpp"

#include "../os/files.hpp"
#include "../os/process.hpp"

namespace reeve::bootstrap {

std::string runtime_path() {
  if (const auto path = os::trusted_variable("REEVE_RUNTIME_DIR")) return *path;
  if (const auto path = os::trusted_variable("XDG_RUNTIME_DIR")) return *path + "/reeve";
  if (os::is_root()) return "/run/reeve";
  return "/tmp/reeve-" + std::to_string(os::own_user());
}

namespace {

std::string system_path() { return os::trusted_variable("REEVE_SYSTEM_DIR").value_or("/run/reeve-system"); }

}  // namespace

Result<RuntimeFolder> open_system_folder() {
  std::string path = system_path();
  os::Fd folder = REEVE_TRY(os::shared_folder(path));
  return RuntimeFolder{std::move(path), std::move(folder)};
}

Result<RuntimeFolder> make_system_folder() {
  REEVE_TRY(os::make_shared_folder(system_path()));
  return open_system_folder();
}

Result<RuntimeFolder> open_runtime_folder() {
  std::string path = runtime_path();
  os::Fd folder = REEVE_TRY(os::private_folder(path));
  return RuntimeFolder{std::move(path), std::move(folder)};
}

}  // namespace reeve::bootstrap
