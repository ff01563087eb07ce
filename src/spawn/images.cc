#include "images.hpp"

#include "../os/process.hpp"

namespace reeve::spawn {

os::ImageMode image_mode() { return {os::is_root() ? 0511U : 0111U}; }

Result<const os::Fd*> Images::image_of(const std::string& path) {
  const os::Fd program = REEVE_TRY(os::open_program(path));
  REEVE_TRY(os::check_trusted(program));
  const os::FileVersion version = REEVE_TRY(os::version_of(program));
  const auto known = copies_.find(path);
  if (known != copies_.end() && known->second.version == version) return &known->second.image;
  os::Fd image = REEVE_TRY(os::sealed_image(program, mode_));
  const auto [place, ignored] = copies_.insert_or_assign(path, Copy{version, std::move(image)});
  return &place->second.image;
}

}  // namespace reeve::spawn
