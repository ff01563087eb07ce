/* In mach/vm_types.h. */
#ifndef REEVE_APPLE_MACH_VM_PROT_H
#define REEVE_APPLE_MACH_VM_PROT_H
#include <mach/vm_types.h>
#endif
