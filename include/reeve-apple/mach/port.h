/* Ports by their names in this task, and what a name can stand for. */
#ifndef REEVE_APPLE_MACH_PORT_H
#define REEVE_APPLE_MACH_PORT_H

#include <mach/boolean.h>
#include <stdint.h>

typedef uint32_t natural_t;
typedef int integer_t;

typedef natural_t mach_port_name_t;
typedef mach_port_name_t mach_port_t;
typedef mach_port_t *mach_port_array_t;
typedef mach_port_name_t *mach_port_name_array_t;
typedef uint64_t mach_port_context_t;

#define MACH_PORT_NULL ((mach_port_t)0)
#define MACH_PORT_DEAD ((mach_port_t)~0u)
#define MACH_PORT_VALID(name) ((name) != MACH_PORT_NULL && (name) != MACH_PORT_DEAD)

/* A name is an index and a generation. */
#define MACH_PORT_INDEX(name) ((name) >> 8)
#define MACH_PORT_GEN(name) (((name)&0xffu) << 24)
#define MACH_PORT_MAKE(index, gen) (((index) << 8) | (((gen) >> 24) & 0xffu))

/* Kinds of rights. */
typedef natural_t mach_port_right_t;
#define MACH_PORT_RIGHT_SEND ((mach_port_right_t)0)
#define MACH_PORT_RIGHT_RECEIVE ((mach_port_right_t)1)
#define MACH_PORT_RIGHT_SEND_ONCE ((mach_port_right_t)2)
#define MACH_PORT_RIGHT_PORT_SET ((mach_port_right_t)3)
#define MACH_PORT_RIGHT_DEAD_NAME ((mach_port_right_t)4)
#define MACH_PORT_RIGHT_NUMBER ((mach_port_right_t)5)

/* Which of them a name stands for: bits. */
typedef natural_t mach_port_type_t;
typedef mach_port_type_t *mach_port_type_array_t;
#define MACH_PORT_TYPE(right) ((mach_port_type_t)(1u << ((right) + 16u)))
#define MACH_PORT_TYPE_NONE ((mach_port_type_t)0)
#define MACH_PORT_TYPE_SEND MACH_PORT_TYPE(MACH_PORT_RIGHT_SEND)
#define MACH_PORT_TYPE_RECEIVE MACH_PORT_TYPE(MACH_PORT_RIGHT_RECEIVE)
#define MACH_PORT_TYPE_SEND_ONCE MACH_PORT_TYPE(MACH_PORT_RIGHT_SEND_ONCE)
#define MACH_PORT_TYPE_PORT_SET MACH_PORT_TYPE(MACH_PORT_RIGHT_PORT_SET)
#define MACH_PORT_TYPE_DEAD_NAME MACH_PORT_TYPE(MACH_PORT_RIGHT_DEAD_NAME)
#define MACH_PORT_TYPE_SEND_RECEIVE (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_RECEIVE)
#define MACH_PORT_TYPE_SEND_RIGHTS (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_SEND_ONCE)
#define MACH_PORT_TYPE_PORT_RIGHTS (MACH_PORT_TYPE_SEND_RIGHTS | MACH_PORT_TYPE_RECEIVE)
#define MACH_PORT_TYPE_PORT_OR_DEAD (MACH_PORT_TYPE_PORT_RIGHTS | MACH_PORT_TYPE_DEAD_NAME)
#define MACH_PORT_TYPE_ALL_RIGHTS (MACH_PORT_TYPE_PORT_OR_DEAD | MACH_PORT_TYPE_PORT_SET)
#define MACH_PORT_TYPE_DNREQUEST 0x80000000u
#define MACH_PORT_TYPE_SPREQUEST 0x40000000u

/* References of a name: how many, by how many more or fewer, and the most there can be. */
typedef natural_t mach_port_urefs_t;
typedef integer_t mach_port_delta_t;
#define MACH_PORT_UREFS_MAX ((mach_port_urefs_t)65534)

