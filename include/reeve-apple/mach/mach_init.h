/* This task's own ports. */
#ifndef REEVE_APPLE_MACH_MACH_INIT_H
#define REEVE_APPLE_MACH_MACH_INIT_H

#include <mach/mach_types.h>
#include <mach/vm_map.h>

#ifdef __cplusplus
extern "C" {
#endif

extern mach_port_t mach_task_self_;
#define mach_task_self() mach_task_self_
#define current_task() mach_task_self()
extern mach_port_t mach_host_self(void);
extern mach_port_t mach_thread_self(void);

/* A new receive right, whose name the caller owns; MACH_PORT_NULL where there can be none. */
extern mach_port_t mach_reply_port(void);

#ifdef __cplusplus
}
#endif

#endif
