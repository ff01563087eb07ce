/* Identifiers of 16 bytes. Threads: any. */
#ifndef REEVE_APPLE_UUID_UUID_H
#define REEVE_APPLE_UUID_UUID_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned char uuid_t[16];
typedef char uuid_string_t[37];

/* Under symbols of their own: other libraries of the process mean another library's by these names. */
#define REEVE_APPLE_UUID(name) __asm__("reeve_apple_" #name)

#define UUID_DEFINE(name, u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11, u12, u13, u14, u15) \
  static const uuid_t name = {u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11, u12, u13, u14, u15}

extern void uuid_clear(uuid_t uu) REEVE_APPLE_UUID(uuid_clear);
extern int uuid_compare(const uuid_t uu1, const uuid_t uu2) REEVE_APPLE_UUID(uuid_compare);
extern void uuid_copy(uuid_t dst, const uuid_t src) REEVE_APPLE_UUID(uuid_copy);
/* Of random bytes, version 4. */
extern void uuid_generate(uuid_t out) REEVE_APPLE_UUID(uuid_generate);
extern void uuid_generate_random(uuid_t out) REEVE_APPLE_UUID(uuid_generate_random);
extern int uuid_is_null(const uuid_t uu) REEVE_APPLE_UUID(uuid_is_null);
/* 0, or -1 for text that is none. */
extern int uuid_parse(const uuid_string_t in, uuid_t uu) REEVE_APPLE_UUID(uuid_parse);
extern void uuid_unparse(const uuid_t uu, uuid_string_t out) REEVE_APPLE_UUID(uuid_unparse);
extern void uuid_unparse_lower(const uuid_t uu, uuid_string_t out) REEVE_APPLE_UUID(uuid_unparse_lower);
extern void uuid_unparse_upper(const uuid_t uu, uuid_string_t out) REEVE_APPLE_UUID(uuid_unparse_upper);

#undef REEVE_APPLE_UUID

#ifdef __cplusplus
}
#endif

#endif
