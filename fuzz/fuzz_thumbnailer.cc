// The thumbnailer of examples/thumbnailer, with all that it links.
#include "../examples/thumbnailer/picture_thumbnailer.hpp"

#include <reeve/fuzz.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return reeve::fuzz<Thumbnailer>(PictureThumbnailer(), {data, size});
}
