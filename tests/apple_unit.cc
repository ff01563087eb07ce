// The C API of Mach's ports, held against the rules that Mach has for it by one who means it ill: names, rights,
// guards, sets, attributes and notifications. Messages are in apple_message_unit.cc.
#include <gtest/gtest.h>

#include "support/mach_kit.hpp"

namespace {

using namespace mach_test;

class MachNames : public Mach {};
class MachRights : public Mach {};
class MachGuards : public Mach {};
class MachSets : public Mach {};
class MachAttributes : public Mach {};
class MachNotifications : public Mach {};

TEST_F(MachNames, AreNotUsedAgainAtOnce) {
  std::set<mach_port_t> seen;
  for (int i = 0; i < 200; ++i) {
    const Port port(i % 3 == 0 ? kReceive : i % 3 == 1 ? kSet : kDead);
    EXPECT_TRUE(seen.insert(port).second) << port;
  }
}

TEST_F(MachNames, ThatWereFreedStandForNothing) {
  Port old;
  old.end();
  const Port other;
  EXPECT_NE(old, other);
  for (const auto right : kAllRights) {
    EXPECT_EQ(mod(old, right, -1), KERN_INVALID_NAME);
    EXPECT_EQ(refs(old, right), -1);
  }
  mach_port_t previous = 0;
  EXPECT_EQ(mach_port_deallocate(self(), old), KERN_INVALID_NAME);
  EXPECT_EQ(mach_port_destroy(self(), old), KERN_INVALID_NAME);
  EXPECT_EQ(insert(old, old, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_NAME);
  EXPECT_EQ(mach_port_set_context(self(), old, 1), KERN_INVALID_NAME);
  EXPECT_EQ(mach_port_destruct(self(), old, 0, 0), KERN_INVALID_NAME);
  EXPECT_EQ(ask(old, MACH_NOTIFY_NO_SENDERS, other, &previous), KERN_INVALID_NAME);
  EXPECT_EQ(ask(old, MACH_NOTIFY_DEAD_NAME, other, &previous), KERN_INVALID_NAME);
  EXPECT_EQ(post(old, MACH_MSG_TYPE_MAKE_SEND), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(Inbox().receive(old, 0), MACH_RCV_INVALID_NAME);
  EXPECT_EQ(type_of(other), MACH_PORT_TYPE_RECEIVE);
}

TEST_F(MachNames, OfEveryKindAreListed) {
  const Both port;
  const Port set(kSet);
  const Port dead(kDead);
  const Name once(make_once(port));
  const auto all = census();
  EXPECT_EQ(all.at(port)[0], static_cast<int>(MACH_PORT_TYPE_SEND_RECEIVE));
  EXPECT_EQ(all.at(set)[0], static_cast<int>(MACH_PORT_TYPE_PORT_SET));
  EXPECT_EQ(all.at(dead)[0], static_cast<int>(MACH_PORT_TYPE_DEAD_NAME));
  EXPECT_EQ(all.at(once)[0], static_cast<int>(MACH_PORT_TYPE_SEND_ONCE));
}

TEST_F(MachNames, CanBeChosen) {
  for (const auto right : {kReceive, kSet, kDead}) {
    const Name name(0x00bc0107);
    EXPECT_EQ(mach_port_allocate_name(self(), right, name), KERN_SUCCESS);
    EXPECT_EQ(type_of(name), MACH_PORT_TYPE(right));
    EXPECT_EQ(mach_port_allocate_name(self(), right, name), KERN_NAME_EXISTS);
  }
  EXPECT_EQ(mach_port_allocate_name(self(), kReceive, MACH_PORT_NULL), KERN_INVALID_VALUE);
  EXPECT_EQ(mach_port_allocate_name(self(), kReceive, MACH_PORT_DEAD), KERN_INVALID_VALUE);
  EXPECT_EQ(mach_port_allocate_name(self(), kReceive, 0x03), KERN_INVALID_VALUE);
  EXPECT_EQ(mach_port_allocate_name(self(), kReceive, 0xbc000107), KERN_NO_SPACE);
  for (const mach_port_right_t right : {kSend, kOnce, mach_port_right_t{5}, mach_port_right_t{77}}) {
    mach_port_t name = 4711;
    EXPECT_EQ(mach_port_allocate_name(self(), right, 0x00bc0107), KERN_INVALID_VALUE);
    EXPECT_EQ(mach_port_allocate(self(), right, &name), KERN_INVALID_VALUE);
    EXPECT_EQ(name, 4711U);
  }
}

TEST_F(MachNames, NullAndDeadAreNoRights) {
  const Port port;
  for (const mach_port_t none : {MACH_PORT_NULL, MACH_PORT_DEAD}) {
    EXPECT_EQ(mach_port_deallocate(self(), none), KERN_INVALID_NAME);
    EXPECT_EQ(mach_port_destroy(self(), none), KERN_SUCCESS);
    EXPECT_EQ(mod(none, kSend, -1), KERN_SUCCESS);
    EXPECT_EQ(mod(none, kOnce, -1), KERN_SUCCESS);
    EXPECT_EQ(mod(none, kReceive, -1), KERN_INVALID_NAME);
    EXPECT_EQ(refs(none, kSend), 1);
    EXPECT_EQ(refs(none, kDead), -1);
    EXPECT_EQ(insert(none, port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_VALUE);
    EXPECT_NE(insert(port, none, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
    EXPECT_NE(mach_port_destruct(self(), none, 0, 0), KERN_SUCCESS);
    EXPECT_NE(mach_port_insert_member(self(), port, none), KERN_SUCCESS);
    EXPECT_NE(mach_port_insert_member(self(), none, port), KERN_SUCCESS);
    EXPECT_NE(mach_port_set_seqno(self(), none, 0), KERN_SUCCESS);
    EXPECT_NE(mach_port_guard(self(), none, 1, FALSE), KERN_SUCCESS);
    EXPECT_EQ(post(none, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_DEST);
    EXPECT_EQ(Inbox().receive(none, 0), MACH_RCV_INVALID_NAME);
  }
  mach_port_type_t type = 0;
  EXPECT_EQ(mach_port_type(self(), MACH_PORT_NULL, &type), KERN_INVALID_NAME);
  EXPECT_EQ(type_of(MACH_PORT_DEAD), MACH_PORT_TYPE_DEAD_NAME);
}

TEST_F(MachNames, OfOtherTasksAreRefused) {
  const Port port;
  mach_port_t name = 0;
  mach_port_urefs_t count = 0;
  for (const mach_port_t task : {MACH_PORT_NULL, MACH_PORT_DEAD, mach_port_t{port}, mach_host_self()}) {
    EXPECT_EQ(mach_port_allocate(task, kReceive, &name), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_deallocate(task, port), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_destroy(task, port), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_mod_refs(task, port, kReceive, -1), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_get_refs(task, port, kReceive, &count), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_insert_right(task, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_TASK);
    EXPECT_EQ(mach_port_destruct(task, port, 0, 0), KERN_INVALID_TASK);
  }
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_RECEIVE);
}

TEST_F(MachNames, OfTheTaskItselfStandForNoPort) {
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(mach_port_deallocate(self(), self()), KERN_SUCCESS);
  EXPECT_EQ(mach_port_destroy(self(), self()), KERN_SUCCESS);
  EXPECT_EQ(refs(self(), kSend), 1);
  EXPECT_NE(mod(self(), kReceive, -1), KERN_SUCCESS);
  EXPECT_EQ(post(self(), MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 1, self(), MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_REPLY);
  EXPECT_EQ(Parcel(port, carry(self(), MACH_MSG_TYPE_COPY_SEND)).send(), MACH_SEND_INVALID_RIGHT);
  EXPECT_EQ(Inbox().receive(self(), 0), MACH_RCV_INVALID_NAME);
  EXPECT_NE(ask(self(), MACH_NOTIFY_NO_SENDERS, port, &previous), KERN_SUCCESS);
  EXPECT_NE(ask(port, MACH_NOTIFY_NO_SENDERS, self(), &previous), KERN_SUCCESS);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachRights, AreReferredToAsOftenAsWasSaid) {
  const Both port;
  EXPECT_EQ(mod(port, kSend, 3), KERN_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 4);
  EXPECT_EQ(mod(port, kSend, -5), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(port, kSend, INT32_MIN), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(port, kSend, 0), KERN_SUCCESS);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 5);
  EXPECT_EQ(mach_port_deallocate(self(), port), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kSend, -4), KERN_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_RECEIVE);
  EXPECT_EQ(refs(port, kSend), 0);
  EXPECT_EQ(mod(port, kSend, 1), KERN_INVALID_RIGHT);
  EXPECT_EQ(mach_port_deallocate(self(), port), KERN_INVALID_RIGHT);
  EXPECT_EQ(mod(port, 5, 0), KERN_INVALID_VALUE);
}

TEST_F(MachRights, HaveNoMoreReferencesThanThereMayBe) {
  const Both port;
  const Port dead(kDead);
  for (const mach_port_t name : {mach_port_t{port}, mach_port_t{dead}}) {
    const auto right = name == port ? kSend : kDead;
    EXPECT_EQ(mod(name, right, MACH_PORT_UREFS_MAX - 1), KERN_SUCCESS);
    EXPECT_EQ(mod(name, right, 1), KERN_UREFS_OVERFLOW);
    EXPECT_EQ(mod(name, right, INT32_MAX), KERN_UREFS_OVERFLOW);
    EXPECT_EQ(refs(name, right), 65534);
  }
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_UREFS_OVERFLOW);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_UREFS_OVERFLOW);
  EXPECT_EQ(refs(port, kSend), 65534);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 1, port, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
  Inbox inbox;
  EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 65534);
  inbox.destroy();
}

TEST_F(MachRights, ToSendOnceHaveOneReferenceEach) {
  const Port port;
  const mach_port_t first = make_once(port);
  const mach_port_t second = make_once(port);
  EXPECT_NE(first, second);
  EXPECT_EQ(status_of(port).mps_sorights, 2U);
  for (const int delta : {1, 2, -2}) EXPECT_EQ(mod(first, kOnce, delta), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(first, kSend, 1), KERN_INVALID_RIGHT);
  EXPECT_EQ(mod(first, kReceive, -1), KERN_INVALID_RIGHT);
  EXPECT_EQ(mod(first, kOnce, -1), KERN_SUCCESS);
  EXPECT_EQ(mach_port_deallocate(self(), first), KERN_INVALID_NAME);
  EXPECT_EQ(refs(second, kOnce), 1);
  EXPECT_TRUE(is_told(port, MACH_NOTIFY_SEND_ONCE));
  EXPECT_EQ(mach_port_destroy(self(), second), KERN_SUCCESS);
  EXPECT_TRUE(is_told(port, MACH_NOTIFY_SEND_ONCE));
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachRights, ToAPortThatEndedAreDeadNames) {
  const Both port;
  const Name once(make_once(port));
  EXPECT_EQ(mod(port, kSend, 6), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, 1), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(port, kReceive, -2), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_DEAD_NAME);
  EXPECT_EQ(refs(port, kDead), 7);
  EXPECT_EQ(refs(port, kSend), 0);
  EXPECT_EQ(type_of(once), MACH_PORT_TYPE_DEAD_NAME);
  EXPECT_EQ(mod(once, kOnce, -1), KERN_INVALID_RIGHT);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_INVALID_RIGHT);
  EXPECT_NE(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
  EXPECT_NE(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(post(once, MACH_MSG_TYPE_MOVE_SEND_ONCE), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(refs(port, kDead), 7);
  EXPECT_EQ(mod(port, kDead, -8), KERN_INVALID_VALUE);
  EXPECT_EQ(mod(port, kDead, -7), KERN_SUCCESS);
}

TEST_F(MachRights, AreInsertedUnderTheNameThatTheyHave) {
  const Port port;
  const Port other;
  const Port set(kSet);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(insert(set, set, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(insert(0x00bc0107, port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
  EXPECT_EQ(insert(other, port, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_NAME_EXISTS);
  for (const mach_msg_type_name_t none : {0, 15, 22, 99}) EXPECT_EQ(insert(port, port, none), KERN_INVALID_VALUE);
  const Name chosen(0x00bc0107);
  EXPECT_EQ(insert(chosen, port, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_SUCCESS);
  EXPECT_EQ(type_of(chosen), MACH_PORT_TYPE_SEND_ONCE);
  EXPECT_EQ(status_of(port).mps_mscount, 0U);
}

// ipc_object_copyout_name looks for the right's own name before it looks at the other.
TEST_F(MachRights, AreNotInsertedUnderTheNameOfOthers) {
  const Both port;
  const Both other;
  EXPECT_EQ(insert(other, port, MACH_MSG_TYPE_MAKE_SEND), KERN_RIGHT_EXISTS);
  EXPECT_EQ(refs(other, kSend), 1);
}

TEST_F(MachRights, ThatAreNotThereAreNotMovedByInserting) {
  const Port port;
  const Name once(make_once(port));
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MOVE_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_INVALID_RIGHT);
  EXPECT_EQ(insert(once, once, MACH_MSG_TYPE_MOVE_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(insert(once, once, MACH_MSG_TYPE_MOVE_RECEIVE), KERN_INVALID_RIGHT);
}

TEST_F(MachRights, AreExtractedByEveryDisposition) {
  const Port port;
  mach_port_t right = 0;
  mach_msg_type_name_t type = 0;
  const auto extract = [&](mach_port_t from, mach_msg_type_name_t how) {
    return mach_port_extract_right(self(), from, how, &right, &type);
  };
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_MOVE_SEND), KERN_INVALID_RIGHT);
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_INVALID_RIGHT);
  EXPECT_EQ(extract(port, 0), KERN_INVALID_VALUE);
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
  EXPECT_EQ(right, port);
  EXPECT_EQ(type, unsigned{MACH_MSG_TYPE_PORT_SEND});
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 2);
  EXPECT_EQ(extract(port, MACH_MSG_TYPE_MOVE_RECEIVE), KERN_SUCCESS);
  EXPECT_EQ(type, unsigned{MACH_MSG_TYPE_PORT_RECEIVE});
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND_RECEIVE);
  EXPECT_EQ(status_of(port).mps_mscount, 1U);
  for (const mach_port_t none : {MACH_PORT_NULL, MACH_PORT_DEAD}) {
    EXPECT_NE(extract(none, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
    EXPECT_NE(extract(none, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_SUCCESS);
  }
}

TEST_F(MachGuards, OfConstructedPortsAreAsWasSaid) {
  mach_port_options_t options{MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_CONTEXT_AS_GUARD, {16}, {}};
  mach_port_t port = 0;
  ASSERT_EQ(mach_port_construct(self(), &options, 0xfeed, &port), KERN_SUCCESS);
  mach_port_context_t context = 0;
  EXPECT_EQ(mach_port_get_context(self(), port, &context), KERN_SUCCESS);
  EXPECT_EQ(context, 0xfeedU);
  EXPECT_EQ(status_of(port).mps_qlimit, 16U);
  EXPECT_EQ(status_of(port).mps_mscount, 1U);
  EXPECT_EQ(status_of(port).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND_RECEIVE);
  EXPECT_EQ(mach_port_guard(self(), port, 1, FALSE), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(mach_port_destruct(self(), port, 1, 0xfeed), KERN_INVALID_VALUE);
  EXPECT_EQ(mach_port_destruct(self(), port, -2, 0xfeed), KERN_INVALID_VALUE);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND_RECEIVE);
  EXPECT_EQ(status_of(port).mps_flags, MACH_PORT_STATUS_FLAG_GUARDED);
  EXPECT_EQ(mach_port_destruct(self(), port, -1, 0xfeed), KERN_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_NONE);
}

TEST_F(MachGuards, ThatContradictThemselvesAreRefused) {
  mach_port_t port = 0;
  mach_port_options_t options{};
  for (const unsigned flags : {MPO_SERVICE_PORT, MPO_FILTER_MSG, MPO_CONNECTION_PORT, MPO_STRICT, 0x80000000U}) {
    options.flags = flags;
    EXPECT_EQ(mach_port_construct(self(), &options, 0, &port), KERN_INVALID_ARGUMENT) << flags;
  }
  options = {MPO_QLIMIT, {1025}, {}};
  EXPECT_EQ(mach_port_construct(self(), &options, 0, &port), KERN_INVALID_VALUE);
  EXPECT_EQ(port, 0U);
}

mach_port_t make_guarded(std::uint32_t flags) {
  mach_port_options_t options{flags | MPO_CONTEXT_AS_GUARD | MPO_INSERT_SEND_RIGHT, {}, {}};
  mach_port_t port = 0;
  return mach_port_construct(self(), &options, 0xfeed, &port) == KERN_SUCCESS ? port : MACH_PORT_NULL;
}

TEST_F(MachGuards, KeepReceiveRightsFromEndingOtherwise) {
  EXPECT_DEATH(mach_port_destruct(self(), make_guarded(0), -1, 1), "guard");
  EXPECT_DEATH(mach_port_destroy(self(), make_guarded(0)), "guard");
  EXPECT_DEATH(mod(make_guarded(0), kReceive, -1), "guard");
  EXPECT_DEATH(mach_port_unguard(self(), make_guarded(0), 1), "guard");
  EXPECT_DEATH(mach_port_swap_guard(self(), make_guarded(0), 1, 2), "guard");
  EXPECT_DEATH(mach_port_set_context(self(), make_guarded(MPO_STRICT), 1), "guard");
}

TEST_F(MachGuards, ThatAreStrictKeepTheirPortWhereItIs) {
  for (const unsigned flags : {MPO_STRICT, MPO_IMMOVABLE_RECEIVE}) {
    const Both way;
    const mach_port_t port = make_guarded(flags);
    EXPECT_EQ(Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_SEND_INVALID_RIGHT);
    EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND_RECEIVE);
    EXPECT_EQ(mach_port_destruct(self(), port, -1, 0xfeed), KERN_SUCCESS);
  }
}

TEST_F(MachGuards, AreTakenOffAndPutOn) {
  const Port port;
  mach_port_context_t context = 1;
  EXPECT_EQ(mach_port_unguard(self(), port, 0), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(mach_port_guard(self(), port, 5, TRUE), KERN_SUCCESS);
  EXPECT_EQ(mach_port_get_context(self(), port, &context), KERN_SUCCESS);
  EXPECT_EQ(context, 0U);
  EXPECT_EQ(mach_port_swap_guard(self(), port, 5, 6), KERN_SUCCESS);
  EXPECT_EQ(mach_port_unguard(self(), port, 6), KERN_SUCCESS);
  EXPECT_EQ(mach_port_guard_with_flags(self(), port, 5, 0xff00), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(status_of(port).mps_flags, 0U);
}

// A guard that is immovable stays so when another is put in its place.
TEST_F(MachGuards, ThatAreSwappedKeepTheirFlags) {
  const Port port;
  EXPECT_EQ(mach_port_guard_with_flags(self(), port, 5, MPG_IMMOVABLE_RECEIVE), KERN_SUCCESS);
  const auto before = status_of(port).mps_flags;
  EXPECT_EQ(mach_port_swap_guard(self(), port, 5, 6), KERN_SUCCESS);
  EXPECT_EQ(status_of(port).mps_flags, before);
  EXPECT_EQ(mach_port_unguard(self(), port, 6), KERN_SUCCESS);
}

TEST_F(MachSets, HaveTheMembersThatWerePutIn) {
  const Port set(kSet);
  const Port other(kSet);
  const Port port;
  EXPECT_EQ(mach_port_move_member(self(), port, MACH_PORT_NULL), KERN_NOT_IN_SET);
  EXPECT_EQ(mach_port_insert_member(self(), port, set), KERN_SUCCESS);
  EXPECT_EQ(mach_port_insert_member(self(), port, set), KERN_ALREADY_IN_SET);
  EXPECT_EQ(mach_port_insert_member(self(), port, other), KERN_SUCCESS);
  EXPECT_EQ(status_of(port).mps_pset, 2U);
  EXPECT_EQ(mach_port_extract_member(self(), port, other), KERN_SUCCESS);
  EXPECT_EQ(mach_port_extract_member(self(), port, other), KERN_NOT_IN_SET);
  EXPECT_EQ(mach_port_move_member(self(), port, other), KERN_SUCCESS);
  EXPECT_EQ(mach_port_extract_member(self(), port, set), KERN_NOT_IN_SET);
  mach_port_name_array_t members = nullptr;
  mach_msg_type_number_t count = 0;
  ASSERT_EQ(mach_port_get_set_status(self(), other, &members, &count), KERN_SUCCESS);
  ASSERT_EQ(count, 1U);
  EXPECT_EQ(members[0], port);
  vm_deallocate(self(), reinterpret_cast<vm_address_t>(members), sizeof *members);
  EXPECT_EQ(mach_port_move_member(self(), port, MACH_PORT_NULL), KERN_SUCCESS);
  EXPECT_EQ(status_of(port).mps_pset, 0U);
}

TEST_F(MachSets, TakeNothingButReceiveRights) {
  const Port set(kSet);
  const Port dead(kDead);
  const Port port;
  const Name once(make_once(port));
  for (const mach_port_t none : {mach_port_t{set}, mach_port_t{dead}, mach_port_t{once}}) {
    EXPECT_EQ(mach_port_insert_member(self(), none, set), KERN_INVALID_RIGHT);
    EXPECT_EQ(mach_port_move_member(self(), none, set), KERN_INVALID_RIGHT);
    EXPECT_EQ(mach_port_extract_member(self(), none, set), KERN_INVALID_RIGHT);
    EXPECT_EQ(insert(none, none, MACH_MSG_TYPE_MAKE_SEND), KERN_INVALID_RIGHT);
  }
  EXPECT_EQ(mach_port_insert_member(self(), port, port), KERN_INVALID_RIGHT);
  EXPECT_EQ(mach_port_move_member(self(), port, dead), KERN_INVALID_RIGHT);
  EXPECT_EQ(mach_port_deallocate(self(), set), KERN_INVALID_RIGHT);
  EXPECT_EQ(mod(set, kSet, -2), KERN_INVALID_VALUE);
}

TEST_F(MachSets, AreReceivedFromAsOneAndEndWithoutTheirMembers) {
  const Port set(kSet);
  const Both first;
  const Both second;
  EXPECT_EQ(Inbox().receive(set, 0), MACH_RCV_TIMED_OUT);
  EXPECT_EQ(post(first, MACH_MSG_TYPE_COPY_SEND, 1), MACH_MSG_SUCCESS);
  EXPECT_EQ(mach_port_insert_member(self(), first, set), KERN_SUCCESS);
  EXPECT_EQ(mach_port_insert_member(self(), second, set), KERN_SUCCESS);
  EXPECT_EQ(post(second, MACH_MSG_TYPE_COPY_SEND, 2), MACH_MSG_SUCCESS);
  for (int i = 0; i < 2; ++i) {
    Inbox inbox;
    ASSERT_EQ(inbox.receive(set), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_local_port, inbox.header.msgh_id == 1 ? first : second);
  }
  EXPECT_EQ(post(first, MACH_MSG_TYPE_COPY_SEND, 3), MACH_MSG_SUCCESS);
  EXPECT_EQ(mod(set, kSet, -1), KERN_SUCCESS);
  EXPECT_EQ(status_of(first).mps_pset, 0U);
  EXPECT_EQ(Inbox().receive(first), MACH_MSG_SUCCESS);
}

TEST_F(MachAttributes, AreLimitedToWhatTheyMayBe) {
  const Port port;
  EXPECT_EQ(status_of(port).mps_qlimit, 5U);
  for (const mach_port_msgcount_t limit : {1U, 1024U}) EXPECT_EQ(limit_queue(port, limit), KERN_SUCCESS);
  for (const mach_port_msgcount_t limit : {0U, 1025U, ~0U}) EXPECT_EQ(limit_queue(port, limit), KERN_INVALID_VALUE);
  std::array<integer_t, 16> info{};
  mach_msg_type_number_t count = MACH_PORT_RECEIVE_STATUS_COUNT - 1;
  EXPECT_EQ(mach_port_get_attributes(self(), port, MACH_PORT_RECEIVE_STATUS, info.data(), &count), KERN_FAILURE);
  count = 0;
  EXPECT_EQ(mach_port_get_attributes(self(), port, MACH_PORT_LIMITS_INFO, info.data(), &count), KERN_FAILURE);
  EXPECT_EQ(mach_port_set_attributes(self(), port, MACH_PORT_LIMITS_INFO, info.data(), 0), KERN_FAILURE);
  count = 16;
  EXPECT_EQ(mach_port_get_attributes(self(), port, 99, info.data(), &count), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(mach_port_get_attributes(self(), port, MACH_PORT_LIMITS_INFO, info.data(), &count), KERN_SUCCESS);
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(info[0], 1024);
}

TEST_F(MachAttributes, CountWhatWasMadeAndReceived) {
  const Both port;
  EXPECT_TRUE(status_of(port).mps_srights);
  EXPECT_EQ(status_of(port).mps_mscount, 1U);
  EXPECT_EQ(mach_port_set_mscount(self(), port, 40), KERN_SUCCESS);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
  EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_COPY_SEND), KERN_SUCCESS);
  EXPECT_EQ(status_of(port).mps_mscount, 41U);
  EXPECT_EQ(mach_port_set_seqno(self(), port, 7), KERN_SUCCESS);
  for (unsigned i = 7; i < 9; ++i) {
    Inbox inbox;
    EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.receive(port, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.trailer().msgh_seqno, i);
  }
  EXPECT_EQ(mach_port_deallocate(self(), port), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kSend, -2), KERN_SUCCESS);
  EXPECT_FALSE(status_of(port).mps_srights);
}

// A right that is made to send one message is made all the same.
TEST_F(MachAttributes, CountRightsThatWereMadeForOneMessage) {
  const Port port;
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
  EXPECT_EQ(status_of(port).mps_mscount, 1U);
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
}

TEST_F(MachNotifications, OfDeadNamesComeOnceWithOneMoreReference) {
  const Port told;
  const Both port;
  mach_port_t previous = 1;
  EXPECT_EQ(mod(port, kSend, 2), KERN_SUCCESS);
  EXPECT_EQ(ask(port, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(previous, MACH_PORT_NULL);
  EXPECT_TRUE(type_of(port) & MACH_PORT_TYPE_DNREQUEST);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, port));
  EXPECT_EQ(refs(port, kDead), 4);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_DEAD_NAME);
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachNotifications, ThatWereAskedForBeforeAreGivenBack) {
  for (const mach_msg_id_t what : {MACH_NOTIFY_DEAD_NAME, MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED}) {
    const Port told;
    const Both port;
    const mach_port_t once = make_once(told);
    mach_port_t previous = 1;
    EXPECT_EQ(ask(port, what, once, &previous, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_SUCCESS);
    EXPECT_EQ(previous, MACH_PORT_NULL);
    EXPECT_EQ(type_of(once), MACH_PORT_TYPE_NONE);
    EXPECT_EQ(ask(port, what, told, &previous), KERN_SUCCESS);
    EXPECT_EQ(type_of(previous), MACH_PORT_TYPE_SEND_ONCE);
    EXPECT_EQ(mach_port_deallocate(self(), previous), KERN_SUCCESS);
    EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_ONCE));
    EXPECT_EQ(ask(port, what, MACH_PORT_NULL, &previous), KERN_SUCCESS);
    EXPECT_EQ(post(previous, MACH_MSG_TYPE_MOVE_SEND_ONCE, 5), MACH_MSG_SUCCESS);
    EXPECT_EQ(Inbox().receive(told), MACH_MSG_SUCCESS);
    EXPECT_EQ(ask(port, what, MACH_PORT_NULL, &previous), KERN_SUCCESS);
    EXPECT_EQ(previous, MACH_PORT_NULL);
    EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
    EXPECT_TRUE(is_empty(told));
  }
}

TEST_F(MachNotifications, ThatAreRefusedLeaveNothingBehind) {
  const Port told;
  const Port port;
  const Port set(kSet);
  mach_port_t previous = 1;
  EXPECT_EQ(ask(port, 99, told, &previous), KERN_INVALID_VALUE);
  EXPECT_EQ(ask(set, MACH_NOTIFY_SEND_POSSIBLE, told, &previous, 1), KERN_INVALID_RIGHT);
  EXPECT_EQ(ask(set, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_INVALID_RIGHT);
  EXPECT_EQ(ask(set, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_INVALID_RIGHT);
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, set, &previous), KERN_INVALID_CAPABILITY);
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, MACH_PORT_DEAD, &previous), KERN_INVALID_CAPABILITY);
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous, 0, MACH_MSG_TYPE_COPY_SEND), KERN_INVALID_VALUE);
  EXPECT_EQ(mach_port_request_notification(self(), port, MACH_NOTIFY_NO_SENDERS, 0, told, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                           nullptr),
            KERN_INVALID_ARGUMENT);
  EXPECT_NE(ask(MACH_PORT_NULL, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_NE(ask(MACH_PORT_DEAD, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_TRUE(is_empty(told));
  const Name once(make_once(told));
  EXPECT_EQ(ask(set, MACH_NOTIFY_NO_SENDERS, once, &previous, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_INVALID_RIGHT);
  EXPECT_EQ(type_of(once), MACH_PORT_TYPE_SEND_ONCE);
  EXPECT_EQ(status_of(told).mps_sorights, 1U);
}

// That a port is destroyed is told at no count of made rights.
TEST_F(MachNotifications, OfDestroyedPortsHaveNoCount) {
  const Port told;
  const Port port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, told, &previous, 1), KERN_INVALID_VALUE);
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, MACH_PORT_NULL, &previous), KERN_SUCCESS);
  Name(previous).end();
}

TEST_F(MachNotifications, OfNamesThatAreDeadAlreadyComeAtOnceWhereThatIsAskedFor) {
  const Port told;
  const Port dead(kDead);
  mach_port_t previous = 1;
  EXPECT_EQ(ask(dead, MACH_NOTIFY_DEAD_NAME, told, &previous, 1), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, dead));
  EXPECT_EQ(refs(dead, kDead), 2);
}

TEST_F(MachNotifications, OfNamesThatAreDeadAlreadyAreRefusedWhereItIsNot) {
  const Port told;
  const Port dead(kDead);
  mach_port_t previous = 1;
  EXPECT_EQ(ask(dead, MACH_NOTIFY_DEAD_NAME, told, &previous, 0), KERN_INVALID_ARGUMENT);
  EXPECT_EQ(refs(dead, kDead), 1);
  EXPECT_TRUE(is_empty(told));
}

// MACH_NOTIFY_PORT_DELETED: a name that is freed will never be dead.
TEST_F(MachNotifications, OfNamesThatAreFreedSaySo) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(mach_port_destroy(self(), port), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_PORT_DELETED, port));
}

