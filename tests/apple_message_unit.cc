// The C API of Mach's messages, held against the rules that Mach has for it by one who means it ill.
// Threads and children are in apple_task_unit.cc.
#include <gtest/gtest.h>

#include "support/mach_kit.hpp"

namespace {

using namespace mach_test;

class MachMessages : public Mach {};
class MachDescriptors : public Mach {};
class MachQueues : public Mach {};
class MachTrailers : public Mach {};
class MachServers : public Mach {};

TEST_F(MachMessages, WithWrongHeadersAreRefused) {
  const Both port;
  const Port dead(kDead);
  const auto before = census();
  struct Row {
    mach_msg_header_t header;
    std::size_t size;
    mach_msg_return_t what;
  };
  const auto send = MACH_MSG_TYPE_COPY_SEND;
  auto odd = header_to(port, send);
  odd.msgh_bits |= 0x00800000;
  auto complex = header_to(port, send);
  complex.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
  const std::array rows{
      Row{header_to(port, send), 23, MACH_SEND_MSG_TOO_SMALL},
      Row{header_to(port, send), 0, MACH_SEND_MSG_TOO_SMALL},
      Row{header_to(port, send), 22, MACH_SEND_MSG_TOO_SMALL},
      Row{complex, 24, MACH_SEND_MSG_TOO_SMALL},
      Row{odd, 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(port, 0), 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(port, MACH_MSG_TYPE_MOVE_RECEIVE), 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(port, 22), 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(port, send, 1, port, 0), 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(port, send, 1, port, MACH_MSG_TYPE_MOVE_RECEIVE), 24, MACH_SEND_INVALID_HEADER},
      Row{header_to(dead, send), 24, MACH_SEND_INVALID_DEST},
      Row{header_to(port, MACH_MSG_TYPE_MOVE_SEND_ONCE), 24, MACH_SEND_INVALID_DEST},
      Row{header_to(port, send, 1, port, MACH_MSG_TYPE_MOVE_SEND_ONCE), 24, MACH_SEND_INVALID_REPLY},
      Row{header_to(port, send, 1, 0x0bc00107, send), 24, MACH_SEND_INVALID_REPLY},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto header = rows[i].header;
    EXPECT_EQ(send_bytes(header, rows[i].size), rows[i].what) << "row " << i;
    EXPECT_EQ(census(), before) << "row " << i;
  }
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachMessages, ComeWithTheirPortsSwapped) {
  const Both port;
  const Port reply;
  auto message = header_to(port, MACH_MSG_TYPE_COPY_SEND, -7, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
  message.msgh_size = 0xfffffff0;
  EXPECT_EQ(send_bytes(message, sizeof message), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, -7);
  EXPECT_EQ(inbox.header.msgh_size, sizeof(mach_msg_header_t));
  EXPECT_EQ(inbox.header.msgh_local_port, port);
  EXPECT_EQ(inbox.header.msgh_voucher_port, MACH_PORT_NULL);
  EXPECT_EQ(inbox.header.msgh_bits, MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND));
  const mach_port_t once = inbox.header.msgh_remote_port;
  EXPECT_EQ(post(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 8), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 9), MACH_SEND_INVALID_DEST);
  ASSERT_EQ(inbox.receive(reply), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_bits, MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE));
  EXPECT_TRUE(is_empty(reply));
}

TEST_F(MachMessages, ToEveryKindOfDestinationTakeWhatTheySay) {
  const Both port;
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 1);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 0);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_DEST);
  int once = 0;
  for (int i = 0; i < 3; ++i) {
    Inbox inbox;
    EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
    once += inbox.local() == MACH_MSG_TYPE_PORT_SEND_ONCE;
  }
  EXPECT_EQ(once, 1);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachMessages, MoveNoRightTwice) {
  const Both port;
  const Both other;
  const Port dead(kDead);
  const Name once(make_once(port));
  const auto before = census();
  EXPECT_NE(post(once, MACH_MSG_TYPE_MOVE_SEND_ONCE, 1, once, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_MSG_SUCCESS);
  EXPECT_EQ(census(), before);
  for (const auto& each : {carry(other, MACH_MSG_TYPE_MOVE_SEND), carry(other, MACH_MSG_TYPE_MOVE_RECEIVE),
                           carry(once, MACH_MSG_TYPE_MOVE_SEND_ONCE), carry(dead, MACH_MSG_TYPE_MOVE_SEND)}) {
    EXPECT_EQ(Parcel(port, each, each).send(), MACH_SEND_INVALID_RIGHT);
    EXPECT_EQ(census(), before);
  }
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachMessages, DoNotMoveOneReferenceAsDestinationAndReply) {
  const Both port;
  const auto before = census();
  EXPECT_NE(post(port, MACH_MSG_TYPE_MOVE_SEND, 1, port, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(census(), before);
}

// ipc_right_copyin_two: what is copied is there before it is moved.
TEST_F(MachMessages, MayMoveTheRightThatTheyCopy) {
  const Both port;
  Inbox inbox;
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND, 1, port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 0);
  EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_remote_port, port);
  EXPECT_EQ(refs(port, kSend), 1);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 1, port, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 0);
  EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 1);
}

