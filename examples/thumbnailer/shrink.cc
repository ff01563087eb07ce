#include "shrink.hpp"

#include <algorithm>
#include <ctime>

std::unexpected<reeve::Error> refuse_picture(PictureCode code, std::string message) {
  return reeve::fail(reeve::Kind::invalid, code, std::move(message));
}

namespace {

std::chrono::nanoseconds processor_time() {
  timespec value{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &value);
  return std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec);
}

}  // namespace

Shrinker::Shrinker(std::uint32_t edge) : edge_(edge), until_(processor_time() + kTimeMax) {}

bool Shrinker::in_time() const { return processor_time() < until_; }

reeve::Result<void> Shrinker::begin(std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0) return refuse_picture(kDamaged, "the picture has no pixels");
  if (std::uint64_t{width} * height > kPixelsMax) {
    return refuse_picture(kTooManyPixels, std::to_string(width) + " x " + std::to_string(height) +
                                              " pixels exceed the limit of 100 million pixels");
  }
  const std::uint32_t longest = std::max(width, height);
  const auto scaled = [&](std::uint32_t side) {
    if (longest <= edge_) return side;
    return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(std::uint64_t{side} * edge_ / longest));
  };
  out_ = Thumbnail{scaled(width), scaled(height), width, height, {}};
  pixels_.clear();
  pixels_.reserve(std::size_t{out_.width} * out_.height * 3);
  sums_.assign(out_.width, {});
  next_row_ = 0;
  return {};
}

bool Shrinker::add_row(const std::uint8_t* row) {
  if (next_row_ % 64 == 0 && !in_time()) return false;
  for (std::uint32_t x = 0; x < out_.original_width; ++x) {
    Sum& sum = sums_[std::uint64_t{x} * out_.width / out_.original_width];
    for (int c = 0; c < 3; ++c) sum.channel[c] += row[3 * std::size_t{x} + static_cast<std::size_t>(c)];
    ++sum.count;
  }
  const auto target = [&](std::uint64_t y) { return y * out_.height / out_.original_height; };
  ++next_row_;
  if (next_row_ == out_.original_height || target(next_row_) != target(next_row_ - 1)) flush_row();
  return true;
}

void Shrinker::flush_row() {
  for (Sum& sum : sums_) {
    for (const std::uint64_t channel : sum.channel) {
      pixels_.push_back(static_cast<std::byte>(channel / std::max<std::uint64_t>(1, sum.count)));
    }
    sum = {};
  }
}

Thumbnail Shrinker::finish() {
  out_.pixels = std::move(pixels_);
  return std::move(out_);
}
