/* Vouchers: there are none. Every call is KERN_NOT_SUPPORTED. */
#ifndef REEVE_APPLE_MACH_MACH_VOUCHER_H
#define REEVE_APPLE_MACH_MACH_VOUCHER_H

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef natural_t mach_voucher_attr_key_t;
typedef unsigned char *mach_voucher_attr_content_t;
typedef unsigned char *mach_voucher_attr_raw_recipe_array_t;

extern kern_return_t host_create_mach_voucher(host_t host, mach_voucher_attr_raw_recipe_array_t recipes,
                                              mach_msg_type_number_t count, ipc_voucher_t *voucher);
extern kern_return_t mach_voucher_extract_attr_content(ipc_voucher_t voucher, mach_voucher_attr_key_t key,
                                                       mach_voucher_attr_content_t content,
                                                       mach_msg_type_number_t *count);

#ifdef __cplusplus
}
#endif

#endif
