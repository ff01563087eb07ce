#include "images.hpp"

#include <algorithm>

#include "../identity/signature.hpp"
#include "../os/process.hpp"

namespace reeve::spawn {
namespace {

// What the copy says of itself: nobody can change that any more.
Result<void> look_into(Images::Image& image) {
  const std::size_t size = REEVE_TRY(os::memory_size(image.copy));
  const os::Mapping mapping = REEVE_TRY(os::Mapping::of(image.copy, size, os::Access::read));
  const std::span<const std::byte> bytes = mapping.bytes();
  const auto layout = identity::layout_of(bytes, size);
  if (!layout && layout.error().code != code::kUnsigned) return std::unexpected(layout.error());
  identity::Digest id;
  if (layout) {
    const auto trailer = bytes.subspan(layout->payload);
    if (layout->manifest > kKeptManifestBytesMax) {
      return fail(Kind::invalid, code::kTooLarge, "its signature says more than can be kept of a running program",
                  "sign it with fewer entitlements and groups");
    }
    REEVE_TRY(identity::verify(bytes));
    image.manifest.assign(reinterpret_cast<const char*>(trailer.data()), layout->manifest);
    id = identity::digest_of(trailer);
  } else {
    id = identity::digest_of(bytes);
  }
  std::copy_n(id.begin(), id.size(), reinterpret_cast<std::byte*>(image.id.data()));
  return {};
}

}  // namespace

os::ImageMode image_mode() { return {os::is_root() ? 0511U : 0111U}; }

Result<const Images::Image*> Images::image_of(const std::string& path) {
  const os::Fd program = REEVE_TRY(os::open_program(path));
  REEVE_TRY(os::check_trusted(program));
  const os::FileVersion version = REEVE_TRY(os::version_of(program));
  const auto known = images_.find(path);
  if (known != images_.end() && known->second.version == version) return &known->second;
  Image image{version, REEVE_TRY(os::sealed_image(program, mode_)), {}, {}};
  REEVE_TRY(look_into(image));
  const auto [place, ignored] = images_.insert_or_assign(path, std::move(image));
  return &place->second;
}

}  // namespace reeve::spawn
