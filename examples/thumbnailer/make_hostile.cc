// Writes pictures that mean harm into a folder, and one large honest one.
//
//   make_hostile FOLDER
#include <zlib.h>

#include <algorithm>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>
// libjpeg's header wants <cstdio> before it.
#include <jpeglib.h>

namespace {

using Bytes = std::string;

Bytes big_endian(std::uint32_t value) {
  Bytes out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
  return out;
}

Bytes chunk(std::string_view type, const Bytes& body) {
  const Bytes named = Bytes(type) + body;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
  return big_endian(static_cast<std::uint32_t>(body.size())) + named + big_endian(static_cast<std::uint32_t>(sum));
}

struct Shape {
  std::uint32_t width;
  std::uint32_t height;
  char bits;
  char colour;  // 0 grey, 2 red green blue
};

Bytes header(const Shape& s) {
  return chunk("IHDR", big_endian(s.width) + big_endian(s.height) + Bytes{s.bits, s.colour, 0, 0, 0});
}

// `size` zeros, deflated: rows of black, each with the filter that does nothing.
Bytes deflated_zeros(std::uint64_t size) {
  z_stream stream{};
  if (deflateInit(&stream, Z_BEST_SPEED) != Z_OK) std::abort();
  Bytes out;
  std::vector<Bytef> in(1 << 20);
  std::vector<Bytef> room(1 << 20);
  std::uint64_t done = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0 && done < size) {
      stream.next_in = in.data();
      stream.avail_in = static_cast<uInt>(std::min<std::uint64_t>(in.size(), size - done));
      done += stream.avail_in;
    }
    stream.next_out = room.data();
    stream.avail_out = static_cast<uInt>(room.size());
    status = deflate(&stream, done == size ? Z_FINISH : Z_NO_FLUSH);
    out.append(reinterpret_cast<const char*>(room.data()), room.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return out;
}

std::uint64_t row_bytes(const Shape& s) {
  const std::uint64_t channels = s.colour == 0 ? 1 : 3;
  return (s.width * channels * static_cast<std::uint64_t>(s.bits) + 7) / 8 + 1;
}

Bytes png(const Shape& shape, std::uint64_t rows) {
  return "\x89PNG\r\n\x1a\n" + header(shape) + chunk("IDAT", deflated_zeros(rows * row_bytes(shape))) +
         chunk("IEND", "");
}

Bytes jpeg(unsigned side) {
  jpeg_compress_struct out{};
  jpeg_error_mgr errors{};
  out.err = jpeg_std_error(&errors);
  jpeg_create_compress(&out);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &memory, &size);
  out.image_width = side;
  out.image_height = side;
  out.input_components = 3;
  out.in_color_space = JCS_RGB;
  jpeg_set_defaults(&out);
  jpeg_start_compress(&out, TRUE);
  std::vector<JSAMPLE> row(std::size_t{side} * 3);
  while (out.next_scanline < out.image_height) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<JSAMPLE>(i * out.next_scanline / 64);
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&out, &rows, 1);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  Bytes bytes(reinterpret_cast<const char*>(memory), size);
  std::free(memory);
  return bytes;
}

// The frame header's height and width stand five bytes behind its marker.
Bytes with_lying_size(Bytes jpeg) {
  const std::size_t frame = jpeg.find("\xff\xc0");
  if (frame == Bytes::npos) std::abort();
  return jpeg.replace(frame + 5, 4, "\x1f\x40\x1f\x40");  // 8000 x 8000
}

Bytes jpeg_segment(char marker, const Bytes& body) {
  const auto size = static_cast<unsigned>(body.size() + 2);
  return Bytes{'\xff', marker, static_cast<char>(size >> 8U), static_cast<char>(size & 0xffU)} + body;
}

