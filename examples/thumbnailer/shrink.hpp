// Makes a picture small while it is being decoded, a row at a time, and stops what takes too much of anything.
#pragma once

#include <chrono>
#include <cstdint>
#include <reeve/error.hpp>
#include <span>
#include <string>
#include <vector>

#include "thumbnailer.hpp"

// What one picture may cost.
inline constexpr std::size_t kFileBytesMax = 64U * 1024 * 1024;
inline constexpr std::uint64_t kPixelsMax = 100'000'000;
inline constexpr std::chrono::milliseconds kTimeMax{2000};  // of the processor: a busy machine makes no picture slow

// The service's own error codes.
enum PictureCode : std::int32_t { kNotAPicture = 1, kDamaged = 2, kTooManyBytes = 3, kTooManyPixels = 4, kTooSlow = 5 };

std::unexpected<reeve::Error> refuse_picture(PictureCode code, std::string message);

class Shrinker {
 public:
  explicit Shrinker(std::uint32_t edge);

  /// Errors: too-many-pixels.
  reeve::Result<void> begin(std::uint32_t width, std::uint32_t height);
  /// The next row, of `width` times three bytes. False when the time is up: stop decoding.
  bool add_row(const std::uint8_t* row);
  bool in_time() const;
  Thumbnail finish();

 private:
  struct Sum {
    std::uint64_t channel[3] = {};
    std::uint64_t count = 0;
  };
  void flush_row();

  std::uint32_t edge_;
  std::chrono::nanoseconds until_;  ///< of this process's processor time
  Thumbnail out_;
  std::vector<std::byte> pixels_;
  std::uint32_t next_row_ = 0;
  std::vector<Sum> sums_;
};