TEST_F(MachNotifications, OfARightToSendOnceCanBeAskedToComeByItself) {
  const Both way;
  EXPECT_EQ(end_of(make_child(way,
                              [](mach_port_t) {
                                const Port told;
                                mach_port_t previous = 0;
                                const mach_port_t once = make_once(told);
                                ask(once, MACH_NOTIFY_DEAD_NAME, once, &previous, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE);
                                return type_of(told) == MACH_PORT_TYPE_RECEIVE ? 0 : 1;
                              })),
            0);
}

TEST_F(MachNotifications, OfNoSendersWaitForTheirCount) {
  const Port told;
  const Port port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 0));
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous, 2), KERN_SUCCESS);
  EXPECT_EQ(previous, MACH_PORT_NULL);
  EXPECT_TRUE(is_empty(told));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(is_empty(told));
    EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    EXPECT_EQ(mach_port_deallocate(self(), port), KERN_SUCCESS);
  }
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 2));
  EXPECT_TRUE(is_empty(told));
  EXPECT_FALSE(status_of(port).mps_nsrequest);
}

TEST_F(MachNotifications, OfDestroyedPortsBringThem) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 8), MACH_MSG_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(told, kLong, kAudit), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.header.msgh_id, MACH_NOTIFY_PORT_DESTROYED);
  EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), 0);
  const Name heir(inbox.first().name);
  EXPECT_TRUE(type_of(heir) & MACH_PORT_TYPE_RECEIVE);
  EXPECT_TRUE(type_of(port) & MACH_PORT_TYPE_SEND);
  Inbox kept;
  EXPECT_EQ(kept.receive(heir), MACH_MSG_SUCCESS);
  EXPECT_EQ(kept.header.msgh_id, 8);
}

