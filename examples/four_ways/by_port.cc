#include "by_port.hpp"

#include <servers/bootstrap.h>

#include <cstdio>
#include <cstring>

#include "todos.hpp"

// Replies to a message over the right that it brought.
static mach_msg_return_t reply(const mach_msg_header_t& request, unsigned int left) {
  TodoReply answer{};
  answer.header.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(request.msgh_bits), 0);
  answer.header.msgh_size = sizeof answer;
  answer.header.msgh_remote_port = request.msgh_remote_port;
  answer.header.msgh_id = request.msgh_id + 100;
  answer.left = left;
  return mach_msg(&answer.header, MACH_SEND_MSG, sizeof answer, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

int main() {
  mach_port_t port = MACH_PORT_NULL;
  const kern_return_t found = bootstrap_check_in(bootstrap_port, kByPort, &port);
  if (found != KERN_SUCCESS) {
    std::fprintf(stderr, "%s: %s\n", kByPort, bootstrap_strerror(found));
    return 1;
  }
  Todos todos;
  while (true) {
    struct {
      TodoRequest request;
      mach_msg_trailer_t trailer;
    } message{};
    const auto status = mach_msg(&message.request.header, MACH_RCV_MSG, 0, sizeof message, port, 0, MACH_PORT_NULL);
    if (status != MACH_MSG_SUCCESS) return 1;
    TodoRequest& request = message.request;
    const bool is_whole = request.header.msgh_size == sizeof request;
    const bool is_text = std::memchr(request.text, 0, sizeof request.text) != nullptr;
    if (is_whole && is_text && request.header.msgh_id == kAdd) todos.add(request.text);
    if (request.header.msgh_remote_port != MACH_PORT_NULL && reply(request.header, todos.left()) != MACH_MSG_SUCCESS) {
      mach_msg_destroy(&request.header);
    }
  }
}
