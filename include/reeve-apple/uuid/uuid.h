/* Identifiers of 16 bytes. Threads: any. */
#ifndef REEVE_APPLE_UUID_UUID_H
#define REEVE_APPLE_UUID_UUID_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned char uuid_t[16];
typedef char uuid_string_t[37];

#define UUID_DEFINE(name, u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11, u12, u13, u14, u15) \
  static const uuid_t name = {u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11, u12, u13, u14, u15}

extern void uuid_clear(uuid_t uu);
extern int uuid_compare(const uuid_t uu1, const uuid_t uu2);
extern void uuid_copy(uuid_t dst, const uuid_t src);
/* Of random bytes, version 4. */
extern void uuid_generate(uuid_t out);
extern void uuid_generate_random(uuid_t out);
extern int uuid_is_null(const uuid_t uu);
/* 0, or -1 for text that is none. */
extern int uuid_parse(const uuid_string_t in, uuid_t uu);
extern void uuid_unparse(const uuid_t uu, uuid_string_t out);
extern void uuid_unparse_lower(const uuid_t uu, uuid_string_t out);
extern void uuid_unparse_upper(const uuid_t uu, uuid_string_t out);

#ifdef __cplusplus
}
#endif

#endif
