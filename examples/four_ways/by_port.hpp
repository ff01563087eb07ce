// The second way: messages between ports, each of which somebody has a right to send to.
#pragma once

#include <mach/mach.h>

struct TodoRequest {
  mach_msg_header_t header;
  char text[64];
};
struct TodoReply {
  mach_msg_header_t header;
  unsigned int left;
};
