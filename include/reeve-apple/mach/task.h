/* What can be asked of a task: of this one its special ports, and of others nothing. */
#ifndef REEVE_APPLE_MACH_TASK_H
#define REEVE_APPLE_MACH_TASK_H

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TASK_BOOTSTRAP_PORT alone. One that was set is a copy of the send right `port`, which the caller keeps; what is got is one
 * more reference. A child that is forked has it as its own; so has a program that such a child executes. MACH_PORT_NULL takes
 * it away from all children, which have a dead one then; what bootstrap_port was at first is the broker again. */
extern kern_return_t task_get_special_port(task_t task, int which, mach_port_t *port);
extern kern_return_t task_set_special_port(task_t task, int which, mach_port_t port);

/* KERN_NOT_SUPPORTED: Linux has no ports to tasks. */
extern kern_return_t task_suspend(task_t task);
extern kern_return_t task_resume(task_t task);
extern kern_return_t task_terminate(task_t task);
extern kern_return_t task_threads(task_t task, mach_port_array_t *threads, mach_msg_type_number_t *count);
extern kern_return_t task_info(task_name_t task, unsigned int flavor, integer_t *info, mach_msg_type_number_t *count);
extern kern_return_t task_set_exception_ports(task_t task, exception_mask_t mask, mach_port_t port,
                                              exception_behavior_t behavior, thread_state_flavor_t flavor);
extern kern_return_t mach_ports_register(task_t task, mach_port_array_t ports, mach_msg_type_number_t count);
extern kern_return_t mach_ports_lookup(task_t task, mach_port_array_t *ports, mach_msg_type_number_t *count);

#ifdef __cplusplus
}
#endif

#endif