TEST_F(MachMessages, MayBeAnsweredByADeadName) {
  const Both port;
  const Port dead(kDead);
  for (const mach_port_t name : {mach_port_t{dead}, MACH_PORT_DEAD}) {
    EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 1, name, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    Inbox inbox;
    ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_remote_port, MACH_PORT_DEAD);
    EXPECT_EQ(inbox.remote(), unsigned{MACH_MSG_TYPE_PORT_SEND});
    inbox.destroy();
  }
}

TEST_F(MachDescriptors, ThatAreWrongLoseNothing) {
  const Both port;
  const Both other;
  const auto before = census();
  auto unknown = carry(other, MACH_MSG_TYPE_COPY_SEND);
  unknown.type = 9;
  const auto good = carry(other, MACH_MSG_TYPE_MOVE_SEND);
  EXPECT_EQ(Parcel(port, good, unknown).send(), MACH_SEND_INVALID_TYPE);
  auto copy = carry_memory("abcd", 4);
  copy.copy = MACH_MSG_ALLOCATE;
  EXPECT_EQ(Parcel(port, good, copy).send(), MACH_SEND_INVALID_TYPE);
  EXPECT_NE(Parcel(port, good, carry(other, 0)).send(), MACH_MSG_SUCCESS);
  EXPECT_NE(Parcel(port, good, carry(other, 22)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(Parcel(port, good, carry(other, MACH_MSG_TYPE_MOVE_SEND_ONCE)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Parcel(port, good, carry(0x0bc00107, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Parcel(port, good, carry_memory(reinterpret_cast<void*>(8), 100)).send(), MACH_SEND_INVALID_MEMORY);
  const std::array names{mach_port_t{other}, mach_port_t{0x0bc00107}};
  EXPECT_EQ(Parcel(port, good, carry_array(names.data(), 2, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Parcel(port, good, carry_array(reinterpret_cast<void*>(8), 2, MACH_MSG_TYPE_COPY_SEND)).send(),
            MACH_SEND_INVALID_MEMORY);
  EXPECT_EQ(Parcel(port, good, carry_array(names.data(), 1000, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_TOO_LARGE);
  for (const unsigned count : {3U, 1000U, ~0U}) {
    Parcel message(port, good);
    message.base.body.msgh_descriptor_count = count;
    EXPECT_EQ(message.send(), MACH_SEND_MSG_TOO_SMALL) << count;
  }
  EXPECT_EQ(census(), before);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachDescriptors, OfPortsBringRights) {
  const Both port;
  const Both other;
  const Port dead(kDead);
  const auto before = census();
  Parcel message(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE), carry(other, MACH_MSG_TYPE_COPY_SEND),
                 carry(dead, MACH_MSG_TYPE_COPY_SEND), carry(MACH_PORT_NULL, MACH_MSG_TYPE_MOVE_SEND),
                 carry(MACH_PORT_DEAD, MACH_MSG_TYPE_MOVE_SEND_ONCE));
  EXPECT_EQ(message.send(), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_size, sizeof(mach_msg_base_t) + 5 * sizeof(mach_msg_port_descriptor_t) + 4);
  const auto ports = inbox.at<std::array<mach_msg_port_descriptor_t, 5>>(sizeof(mach_msg_base_t));
  EXPECT_EQ(type_of(ports[0].name), MACH_PORT_TYPE_SEND_ONCE);
  EXPECT_EQ(ports[1].name, other);
  EXPECT_EQ(refs(other, kSend), 2);
  EXPECT_EQ(ports[2].name, MACH_PORT_DEAD);
  EXPECT_EQ(ports[3].name, MACH_PORT_NULL);
  EXPECT_EQ(ports[4].name, MACH_PORT_DEAD);
  EXPECT_EQ(ports[4].disposition, unsigned{MACH_MSG_TYPE_PORT_SEND_ONCE});
  inbox.destroy();
  EXPECT_EQ(census(), before);
  EXPECT_TRUE(is_told(other, MACH_NOTIFY_SEND_ONCE));
}

TEST_F(MachDescriptors, OfMemoryBringACopyOfOnesOwn) {
  const Both port;
  vm_address_t page = 0;
  ASSERT_EQ(vm_allocate(self(), &page, vm_page_size, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
  std::memcpy(reinterpret_cast<void*>(page), "before", 7);
  EXPECT_EQ(Parcel(port, carry_memory(reinterpret_cast<void*>(page), 7), carry_memory(nullptr, 0)).send(),
            MACH_MSG_SUCCESS);
  std::memcpy(reinterpret_cast<void*>(page), "after!", 7);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  const auto memory = inbox.at<std::array<mach_msg_ool_descriptor_t, 2>>(sizeof(mach_msg_base_t));
  ASSERT_EQ(memory[0].size, 7U);
  EXPECT_STREQ(static_cast<char*>(memory[0].address), "before");
  static_cast<char*>(memory[0].address)[0] = 'B';
  EXPECT_STREQ(reinterpret_cast<char*>(page), "after!");
  EXPECT_TRUE(memory[0].deallocate);
  EXPECT_EQ(memory[1].size, 0U);
  EXPECT_EQ(memory[1].type, unsigned{MACH_MSG_OOL_DESCRIPTOR});
  inbox.destroy();
  EXPECT_EQ(Parcel(port, carry_memory(reinterpret_cast<void*>(page), vm_page_size, true)).send(), MACH_MSG_SUCCESS);
  vm_offset_t data = 0;
  mach_msg_type_number_t count = 0;
  EXPECT_EQ(vm_read(self(), page, 1, &data, &count), KERN_INVALID_ADDRESS);
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  inbox.destroy();
}

TEST_F(MachDescriptors, OfArraysBringRights) {
  const Both port;
  const Both other;
  const auto before = census();
  const std::array names{MACH_PORT_NULL, mach_port_t{other}, MACH_PORT_DEAD, mach_port_t{other}};
  EXPECT_EQ(Parcel(port, carry_array(names.data(), 4, MACH_MSG_TYPE_MAKE_SEND),
                   carry_array(nullptr, 0, MACH_MSG_TYPE_MOVE_RECEIVE))
                .send(),
            MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  const auto arrays = inbox.at<std::array<mach_msg_ool_ports_descriptor_t, 2>>(sizeof(mach_msg_base_t));
  ASSERT_EQ(arrays[0].count, 4U);
  EXPECT_EQ(arrays[0].disposition, unsigned{MACH_MSG_TYPE_PORT_SEND});
  EXPECT_EQ(std::memcmp(arrays[0].address, names.data(), sizeof names), 0);
  EXPECT_EQ(arrays[1].count, 0U);
  EXPECT_EQ(arrays[1].disposition, unsigned{MACH_MSG_TYPE_PORT_RECEIVE});
  EXPECT_EQ(refs(other, kSend), 3);
  inbox.destroy();
  EXPECT_EQ(census(), before);
}

TEST_F(MachDescriptors, MoveReceiveRightsWithTheirQueue) {
  const Both way;
  const Both port;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, i), MACH_MSG_SUCCESS);
  EXPECT_EQ(mach_port_set_mscount(self(), port, 9), KERN_SUCCESS);
  EXPECT_EQ(Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND);
  EXPECT_EQ(Inbox().receive(port, 0), MACH_RCV_INVALID_NAME);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 3), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name moved(inbox.first().name);
  EXPECT_EQ(inbox.first().disposition, unsigned{MACH_MSG_TYPE_PORT_RECEIVE});
  EXPECT_EQ(status_of(moved).mps_mscount, 0U);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(inbox.receive(moved, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_id, i);
    EXPECT_EQ(inbox.trailer().msgh_seqno, static_cast<unsigned>(i));
  }
}

TEST_F(MachQueues, ThatAreFullTakeNothing) {
  const Both port;
  const Both other;
  EXPECT_EQ(limit_queue(port, 2), KERN_SUCCESS);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, i), MACH_MSG_SUCCESS);
  const auto before = census();
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND, 2, other, MACH_MSG_TYPE_MOVE_SEND, 0), MACH_SEND_TIMED_OUT);
  EXPECT_EQ(Parcel(port, carry(other, MACH_MSG_TYPE_MOVE_RECEIVE), carry(other, MACH_MSG_TYPE_MOVE_SEND)).send(1),
            MACH_SEND_TIMED_OUT);
  EXPECT_EQ(Parcel(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE)).send(0), MACH_SEND_TIMED_OUT);
  EXPECT_EQ(census(), before);
  EXPECT_EQ(status_of(other).mps_mscount, 1U);
  EXPECT_TRUE(is_empty(other));
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 9, 0, 0, 0), MACH_MSG_SUCCESS);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Inbox().receive(port, 0), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 2, 0, 0, 0), MACH_MSG_SUCCESS);
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
}