typedef natural_t mach_port_seqno_t;
typedef natural_t mach_port_mscount_t;
typedef natural_t mach_port_msgcount_t;
typedef natural_t mach_port_rights_t;

/* How many messages of each sender may wait. */
#define MACH_PORT_QLIMIT_ZERO 0
#define MACH_PORT_QLIMIT_BASIC 5
#define MACH_PORT_QLIMIT_SMALL 16
#define MACH_PORT_QLIMIT_LARGE 1024
#define MACH_PORT_QLIMIT_MIN MACH_PORT_QLIMIT_ZERO
#define MACH_PORT_QLIMIT_DEFAULT MACH_PORT_QLIMIT_BASIC
#define MACH_PORT_QLIMIT_MAX MACH_PORT_QLIMIT_LARGE

/* mach_port_get_attributes and mach_port_set_attributes. */
typedef int mach_port_flavor_t;
typedef integer_t *mach_port_info_t;
#define MACH_PORT_LIMITS_INFO 1
#define MACH_PORT_RECEIVE_STATUS 2
#define MACH_PORT_DNREQUESTS_SIZE 3
#define MACH_PORT_TEMPOWNER 4
#define MACH_PORT_IMPORTANCE_RECEIVER 5

typedef struct mach_port_limits {
  mach_port_msgcount_t mpl_qlimit;
} mach_port_limits_t;

typedef struct mach_port_status {
  mach_port_rights_t mps_pset;      /* how many sets it is a member of */
  mach_port_seqno_t mps_seqno;      /* of the next message */
  mach_port_mscount_t mps_mscount;  /* send rights made, ever */
  mach_port_msgcount_t mps_qlimit;
  mach_port_msgcount_t mps_msgcount; /* at least so many wait */
  mach_port_rights_t mps_sorights;   /* send-once rights */
  boolean_t mps_srights;             /* whether there are send rights */
  boolean_t mps_pdrequest;
  boolean_t mps_nsrequest;
  natural_t mps_flags;
} mach_port_status_t;

#define MACH_PORT_LIMITS_INFO_COUNT ((natural_t)(sizeof(mach_port_limits_t) / sizeof(natural_t)))
#define MACH_PORT_RECEIVE_STATUS_COUNT ((natural_t)(sizeof(mach_port_status_t) / sizeof(natural_t)))
#define MACH_PORT_DNREQUESTS_SIZE_COUNT 1

#define MACH_PORT_STATUS_FLAG_GUARDED 0x02u
#define MACH_PORT_STATUS_FLAG_STRICT_GUARD 0x04u
#define MACH_PORT_STATUS_FLAG_GUARD_IMMOVABLE_RECEIVE 0x80u

/* mach_port_construct. */
typedef struct mach_port_options {
  uint32_t flags;
  mach_port_limits_t mpl;
  uint64_t reserved[2];
} mach_port_options_t;
typedef mach_port_options_t *mach_port_options_ptr_t;

#define MPO_CONTEXT_AS_GUARD 0x01u
#define MPO_QLIMIT 0x02u
#define MPO_TEMPOWNER 0x04u
#define MPO_IMPORTANCE_RECEIVER 0x08u
#define MPO_INSERT_SEND_RIGHT 0x10u
#define MPO_STRICT 0x20u
#define MPO_DENAP_RECEIVER 0x40u
#define MPO_IMMOVABLE_RECEIVE 0x80u
#define MPO_FILTER_MSG 0x100u
#define MPO_TG_BLOCK_TRACKING 0x200u
#define MPO_SERVICE_PORT 0x400u
#define MPO_CONNECTION_PORT 0x800u
#define MPO_REPLY_PORT 0x1000u

/* mach_port_guard_with_flags. */
#define MPG_FLAGS_NONE 0x00u
#define MPG_STRICT 0x01u
#define MPG_IMMOVABLE_RECEIVE 0x02u

#endif
