/* A service and its client in Mach's own terms, in C (and in C++): names, messages, rights and memory that travel, and who
 * sent what.
 *
 *   courier serve NAME         checks in for the name, which its job declares, and shouts what it is sent
 *   courier call NAME TEXT     looks the name up; the broker starts the service if need be
 *
 * Built by `cc courier.c $(pkg-config --cflags --libs reeve-apple)`. */
#include <bsm/libbsm.h>
#include <ctype.h>
#include <mach/mach.h>
#include <servers/bootstrap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOUT = 1, SHOUTED = 101, PROGRESS = 2, THANKS = 3, PATIENCE_MS = 20000 };

/* A right and memory one way, a right and memory back. */
typedef struct {
  mach_msg_header_t header;
  mach_msg_body_t body;
  mach_msg_port_descriptor_t port;
  mach_msg_ool_descriptor_t text;
  int caller; /* the reply: the process that asked, as the service was told by the kernel */
} parcel_t;

typedef struct {
  parcel_t parcel;
  mach_msg_audit_trailer_t trailer;
} received_t;

static void check(kern_return_t status, const char *what) {
  if (status == KERN_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, status >= 1100 && status < 1200 ? bootstrap_strerror(status) : mach_error_string(status));
  exit(1);
}

static mach_port_t new_port(void) {
  mach_port_t port = MACH_PORT_NULL;
  check(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), "mach_port_allocate");
  return port;
}

static void receive(mach_port_t from, received_t *into, mach_msg_option_t option) {
  const mach_msg_option_t how = MACH_RCV_MSG | option | MACH_RCV_TRAILER_TYPE(MACH_MSG_TRAILER_FORMAT_0) |
                                MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT);
  memset(into, 0, sizeof *into);
  check(mach_msg(&into->parcel.header, how, 0, sizeof *into, from, PATIENCE_MS, MACH_PORT_NULL), "receive");
}

/* The trailer lies right behind what was received, whose size the header tells. */
static audit_token_t sender_of(const received_t *received) {
  mach_msg_audit_trailer_t trailer;
  memcpy(&trailer, (const char *)received + round_msg(received->parcel.header.msgh_size), sizeof trailer);
  return trailer.msgh_audit;
}

static void fill(parcel_t *parcel, mach_port_t port, mach_msg_type_name_t disposition, char *text, size_t size) {
  parcel->body.msgh_descriptor_count = 2;
  parcel->port.type = MACH_MSG_PORT_DESCRIPTOR;
  parcel->port.name = port;
  parcel->port.disposition = disposition & 0xffu;
  parcel->text.type = MACH_MSG_OOL_DESCRIPTOR;
  parcel->text.copy = MACH_MSG_VIRTUAL_COPY;
  parcel->text.address = text;
  parcel->text.size = (mach_msg_size_t)size;
}

static void send_simple(mach_port_t to, mach_msg_type_name_t disposition, mach_msg_id_t id) {
  mach_msg_header_t message;
  memset(&message, 0, sizeof message);
  message.msgh_bits = MACH_MSGH_BITS(disposition, 0);
  message.msgh_size = sizeof message;
  message.msgh_remote_port = to;
  message.msgh_id = id;
  check(mach_msg(&message, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof message, 0, MACH_PORT_NULL, PATIENCE_MS,
                 MACH_PORT_NULL),
        "send");
}

