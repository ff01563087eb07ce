/* What is done with a port by its name. `task` is mach_task_self() in all of them; another is KERN_INVALID_TASK.
 *
 * Threads: any. Errors: KERN_INVALID_NAME where the name stands for nothing, KERN_INVALID_RIGHT where it stands for
 * something else, KERN_INVALID_VALUE for a number that is none of those it may be; others as each says. */
#ifndef REEVE_APPLE_MACH_MACH_PORT_H
#define REEVE_APPLE_MACH_MACH_PORT_H

#include <mach/mach_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A receive right, a port set or a dead name. Errors: KERN_NO_SPACE; KERN_RESOURCE_SHORTAGE. */
extern kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t *name);
/* The same under that name. Errors: KERN_NAME_EXISTS; KERN_NO_SPACE for a name beyond those that there can be. */
extern kern_return_t mach_port_allocate_name(ipc_space_t task, mach_port_right_t right, mach_port_name_t name);
/* A receive right with what `options` says: MPO_QLIMIT, MPO_CONTEXT_AS_GUARD, MPO_STRICT, MPO_IMMOVABLE_RECEIVE,
 * MPO_INSERT_SEND_RIGHT. */
extern kern_return_t mach_port_construct(ipc_space_t task, mach_port_options_ptr_t options, mach_port_context_t context,
                                         mach_port_name_t *name);
/* The end of a receive right, and of `srdelta` (0 or less) references to send rights under its name. With the wrong
 * guard it ends the process. */
extern kern_return_t mach_port_destruct(ipc_space_t task, mach_port_name_t name, mach_port_delta_t srdelta,
                                        mach_port_context_t guard);
/* One reference to a send or send-once right or dead name. */
extern kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name);
/* All that the name stands for. */
extern kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name);
extern kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                        mach_port_delta_t delta);
extern kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                        mach_port_urefs_t *refs);
extern kern_return_t mach_port_rename(ipc_space_t task, mach_port_name_t old_name, mach_port_name_t new_name);

/* MACH_MSG_TYPE_MAKE_SEND, COPY_SEND and MAKE_SEND_ONCE of the right `poly`, to stand under `name`. */
extern kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_name_t name, mach_port_t poly,
                                            mach_msg_type_name_t polyPoly);
extern kern_return_t mach_port_extract_right(ipc_space_t task, mach_port_name_t name, mach_msg_type_name_t msgt_name,
                                             mach_port_t *poly, mach_msg_type_name_t *polyPoly);

/* All names and what they stand for, in memory to be given up by vm_deallocate. */
extern kern_return_t mach_port_names(ipc_space_t task, mach_port_name_array_t *names, mach_msg_type_number_t *namesCnt,
                                     mach_port_type_array_t *types, mach_msg_type_number_t *typesCnt);
extern kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t *ptype);

extern kern_return_t mach_port_get_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                              mach_port_info_t info, mach_msg_type_number_t *count);
extern kern_return_t mach_port_set_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                              mach_port_info_t info, mach_msg_type_number_t count);
extern kern_return_t mach_port_set_mscount(ipc_space_t task, mach_port_name_t name, mach_port_mscount_t mscount);
extern kern_return_t mach_port_set_seqno(ipc_space_t task, mach_port_name_t name, mach_port_seqno_t seqno);
extern kern_return_t mach_port_get_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t *context);
extern kern_return_t mach_port_set_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t context);

/* Has `notify`, of this task, told of `msgid`: MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED, MACH_NOTIFY_DEAD_NAME;
 * or MACH_NOTIFY_SEND_POSSIBLE: where `sync` is not 0 as soon as there is room, else after a send with MACH_SEND_NOTIFY that
 * found none. `previous` is the send-once right that was to be used before, or MACH_PORT_NULL. MACH_PORT_NULL as `notify` asks for
 * nothing any more. */
extern kern_return_t mach_port_request_notification(ipc_space_t task, mach_port_name_t name, mach_msg_id_t msgid,
                                                    mach_port_mscount_t sync, mach_port_t notify,
                                                    mach_msg_type_name_t notifyPoly, mach_port_t *previous);

/* Sets: a port may be in several. */
extern kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after);
extern kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);
extern kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset);
extern kern_return_t mach_port_get_set_status(ipc_space_t task, mach_port_name_t name, mach_port_name_array_t *members,
                                              mach_msg_type_number_t *membersCnt);

/* The message that waits: its size and id, and its sequence number; KERN_FAILURE where none does. */
extern kern_return_t mach_port_peek(ipc_space_t task, mach_port_name_t name, mach_msg_trailer_type_t trailer_type,
                                    mach_port_seqno_t *request_seqnop, mach_msg_size_t *msg_sizep, mach_msg_id_t *msg_idp,
                                    mach_msg_trailer_info_t trailer_infop, mach_msg_type_number_t *trailer_infopCnt);

/* A guarded receive right can be destroyed by mach_port_destruct with its guard alone; all else that would is the end of
 * the process. A strict one does not move either. */
extern kern_return_t mach_port_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard, boolean_t strict);
extern kern_return_t mach_port_unguard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard);
extern kern_return_t mach_port_guard_with_flags(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard,
                                                uint64_t flags);
extern kern_return_t mach_port_swap_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t old_guard,
                                          mach_port_context_t new_guard);

#ifdef __cplusplus
}
#endif

#endif
