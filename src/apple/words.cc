// mach/mach_error.h.
#include <mach/mach.h>

#include <array>
#include <cstdio>

namespace {

struct Word {
  mach_error_t error;
  const char* text;
};

constexpr Word kWords[] = {
    {KERN_SUCCESS, "success"},
    {KERN_INVALID_ADDRESS, "an address that is not there"},
    {KERN_PROTECTION_FAILURE, "memory that may not be used so"},
    {KERN_NO_SPACE, "no room at that address, or no such name to be had"},
    {KERN_INVALID_ARGUMENT, "an argument that cannot be"},
    {KERN_FAILURE, "it could not be done"},
    {KERN_RESOURCE_SHORTAGE, "no memory, descriptors or names left"},
    {KERN_NOT_RECEIVER, "no receive right"},
    {KERN_NO_ACCESS, "no access"},
    {KERN_ALREADY_IN_SET, "a member of the set already"},
    {KERN_NOT_IN_SET, "no member of a set"},
    {KERN_NAME_EXISTS, "the name stands for something already"},
    {KERN_ABORTED, "aborted"},
    {KERN_INVALID_NAME, "the name stands for nothing"},
    {KERN_INVALID_TASK, "another task than this one"},
    {KERN_INVALID_RIGHT, "the name stands for no such right"},
    {KERN_INVALID_VALUE, "a value that cannot be"},
    {KERN_UREFS_OVERFLOW, "more references than a name can have"},
    {KERN_INVALID_CAPABILITY, "a right that is of no use for that"},
    {KERN_RIGHT_EXISTS, "the right has another name already"},
    {KERN_INVALID_HOST, "no such host"},
    {KERN_NOT_SUPPORTED, "there is no such thing on this system"},
    {KERN_OPERATION_TIMED_OUT, "it took too long"},
    {KERN_DENIED, "denied"},
    {MACH_SEND_IN_PROGRESS, "(send) it has not come back yet"},
    {MACH_SEND_INVALID_DATA, "(send) data that cannot be"},
    {MACH_SEND_INVALID_DEST, "(send) nowhere to send to"},
    {MACH_SEND_TIMED_OUT, "(send) the queue is full, and the time is up"},
    {MACH_SEND_INVALID_VOUCHER, "(send) there are no vouchers"},
    {MACH_SEND_INTERRUPTED, "(send) interrupted"},
    {MACH_SEND_MSG_TOO_SMALL, "(send) a message smaller than what it says is in it"},
    {MACH_SEND_INVALID_REPLY, "(send) nothing to be answered at"},
    {MACH_SEND_INVALID_RIGHT, "(send) a right that is not there"},
    {MACH_SEND_INVALID_NOTIFY, "(send) nothing to be notified at"},
    {MACH_SEND_INVALID_MEMORY, "(send) out-of-line memory that is not there"},
    {MACH_SEND_NO_BUFFER, "(send) no room for the message"},
    {MACH_SEND_TOO_LARGE, "(send) a message larger than can be sent"},
    {MACH_SEND_INVALID_TYPE, "(send) a descriptor of no kind"},
    {MACH_SEND_INVALID_HEADER, "(send) a header that cannot be"},
    {MACH_SEND_INVALID_TRAILER, "(send) a trailer that cannot be"},
    {MACH_SEND_INVALID_CONTEXT, "(send) a context that cannot be"},
    {MACH_SEND_INVALID_OPTIONS, "(send) options that cannot be"},
    {MACH_SEND_INVALID_RT_OOL_SIZE, "(send) out-of-line memory of another size"},
    {MACH_SEND_NO_GRANT_DEST, "(send) the destination grants nothing"},
    {MACH_SEND_MSG_FILTERED, "(send) a message that is not let through"},
    {MACH_RCV_IN_PROGRESS, "(receive) it has not come back yet"},
    {MACH_RCV_INVALID_NAME, "(receive) the name stands for no receive right"},
    {MACH_RCV_TIMED_OUT, "(receive) nothing came in time"},
    {MACH_RCV_TOO_LARGE, "(receive) a message larger than the room for it"},
    {MACH_RCV_INTERRUPTED, "(receive) interrupted"},
    {MACH_RCV_PORT_CHANGED, "(receive) the port has come into a set"},
    {MACH_RCV_INVALID_NOTIFY, "(receive) nothing to be notified at"},
    {MACH_RCV_INVALID_DATA, "(receive) nowhere to receive to"},
    {MACH_RCV_PORT_DIED, "(receive) the receive right is here no longer"},
    {MACH_RCV_IN_SET, "(receive) the port is in a set"},
    {MACH_RCV_HEADER_ERROR, "(receive) no room for the rights of the header"},
    {MACH_RCV_BODY_ERROR, "(receive) no room for what the message carries"},
    {MACH_RCV_INVALID_TYPE, "(receive) a descriptor of no kind"},
    {MACH_RCV_SCATTER_SMALL, "(receive) too little room for out-of-line memory"},
    {MACH_RCV_INVALID_TRAILER, "(receive) no such trailer"},
    {MACH_RCV_IN_PROGRESS_TIMED, "(receive) it has not come back in time"},
    {MACH_RCV_INVALID_REPLY, "(receive) no port for replies"},
    {MIG_TYPE_ERROR, "(interface) arguments of another type"},
    {MIG_REPLY_MISMATCH, "(interface) another answer than was asked for"},
    {MIG_REMOTE_ERROR, "(interface) the server has found something wrong"},
    {MIG_BAD_ID, "(interface) no such routine"},
    {MIG_BAD_ARGUMENTS, "(interface) arguments that cannot be"},
    {MIG_NO_REPLY, "(interface) it is answered later"},
    {MIG_EXCEPTION, "(interface) the server has raised an exception"},
    {MIG_ARRAY_TOO_LARGE, "(interface) an array larger than there is room for"},
    {MIG_SERVER_DIED, "(interface) the server has ended"},
    {MIG_TRAILER_ERROR, "(interface) no trailer of that kind"},
};

const char* text_of(mach_error_t error) {
  // What has gone wrong beside it, of names or of memory, stands in bits of its own.
  const bool is_of_message = error > 0 && (error & 0x10004000) == 0x10004000;
  const mach_error_t plain = is_of_message ? error & ~MACH_MSG_MASK : error;
  for (const Word& word : kWords) {
    if (word.error == plain) return word.text;
  }
  return "(no such error)";
}

}  // namespace

char* mach_error_string(mach_error_t error_value) { return const_cast<char*>(text_of(error_value)); }

char* mach_error_type(mach_error_t error_value) {
  const int system = err_get_system(error_value);
  const char* const text = system == 0 ? "(kernel)" : system == 4 ? "(message)" : "(unknown)";
  return const_cast<char*>(text);
}

void mach_error(const char* str, mach_error_t error_value) {
  std::fprintf(stderr, "%s: %s %s (0x%x)\n", str != nullptr ? str : "", mach_error_type(error_value),
               mach_error_string(error_value), static_cast<unsigned>(error_value));
}
