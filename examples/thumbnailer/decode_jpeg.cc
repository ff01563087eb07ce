#include <csetjmp>
#include <cstdio>
#include <string>

#include "decode.hpp"
// libjpeg's header wants <cstdio> before it.
#include <jpeglib.h>

namespace {

struct State {
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  const Shrinker* shrinker = nullptr;
  bool is_slow = false;
  char complaint[JMSG_LENGTH_MAX] = {};
};

State& state_of(j_common_ptr jpeg) { return *static_cast<State*>(jpeg->client_data); }

void on_error(j_common_ptr jpeg) {
  jpeg->err->format_message(jpeg, state_of(jpeg).complaint);
  std::longjmp(state_of(jpeg).jump, 1);
}

// A negative level is a warning: the data is damaged, and libjpeg would make up the rest.
void on_message(j_common_ptr jpeg, int level) {
  if (level < 0) on_error(jpeg);
}

// Called often while a progressive file's many scans are read.
void on_progress(j_common_ptr jpeg) {
  if (state_of(jpeg).shrinker->in_time()) return;
  state_of(jpeg).is_slow = true;
  std::longjmp(state_of(jpeg).jump, 1);
}

class Jpeg {
 public:
  explicit Jpeg(const Shrinker& shrinker) {
    jpeg_.err = jpeg_std_error(&state_.errors);
    state_.errors.error_exit = on_error;
    state_.errors.emit_message = on_message;
    state_.progress.progress_monitor = on_progress;
    state_.shrinker = &shrinker;
    jpeg_.client_data = &state_;
    jpeg_create_decompress(&jpeg_);
    jpeg_.client_data = &state_;
    jpeg_.progress = &state_.progress;
  }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;
  ~Jpeg() { jpeg_destroy_decompress(&jpeg_); }

  std::uint32_t width() const { return jpeg_.image_width; }
  std::uint32_t height() const { return jpeg_.image_height; }
  bool is_slow() const { return state_.is_slow; }
  const char* complaint() const { return state_.complaint; }

  bool read_header(std::span<const std::uint8_t> file) {
    if (setjmp(state_.jump) != 0) return false;
    jpeg_mem_src(&jpeg_, file.data(), file.size());
    return jpeg_read_header(&jpeg_, TRUE) == JPEG_HEADER_OK;
  }
  bool start() {
    if (setjmp(state_.jump) != 0) return false;
    jpeg_.out_color_space = JCS_RGB;
    jpeg_.mem->max_memory_to_use = 512L * 1024 * 1024;
    return jpeg_start_decompress(&jpeg_) == TRUE;
  }
  bool read_row(std::uint8_t* row) {
    if (setjmp(state_.jump) != 0) return false;
    return jpeg_read_scanlines(&jpeg_, &row, 1) == 1;
  }
  bool finish() {
    if (setjmp(state_.jump) != 0) return false;
    return jpeg_finish_decompress(&jpeg_) == TRUE;
  }

 private:
  State state_;
  jpeg_decompress_struct jpeg_{};
};

std::unexpected<reeve::Error> failed(const Jpeg& jpeg) {
  if (jpeg.is_slow()) return refuse_picture(kTooSlow, "decoding exceeds the limit of 2 seconds of processor time");
  return refuse_picture(kDamaged, std::string("damaged JPEG: ") + jpeg.complaint());
}

}  // namespace

reeve::Result<void> decode_jpeg(std::span<const std::uint8_t> file, Shrinker& into) {
  Jpeg jpeg(into);
  if (!jpeg.read_header(file)) return failed(jpeg);
  REEVE_TRY(into.begin(jpeg.width(), jpeg.height()));
  if (!jpeg.start()) return failed(jpeg);
  std::vector<std::uint8_t> row(std::size_t{jpeg.width()} * 3);
  for (std::uint32_t y = 0; y < jpeg.height(); ++y) {
    if (!jpeg.read_row(row.data())) return failed(jpeg);
    if (!into.add_row(row.data()))
      return refuse_picture(kTooSlow, "decoding exceeds the limit of 2 seconds of processor time");
  }
  if (!jpeg.finish()) return failed(jpeg);
  return {};
}
