/* What interfaces' stubs call. */
#ifndef REEVE_APPLE_MACH_MIG_H
#define REEVE_APPLE_MACH_MIG_H

#include <mach/mig_errors.h>
#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*mig_stub_routine_t)(mach_msg_header_t *request, mach_msg_header_t *reply);
typedef mig_stub_routine_t mig_routine_t;

/* The calling thread's own port to be answered at: made when it is first asked for, given up by mig_dealloc_reply_port. */
extern mach_port_t mig_get_reply_port(void);
extern void mig_dealloc_reply_port(mach_port_t reply_port);
extern void mig_put_reply_port(mach_port_t reply_port);

#ifdef __cplusplus
}
#endif

#endif
