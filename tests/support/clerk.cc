// A service in Mach's terms that does with names what it is told:   clerk NAME
#include "clerk.hpp"

#include <cstdio>
#include <cstdlib>

namespace reeve::test {
namespace {

mach_port_t all = MACH_PORT_NULL;  // the ports that it serves at

mach_port_t new_port(mach_port_right_t right) {
  mach_port_t port = MACH_PORT_NULL;
  if (mach_port_allocate(mach_task_self(), right, &port) != KERN_SUCCESS) std::exit(1);
  return port;
}

// A name for a port that is no more.
mach_port_t dead_port() {
  const mach_port_t port = new_port(MACH_PORT_RIGHT_RECEIVE);
  (void)mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND);
  (void)mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1);
  return port;
}

int do_errand(Errand what, char* name, mach_port_t caller, int& value) {
  mach_port_t port = MACH_PORT_NULL;
  int status = 0;
  switch (what) {
    case kCheckIn:
      status = bootstrap_check_in(bootstrap_port, name, &port);
      break;
    case kRegister:
      port = new_port(MACH_PORT_RIGHT_RECEIVE);
      status = bootstrap_register(bootstrap_port, name, port);
      break;
    case kRegisterAgain: {
      char free[] = "org.example.free";
      port = new_port(MACH_PORT_RIGHT_RECEIVE);
      if (bootstrap_register(bootstrap_port, free, port) != BOOTSTRAP_NOT_PRIVILEGED) return -1;
      if ((status = bootstrap_register(bootstrap_port, name, port)) != BOOTSTRAP_SUCCESS) return status;
      if ((status = bootstrap_register(bootstrap_port, name, MACH_PORT_NULL)) != BOOTSTRAP_SUCCESS) return status;
      status = bootstrap_register(bootstrap_port, name, port);
      break;
    }
    case kRegisterDead:
      return bootstrap_register(bootstrap_port, name, dead_port());
    case kRegisterAnothers:
      return bootstrap_register(bootstrap_port, name, caller);
    case kWithdraw:
      return bootstrap_register(bootstrap_port, name, MACH_PORT_NULL);
    case kLookUp:
      status = bootstrap_look_up(bootstrap_port, name, &port);
      value = MACH_PORT_VALID(port);
      return status;
    case kStatus:
      return bootstrap_status(bootstrap_port, name, &value);
  }
  value = MACH_PORT_VALID(port);
  if (status == KERN_SUCCESS) (void)mach_port_insert_member(mach_task_self(), port, all);
  return status;
}

void serve() {
  OrderReceived received{};
  if (mach_msg(&received.order.header, MACH_RCV_MSG, 0, sizeof received, all, 0, MACH_PORT_NULL) != MACH_MSG_SUCCESS) {
    std::exit(1);
  }
  const mach_msg_header_t& header = received.order.header;
  Report report{};
  report.header = {MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(header.msgh_bits), 0),
                   sizeof report,
                   header.msgh_remote_port,
                   MACH_PORT_NULL,
                   MACH_PORT_NULL,
                   header.msgh_id};
  received.order.name[sizeof received.order.name - 1] = '\0';
  report.status =
      do_errand(static_cast<Errand>(header.msgh_id), received.order.name, header.msgh_remote_port, report.value);
  (void)mach_msg(&report.header, MACH_SEND_MSG, sizeof report, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
}

}  // namespace
}  // namespace reeve::test

int main(int argc, char** argv) {
  using namespace reeve::test;
  if (argc != 2) return 2;
  all = new_port(MACH_PORT_RIGHT_PORT_SET);
  mach_port_t port = MACH_PORT_NULL;
  const kern_return_t status = bootstrap_check_in(bootstrap_port, argv[1], &port);
  if (status != KERN_SUCCESS) {
    std::fprintf(stderr, "%s: %s\n", argv[1], bootstrap_strerror(status));
    return 1;
  }
  if (mach_port_insert_member(mach_task_self(), port, all) != KERN_SUCCESS) return 1;
  while (true) serve();
}
