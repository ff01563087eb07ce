/* Tasks, threads, hosts and vouchers, each by a port's name. */
#ifndef REEVE_APPLE_MACH_MACH_TYPES_H
#define REEVE_APPLE_MACH_MACH_TYPES_H

#include <mach/kern_return.h>
#include <mach/message.h>
#include <mach/port.h>
#include <mach/vm_types.h>

typedef mach_port_t task_t;
typedef mach_port_t task_name_t;
typedef mach_port_t task_port_t;
typedef mach_port_t ipc_space_t;
typedef mach_port_t thread_t;
typedef mach_port_t thread_act_t;
typedef mach_port_t thread_port_t;
typedef mach_port_t host_t;
typedef mach_port_t host_priv_t;
typedef mach_port_t exception_port_t;
typedef mach_port_t ipc_voucher_t;
typedef mach_port_t mach_voucher_t;
typedef mach_port_t vm_map_t;
typedef mach_port_t clock_serv_t;

#define TASK_NULL ((task_t)0)
#define THREAD_NULL ((thread_t)0)
#define HOST_NULL ((host_t)0)
#define IPC_SPACE_NULL ((ipc_space_t)0)
#define MACH_VOUCHER_NULL ((mach_voucher_t)0)
#define IPC_VOUCHER_NULL ((ipc_voucher_t)0)

typedef unsigned int exception_mask_t;
typedef int exception_behavior_t;
typedef int thread_state_flavor_t;

#endif
