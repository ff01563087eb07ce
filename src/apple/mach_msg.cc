// mach/message.h.
#include <mach/mach.h>

#include <cstdlib>
#include <memory>

#include "descriptors.hpp"
#include "message.hpp"
#include "task.hpp"

namespace {

using namespace reeve;

os::Deadline deadline_of(bool has_timeout, mach_msg_timeout_t milliseconds) {
  if (!has_timeout) return std::nullopt;
  return os::now() + std::chrono::milliseconds(milliseconds);
}

void release(mach_port_t name, mach_msg_type_name_t type) {
  if (!MACH_PORT_VALID(name)) return;
  if (type == MACH_MSG_TYPE_MOVE_SEND || type == MACH_MSG_TYPE_MOVE_SEND_ONCE) {
    (void)mach_port_deallocate(mach_task_self(), name);
  } else if (type == MACH_MSG_TYPE_MOVE_RECEIVE) {
    (void)mach_port_mod_refs(mach_task_self(), name, MACH_PORT_RIGHT_RECEIVE, -1);
  }
}

void release(const mach_msg_port_descriptor_t& port) { release(port.name, port.disposition); }
void release(const mach_msg_guarded_port_descriptor_t& port) { release(port.name, port.disposition); }
void release(const mach_msg_ool_descriptor_t& memory) {
  if (!memory.deallocate || memory.size == 0) return;
  (void)vm_deallocate(mach_task_self(), reinterpret_cast<vm_address_t>(memory.address), memory.size);
}
void release(const mach_msg_ool_ports_descriptor_t& ports) {
  const auto* const names = static_cast<const mach_port_t*>(ports.address);
  for (mach_msg_size_t i = 0; i < ports.count; ++i) release(names[i], ports.disposition);
  if (!ports.deallocate || ports.count == 0) return;
  (void)vm_deallocate(mach_task_self(), reinterpret_cast<vm_address_t>(ports.address),
                      ports.count * sizeof(mach_port_t));
}

struct Freed {
  void operator()(mach_msg_header_t* message) const { std::free(message); }
};
using Buffer = std::unique_ptr<mach_msg_header_t, Freed>;
Buffer make_buffer(mach_msg_size_t size) { return Buffer(static_cast<mach_msg_header_t*>(std::calloc(1, size))); }

// What was asked for is answered, or will be: a request that was refused still has all that it brought.
bool is_refused(const mach_msg_header_t& reply, kern_return_t& why) {
  mig_reply_error_t error;
  if (reply.msgh_size < sizeof error || MACH_MSGH_BITS_IS_COMPLEX(reply.msgh_bits)) return false;
  std::memcpy(&error, &reply, sizeof error);
  why = error.RetCode;
  return why != KERN_SUCCESS;
}

mach_msg_return_t answer(mach_msg_header_t& request, mach_msg_header_t& reply, mach_msg_option_t options) {
  kern_return_t why = KERN_SUCCESS;
  if (is_refused(reply, why)) {
    if (why == MIG_NO_REPLY) return MACH_MSG_SUCCESS;
    request.msgh_remote_port = MACH_PORT_NULL;  // It is to answer by, and that is still to be done.
    mach_msg_destroy(&request);
  }
  if (reply.msgh_remote_port == MACH_PORT_NULL) {
    mach_msg_destroy(&reply);
    return MACH_MSG_SUCCESS;
  }
  // Whoever asked with a send right may not be waiting: one that does not take its answers holds up nobody.
  const bool is_once = MACH_MSGH_BITS_REMOTE(reply.msgh_bits) == MACH_MSG_TYPE_MOVE_SEND_ONCE;
  const mach_msg_option_t how = MACH_SEND_MSG | (is_once ? 0 : MACH_SEND_TIMEOUT) | (options & MACH_SEND_TIMEOUT);
  const auto sent = mach_msg(&reply, how, reply.msgh_size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
  if (sent == MACH_SEND_INVALID_DEST || sent == MACH_SEND_TIMED_OUT) {
    mach_msg_destroy(&reply);
    return MACH_MSG_SUCCESS;
  }
  return sent;
}

mach_msg_return_t serve(mach_msg_demux_t demux, mach_msg_size_t max_size, mach_port_t rcv_name,
                        mach_msg_option_t options, bool once) {
  const mach_msg_size_t size = max_size + MAX_TRAILER_SIZE;
  const Buffer request = size > max_size ? make_buffer(size) : nullptr;
  const Buffer reply = make_buffer(size);
  if (request == nullptr || reply == nullptr) return KERN_RESOURCE_SHORTAGE;
  const mach_msg_option_t how = MACH_RCV_MSG | (options & ~(MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT));
  while (true) {
    const auto received = mach_msg(request.get(), how, 0, size, rcv_name, MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
    if (received != MACH_MSG_SUCCESS) return received;
    std::memset(reply.get(), 0, size);
    (void)demux(request.get(), reply.get());
    const auto answered = answer(*request, *reply, options);
    if (once || answered != MACH_MSG_SUCCESS) return answered;
  }
}

}  // namespace

NDR_record_t NDR_record = {NDR_PROTOCOL_2_0,      NDR_PROTOCOL_2_0, NDR_PROTOCOL_2_0, 0,
                           NDR_INT_LITTLE_ENDIAN, NDR_CHAR_ASCII,   NDR_FLOAT_IEEE,   0};

mach_msg_return_t mach_msg_overwrite(mach_msg_header_t* msg, mach_msg_option_t option, mach_msg_size_t send_size,
                                     mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                                     mach_port_name_t, mach_msg_header_t* rcv_msg, mach_msg_size_t) {
  if ((option & MACH_SEND_MSG) != 0) {
    if (msg == nullptr || send_size < sizeof *msg) return MACH_SEND_MSG_TOO_SMALL;
    const auto sent = apple::send(*msg, send_size, deadline_of((option & MACH_SEND_TIMEOUT) != 0, timeout));
    if (sent == MACH_SEND_TIMED_OUT && (option & MACH_SEND_NOTIFY) != 0) {
      apple::space().await_room(apple::name_of(msg->msgh_remote_port));
    }
    if (sent != MACH_MSG_SUCCESS) return sent;
  }
  if ((option & MACH_RCV_MSG) == 0) return MACH_MSG_SUCCESS;
  mach_msg_header_t* const into = rcv_msg != nullptr ? rcv_msg : msg;
  if (into == nullptr) return MACH_RCV_INVALID_DATA;
  return apple::receive(rcv_name, {into, rcv_size, option}, deadline_of((option & MACH_RCV_TIMEOUT) != 0, timeout));
}

mach_msg_return_t mach_msg(mach_msg_header_t* msg, mach_msg_option_t option, mach_msg_size_t send_size,
                           mach_msg_size_t rcv_size, mach_port_name_t rcv_name, mach_msg_timeout_t timeout,
                           mach_port_name_t notify) {
  return mach_msg_overwrite(msg, option, send_size, rcv_size, rcv_name, timeout, notify, nullptr, 0);
}

// What the local port says is no right: received, it is where the message came in.
void mach_msg_destroy(mach_msg_header_t* msg) {
  release(msg->msgh_remote_port, MACH_MSGH_BITS_REMOTE(msg->msgh_bits));
  if (msg->msgh_size < sizeof *msg) return;
  apple::Descriptors descriptors({reinterpret_cast<const std::byte*>(msg), msg->msgh_size});
  apple::Descriptor descriptor;
  while (descriptors.next(descriptor)) std::visit([](const auto& each) { release(each); }, descriptor);
}

mach_msg_return_t mach_msg_server(mach_msg_demux_t demux, mach_msg_size_t max_size, mach_port_t rcv_name,
                                  mach_msg_option_t options) {
  return serve(demux, max_size, rcv_name, options, false);
}
mach_msg_return_t mach_msg_server_once(mach_msg_demux_t demux, mach_msg_size_t max_size, mach_port_t rcv_name,
                                       mach_msg_option_t options) {
  return serve(demux, max_size, rcv_name, options, true);
}
