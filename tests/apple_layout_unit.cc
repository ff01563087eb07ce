// What programs that were compiled elsewhere take for granted: how messages are laid out, and the numbers of
// everything.
#include <bsm/libbsm.h>
#include <gtest/gtest.h>
#include <mach/mach.h>
#include <mach/mach_time.h>
#include <mach/mach_vm.h>
#include <servers/bootstrap.h>
#include <uuid/uuid.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace {

TEST(MachLayouts, OfMessagesAreMachs) {
  EXPECT_EQ(sizeof(mach_msg_header_t), 24U);
  EXPECT_EQ(offsetof(mach_msg_header_t, msgh_remote_port), 8U);
  EXPECT_EQ(offsetof(mach_msg_header_t, msgh_local_port), 12U);
  EXPECT_EQ(offsetof(mach_msg_header_t, msgh_id), 20U);
  EXPECT_EQ(sizeof(mach_msg_body_t), 4U);
  EXPECT_EQ(sizeof(mach_msg_port_descriptor_t), 12U);
  EXPECT_EQ(sizeof(mach_msg_ool_descriptor_t), 16U);
  EXPECT_EQ(sizeof(mach_msg_ool_ports_descriptor_t), 16U);
  EXPECT_EQ(sizeof(mach_msg_guarded_port_descriptor_t), 16U);
  EXPECT_EQ(sizeof(mach_msg_type_descriptor_t), 12U);
  EXPECT_EQ(offsetof(mach_msg_ool_descriptor_t, size), 12U);
}

TEST(MachLayouts, OfDescriptorsHaveTheirTypeInOneByte) {
  const auto type_in = [](const auto& descriptor) {
    unsigned char bytes[sizeof descriptor];
    std::memcpy(bytes, &descriptor, sizeof descriptor);
    return static_cast<unsigned>(bytes[11]);
  };
  mach_msg_port_descriptor_t port{};
  port.type = MACH_MSG_PORT_DESCRIPTOR;
  port.disposition = MACH_MSG_TYPE_MOVE_SEND;
  EXPECT_EQ(type_in(port), 0U);
  mach_msg_ool_descriptor_t memory{};
  memory.type = MACH_MSG_OOL_DESCRIPTOR;
  EXPECT_EQ(type_in(memory), 1U);
  mach_msg_ool_ports_descriptor_t ports{};
  ports.type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
  EXPECT_EQ(type_in(ports), 2U);
  mach_msg_guarded_port_descriptor_t guarded{};
  guarded.type = MACH_MSG_GUARDED_PORT_DESCRIPTOR;
  EXPECT_EQ(type_in(guarded), 4U);
}

TEST(MachLayouts, OfTrailersGrowByTheirElements) {
  EXPECT_EQ(sizeof(mach_msg_trailer_t), 8U);
  EXPECT_EQ(sizeof(mach_msg_seqno_trailer_t), 12U);
  EXPECT_EQ(sizeof(mach_msg_security_trailer_t), 20U);
  EXPECT_EQ(sizeof(mach_msg_audit_trailer_t), 52U);
  EXPECT_EQ(sizeof(mach_msg_context_trailer_t), 60U);
  EXPECT_EQ(sizeof(mach_msg_mac_trailer_t), 68U);
  EXPECT_EQ(REQUESTED_TRAILER_SIZE(MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT)), 52U);
  EXPECT_EQ(MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_AUDIT), 0x03000000);
}

TEST(MachLayouts, OfNotificationsAreMachs) {
  EXPECT_EQ(offsetof(mach_dead_name_notification_t, not_port), 32U);
  EXPECT_EQ(offsetof(mach_no_senders_notification_t, not_count), 32U);
  EXPECT_EQ(offsetof(mach_port_destroyed_notification_t, not_port), 28U);
  EXPECT_EQ(offsetof(mach_send_once_notification_t, trailer), 24U);
}

TEST(MachNumbers, OfRightsAndDispositionsAreMachs) {
  EXPECT_EQ(MACH_PORT_TYPE_SEND, 0x10000U);
  EXPECT_EQ(MACH_PORT_TYPE_RECEIVE, 0x20000U);
  EXPECT_EQ(MACH_PORT_TYPE_SEND_ONCE, 0x40000U);
  EXPECT_EQ(MACH_PORT_TYPE_PORT_SET, 0x80000U);
  EXPECT_EQ(MACH_PORT_TYPE_DEAD_NAME, 0x100000U);
  EXPECT_EQ(MACH_PORT_TYPE_DNREQUEST, 0x80000000U);
  EXPECT_EQ(MACH_PORT_TYPE_SPREQUEST, 0x40000000U);
  EXPECT_EQ(MACH_MSG_TYPE_MOVE_RECEIVE, 16);
  EXPECT_EQ(MACH_MSG_TYPE_MOVE_SEND, 17);
  EXPECT_EQ(MACH_MSG_TYPE_MOVE_SEND_ONCE, 18);
  EXPECT_EQ(MACH_MSG_TYPE_COPY_SEND, 19);
  EXPECT_EQ(MACH_MSG_TYPE_MAKE_SEND, 20);
  EXPECT_EQ(MACH_MSG_TYPE_MAKE_SEND_ONCE, 21);
  EXPECT_EQ(MACH_MSGH_BITS(19, 21), 0x1513U);
}