TEST_F(MachGuards, AreNotPutOverAContext) {
  const Port port;
  EXPECT_EQ(mach_port_set_context(self(), port, 9), KERN_SUCCESS);
  EXPECT_EQ(mach_port_guard(self(), port, 5, FALSE), KERN_INVALID_ARGUMENT);
  if (status_of(port).mps_flags != 0) {
    EXPECT_EQ(mach_port_unguard(self(), port, 5), KERN_SUCCESS);
  }
}

TEST_F(MachNotifications, OfNamesWithAllTheirReferencesAddNone) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(mod(port, kSend, MACH_PORT_UREFS_MAX - 1), KERN_SUCCESS);
  EXPECT_EQ(ask(port, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, port));
  EXPECT_EQ(refs(port, kDead), 65534);
}

TEST_F(MachNotifications, OfRightsToSendOnceThatDieComeOnce) {
  const Port told;
  Port port;
  const Name once(make_once(port));
  mach_port_t previous = 0;
  EXPECT_EQ(ask(once, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
  port.end();
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, once));
  EXPECT_EQ(refs(once, kDead), 2);
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachNotifications, OfPortsWhoseHeirIsGoneDoNotKeepThem) {
  Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_PORT_DESTROYED, told, &previous), KERN_SUCCESS);
  EXPECT_TRUE(status_of(port).mps_pdrequest);
  told.end();
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_DEAD_NAME);
}

