/* The calls of mach/vm_map.h with addresses of 64 bits. */
#ifndef REEVE_APPLE_MACH_MACH_VM_H
#define REEVE_APPLE_MACH_MACH_VM_H

#include <mach/vm_map.h>

#ifdef __cplusplus
extern "C" {
#endif

extern kern_return_t mach_vm_allocate(vm_map_t task, mach_vm_address_t *address, mach_vm_size_t size, int flags);
extern kern_return_t mach_vm_deallocate(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size);
extern kern_return_t mach_vm_protect(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size,
                                     boolean_t set_maximum, vm_prot_t protection);
extern kern_return_t mach_vm_read(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size, vm_offset_t *data,
                                  mach_msg_type_number_t *count);
extern kern_return_t mach_vm_read_overwrite(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size,
                                            mach_vm_address_t data, mach_vm_size_t *out_size);
extern kern_return_t mach_vm_write(vm_map_t task, mach_vm_address_t address, vm_offset_t data,
                                   mach_msg_type_number_t count);
extern kern_return_t mach_vm_copy(vm_map_t task, mach_vm_address_t from, mach_vm_size_t size, mach_vm_address_t to);

#ifdef __cplusplus
}
#endif

#endif
