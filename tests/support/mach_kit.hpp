// What tests of the C API of Mach's ports are written with.
#pragma once

#include <bsm/libbsm.h>
#include <gtest/gtest.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <servers/bootstrap.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <thread>
#include <vector>

namespace mach_test {

constexpr mach_msg_timeout_t kLong = 10000;
constexpr mach_port_right_t kSend = MACH_PORT_RIGHT_SEND;
constexpr mach_port_right_t kReceive = MACH_PORT_RIGHT_RECEIVE;
constexpr mach_port_right_t kOnce = MACH_PORT_RIGHT_SEND_ONCE;
constexpr mach_port_right_t kDead = MACH_PORT_RIGHT_DEAD_NAME;
constexpr mach_port_right_t kSet = MACH_PORT_RIGHT_PORT_SET;
constexpr std::array kAllRights{kSend, kReceive, kOnce, kSet, kDead};

inline mach_port_t self() { return mach_task_self(); }

inline int refs(mach_port_t name, mach_port_right_t right) {
  mach_port_urefs_t count = 0;
  return mach_port_get_refs(self(), name, right, &count) == KERN_SUCCESS ? static_cast<int>(count) : -1;
}
inline kern_return_t mod(mach_port_t name, mach_port_right_t right, int delta) {
  return mach_port_mod_refs(self(), name, right, delta);
}
inline mach_port_type_t type_of(mach_port_t name) {
  mach_port_type_t type = 0;
  return mach_port_type(self(), name, &type) == KERN_SUCCESS ? type : MACH_PORT_TYPE_NONE;
}
inline kern_return_t insert(mach_port_t name, mach_port_t right, mach_msg_type_name_t type) {
  return mach_port_insert_right(self(), name, right, type);
}

// All names with what they stand for and how often.
using Census = std::map<mach_port_t, std::array<int, 6>>;
inline Census census() {
  mach_port_name_array_t names = nullptr;
  mach_port_type_array_t types = nullptr;
  mach_msg_type_number_t count = 0;
  mach_msg_type_number_t types_count = 0;
  EXPECT_EQ(mach_port_names(self(), &names, &count, &types, &types_count), KERN_SUCCESS);
  EXPECT_EQ(count, types_count);
  Census all;
  for (mach_msg_type_number_t i = 0; i < count; ++i) {
    auto& counts = all[names[i]] = {static_cast<int>(types[i])};
    for (std::size_t right = 0; right < kAllRights.size(); ++right)
      counts[right + 1] = refs(names[i], kAllRights[right]);
  }
  if (count == 0) return all;
  vm_deallocate(self(), reinterpret_cast<vm_address_t>(names), count * sizeof *names);
  vm_deallocate(self(), reinterpret_cast<vm_address_t>(types), count * sizeof *types);
  return all;
}
inline std::size_t count_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// A name that is destroyed with its scope, whatever it stands for then.
class Name {
 public:
  explicit Name(mach_port_t name = MACH_PORT_NULL) : name_(name) {}
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() { end(); }
  void end() { mach_port_destroy(self(), name_); }
  operator mach_port_t() const { return name_; }
  mach_port_t* operator&() { return &name_; }