TEST_F(MachQueues, KeepWhatIsTooLargeWhereThatIsAskedFor) {
  const Both port;
  const Port other;
  Parcel message(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE));
  EXPECT_EQ(message.send(), MACH_MSG_SUCCESS);
  for (const std::size_t size : {24U, 44U, 51U}) {
    Inbox inbox;
    inbox.rest.fill(0xee);
    EXPECT_EQ(inbox.receive(port, kLong, MACH_RCV_LARGE | MACH_RCV_LARGE_IDENTITY, size), MACH_RCV_TOO_LARGE);
    EXPECT_EQ(inbox.header.msgh_size, 44U);
    EXPECT_EQ(inbox.header.msgh_local_port, port);
    EXPECT_EQ(inbox.rest[size - 24], 0xee);
  }
  Inbox inbox;
  inbox.rest.fill(0xee);
  EXPECT_EQ(inbox.receive(port, kLong, MACH_RCV_LARGE, 52), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.rest[52 - 24], 0xee);
  inbox.destroy();
  EXPECT_TRUE(is_told(other, MACH_NOTIFY_SEND_ONCE));
}

TEST_F(MachQueues, DestroyWhatIsTooLargeOtherwise) {
  for (const std::size_t size : {0U, 23U, 24U, 51U}) {
    const Both port;
    const Port other;
    mach_port_t previous = 0;
    Parcel message(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE), carry(other, MACH_MSG_TYPE_MAKE_SEND));
    EXPECT_EQ(message.send(), MACH_MSG_SUCCESS);
    EXPECT_EQ(ask(other, MACH_NOTIFY_NO_SENDERS, port, &previous), KERN_SUCCESS);
    Inbox inbox;
    inbox.rest.fill(0xee);
    EXPECT_EQ(inbox.receive(port, kLong, 0, size), MACH_RCV_TOO_LARGE);
    EXPECT_EQ(inbox.rest[size < 24 ? 0 : size - 24], 0xee);
    EXPECT_TRUE(is_told(other, MACH_NOTIFY_SEND_ONCE));
    EXPECT_TRUE(is_told(port, MACH_NOTIFY_NO_SENDERS, 1));
    EXPECT_TRUE(is_empty(port));
  }
}