TEST(MachNumbers, OfOptionsAndNotificationsAreMachs) {
  EXPECT_EQ(MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_LARGE | MACH_RCV_LARGE_IDENTITY, 0xf);
  EXPECT_EQ(MACH_SEND_TIMEOUT, 0x10);
  EXPECT_EQ(MACH_SEND_NOTIFY, 0x80);
  EXPECT_EQ(MACH_RCV_TIMEOUT, 0x100);
  EXPECT_EQ(MACH_NOTIFY_PORT_DELETED, 65);
  EXPECT_EQ(MACH_NOTIFY_SEND_POSSIBLE, 66);
  EXPECT_EQ(MACH_NOTIFY_PORT_DESTROYED, 69);
  EXPECT_EQ(MACH_NOTIFY_NO_SENDERS, 70);
  EXPECT_EQ(MACH_NOTIFY_SEND_ONCE, 71);
  EXPECT_EQ(MACH_NOTIFY_DEAD_NAME, 72);
}

TEST(MachNumbers, OfErrorsAreMachsAndHaveWords) {
  EXPECT_EQ(KERN_INVALID_NAME, 15);
  EXPECT_EQ(KERN_INVALID_RIGHT, 17);
  EXPECT_EQ(KERN_UREFS_OVERFLOW, 19);
  EXPECT_EQ(KERN_RIGHT_EXISTS, 21);
  EXPECT_EQ(MACH_SEND_INVALID_DEST, 0x10000003);
  EXPECT_EQ(MACH_SEND_TIMED_OUT, 0x10000004);
  EXPECT_EQ(MACH_SEND_INVALID_RIGHT, 0x1000000a);
  EXPECT_EQ(MACH_RCV_TIMED_OUT, 0x10004003);
  EXPECT_EQ(MACH_RCV_TOO_LARGE, 0x10004004);
  EXPECT_EQ(MACH_RCV_PORT_DIED, 0x10004009);
  EXPECT_EQ(BOOTSTRAP_NOT_PRIVILEGED, 1100);
  EXPECT_EQ(BOOTSTRAP_UNKNOWN_SERVICE, 1102);
  EXPECT_EQ(BOOTSTRAP_SERVICE_ACTIVE, 1103);
  const std::string unknown = mach_error_string(123456);
  EXPECT_EQ(unknown, "(no such error)");
  for (const mach_error_t error : {KERN_SUCCESS, KERN_INVALID_NAME, MACH_SEND_TIMED_OUT, MACH_RCV_TOO_LARGE,
                                   MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE, MIG_BAD_ID}) {
    EXPECT_NE(mach_error_string(error), unknown) << error;
  }
  EXPECT_STREQ(bootstrap_strerror(BOOTSTRAP_NOT_PRIVILEGED), "Permission denied");
  EXPECT_STREQ(bootstrap_strerror(BOOTSTRAP_UNKNOWN_SERVICE), "Unknown service name");
}

TEST(MachNumbers, OfTokensStandWhereTheyAreLookedFor) {
  const audit_token_t token{{1, 2, 3, 4, 5, 6, 7, 8}};
  EXPECT_EQ(audit_token_to_auid(token), 1U);
  EXPECT_EQ(audit_token_to_euid(token), 2U);
  EXPECT_EQ(audit_token_to_egid(token), 3U);
  EXPECT_EQ(audit_token_to_ruid(token), 4U);
  EXPECT_EQ(audit_token_to_rgid(token), 5U);
  EXPECT_EQ(audit_token_to_pid(token), 6);
  EXPECT_EQ(audit_token_to_asid(token), 7);
  EXPECT_EQ(audit_token_to_pidversion(token), 8);
}

