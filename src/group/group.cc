#include "group.hpp"

#include "../bootstrap/broker.hpp"
#include "../bootstrap/control.hpp"
#include "../os/files.hpp"

namespace reeve::group {

Result<std::string> container(const std::string& id) {
  const Dictionary reply = REEVE_TRY(bootstrap::Broker().ask_for_reply(contract::Join{id}));
  const auto path = REEVE_TRY(contract::decode_reply<std::string>(reply));
  // For a confined service whoever started it has made the folder; and it can make none elsewhere.
  if (os::what_is_at(path + "/Library/Caches") == os::AtPath::folder) return path;
  if (REEVE_TRY(bootstrap::only_line()) != nullptr) {
    return fail(Kind::unsupported, code::kNotPrivileged, "the folder of " + id + " cannot be reached from this sandbox",
                "give the job the preset group-files");
  }
  REEVE_TRY(os::make_private_folders(path));
  for (const char* within : {"/Library", "/Library/Caches", "/Library/Preferences"}) {
    REEVE_TRY(os::make_private_folders(path + within));
  }
  return path;
}

}  // namespace reeve::group
