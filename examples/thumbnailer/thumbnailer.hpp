// What the thumbnailer offers; both sides include it.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <reeve/reeve.hpp>

/// A small picture: rows from the top, three bytes (red, green, blue) a pixel.
struct Thumbnail {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t original_width = 0;
  std::uint32_t original_height = 0;
  reeve::Data pixels;
};
BOOST_DESCRIBE_STRUCT(Thumbnail, (), (width, height, original_width, original_height, pixels))

struct Thumbnailer {
  /// A picture of at most `edge` (1 to 144) pixels a side, made of a PNG or JPEG file.
  virtual reeve::Result<Thumbnail> thumbnail(reeve::File image, std::uint32_t edge) = 0;

 protected:
  ~Thumbnailer() = default;
};
BOOST_DESCRIBE_STRUCT(Thumbnailer, (), (thumbnail))

inline constexpr const char* kThumbnailerName = "org.example.thumbnailer";
