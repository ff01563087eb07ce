/* Who sent a message, out of its audit trailer.
 *
 * Process, user and group are the kernel's word; the user and group are the real ones, for all three forms. The process
 * is 0 in what this library tells its own task, and -1 for one that this process's pid namespace does not show. Linux has
 * neither audit sessions nor a pid's version: AU_DEFAUDITID, AU_DEFAUDITSID, 0. Threads: any. */
#ifndef REEVE_APPLE_BSM_LIBBSM_H
#define REEVE_APPLE_BSM_LIBBSM_H

#include <bsm/audit.h>

#ifdef __cplusplus
extern "C" {
#endif

extern uid_t audit_token_to_auid(audit_token_t atoken);
extern uid_t audit_token_to_euid(audit_token_t atoken);
extern gid_t audit_token_to_egid(audit_token_t atoken);
extern uid_t audit_token_to_ruid(audit_token_t atoken);
extern gid_t audit_token_to_rgid(audit_token_t atoken);
extern pid_t audit_token_to_pid(audit_token_t atoken);
extern au_asid_t audit_token_to_asid(audit_token_t atoken);
extern int audit_token_to_pidversion(audit_token_t atoken);

#ifdef __cplusplus
}
#endif

#endif
