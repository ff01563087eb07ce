#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>

#include "decode.hpp"

namespace {

struct Source {
  std::span<const std::uint8_t> rest;
};

// What libpng says last, before it jumps.
struct Complaint {
  char text[200] = {};
};

void read_from_memory(png_structp png, png_bytep out, png_size_t size) {
  auto& source = *static_cast<Source*>(png_get_io_ptr(png));
  if (source.rest.size() < size) png_error(png, "the file ends in the middle of the picture");
  std::memcpy(out, source.rest.data(), size);
  source.rest = source.rest.subspan(size);
}

void on_error(png_structp png, png_const_charp message) {
  auto& complaint = *static_cast<Complaint*>(png_get_error_ptr(png));
  std::snprintf(complaint.text, sizeof complaint.text, "%s", message);
  std::longjmp(png_jmpbuf(png), 1);
}

void on_warning(png_structp, png_const_charp) {}

class Png {
 public:
  explicit Png(std::span<const std::uint8_t> file) : source_{file} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &complaint_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ != nullptr) png_set_read_fn(png_, &source_, read_from_memory);
  }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;
  ~Png() { png_destroy_read_struct(&png_, &info_, nullptr); }

  bool is_ready() const { return info_ != nullptr; }
  const char* complaint() const { return complaint_.text; }
  std::uint32_t width() const { return png_get_image_width(png_, info_); }
  std::uint32_t height() const { return png_get_image_height(png_, info_); }
  int passes() const { return passes_; }

  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    // Ancillary chunks can unpack to anything; none is wanted.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_user_limits(png_, 0x7fffffff, 0x7fffffff);  // the limit in pixels is the Shrinker's
    png_set_chunk_malloc_max(png_, 1024 * 1024);
    png_read_info(png_, info_);
    return true;
  }

  // Whatever the file holds becomes eight bits of red, green, blue and alpha.
  bool unify() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_scale_16(png_);
    png_set_gray_to_rgb(png_);
    png_set_add_alpha(png_, 0xff, PNG_FILLER_AFTER);
    passes_ = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool read_row(std::uint8_t* row) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_row(png_, row, nullptr);
    return true;
  }

 private:
  Complaint complaint_;
  Source source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
};

std::unexpected<reeve::Error> damaged(const Png& png) {
  return refuse_picture(kDamaged, std::string("damaged PNG: ") + png.complaint());
}

std::unexpected<reeve::Error> too_slow() {
  return refuse_picture(kTooSlow, "decoding exceeds the limit of 2 seconds of processor time");
}

// Lays a row of four bytes a pixel on grey paper, in place: three bytes a pixel remain.
void lay_on_paper(std::uint8_t* row, std::uint32_t width) {
  constexpr unsigned kPaper = 0x80;
  for (std::size_t x = 0; x < width; ++x) {
    const unsigned alpha = row[4 * x + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      row[3 * x + c] = static_cast<std::uint8_t>((row[4 * x + c] * alpha + kPaper * (255 - alpha)) / 255);
    }
  }
}

reeve::Result<void> read_straight(Png& png, Shrinker& into) {
  std::vector<std::uint8_t> row(std::size_t{png.width()} * 4);
  for (std::uint32_t y = 0; y < png.height(); ++y) {
    if (!png.read_row(row.data())) return damaged(png);
    lay_on_paper(row.data(), png.width());
    if (!into.add_row(row.data())) return too_slow();
  }
  return {};
}

// An interlaced picture is complete only after its last pass.
reeve::Result<void> read_interlaced(Png& png, Shrinker& into) {
  const std::size_t stride = std::size_t{png.width()} * 4;
  const std::unique_ptr<std::uint8_t[]> pixels(new (std::nothrow) std::uint8_t[stride * png.height()]());
  if (!pixels) return refuse_picture(kTooManyPixels, "the interlaced picture exceeds the limit of memory");
  for (int pass = 0; pass < png.passes(); ++pass) {
    for (std::uint32_t y = 0; y < png.height(); ++y) {
      if (y % 64 == 0 && !into.in_time()) return too_slow();
      if (!png.read_row(pixels.get() + y * stride)) return damaged(png);
    }
  }
  for (std::uint32_t y = 0; y < png.height(); ++y) {
    lay_on_paper(pixels.get() + y * stride, png.width());
    if (!into.add_row(pixels.get() + y * stride)) return too_slow();
  }
  return {};
}

}  // namespace

reeve::Result<void> decode_png(std::span<const std::uint8_t> file, Shrinker& into) {
  Png png(file);
  if (!png.is_ready()) return refuse_picture(kDamaged, "libpng is out of memory");
  if (!png.read_header()) return damaged(png);
  REEVE_TRY(into.begin(png.width(), png.height()));
  if (!png.unify()) return damaged(png);
  return png.passes() == 1 ? read_straight(png, into) : read_interlaced(png, into);
}
