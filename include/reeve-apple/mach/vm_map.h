/* Memory of this task, for what is sent and received out of line. */
#ifndef REEVE_APPLE_MACH_VM_MAP_H
#define REEVE_APPLE_MACH_VM_MAP_H

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed pages. With VM_FLAGS_ANYWHERE where there is room; else at *address, which must be free and a page's
 * beginning. Errors: KERN_INVALID_TASK for another than mach_task_self(); KERN_NO_SPACE; KERN_INVALID_ARGUMENT. */
extern kern_return_t vm_allocate(vm_map_t task, vm_address_t *address, vm_size_t size, int flags);
/* Gives up all pages that [address, address + size) touches. */
extern kern_return_t vm_deallocate(vm_map_t task, vm_address_t address, vm_size_t size);
extern kern_return_t vm_protect(vm_map_t task, vm_address_t address, vm_size_t size, boolean_t set_maximum,
                                vm_prot_t protection);
/* A copy in pages of its own. Errors: KERN_INVALID_ADDRESS where any of it cannot be read. */
extern kern_return_t vm_read(vm_map_t task, vm_address_t address, vm_size_t size, vm_offset_t *data,
                             mach_msg_type_number_t *count);
extern kern_return_t vm_read_overwrite(vm_map_t task, vm_address_t address, vm_size_t size, vm_address_t data,
                                       vm_size_t *out_size);
extern kern_return_t vm_write(vm_map_t task, vm_address_t address, vm_offset_t data, mach_msg_type_number_t count);
extern kern_return_t vm_copy(vm_map_t task, vm_address_t from, vm_size_t size, vm_address_t to);

extern vm_size_t vm_page_size;
extern vm_size_t vm_page_mask;
extern int vm_page_shift;
#define trunc_page(address) ((address) & ~(vm_page_mask))
#define round_page(address) (((address) + vm_page_mask) & ~(vm_page_mask))
#define mach_vm_trunc_page(address) ((mach_vm_offset_t)(address) & ~((mach_vm_offset_t)vm_page_mask))
#define mach_vm_round_page(address) \
  (((mach_vm_offset_t)(address) + vm_page_mask) & ~((mach_vm_offset_t)vm_page_mask))

#ifdef __cplusplus
}
#endif

#endif