TEST_F(MachNotifications, ToWhatIsNoRightToSendOnceAreRefused) {
  const Both told;
  const Both port;
  const Port dead(kDead);
  const auto before = census();
  mach_port_t previous = 4711;
  for (const mach_msg_id_t what : {MACH_NOTIFY_DEAD_NAME, MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED}) {
    for (const mach_port_t notify : {mach_port_t{told}, mach_port_t{dead}, mach_port_t{0x00bc0107}}) {
      EXPECT_NE(ask(port, what, notify, &previous, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_SUCCESS);
    }
    EXPECT_NE(ask(port, what, dead, &previous), KERN_SUCCESS);
  }
  EXPECT_EQ(previous, 4711U);
  EXPECT_EQ(census(), before);
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachNotifications, OfNoSendersWaitForRightsOnTheirWay) {
  const Both way;
  const Both port;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_SEND)).send(), MACH_MSG_SUCCESS);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_RECEIVE);
  EXPECT_TRUE(is_empty(told));
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_empty(told));
  inbox.destroy();
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 1));
}

TEST_F(MachNotifications, OfNoSendersAreCancelledByMoving) {
  const Both way;
  const Both port;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_ONCE));
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_FALSE(status_of(inbox.first().name).mps_nsrequest);
  inbox.destroy();
}

