// What a clerk, a service in Mach's terms, is asked, and what it answers.
#pragma once

#include <mach/mach.h>
#include <servers/bootstrap.h>

#include <cstring>

namespace reeve::test {

/// What a clerk is to do with a name, by the message's id.
enum Errand : mach_msg_id_t {
  kCheckIn = 1,
  kRegister,
  kRegisterAgain,  // the same port, when it was refused another name and had this one withdrawn
  kRegisterDead,
  kRegisterAnothers,
  kWithdraw,
  kLookUp,
  kStatus,
};

struct Order {
  mach_msg_header_t header;
  name_t name;
};
struct OrderReceived {
  Order order;
  mach_msg_max_trailer_t trailer;
};
struct Report {
  mach_msg_header_t header;
  int status;  ///< what the call has returned
  int value;   ///< of kStatus; of others whether there is a port
};
struct ReportReceived {
  Report report;
  mach_msg_max_trailer_t trailer;
};

/// Has the clerk at that port do it. `status` is what sending or receiving came to where that failed.
inline Report ask_clerk(mach_port_t clerk, Errand what, const char* name) {
  const mach_port_t reply = mach_reply_port();
  Order order{};
  order.header = {MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                  sizeof order,
                  clerk,
                  reply,
                  MACH_PORT_NULL,
                  what};
  std::strncpy(order.name, name, sizeof order.name - 1);
  ReportReceived received{};
  constexpr mach_msg_timeout_t kPatience = 20'000;
  received.report.status = mach_msg(&order.header, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof order, 0, MACH_PORT_NULL,
                                    kPatience, MACH_PORT_NULL);
  if (received.report.status == MACH_MSG_SUCCESS) {
    const auto came = mach_msg(&received.report.header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof received, reply,
                               kPatience, MACH_PORT_NULL);
    if (came != MACH_MSG_SUCCESS) received.report.status = came;
    if (received.report.header.msgh_id == MACH_NOTIFY_SEND_ONCE) received.report.status = MACH_SEND_INVALID_DEST;
  }
  (void)mach_port_mod_refs(mach_task_self(), reply, MACH_PORT_RIGHT_RECEIVE, -1);
  return received.report;
}

}  // namespace reeve::test