 protected:
  mach_port_t name_;
};
struct Port : Name {
  explicit Port(mach_port_right_t right = kReceive) {
    EXPECT_EQ(mach_port_allocate(self(), right, &name_), KERN_SUCCESS);
  }
};
// With a send right to it.
struct Both : Port {
  Both() { EXPECT_EQ(insert(name_, name_, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS); }
};

inline mach_port_t make_once(mach_port_t port) {
  mach_port_t once = MACH_PORT_NULL;
  mach_msg_type_name_t type = 0;
  EXPECT_EQ(mach_port_extract_right(self(), port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &once, &type), KERN_SUCCESS);
  EXPECT_EQ(type, unsigned{MACH_MSG_TYPE_PORT_SEND_ONCE});
  return once;
}
inline mach_port_status_t status_of(mach_port_t port) {
  mach_port_status_t status{};
  mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT;
  EXPECT_EQ(mach_port_get_attributes(self(), port, MACH_PORT_RECEIVE_STATUS,
                                     reinterpret_cast<mach_port_info_t>(&status), &count),
            KERN_SUCCESS);
  return status;
}
inline kern_return_t limit_queue(mach_port_t port, mach_port_msgcount_t limit) {
  mach_port_limits_t limits{limit};
  return mach_port_set_attributes(self(), port, MACH_PORT_LIMITS_INFO, reinterpret_cast<mach_port_info_t>(&limits),
                                  MACH_PORT_LIMITS_INFO_COUNT);
}
inline kern_return_t ask(mach_port_t name, mach_msg_id_t what, mach_port_t notify, mach_port_t* previous,
                         mach_port_mscount_t sync = 0, mach_msg_type_name_t type = MACH_MSG_TYPE_MAKE_SEND_ONCE) {
  return mach_port_request_notification(self(), name, what, sync, notify, type, previous);
}

inline mach_msg_header_t header_to(mach_port_t to, mach_msg_type_name_t type, mach_msg_id_t id = 1000,
                                   mach_port_t reply = MACH_PORT_NULL, mach_msg_type_name_t reply_type = 0) {
  return {MACH_MSGH_BITS(type, reply_type), 0, to, reply, MACH_PORT_NULL, id};
}
inline mach_msg_return_t send_bytes(mach_msg_header_t& message, std::size_t size, mach_msg_timeout_t timeout = kLong) {
  return mach_msg(&message, MACH_SEND_MSG | MACH_SEND_TIMEOUT, static_cast<mach_msg_size_t>(size), 0, MACH_PORT_NULL,
                  timeout, MACH_PORT_NULL);
}
inline mach_msg_return_t post(mach_port_t to, mach_msg_type_name_t type, mach_msg_id_t id = 1000,
                              mach_port_t reply = MACH_PORT_NULL, mach_msg_type_name_t reply_type = 0,
                              mach_msg_timeout_t timeout = kLong) {
  auto message = header_to(to, type, id, reply, reply_type);
  return send_bytes(message, sizeof message, timeout);
}

// A message with descriptors, and a word of data behind them.
template <class... Descriptors>
struct Parcel {
  explicit Parcel(mach_port_t to, const Descriptors&... all)
      : base{header_to(to, MACH_MSG_TYPE_COPY_SEND), {sizeof...(all)}} {
    base.header.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    ((std::memcpy(bytes.data() + size, &all, sizeof all), size += sizeof all), ...);
    std::memcpy(bytes.data() + size, "word", 4);
    size += 4;
  }
  mach_msg_return_t send(mach_msg_timeout_t timeout = kLong) {
    return send_bytes(base.header, sizeof base + size, timeout);
  }
  mach_msg_base_t base;
  std::array<char, (sizeof(Descriptors) + ... + 8)> bytes{};
  std::size_t size = 0;
};

inline mach_msg_port_descriptor_t carry(mach_port_t name, mach_msg_type_name_t type) {
  mach_msg_port_descriptor_t port{};
  port.name = name;
  port.disposition = type & 0xffU;
  port.type = MACH_MSG_PORT_DESCRIPTOR;
  return port;
}
inline mach_msg_ool_descriptor_t carry_memory(const void* address, std::size_t size, bool deallocate = false) {
  mach_msg_ool_descriptor_t memory{};
  memory.address = const_cast<void*>(address);
  memory.size = static_cast<mach_msg_size_t>(size);
  memory.deallocate = deallocate;
  memory.copy = MACH_MSG_VIRTUAL_COPY;
  memory.type = MACH_MSG_OOL_DESCRIPTOR;
  return memory;
}
inline mach_msg_ool_ports_descriptor_t carry_array(const void* names, std::size_t count, mach_msg_type_name_t type) {
  mach_msg_ool_ports_descriptor_t ports{};
  ports.address = const_cast<void*>(names);
  ports.count = static_cast<mach_msg_size_t>(count);
  ports.disposition = type & 0xffU;
  ports.copy = MACH_MSG_VIRTUAL_COPY;
  ports.type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
  return ports;
}

struct Inbox {
  mach_msg_header_t header{};
  std::array<unsigned char, 4096> rest{};

