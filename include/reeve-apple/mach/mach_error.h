/* Errors in words. Threads: any. */
#ifndef REEVE_APPLE_MACH_MACH_ERROR_H
#define REEVE_APPLE_MACH_MACH_ERROR_H

#include <mach/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Never null, and never to be freed: "(no such error)" for a number that is none. */
extern char *mach_error_string(mach_error_t error_value);
/* Which part of the system it is of, in words. */
extern char *mach_error_type(mach_error_t error_value);
/* "TEXT: WORDS" on standard error. */
extern void mach_error(const char *str, mach_error_t error_value);

#ifdef __cplusplus
}
#endif

#endif