// The entropy-coded bits of a JPEG scan: a zero byte follows each 0xff.
class Bits {
 public:
  void put(unsigned value, unsigned count) {
    while (count-- > 0) {
      last_ = last_ << 1U | (value >> count & 1U);
      if (++used_ == 8) flush();
    }
  }
  Bytes finish() {
    while (used_ != 0) put(1, 1);
    return std::move(out_);
  }

 private:
  void flush() {
    out_ += static_cast<char>(last_);
    if (last_ == 0xff) out_ += '\0';
    last_ = 0;
    used_ = 0;
  }
  Bytes out_;
  unsigned last_ = 0;
  unsigned used_ = 0;
};

// Every coefficient of a large grey picture, refined bit by bit in a scan of its own: 882 scans of a hundred bytes, and
// each makes the decoder walk through a million and a half blocks.
Bytes jpeg_of_many_scans() {
  constexpr unsigned kSide = 9984;
  constexpr unsigned kBlocks = kSide / 8 * (kSide / 8);
  constexpr unsigned kLongestRun = 32767;  // blocks that one code can skip
  constexpr unsigned kRunBits = 14;
  const Bytes side{static_cast<char>(kSide >> 8U), static_cast<char>(kSide & 0xffU)};
  const Bytes one_code = Bytes{1} + Bytes(15, '\0');  // a Huffman table with a single code of one bit
  Bytes out = "\xff\xd8" + jpeg_segment('\xdb', Bytes(1, '\0') + Bytes(64, 1)) +
              jpeg_segment('\xc2', Bytes{8} + side + side + Bytes{1, 1, 0x11, 0}) +
              jpeg_segment('\xc4', Bytes{0} + one_code + Bytes{0}) +
              jpeg_segment('\xc4', Bytes{0x10} + one_code + Bytes{'\xe0'});
  const auto scan = [&](char coefficient, char from_bit, char to_bit, const Bytes& data) {
    const Bytes head{1, 1, 0, coefficient, coefficient, static_cast<char>(from_bit << 4 | to_bit)};
    out += jpeg_segment('\xda', head) + data;
  };
  Bits flat;
  for (unsigned i = 0; i < kBlocks; ++i) flat.put(0, 1);
  scan(0, 0, 0, flat.finish());
  Bits runs;
  for (unsigned left = kBlocks; left > 0;) {
    const unsigned run = std::min(left, kLongestRun);
    runs.put(run - (1U << kRunBits), 1 + kRunBits);
    left -= run;
  }
  const Bytes nothing = runs.finish();
  for (char coefficient = 1; coefficient < 64; ++coefficient) {
    scan(coefficient, 0, 13, nothing);
    for (char bit = 13; bit > 0; --bit) scan(coefficient, bit, static_cast<char>(bit - 1), nothing);
  }
  return out + "\xff\xd9";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_hostile FOLDER\n");
    return 2;
  }
  const auto write = [&](const char* name, const Bytes& bytes) {
    std::ofstream(std::string(argv[1]) + "/" + name, std::ios::binary) << bytes;
  };
  const Bytes honest_png = png({512, 512, 8, 2}, 512);
  const Bytes honest_jpeg = jpeg(256);
  write("truncated.png", honest_png.substr(0, honest_png.size() * 2 / 3));
  write("truncated.jpg", honest_jpeg.substr(0, honest_jpeg.size() / 2));
  write("lying-header.png", png({4000, 4000, 8, 2}, 64));
  write("lying-header.jpg", with_lying_size(honest_jpeg));
  write("bomb-of-900-megapixels.png", png({30000, 30000, 1, 0}, 30000));
  write("bomb-of-883-scans.jpg", jpeg_of_many_scans());
  write("not-a-picture.png", "GIF89a, or so it says");
  Bytes huge(65 * 1024 * 1024, '\0');
  huge.replace(0, 8, "\x89PNG\r\n\x1a\n");
  write("too-many-bytes.png", huge);
  std::ofstream(std::string(argv[1]) + "/honest-large-picture.ok", std::ios::binary) << png({9000, 9000, 8, 2}, 9000);
  return 0;
}