TEST_F(MachQueues, ThatEndReleaseWhatTheyHold) {
  const Port other;
  Both port;
  EXPECT_EQ(Parcel(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE), carry_memory("memory", 6)).send(),
            MACH_MSG_SUCCESS);
  port.end();
  EXPECT_TRUE(is_told(other, MACH_NOTIFY_SEND_ONCE));
}

TEST_F(MachTrailers, HaveTheElementsThatWereAskedFor) {
  const Both port;
  EXPECT_EQ(mach_port_set_context(self(), port, 0x123456789abcULL), KERN_SUCCESS);
  const std::array<unsigned, 9> sizes{8, 12, 20, 52, 60, 68, 68, 68, 68};
  for (unsigned elements = 0; elements < sizes.size(); ++elements) {
    EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    Inbox inbox;
    inbox.rest.fill(0xee);
    const std::size_t size = sizeof inbox.header + sizes[elements];
    ASSERT_EQ(inbox.receive(port, kLong, MACH_RCV_TRAILER_ELEMENTS(static_cast<int>(elements)), size),
              MACH_MSG_SUCCESS);
    const auto trailer = inbox.trailer<mach_msg_max_trailer_t>();
    EXPECT_EQ(trailer.msgh_trailer_type, 0U);
    EXPECT_EQ(trailer.msgh_trailer_size, sizes[elements]);
    EXPECT_EQ(inbox.rest[sizes[elements]], 0xee);
    if (elements >= 1) {
      EXPECT_EQ(trailer.msgh_seqno, elements);
    }
    if (elements >= 2) {
      EXPECT_EQ(trailer.msgh_sender.val[0], ::getuid());
    }
    if (elements >= 2) {
      EXPECT_EQ(trailer.msgh_sender.val[1], ::getgid());
    }
    if (elements >= 3) {
      EXPECT_EQ(audit_token_to_pid(trailer.msgh_audit), ::getpid());
    }
    if (elements >= 3) {
      EXPECT_EQ(audit_token_to_ruid(trailer.msgh_audit), ::getuid());
    }
    if (elements >= 4) {
      EXPECT_EQ(mach_port_context_t{trailer.msgh_context}, 0x123456789abcULL);
    }
    if (elements >= 7) {
      EXPECT_EQ(trailer.msgh_labels.sender, 0U);
    }
  }
}

