// uuid/uuid.h.
#include <uuid/uuid.h>

#include <cstdio>
#include <cstring>
#include <span>

#include "../os/random.hpp"

namespace {

constexpr std::size_t kBytes = sizeof(uuid_t);

// Groups of 4, 2, 2, 2 and 6 bytes, with a dash between two.
bool has_dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

void write(const uuid_t uu, char* out, const char* format) {
  for (std::size_t i = 0; i < kBytes; ++i) {
    if (has_dash_before(i)) *out++ = '-';
    out += std::snprintf(out, 3, format, uu[i]);
  }
}

}  // namespace

void uuid_clear(uuid_t uu) { std::memset(uu, 0, kBytes); }
int uuid_compare(const uuid_t uu1, const uuid_t uu2) { return std::memcmp(uu1, uu2, kBytes); }
void uuid_copy(uuid_t dst, const uuid_t src) { std::memcpy(dst, src, kBytes); }

void uuid_generate(uuid_t out) {
  reeve::os::fill_randomly(std::as_writable_bytes(std::span(out, kBytes)));
  out[6] = static_cast<unsigned char>((out[6] & 0x0f) | 0x40);
  out[8] = static_cast<unsigned char>((out[8] & 0x3f) | 0x80);
}
void uuid_generate_random(uuid_t out) { uuid_generate(out); }

int uuid_is_null(const uuid_t uu) {
  const uuid_t null{};
  return uuid_compare(uu, null) == 0;
}

int uuid_parse(const uuid_string_t in, uuid_t uu) {
  uuid_t parsed;
  for (std::size_t i = 0; i < kBytes; ++i) {
    if (has_dash_before(i) && *in++ != '-') return -1;
    const int high = value_of(*in);
    const int low = high < 0 ? -1 : value_of(in[1]);
    if (low < 0) return -1;
    parsed[i] = static_cast<unsigned char>(high * 16 + low);
    in += 2;
  }
  if (*in != '\0') return -1;
  uuid_copy(uu, parsed);
  return 0;
}

void uuid_unparse(const uuid_t uu, uuid_string_t out) { write(uu, out, "%02X"); }
void uuid_unparse_upper(const uuid_t uu, uuid_string_t out) { write(uu, out, "%02X"); }
void uuid_unparse_lower(const uuid_t uu, uuid_string_t out) { write(uu, out, "%02x"); }