static void shout(received_t *request, mach_port_t thanks) {
  parcel_t reply;
  mach_msg_return_t status;
  char *const text = (char *)request->parcel.text.address;
  mach_msg_size_t i;
  if (!MACH_MSGH_BITS_IS_COMPLEX(request->parcel.header.msgh_bits) || request->parcel.body.msgh_descriptor_count != 2 ||
      request->parcel.port.type != MACH_MSG_PORT_DESCRIPTOR || request->parcel.text.type != MACH_MSG_OOL_DESCRIPTOR) {
    mach_msg_destroy(&request->parcel.header);
    return;
  }
  send_simple(request->parcel.port.name, request->parcel.port.disposition, PROGRESS);
  for (i = 0; i < request->parcel.text.size; ++i) text[i] = (char)toupper((unsigned char)text[i]);

  memset(&reply, 0, sizeof reply);
  reply.header.msgh_bits = MACH_MSGH_BITS_COMPLEX | MACH_MSGH_BITS_REMOTE(request->parcel.header.msgh_bits);
  reply.header.msgh_size = sizeof reply;
  reply.header.msgh_remote_port = request->parcel.header.msgh_remote_port;
  reply.header.msgh_id = SHOUTED;
  fill(&reply, thanks, MACH_MSG_TYPE_MAKE_SEND, text, request->parcel.text.size);
  reply.text.deallocate = TRUE;
  reply.caller = audit_token_to_pid(sender_of(request));
  status = mach_msg(&reply.header, MACH_SEND_MSG, sizeof reply, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
  if (status != MACH_MSG_SUCCESS) { /* whoever asked may have gone */
    fprintf(stderr, "answer: %s\n", mach_error_string(status));
    mach_msg_destroy(&reply.header);
  }
}

static void serve(const char *name) {
  mach_port_t port = MACH_PORT_NULL;
  mach_port_t both = MACH_PORT_NULL;
  const mach_port_t thanks = new_port();
  received_t request;
  check(bootstrap_check_in(bootstrap_port, name, &port), name);
  check(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_PORT_SET, &both), "mach_port_allocate");
  check(mach_port_insert_member(mach_task_self(), port, both), "mach_port_insert_member");
  check(mach_port_insert_member(mach_task_self(), thanks, both), "mach_port_insert_member");
  for (;;) {
    receive(both, &request, 0);
    if (request.parcel.header.msgh_local_port == thanks) {
      fprintf(stderr, "thanked by user %u\n", (unsigned)audit_token_to_ruid(sender_of(&request)));
      mach_msg_destroy(&request.parcel.header);
    } else {
      shout(&request, thanks);
    }
  }
}

static int call(const char *name, char *text) {
  mach_port_t service = MACH_PORT_NULL;
  const mach_port_t reply_port = mach_reply_port();
  const mach_port_t progress = new_port();
  parcel_t request;
  received_t received;
  received_t seen;
  check(bootstrap_look_up(bootstrap_port, name, &service), name);

  memset(&request, 0, sizeof request);
  request.header.msgh_bits = MACH_MSGH_BITS_COMPLEX | MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
  request.header.msgh_size = sizeof request;
  request.header.msgh_remote_port = service;
  request.header.msgh_local_port = reply_port;
  request.header.msgh_id = SHOUT;
  fill(&request, progress, MACH_MSG_TYPE_MAKE_SEND_ONCE, text, strlen(text));
  check(mach_msg(&request.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof request, 0, MACH_PORT_NULL, PATIENCE_MS,
                 MACH_PORT_NULL),
        "send");
  receive(progress, &seen, MACH_RCV_TIMEOUT);
  receive(reply_port, &received, MACH_RCV_TIMEOUT);
  if (seen.parcel.header.msgh_id != PROGRESS || received.parcel.header.msgh_id != SHOUTED) {
    fprintf(stderr, "%s answered something else: %d\n", name, received.parcel.header.msgh_id);
    return 1;
  }
  printf("%.*s\n", (int)received.parcel.text.size, (const char *)received.parcel.text.address);
  printf("asked by %s, answered by %s\n", received.parcel.caller == (int)getpid() ? "this process" : "a process out of sight",
         audit_token_to_pid(sender_of(&received)) == audit_token_to_pid(sender_of(&seen)) ? "one process" : "several");
  send_simple(received.parcel.port.name, MACH_MSG_TYPE_COPY_SEND, THANKS);
  mach_msg_destroy(&received.parcel.header);
  check(mach_port_deallocate(mach_task_self(), service), "mach_port_deallocate");
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) serve(argv[2]);
  if (argc == 4 && strcmp(argv[1], "call") == 0) return call(argv[2], argv[3]);
  fprintf(stderr, "usage: courier serve NAME | courier call NAME TEXT\n");
  return 2;
}