// What stands for no port of the space is not "nothing", which is what is asked for by MACH_PORT_NULL.
TEST_F(MachNotifications, ToTheTaskItselfCancelNothing) {
  const Port told;
  const Both port;
  for (const mach_msg_id_t what : {MACH_NOTIFY_DEAD_NAME, MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_PORT_DESTROYED}) {
    mach_port_t previous = 0;
    EXPECT_EQ(ask(port, what, told, &previous), KERN_SUCCESS);
    EXPECT_NE(ask(port, what, self(), &previous, 0, MACH_MSG_TYPE_MOVE_SEND_ONCE), KERN_SUCCESS) << what;
    EXPECT_EQ(previous, MACH_PORT_NULL) << what;
    Name(previous).end();
  }
}

TEST_F(MachSets, AreNotLeftForWhatIsNoSet) {
  const Port set(kSet);
  const Port port;
  EXPECT_EQ(mach_port_insert_member(self(), port, set), KERN_SUCCESS);
  for (const mach_port_t none : {self(), mach_port_t{0x10}, MACH_PORT_DEAD, mach_port_t{port}}) {
    EXPECT_NE(mach_port_move_member(self(), port, none), KERN_SUCCESS) << none;
  }
  EXPECT_EQ(status_of(port).mps_pset, 1U);
}

