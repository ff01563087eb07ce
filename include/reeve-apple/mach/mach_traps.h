/* In mach/mach_init.h; and asking for other tasks, which there are no ports to. */
#ifndef REEVE_APPLE_MACH_MACH_TRAPS_H
#define REEVE_APPLE_MACH_MACH_TRAPS_H

#include <mach/mach_init.h>

#ifdef __cplusplus
extern "C" {
#endif

/* KERN_SUCCESS for this process, and KERN_FAILURE for every other. */
extern kern_return_t task_for_pid(mach_port_name_t target, int pid, mach_port_name_t *task);
extern kern_return_t pid_for_task(mach_port_name_t task, int *pid);

#ifdef __cplusplus
}
#endif

#endif
