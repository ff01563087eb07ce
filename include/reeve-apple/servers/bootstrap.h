/* Names: a service checks in for its own, a client looks one up. They are those of Reeve's broker, and so are the rules
 * of who may offer and find which.
 *
 * Threads: any. A name has 1 to 127 characters. `bp` is `bootstrap_port`; any other is BOOTSTRAP_NOT_PRIVILEGED. */
#ifndef REEVE_APPLE_SERVERS_BOOTSTRAP_H
#define REEVE_APPLE_SERVERS_BOOTSTRAP_H

#include <mach/mach.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOOTSTRAP_MAX_NAME_LEN 128
#define BOOTSTRAP_MAX_CMD_LEN 512
#define BOOTSTRAP_MAX_LOOKUP_COUNT 20

typedef char name_t[BOOTSTRAP_MAX_NAME_LEN];
typedef char cmd_t[BOOTSTRAP_MAX_CMD_LEN];
typedef name_t *name_array_t;
typedef int bootstrap_status_t;
typedef bootstrap_status_t *bootstrap_status_array_t;
typedef unsigned int bootstrap_property_t;

#define BOOTSTRAP_SUCCESS 0
#define BOOTSTRAP_NOT_PRIVILEGED 1100
#define BOOTSTRAP_NAME_IN_USE 1101
#define BOOTSTRAP_UNKNOWN_SERVICE 1102
#define BOOTSTRAP_SERVICE_ACTIVE 1103
#define BOOTSTRAP_BAD_COUNT 1104
#define BOOTSTRAP_NO_MEMORY 1105
#define BOOTSTRAP_NO_CHILDREN 1106

#define BOOTSTRAP_STATUS_INACTIVE 0
#define BOOTSTRAP_STATUS_ACTIVE 1
#define BOOTSTRAP_STATUS_ON_DEMAND 2

/* The broker, or what this process's parent set in its place by task_set_bootstrap_port. */
extern mach_port_t bootstrap_port;

/* The receive right for a name that this process's job declares, or that lies in an app group of it.
 * Errors: BOOTSTRAP_NOT_PRIVILEGED; BOOTSTRAP_UNKNOWN_SERVICE; BOOTSTRAP_SERVICE_ACTIVE where somebody has it. */
extern kern_return_t bootstrap_check_in(mach_port_t bp, const char *service_name, mach_port_t *sp);

/* Has those who look the name up get send rights to `sp`, whose receive right this process has. MACH_PORT_NULL offers it
 * no longer. */
extern kern_return_t bootstrap_register(mach_port_t bp, const char *service_name, mach_port_t sp);

/* A send right to whoever serves the name, who is started if need be. Errors: BOOTSTRAP_UNKNOWN_SERVICE where nobody
 * does, or not for this caller. */
extern kern_return_t bootstrap_look_up(mach_port_t bp, const char *service_name, mach_port_t *sp);

/* Starts nothing. */
extern kern_return_t bootstrap_status(mach_port_t bp, const char *service_name, bootstrap_status_t *service_active);

/* BOOTSTRAP_NOT_PRIVILEGED: jobs are files. */
extern kern_return_t bootstrap_create_server(mach_port_t bp, cmd_t server_cmd, uid_t server_uid, boolean_t on_demand,
                                             mach_port_t *server_port);
extern kern_return_t bootstrap_create_service(mach_port_t bp, const char *service_name, mach_port_t *sp);
/* BOOTSTRAP_NOT_PRIVILEGED: there is one domain for a user, and one for the machine. */
extern kern_return_t bootstrap_subset(mach_port_t bp, mach_port_t requestor_port, mach_port_t *subset_port);
extern kern_return_t bootstrap_parent(mach_port_t bp, mach_port_t *parent_port);
extern kern_return_t bootstrap_unprivileged(mach_port_t bp, mach_port_t *unpriv_port);

/* Never null. */
extern const char *bootstrap_strerror(kern_return_t r);

#ifdef __cplusplus
}
#endif

#endif