TEST(MachMemory, IsAllocatedProtectedAndGivenUp) {
  vm_address_t address = 0;
  ASSERT_EQ(vm_allocate(mach_task_self(), &address, 3 * vm_page_size, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
  auto* const bytes = reinterpret_cast<char*>(address);
  EXPECT_EQ(bytes[3 * vm_page_size - 1], 0);
  vm_address_t same = address;
  EXPECT_EQ(vm_allocate(mach_task_self(), &same, vm_page_size, VM_FLAGS_FIXED), KERN_NO_SPACE);
  EXPECT_EQ(vm_protect(mach_task_self(), address, vm_page_size, FALSE, VM_PROT_READ), KERN_SUCCESS);
  EXPECT_EQ(vm_protect(mach_task_self(), address, vm_page_size, TRUE, VM_PROT_READ), KERN_NOT_SUPPORTED);
  EXPECT_EQ(vm_protect(mach_task_self(), address, vm_page_size, FALSE, 64), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(vm_write(mach_task_self(), address, address + vm_page_size, 8), KERN_INVALID_ADDRESS);
  EXPECT_EQ(vm_deallocate(mach_task_self(), address, 3 * vm_page_size), KERN_SUCCESS);
  EXPECT_EQ(vm_deallocate(mach_task_self(), address, ~vm_size_t{0}), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(vm_allocate(123, &address, vm_page_size, VM_FLAGS_ANYWHERE), KERN_INVALID_TASK);
  EXPECT_EQ(vm_allocate(mach_task_self(), nullptr, vm_page_size, VM_FLAGS_ANYWHERE), KERN_INVALID_ARGUMENT);
}

TEST(MachMemory, IsReadAsACopyOfItsOwn) {
  char text[] = "text";
  vm_offset_t data = 0;
  mach_msg_type_number_t count = 0;
  ASSERT_EQ(vm_read(mach_task_self(), reinterpret_cast<vm_address_t>(text), sizeof text, &data, &count), KERN_SUCCESS);
  text[0] = 'n';
  ASSERT_EQ(count, sizeof text);
  auto* const copy = reinterpret_cast<char*>(data);
  EXPECT_STREQ(copy, "text");
  copy[0] = 'T';
  EXPECT_STREQ(copy, "Text");
  EXPECT_EQ(vm_deallocate(mach_task_self(), data, count), KERN_SUCCESS);
  EXPECT_EQ(vm_read(mach_task_self(), 16, 8, &data, &count), KERN_INVALID_ADDRESS);
  mach_vm_size_t size = 1;
  EXPECT_EQ(mach_vm_read_overwrite(mach_task_self(), 16, 8, reinterpret_cast<mach_vm_address_t>(text), &size),
            KERN_INVALID_ADDRESS);
  EXPECT_EQ(size, 0U);
}

TEST(MachClocks, GoOn) {
  mach_timebase_info_data_t base{};
  ASSERT_EQ(mach_timebase_info(&base), KERN_SUCCESS);
  EXPECT_EQ(base.numer, base.denom);
  const std::uint64_t before = mach_absolute_time();
  EXPECT_EQ(mach_wait_until(before + 1'000'000), KERN_SUCCESS);
  EXPECT_GE(mach_absolute_time(), before + 1'000'000);
  EXPECT_GE(mach_continuous_time(), before);
}

TEST(MachIdentifiers, AreMadeReadAndWritten) {
  uuid_t one;
  uuid_t other;
  uuid_generate(one);
  uuid_generate_random(other);
  EXPECT_NE(uuid_compare(one, other), 0);
  EXPECT_EQ(one[6] >> 4, 4);
  EXPECT_EQ(one[8] >> 6, 2);
  uuid_string_t text;
  uuid_unparse_lower(one, text);
  uuid_t again;
  ASSERT_EQ(uuid_parse(text, again), 0);
  EXPECT_EQ(uuid_compare(one, again), 0);
  uuid_unparse(one, text);
  ASSERT_EQ(uuid_parse(text, again), 0);
  EXPECT_EQ(uuid_compare(one, again), 0);
  EXPECT_STREQ(([&] { return uuid_clear(again), uuid_unparse_upper(again, text), text; }()),
               "00000000-0000-0000-0000-000000000000");
  EXPECT_TRUE(uuid_is_null(again));
  for (const char* bad : {"", "0", "00000000-0000-0000-0000-00000000000", "00000000-0000-0000-0000-0000000000000",
                          "000000000-000-0000-0000-000000000000", "g0000000-0000-0000-0000-000000000000",
                          "00000000_0000-0000-0000-000000000000"}) {
    uuid_copy(again, one);
    EXPECT_EQ(uuid_parse(bad, again), -1) << bad;
    EXPECT_EQ(uuid_compare(again, one), 0) << bad;
  }
}

}  // namespace
