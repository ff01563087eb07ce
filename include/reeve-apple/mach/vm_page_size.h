/* In mach/vm_map.h. */
#ifndef REEVE_APPLE_MACH_VM_PAGE_SIZE_H
#define REEVE_APPLE_MACH_VM_PAGE_SIZE_H
#include <mach/vm_map.h>
#endif
