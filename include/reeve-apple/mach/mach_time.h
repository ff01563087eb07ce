/* Clocks. A tick is a nanosecond. Threads: any. */
#ifndef REEVE_APPLE_MACH_MACH_TIME_H
#define REEVE_APPLE_MACH_MACH_TIME_H

#include <mach/kern_return.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mach_timebase_info {
  uint32_t numer;
  uint32_t denom;
} mach_timebase_info_data_t;
typedef struct mach_timebase_info *mach_timebase_info_t;

/* What a tick is, in nanoseconds: 1/1. */
extern kern_return_t mach_timebase_info(mach_timebase_info_t info);
/* Since the machine started; asleep it stands still. */
extern uint64_t mach_absolute_time(void);
extern uint64_t mach_approximate_time(void);
/* The same, and asleep it goes on. */
extern uint64_t mach_continuous_time(void);
extern uint64_t mach_continuous_approximate_time(void);
/* Sleeps until mach_absolute_time() is `deadline`. Errors: KERN_ABORTED by a signal. */
extern kern_return_t mach_wait_until(uint64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
