/* Mach's ports, messages and memory, as far as programs of ports use them. docs/apple.md has each call: works, differs
 * (how), refused. */
#ifndef REEVE_APPLE_MACH_MACH_H
#define REEVE_APPLE_MACH_MACH_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/mach_error.h>
#include <mach/mach_init.h>
#include <mach/mach_port.h>
#include <mach/mach_traps.h>
#include <mach/mach_types.h>
#include <mach/mach_voucher.h>
#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/ndr.h>
#include <mach/notify.h>
#include <mach/port.h>
#include <mach/task.h>
#include <mach/task_special_ports.h>
#include <mach/vm_map.h>
#include <mach/vm_types.h>

#endif