TEST_F(MachTrailers, OfSendersAreData) {
  const Both port;
  struct {
    mach_msg_header_t header;
    mach_msg_audit_trailer_t trailer;
  } forged{header_to(port, MACH_MSG_TYPE_COPY_SEND, MACH_NOTIFY_NO_SENDERS), {}};
  forged.trailer.msgh_trailer_size = sizeof forged.trailer;
  EXPECT_EQ(send_bytes(forged.header, sizeof forged), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port, kLong, kAudit), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_size, sizeof forged);
  EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), ::getpid());
  EXPECT_EQ(send_bytes(forged.header, sizeof forged.header), MACH_MSG_SUCCESS);
  ASSERT_EQ(inbox.receive(port, kLong, kAudit), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_size, sizeof forged.header);
  EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), ::getpid());
}

TEST_F(MachTrailers, TellNotificationsFromForgeries) {
  const Port port;
  for (mach_msg_id_t id = 65; id <= 72; ++id) {
    EXPECT_EQ(post(make_once(port), MACH_MSG_TYPE_MOVE_SEND_ONCE, id), MACH_MSG_SUCCESS);
    Inbox inbox;
    ASSERT_EQ(inbox.receive(port, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_id, id);
    EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), ::getpid());
  }
}

boolean_t answer_twice_its_id(mach_msg_header_t* request, mach_msg_header_t* reply) {
  *reply = header_to(request->msgh_remote_port, MACH_MSGH_BITS_REMOTE(request->msgh_bits), request->msgh_id * 2);
  reply->msgh_size = sizeof *reply;
  return TRUE;
}
boolean_t answer_nothing(mach_msg_header_t* request, mach_msg_header_t* reply) {
  const mig_reply_error_t error{header_to(request->msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE), NDR_record,
                                MIG_BAD_ID};
  std::memcpy(static_cast<void*>(reply), &error, sizeof error);
  reply->msgh_size = sizeof error;
  return FALSE;
}