TEST_F(MachRights, AreNotInsertedUnderNamesThatCannotBe) {
  const Port port;
  const auto before = census();
  for (const mach_port_t name : {self(), mach_port_t{0x10}, mach_port_t{0xff}, mach_port_t{0xbc000107}}) {
    EXPECT_NE(insert(name, port, MACH_MSG_TYPE_MAKE_SEND_ONCE), KERN_SUCCESS) << name;
  }
  const auto after = census();
  EXPECT_EQ(after, before);
  for (const auto& [name, counts] : after) {
    if (!before.contains(name)) Name(name).end();
  }
}

void fill(mach_port_t port) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, i), MACH_MSG_SUCCESS);
}
mach_msg_return_t post_or_be_told(mach_port_t port) {
  auto message = header_to(port, MACH_MSG_TYPE_COPY_SEND);
  return mach_msg(&message, MACH_SEND_MSG | MACH_SEND_TIMEOUT | MACH_SEND_NOTIFY, sizeof message, 0, MACH_PORT_NULL, 0,
                  MACH_PORT_NULL);
}

TEST_F(MachNotifications, OfRoomComeAtOnceOrWhenThereIsSome) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous, 1), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_POSSIBLE, port));
  fill(port);
  EXPECT_EQ(ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous, 1), KERN_SUCCESS);
  EXPECT_EQ(previous, MACH_PORT_NULL);
  EXPECT_TRUE(type_of(port) & MACH_PORT_TYPE_SPREQUEST);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_POSSIBLE, port));
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(refs(port, kSend), 1);
  EXPECT_EQ(type_of(port), MACH_PORT_TYPE_SEND_RECEIVE);
}

