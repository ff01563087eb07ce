/* The token that tells who sent a message: in mach/message.h. */
#ifndef REEVE_APPLE_BSM_AUDIT_H
#define REEVE_APPLE_BSM_AUDIT_H

#include <mach/message.h>
#include <sys/types.h>

typedef uid_t au_id_t;
typedef pid_t au_asid_t;
#define AU_DEFAUDITID ((au_id_t)-1)
#define AU_DEFAUDITSID 0

#endif
