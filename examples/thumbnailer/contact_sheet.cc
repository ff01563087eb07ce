#include "contact_sheet.hpp"

#include <png.h>

#include <algorithm>
#include <cstring>

namespace {

constexpr std::uint32_t kColumns = 6;
constexpr std::uint32_t kGap = 8;
constexpr std::uint8_t kPaper = 0x20;

}  // namespace

reeve::Result<void> write_contact_sheet(const std::string& path, const std::vector<Thumbnail>& thumbnails) {
  const auto count = static_cast<std::uint32_t>(thumbnails.size());
  const std::uint32_t columns = std::clamp<std::uint32_t>(count, 1, kColumns);
  const std::uint32_t rows = std::max<std::uint32_t>(1, (count + columns - 1) / columns);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.format = PNG_FORMAT_RGB;
  image.width = columns * (kCell + kGap) + kGap;
  image.height = rows * (kCell + kGap) + kGap;
  std::vector<std::uint8_t> paper(std::size_t{image.width} * image.height * 3, kPaper);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Thumbnail& t = thumbnails[i];
    const std::uint32_t left = kGap + i % columns * (kCell + kGap) + (kCell - t.width) / 2;
    const std::uint32_t top = kGap + i / columns * (kCell + kGap) + (kCell - t.height) / 2;
    for (std::uint32_t y = 0; y < t.height; ++y) {
      std::memcpy(&paper[(std::size_t{top + y} * image.width + left) * 3],
                  &t.pixels.bytes()[std::size_t{y} * t.width * 3], std::size_t{t.width} * 3);
    }
  }
  if (png_image_write_to_file(&image, path.c_str(), 0, paper.data(), 0, nullptr) == 0) {
    return reeve::fail(reeve::Kind::invalid, 0, path + ": " + image.message);
  }
  return {};
}