TEST_F(MachNotifications, OfRoomWaitForWhoFoundNone) {
  const Port told;
  const Both port;
  mach_port_t previous = 0;
  fill(port);
  EXPECT_EQ(ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 9, 0, 0, 0), MACH_SEND_TIMED_OUT);
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(post_or_be_told(port), MACH_MSG_SUCCESS);
  EXPECT_EQ(post_or_be_told(port), MACH_SEND_TIMED_OUT);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_POSSIBLE, port));
  EXPECT_TRUE(is_empty(told));
}

TEST_F(MachNotifications, OfRoomAreOfDeathWherePortsEnd) {
  for (const mach_port_mscount_t sync : {0U, 1U}) {
    const Port told;
    const Both port;
    mach_port_t previous = 0;
    fill(port);
    EXPECT_EQ(ask(port, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
    EXPECT_EQ(ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous, sync), KERN_SUCCESS);
    EXPECT_EQ(type_of(previous), MACH_PORT_TYPE_SEND_ONCE);
    EXPECT_EQ(mach_port_deallocate(self(), previous), KERN_SUCCESS);
    EXPECT_TRUE(is_told(told, MACH_NOTIFY_SEND_ONCE));
    EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
    EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, port));
    EXPECT_EQ(refs(port, kDead), 2);
    EXPECT_TRUE(is_empty(told));
  }
}

// The right that a message was sent by is one until the message is received.
TEST_F(MachNotifications, OfNoSendersWaitForTheLastMessage) {
  const Both port;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous, 1), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MOVE_SEND), MACH_MSG_SUCCESS);
  ASSERT_TRUE(is_empty(told));
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 1));
}

TEST_F(MachNotifications, OfNoSendersAreOfRightsForOneMessageToo) {
  const Port port;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(ask(port, MACH_NOTIFY_NO_SENDERS, told, &previous, 1), KERN_SUCCESS);
  EXPECT_EQ(post(port, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
  EXPECT_FALSE(is_empty(told));
}

}  // namespace
