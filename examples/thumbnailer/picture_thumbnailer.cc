#include "picture_thumbnailer.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "decode.hpp"

namespace {

constexpr std::uint32_t kEdgeMax = 144;  // 144 x 144 x 3 bytes fit one message.

reeve::Result<std::vector<std::uint8_t>> read_whole(const reeve::File& file) {
  const std::size_t size = REEVE_TRY(file.size());
  if (size > kFileBytesMax) {
    return refuse_picture(kTooManyBytes, std::to_string(size) + " bytes exceed the limit of 64 MiB a file");
  }
  std::vector<std::uint8_t> bytes(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file.descriptor(), bytes.data() + done, size - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;  // It shrank, or cannot be read: what came is what there is.
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

bool begins_with(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

}  // namespace

reeve::Result<Thumbnail> PictureThumbnailer::thumbnail(reeve::File image, std::uint32_t edge) {
  if (edge == 0 || edge > kEdgeMax) return refuse_picture(kNotAPicture, "edge: expected 1 to 144");
  const auto bytes = REEVE_TRY(read_whole(image));
  Shrinker shrinker(edge);
  constexpr std::array<std::uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::array<std::uint8_t, 3> kJpeg{0xff, 0xd8, 0xff};
  if (begins_with(bytes, kPng)) {
    REEVE_TRY(decode_png(bytes, shrinker));
  } else if (begins_with(bytes, kJpeg)) {
    REEVE_TRY(decode_jpeg(bytes, shrinker));
  } else {
    return refuse_picture(kNotAPicture, "neither PNG nor JPEG");
  }
  return shrinker.finish();
}
