// mach/vm_map.h and mach/mach_vm.h.
#include <mach/mach.h>
#include <mach/mach_vm.h>

#include <bit>
#include <optional>
#include <span>

#include "../os/memory.hpp"
#include "../os/pages.hpp"
#include "../vocab/bounds.hpp"

vm_size_t vm_page_size;
vm_size_t vm_page_mask;
int vm_page_shift;

// Before other constructors, which may look at them.
__attribute__((constructor(101))) static void measure_pages() {
  vm_page_size = reeve::os::page_bytes();
  vm_page_mask = vm_page_size - 1;
  vm_page_shift = std::countr_zero(vm_page_size);
}

namespace {

using namespace reeve;

bool is_task(vm_map_t task) { return task == mach_task_self_; }

// The range of whole pages that [address, address + size) touches; nothing where that is none.
struct Range {
  void* at;
  std::size_t size;
};
std::optional<Range> pages_of(mach_vm_address_t address, mach_vm_size_t size) {
  mach_vm_address_t end = 0;
  if (__builtin_add_overflow(address, size, &end)) return std::nullopt;
  if (__builtin_add_overflow(end, vm_page_mask, &end)) return std::nullopt;
  const mach_vm_address_t begin = trunc_page(address);
  return Range{reinterpret_cast<void*>(begin), static_cast<std::size_t>(trunc_page(end) - begin)};
}

// A copy that the kernel makes, which says where it cannot read.
Result<os::Fd> copy_of(mach_vm_address_t address, mach_vm_size_t size) {
  return os::sealed_memory("reeve-apple", {reinterpret_cast<const std::byte*>(address), size});
}
kern_return_t status_of(const Error& error) {
  return error.kind == Kind::busy ? KERN_RESOURCE_SHORTAGE : KERN_INVALID_ADDRESS;
}

}  // namespace

kern_return_t mach_vm_allocate(vm_map_t task, mach_vm_address_t* address, mach_vm_size_t size, int flags) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (address == nullptr || (flags & VM_FLAGS_OVERWRITE) != 0) return KERN_INVALID_ARGUMENT;
  const bool is_anywhere = (flags & VM_FLAGS_ANYWHERE) != 0;
  if (size == 0) return is_anywhere ? (*address = 0, KERN_SUCCESS) : KERN_SUCCESS;
  const auto range = pages_of(is_anywhere ? 0 : *address, size);
  if (!range) return KERN_INVALID_ARGUMENT;
  if (!is_anywhere && range->at == nullptr) return KERN_INVALID_ADDRESS;
  const auto mapped = os::map_pages(range->size, is_anywhere ? nullptr : range->at);
  if (!mapped) return KERN_NO_SPACE;
  *address = reinterpret_cast<mach_vm_address_t>(*mapped);
  return KERN_SUCCESS;
}

kern_return_t mach_vm_deallocate(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (size == 0) return KERN_SUCCESS;
  const auto range = pages_of(address, size);
  if (!range) return KERN_INVALID_ARGUMENT;
  return os::unmap_pages(range->at, range->size) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

kern_return_t mach_vm_protect(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size, boolean_t set_maximum,
                              vm_prot_t protection) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if ((protection & ~VM_PROT_ALL) != 0) return KERN_INVALID_ARGUMENT;
  if (set_maximum) return KERN_NOT_SUPPORTED;
  const auto range = pages_of(address, size);
  if (!range) return KERN_INVALID_ARGUMENT;
  const os::Protection allowed{(protection & VM_PROT_READ) != 0, (protection & VM_PROT_WRITE) != 0,
                               (protection & VM_PROT_EXECUTE) != 0};
  return os::protect_pages(range->at, range->size, allowed) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

kern_return_t mach_vm_read(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size, vm_offset_t* data,
                           mach_msg_type_number_t* count) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (data == nullptr || count == nullptr || size > kMemoryBytesMax) return KERN_INVALID_ARGUMENT;
  *data = 0;
  *count = 0;
  if (size == 0) return KERN_SUCCESS;
  const auto copy = copy_of(address, size);
  if (!copy) return status_of(copy.error());
  const auto mapped = os::map_copy(*copy, size);
  if (!mapped) return KERN_NO_SPACE;
  *data = reinterpret_cast<vm_offset_t>(*mapped);
  *count = static_cast<mach_msg_type_number_t>(size);
  return KERN_SUCCESS;
}

kern_return_t mach_vm_copy(vm_map_t task, mach_vm_address_t from, mach_vm_size_t size, mach_vm_address_t to) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (size == 0) return KERN_SUCCESS;
  const auto copy = copy_of(from, size);
  if (!copy) return status_of(copy.error());
  return os::read_memory_into(*copy, {reinterpret_cast<std::byte*>(to), size}) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
}

kern_return_t mach_vm_read_overwrite(vm_map_t task, mach_vm_address_t address, mach_vm_size_t size,
                                     mach_vm_address_t data, mach_vm_size_t* out_size) {
  if (out_size == nullptr) return KERN_INVALID_ARGUMENT;
  *out_size = 0;
  const auto copied = mach_vm_copy(task, address, size, data);
  if (copied == KERN_SUCCESS) *out_size = size;
  return copied;
}

kern_return_t mach_vm_write(vm_map_t task, mach_vm_address_t address, vm_offset_t data, mach_msg_type_number_t count) {
  return mach_vm_copy(task, data, count, address);
}

kern_return_t vm_allocate(vm_map_t task, vm_address_t* address, vm_size_t size, int flags) {
  if (address == nullptr) return KERN_INVALID_ARGUMENT;
  mach_vm_address_t at = *address;
  const auto status = mach_vm_allocate(task, &at, size, flags);
  if (status == KERN_SUCCESS) *address = at;
  return status;
}
kern_return_t vm_deallocate(vm_map_t task, vm_address_t address, vm_size_t size) {
  return mach_vm_deallocate(task, address, size);
}
kern_return_t vm_protect(vm_map_t task, vm_address_t address, vm_size_t size, boolean_t set_maximum,
                         vm_prot_t protection) {
  return mach_vm_protect(task, address, size, set_maximum, protection);
}
kern_return_t vm_read(vm_map_t task, vm_address_t address, vm_size_t size, vm_offset_t* data,
                      mach_msg_type_number_t* count) {
  return mach_vm_read(task, address, size, data, count);
}
kern_return_t vm_read_overwrite(vm_map_t task, vm_address_t address, vm_size_t size, vm_address_t data,
                                vm_size_t* out_size) {
  if (out_size == nullptr) return KERN_INVALID_ARGUMENT;
  mach_vm_size_t read = 0;
  const auto status = mach_vm_read_overwrite(task, address, size, data, &read);
  *out_size = read;
  return status;
}
kern_return_t vm_write(vm_map_t task, vm_address_t address, vm_offset_t data, mach_msg_type_number_t count) {
  return mach_vm_copy(task, data, count, address);
}
kern_return_t vm_copy(vm_map_t task, vm_address_t from, vm_size_t size, vm_address_t to) {
  return mach_vm_copy(task, from, size, to);
}