  mach_msg_return_t receive(mach_port_t from, mach_msg_timeout_t timeout = kLong, mach_msg_option_t option = 0,
                            std::size_t size = sizeof(Inbox)) {
    return mach_msg(&header, MACH_RCV_MSG | MACH_RCV_TIMEOUT | option, 0, static_cast<mach_msg_size_t>(size), from,
                    timeout, MACH_PORT_NULL);
  }
  template <class Value>
  Value at(std::size_t offset) const {
    Value value;
    std::memcpy(&value, reinterpret_cast<const char*>(this) + offset, sizeof value);
    return value;
  }
  template <class Trailer = mach_msg_audit_trailer_t>
  Trailer trailer() const {
    return at<Trailer>(round_msg(header.msgh_size));
  }
  template <class Descriptor = mach_msg_port_descriptor_t>
  Descriptor first() const {
    return at<Descriptor>(sizeof(mach_msg_base_t));
  }
  mach_msg_type_name_t remote() const { return MACH_MSGH_BITS_REMOTE(header.msgh_bits); }
  mach_msg_type_name_t local() const { return MACH_MSGH_BITS_LOCAL(header.msgh_bits); }
  void destroy() { mach_msg_destroy(&header); }
};

constexpr mach_msg_option_t kAudit = MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT);

// Whether the next that comes is this notification, of this name or number.
inline ::testing::AssertionResult is_told(mach_port_t at, mach_msg_id_t what, natural_t number = 0) {
  Inbox inbox;
  const auto received = inbox.receive(at, kLong, kAudit);
  if (received != MACH_MSG_SUCCESS) return ::testing::AssertionFailure() << "received 0x" << std::hex << received;
  const bool has_number = what != MACH_NOTIFY_SEND_ONCE && what != MACH_NOTIFY_PORT_DESTROYED;
  const auto told = inbox.at<mach_dead_name_notification_t>(0);
  if (inbox.header.msgh_id != what || (has_number && told.not_port != number)) {
    return ::testing::AssertionFailure() << "id " << inbox.header.msgh_id << ", number " << told.not_port;
  }
  if (audit_token_to_pid(inbox.trailer().msgh_audit) != 0 || inbox.local() != MACH_MSG_TYPE_PORT_SEND_ONCE) {
    return ::testing::AssertionFailure() << "it is not the library's";
  }
  return ::testing::AssertionSuccess();
}
inline bool is_empty(mach_port_t port) { return Inbox().receive(port, 0) == MACH_RCV_TIMED_OUT; }

// Every test leaves its task as it found it.
class Mach : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      const Both port;
    }
    names_ = census();
    descriptors_ = count_descriptors();
  }
  void TearDown() override {
    EXPECT_EQ(census(), names_);
    EXPECT_EQ(count_descriptors(), descriptors_);
  }

 private:
  Census names_;
  std::size_t descriptors_ = 0;
};

// A child whose bootstrap port is `port`. It exits with what `what` returns.
template <class What>
pid_t make_child(mach_port_t port, What what) {
  EXPECT_EQ(task_set_bootstrap_port(self(), port), KERN_SUCCESS);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    mach_port_t bootstrap = MACH_PORT_NULL;
    ::_exit(task_get_bootstrap_port(self(), &bootstrap) == KERN_SUCCESS ? what(bootstrap) : 99);
  }
  EXPECT_EQ(task_set_bootstrap_port(self(), bootstrap_port), KERN_SUCCESS);
  return child;
}
// Its exit status, or the signal that ended it and 1000.
inline int end_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace mach_test