TEST_F(MachServers, AnswerEveryRequestOnce) {
  const Both port;
  const Port reply;
  const Port other;
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 21, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
  const auto how = MACH_RCV_TIMEOUT;
  EXPECT_EQ(mach_msg_server_once(answer_twice_its_id, 256, port, how), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(reply), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, 42);
  Parcel refused(port, carry(other, MACH_MSG_TYPE_MAKE_SEND_ONCE));
  refused.base.header.msgh_local_port = reply;
  refused.base.header.msgh_bits |= MACH_MSGH_BITS(0, MACH_MSG_TYPE_MAKE_SEND_ONCE);
  EXPECT_EQ(refused.send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(mach_msg_server_once(answer_nothing, 256, port, how), MACH_MSG_SUCCESS);
  ASSERT_EQ(inbox.receive(reply), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.at<mig_reply_error_t>(0).RetCode, MIG_BAD_ID);
  EXPECT_TRUE(is_told(other, MACH_NOTIFY_SEND_ONCE));
  EXPECT_EQ(mach_msg_server_once(answer_nothing, 256, port, how), MACH_RCV_TIMED_OUT);
}

TEST_F(MachServers, GoOnUntilTheirPortEnds) {
  Port port;
  ASSERT_EQ(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
  const Port reply;
  std::thread server([&] {
    const auto ended = mach_msg_server(answer_twice_its_id, 256, port, 0);
    EXPECT_TRUE(ended == MACH_RCV_PORT_DIED || ended == MACH_RCV_INVALID_NAME) << ended;
  });
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, i, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
    Inbox inbox;
    ASSERT_EQ(inbox.receive(reply), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_id, 2 * i);
  }
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  server.join();
  EXPECT_EQ(mach_port_deallocate(self(), port), KERN_SUCCESS);
}

TEST_F(MachServers, AreAskedAndHeardInOneCall) {
  const Both port;
  const Port reply;
  std::thread server([&] { EXPECT_EQ(mach_msg_server_once(answer_twice_its_id, 256, port, 0), MACH_MSG_SUCCESS); });
  Inbox inbox;
  inbox.header = header_to(port, MACH_MSG_TYPE_COPY_SEND, 4, reply, MACH_MSG_TYPE_MAKE_SEND_ONCE);
  EXPECT_EQ(mach_msg(&inbox.header, MACH_SEND_MSG | MACH_RCV_MSG | MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT, 24,
                     sizeof inbox, reply, kLong, MACH_PORT_NULL),
            MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, 8);
  server.join();
}

// The destination takes the only reference, and what is carried would need another.
TEST_F(MachMessages, DoNotMoveTheirDestinationAndCarryIt) {
  const Both port;
  const auto before = census();
  Parcel both(port, carry(port, MACH_MSG_TYPE_MOVE_SEND));
  both.base.header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MOVE_SEND, 0) | MACH_MSGH_BITS_COMPLEX;
  EXPECT_EQ(both.send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(census(), before);
}

// Every receive right is in one place, and one that is only in its own queue is in none.
TEST_F(MachMessages, ThatCarryTheirOwnPortEndIt) {
  const Both port;
  EXPECT_EQ(Parcel(port, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_FALSE(type_of(port) & MACH_PORT_TYPE_RECEIVE);
  EXPECT_EQ(Inbox().receive(port, 0), MACH_RCV_INVALID_NAME);
}

TEST_F(MachMessages, HaveNoMoreThanTheyMay) {
  const Both port;
  const auto before = census();
  std::vector<mach_port_t> names(16, port);
  for (const bool is_answered : {false, true}) {
    Parcel most(port, carry_array(names.data(), 15, MACH_MSG_TYPE_COPY_SEND));
    if (is_answered) most.base.header.msgh_local_port = port;
    if (is_answered) most.base.header.msgh_bits |= MACH_MSGH_BITS(0, MACH_MSG_TYPE_COPY_SEND);
    EXPECT_EQ(most.send(), is_answered ? MACH_SEND_TOO_LARGE : MACH_MSG_SUCCESS);
  }
  EXPECT_EQ(Parcel(port, carry_array(names.data(), 16, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_TOO_LARGE);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  inbox.destroy();
  std::vector<mach_msg_header_t> long_message(6000, header_to(port, MACH_MSG_TYPE_COPY_SEND));
  EXPECT_EQ(send_bytes(long_message[0], 6000 * sizeof(mach_msg_header_t)), MACH_SEND_TOO_LARGE);
  EXPECT_EQ(census(), before);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachMessages, AreReceivedWhereThatWasSaid) {
  const Both port;
  auto message = header_to(port, MACH_MSG_TYPE_COPY_SEND, 3);
  Inbox inbox;
  EXPECT_EQ(mach_msg_overwrite(&message, MACH_SEND_MSG | MACH_RCV_MSG | MACH_RCV_TIMEOUT, sizeof message, sizeof inbox,
                               port, kLong, MACH_PORT_NULL, &inbox.header, 0),
            MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, 3);
  EXPECT_EQ(message.msgh_remote_port, port);
  EXPECT_EQ(mach_msg(nullptr, MACH_MSG_OPTION_NONE, 0, 0, port, 0, MACH_PORT_NULL), MACH_MSG_SUCCESS);
}

TEST_F(MachMessages, ThatWaitArePeekedAt) {
  const Both port;
  mach_port_seqno_t sequence = 0;
  mach_msg_size_t size = 0;
  mach_msg_id_t id = 0;
  const auto peek = [&] { return mach_port_peek(self(), port, 0, &sequence, &size, &id, nullptr, nullptr); };
  EXPECT_EQ(peek(), KERN_FAILURE);
  EXPECT_EQ(Parcel(port, carry(port, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(peek(), KERN_SUCCESS);
  EXPECT_EQ(size, 44U);
  EXPECT_EQ(id, 1000);
  Inbox inbox;
  EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  inbox.destroy();
  EXPECT_EQ(peek(), KERN_FAILURE);
}

TEST_F(MachDescriptors, ThatCannotBeReadKeepTheirMemory) {
  const Both port;
  vm_address_t pages = 0;
  ASSERT_EQ(vm_allocate(self(), &pages, 2 * vm_page_size, VM_FLAGS_ANYWHERE), KERN_SUCCESS);
  ASSERT_EQ(vm_deallocate(self(), pages + vm_page_size, vm_page_size), KERN_SUCCESS);
  auto* const first = reinterpret_cast<char*>(pages);
  EXPECT_EQ(Parcel(port, carry_memory(first, 2 * vm_page_size, true)).send(), MACH_SEND_INVALID_MEMORY);
  EXPECT_EQ(Parcel(port, carry_memory(first + vm_page_size - 1, 2)).send(), MACH_SEND_INVALID_MEMORY);
  EXPECT_EQ(Parcel(port, carry_memory(reinterpret_cast<void*>(~0UL - 8), 100)).send(), MACH_SEND_INVALID_MEMORY);
  EXPECT_EQ(Parcel(port, carry_memory(first, vm_page_size, true), carry(0x0bc00107, MACH_MSG_TYPE_COPY_SEND)).send(),
            MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Parcel(port, carry_memory(first, (1UL << 30) + 1)).send(), MACH_SEND_TOO_LARGE);
  first[0] = 'x';
  EXPECT_EQ(vm_deallocate(self(), pages, vm_page_size), KERN_SUCCESS);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachDescriptors, ThatAreNotSentMakeNoSenders) {
  const Both port;
  const Port other;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(other, MACH_NOTIFY_NO_SENDERS, told, &previous, 1), KERN_SUCCESS);
  const auto good = carry(other, MACH_MSG_TYPE_MAKE_SEND);
  EXPECT_EQ(Parcel(port, good, carry(0x0bc00107, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, i), MACH_MSG_SUCCESS);
  EXPECT_EQ(Parcel(port, good).send(0), MACH_SEND_TIMED_OUT);
  EXPECT_EQ(status_of(other).mps_mscount, 0U);
  EXPECT_FALSE(status_of(other).mps_srights);
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachQueues, KeepNotificationsThatAreTooLargeWhereThatIsAskedFor) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  Inbox inbox;
  EXPECT_EQ(inbox.receive(told, kLong, MACH_RCV_LARGE, 40), MACH_RCV_TOO_LARGE);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND);
  ASSERT_EQ(inbox.receive(told, 0), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, MACH_NOTIFY_PORT_DESTROYED);
  inbox.destroy();
}

TEST_F(MachQueues, AreFullWhenTheKernelIs) {
  const Both port;
  EXPECT_EQ(limit_queue(port, 1024), KERN_SUCCESS);
  constexpr std::size_t kHeaders = 2700;  // nearly 64 KiB
  std::vector<mach_msg_header_t> large(kHeaders + 10);
  int sent = 0;
  for (; sent < 1024; ++sent) {
    large[0] = header_to(port, MACH_MSG_TYPE_COPY_SEND, sent);
    const auto status = send_bytes(large[0], kHeaders * sizeof large[0], 0);
    if (status == MACH_SEND_TIMED_OUT) break;
    ASSERT_EQ(status, MACH_MSG_SUCCESS);
  }
  for (int i = 0; i < sent; ++i) {
    EXPECT_EQ(mach_msg(large.data(), MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0,
                       static_cast<mach_msg_size_t>(large.size() * sizeof large[0]), port, kLong, MACH_PORT_NULL),
              MACH_MSG_SUCCESS);
    EXPECT_EQ(large[0].msgh_id, i);
  }
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachDescriptors, MoveReferencesToDeadNames) {
  const Both port;
  const Port dead(kDead);
  EXPECT_EQ(mod(dead, kDead, 2), KERN_SUCCESS);
  EXPECT_EQ(Parcel(port, carry(dead, MACH_MSG_TYPE_MAKE_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Parcel(port, carry(dead, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(refs(dead, kDead), 3);
  EXPECT_EQ(Parcel(port, carry(dead, MACH_MSG_TYPE_MOVE_SEND), carry(dead, MACH_MSG_TYPE_MOVE_SEND_ONCE)).send(),
            MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(dead, kDead), 1);
  Inbox inbox;
  EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
}

// Descriptors are taken one after the other: a right is made while its port is there, and not after.
TEST_F(MachDescriptors, MakeRightsBeforeTheyMoveTheirPort) {
  const Both way;
  const Port port;
  const auto made = carry(port, MACH_MSG_TYPE_MAKE_SEND);
  const auto moved = carry(port, MACH_MSG_TYPE_MOVE_RECEIVE);
  EXPECT_EQ(Parcel(way, made, carry(port, MACH_MSG_TYPE_MAKE_SEND_ONCE), moved).send(), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const auto all = inbox.at<std::array<mach_msg_port_descriptor_t, 3>>(sizeof(mach_msg_base_t));
  const Name came(all[2].name);
  EXPECT_EQ(post(all[0].name, MACH_MSG_TYPE_MOVE_SEND, 5), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(all[1].name, MACH_MSG_TYPE_MOVE_SEND_ONCE, 6), MACH_MSG_SUCCESS);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(inbox.receive(came), MACH_MSG_SUCCESS);
}
TEST_F(MachDescriptors, MakeNoRightsOfAPortThatTheyMoved) {
  const Both way;
  const Port port;
  const auto moved = carry(port, MACH_MSG_TYPE_MOVE_RECEIVE);
  EXPECT_EQ(Parcel(way, moved, carry(port, MACH_MSG_TYPE_MAKE_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_RECEIVE);
}

TEST_F(MachDescriptors, OfGuardedPortsAndVolatileMemoryArriveAsPlainOnes) {
  const Both way;
  mach_msg_guarded_port_descriptor_t guarded{};
  guarded.type = MACH_MSG_GUARDED_PORT_DESCRIPTOR;
  guarded.disposition = MACH_MSG_TYPE_MOVE_RECEIVE;
  guarded.name = mach_reply_port();
  auto memory = carry_memory("abcd", 4);
  memory.type = MACH_MSG_OOL_VOLATILE_DESCRIPTOR;
  EXPECT_EQ(Parcel(way, guarded, memory).send(), MACH_MSG_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.first().type, unsigned{MACH_MSG_PORT_DESCRIPTOR});
  EXPECT_EQ(inbox.header.msgh_size, 28U + 12 + 16 + 4);
  inbox.destroy();
}

TEST_F(MachMessages, ThatWereNotSentAreDestroyedWithTheirRights) {
  const Both way;
  const Both other;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post(way, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
  Parcel message(way, carry(other, MACH_MSG_TYPE_MOVE_SEND), carry(other, MACH_MSG_TYPE_COPY_SEND));
  message.base.header.msgh_size = static_cast<mach_msg_size_t>(sizeof message.base + message.size);
  EXPECT_EQ(message.send(0), MACH_SEND_TIMED_OUT);
  EXPECT_EQ(refs(other, kSend), 1);
  mach_msg_destroy(&message.base.header);
  EXPECT_EQ(refs(other, kSend), 0);
  EXPECT_EQ(refs(way, kSend), 1);
}

// Two ports that wait in each other's queues are nobody's, and what they hold is released.
TEST_F(MachMessages, ThatCarryEachOthersPortEndBoth) {
  const Both first;
  const Both second;
  const Port told;
  EXPECT_EQ(Parcel(first, carry(told, MACH_MSG_TYPE_MAKE_SEND_ONCE)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(Parcel(first, carry(second, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(Parcel(second, carry(first, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(mach_port_deallocate(self(), first), KERN_SUCCESS);
  EXPECT_EQ(mach_port_deallocate(self(), second), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_ONCE));
}

TEST_F(MachQueues, KeepNotificationsOfMembersToo) {
  const Port set(kSet);
  const Port told;
  const Port dead(kDead);
  mach_port_t previous = 0;
  EXPECT_EQ(mach_port_insert_member(self(), told, set), KERN_SUCCESS);
  EXPECT_EQ(ask(dead, MACH_NOTIFY_DEAD_NAME, told, &previous, 1), KERN_SUCCESS);
  for (int i = 0; i < 3; ++i) {
    Inbox inbox;
    EXPECT_EQ(inbox.receive(set, 0, MACH_RCV_LARGE, 40), MACH_RCV_TOO_LARGE);
    EXPECT_EQ(inbox.header.msgh_local_port, told);
    EXPECT_EQ(inbox.header.msgh_size, 36U);
  }
  EXPECT_TRUE(is_told(set, MACH_NOTIFY_DEAD_NAME, dead));
  EXPECT_TRUE(is_empty(set));
}

TEST_F(MachQueues, EndPortsThatCameWithWhatIsTooLargeOtherwise) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  EXPECT_EQ(Inbox().receive(told, kLong, 0, 30), MACH_RCV_TOO_LARGE);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_DEAD_NAME);
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachQueues, ThatAreFullGiveTheirDestinationBack) {
  for (int round = 0; round < 30; ++round) {
    const Both port;
    const Both other;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND, 1, 0, 0, 0), MACH_SEND_TIMED_OUT);
    EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND, 1, 0, 0, 0), MACH_SEND_TIMED_OUT);
    EXPECT_EQ(refs(port, kSend), 1);
    EXPECT_EQ(status_of(port).mps_mscount, 1U);
    mach_msg_return_t sent = MACH_MSG_SUCCESS;
    std::thread sender([&] { sent = post(port, MACH_MSG_TYPE_MOVE_SEND, 1, other, MACH_MSG_TYPE_MOVE_SEND); });
    EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
    sender.join();
    EXPECT_EQ(sent, MACH_SEND_INVALID_DEST);
    EXPECT_EQ(refs(port, kDead), 1);
    EXPECT_EQ(refs(other, kSend), 1);
  }
}

}  // namespace
