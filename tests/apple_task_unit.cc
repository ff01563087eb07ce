// The C API of Mach's ports among the threads of a task and between a task and its children, held against the rules
// that Mach has for it by one who means it ill.
#include <gtest/gtest.h>
#include <mach/mig.h>

#include "support/mach_kit.hpp"

namespace {

using namespace mach_test;

class MachThreads : public Mach {};
class MachTasks : public Mach {};

TEST_F(MachThreads, SendInOrder) {
  const Both port;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&port, sender] {
      for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, sender * 1000 + i), MACH_MSG_SUCCESS);
    });
  }
  std::array<int, 4> next{};
  for (int i = 0; i < 4000; ++i) {
    Inbox inbox;
    if (inbox.receive(port) != MACH_MSG_SUCCESS) break;
    const auto sender = static_cast<std::size_t>(inbox.header.msgh_id) / 1000;
    EXPECT_EQ(inbox.header.msgh_id % 1000, next.at(sender)++);
  }
  for (auto& sender : senders) sender.join();
  EXPECT_EQ(next, (std::array{1000, 1000, 1000, 1000}));
}

TEST_F(MachThreads, AreToldThatTheirPortDied) {
  for (int i = 0; i < 100; ++i) {
    Port port;
    std::atomic<bool> is_begun{false};
    mach_msg_return_t received = MACH_MSG_SUCCESS;
    std::thread waiter([&] {
      is_begun = true;
      is_begun.notify_one();
      received = Inbox().receive(port);
    });
    is_begun.wait(false);
    if (i % 2 == 0) std::this_thread::yield();
    port.end();
    waiter.join();
    EXPECT_TRUE(received == MACH_RCV_PORT_DIED || received == MACH_RCV_INVALID_NAME) << std::hex << received;
  }
}

TEST_F(MachThreads, ThatWaitToSendAreToldThatThePortDied) {
  Both port;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND), MACH_MSG_SUCCESS);
  mach_msg_return_t sent = MACH_MSG_SUCCESS;
  std::thread sender([&] { sent = post(port, MACH_MSG_TYPE_COPY_SEND); });
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  sender.join();
  EXPECT_EQ(sent, MACH_SEND_INVALID_DEST);
}

TEST_F(MachThreads, ReleaseARightOnce) {
  for (int round = 0; round < 50; ++round) {
    const Port port;
    const mach_port_t once = make_once(port);
    std::atomic<int> successes{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        successes += i % 2 == 0 ? mach_port_deallocate(self(), once) == KERN_SUCCESS
                                : post(once, MACH_MSG_TYPE_MOVE_SEND_ONCE) == MACH_MSG_SUCCESS;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(successes, 1);
    EXPECT_EQ(Inbox().receive(port), MACH_MSG_SUCCESS);
    EXPECT_TRUE(is_empty(port));
  }
}

TEST_F(MachTasks, BeginWithTheirBootstrapPortAlone) {
  const Both way;
  const Both other;
  const auto child = make_child(way, [&other](mach_port_t port) {
    if (type_of(port) != MACH_PORT_TYPE_SEND || type_of(other) != MACH_PORT_TYPE_NONE) return 1;
    if (census().size() != 1 || port != bootstrap_port) return 2;
    return post(port, MACH_MSG_TYPE_COPY_SEND, 70) == MACH_MSG_SUCCESS ? 0 : 3;
  });
  EXPECT_EQ(end_of(child), 0);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way, kLong, kAudit), MACH_MSG_SUCCESS);
  EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), child);
}

TEST_F(MachTasks, ExchangeRightsAndMemory) {
  const Both way;
  const auto child = make_child(way, [](mach_port_t port) {
    const Port mine;
    const std::vector<char> memory(100000, 'm');
    Parcel message(port, carry(mine, MACH_MSG_TYPE_MAKE_SEND), carry_memory(memory.data(), memory.size()));
    message.base.header.msgh_local_port = mine;
    message.base.header.msgh_bits |= MACH_MSGH_BITS(0, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    if (message.send() != MACH_MSG_SUCCESS) return 1;
    Inbox inbox;
    for (const int id : {5, 6}) {
      if (inbox.receive(mine, kLong, kAudit) != MACH_MSG_SUCCESS || inbox.header.msgh_id != id) return 2;
      if (audit_token_to_pid(inbox.trailer().msgh_audit) != ::getppid()) return 3;
    }
    return 0;
  });
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name theirs(inbox.first().name);
  const auto memory = inbox.at<mach_msg_ool_descriptor_t>(sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t));
  ASSERT_EQ(memory.size, 100000U);
  EXPECT_EQ(static_cast<char*>(memory.address)[99999], 'm');
  vm_deallocate(self(), reinterpret_cast<vm_address_t>(memory.address), memory.size);
  EXPECT_EQ(post(theirs, MACH_MSG_TYPE_COPY_SEND, 5), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(inbox.header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 6), MACH_MSG_SUCCESS);
  EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(post(theirs, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_DEST);
  EXPECT_EQ(type_of(theirs), MACH_PORT_TYPE_DEAD_NAME);
}

TEST_F(MachTasks, ThatEndAreMissed) {
  const Port way;
  const Port told;
  mach_port_t previous = 0;
  EXPECT_EQ(insert(way, way, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
  const auto child = make_child(way, [](mach_port_t port) {
    const mach_port_t mine = mach_reply_port();
    if (Parcel(port, carry(mine, MACH_MSG_TYPE_MAKE_SEND)).send() != MACH_MSG_SUCCESS) return 1;
    ::raise(SIGKILL);
    return 2;
  });
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name theirs(inbox.first().name);
  const auto asked = ask(theirs, MACH_NOTIFY_DEAD_NAME, told, &previous, 1);
  EXPECT_TRUE(asked == KERN_SUCCESS) << asked;
  EXPECT_EQ(end_of(child), 1000 + SIGKILL);
  if (inbox.first().name != MACH_PORT_DEAD) {
    EXPECT_TRUE(is_told(told, MACH_NOTIFY_DEAD_NAME, theirs));
  }
  EXPECT_EQ(mach_port_deallocate(self(), way), KERN_SUCCESS);
  EXPECT_EQ(ask(way, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 1));
}

TEST_F(MachTasks, GiveReceiveRightsWithTheirQueue) {
  const Both way;
  const auto child = make_child(way, [](mach_port_t port) {
    const Both mine;
    for (int i = 0; i < 3; ++i) post(mine, MACH_MSG_TYPE_COPY_SEND, i);
    return Parcel(port, carry(mine, MACH_MSG_TYPE_MOVE_RECEIVE)).send() == MACH_MSG_SUCCESS ? 0 : 1;
  });
  EXPECT_EQ(end_of(child), 0);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name moved(inbox.first().name);
  EXPECT_EQ(type_of(moved), MACH_PORT_TYPE_RECEIVE);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(inbox.receive(moved, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(inbox.header.msgh_id, i);
    EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), child);
  }
}

TEST_F(MachThreads, AreToldThatTheirSetDied) {
  const Port port;
  Port set(kSet);
  EXPECT_EQ(mach_port_insert_member(self(), port, set), KERN_SUCCESS);
  mach_msg_return_t received = MACH_MSG_SUCCESS;
  std::thread waiter([&] { received = Inbox().receive(set); });
  set.end();
  waiter.join();
  EXPECT_TRUE(received == MACH_RCV_PORT_DIED || received == MACH_RCV_INVALID_NAME) << std::hex << received;
}

TEST_F(MachThreads, AreToldThatTheirPortMovedAway) {
  const Both way;
  const Both port;
  mach_msg_return_t received = MACH_MSG_SUCCESS;
  std::thread waiter([&] { received = Inbox().receive(port); });
  EXPECT_EQ(Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
  waiter.join();
  EXPECT_TRUE(received == MACH_RCV_PORT_DIED || received == MACH_RCV_PORT_CHANGED || received == MACH_RCV_INVALID_NAME)
      << std::hex << received;
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  inbox.destroy();
}

TEST_F(MachThreads, CountReferencesTogether) {
  const Both port;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&port] {
      for (int round = 0; round < 2000; ++round) {
        EXPECT_EQ(insert(port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
        EXPECT_EQ(mach_port_deallocate(self(), port), KERN_SUCCESS);
        const Both own;
        EXPECT_EQ(post(own, MACH_MSG_TYPE_MOVE_SEND, 1, port, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
        Inbox inbox;
        EXPECT_EQ(inbox.receive(own), MACH_MSG_SUCCESS);
        EXPECT_EQ(post(inbox.header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 5), MACH_MSG_SUCCESS);
        EXPECT_EQ(inbox.receive(port), MACH_MSG_SUCCESS);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(refs(port, kSend), 1);
  EXPECT_EQ(status_of(port).mps_mscount, 8001U);
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachThreads, MoveOneReferenceOnce) {
  for (int round = 0; round < 50; ++round) {
    const Port way;
    const Both port;
    EXPECT_EQ(insert(way, way, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    std::atomic<int> successes{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(
          [&] { successes += Parcel(way, carry(port, MACH_MSG_TYPE_MOVE_SEND)).send() == MACH_MSG_SUCCESS; });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(successes, 1);
    Inbox inbox;
    EXPECT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
    EXPECT_EQ(refs(port, kSend), 1);
    EXPECT_TRUE(is_empty(way));
  }
}

// A destination that is moved is a reference like any other.
TEST_F(MachThreads, SendByOneReferenceOnce) {
  for (int round = 0; round < 100; ++round) {
    const Both port;
    std::atomic<int> successes{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { successes += post(port, MACH_MSG_TYPE_MOVE_SEND) == MACH_MSG_SUCCESS; });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(successes, 1);
  }
}

TEST_F(MachTasks, GiveBackRightsUnderTheNameThatTheyHave) {
  const Both way;
  const Both port;
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    const Port mine;
    if (post(bootstrap, MACH_MSG_TYPE_COPY_SEND, 1, mine, MACH_MSG_TYPE_MAKE_SEND) != MACH_MSG_SUCCESS) return 1;
    Inbox inbox;
    if (inbox.receive(mine) != MACH_MSG_SUCCESS) return 2;
    return Parcel(bootstrap, carry(inbox.first().name, MACH_MSG_TYPE_MOVE_SEND)).send() == MACH_MSG_SUCCESS ? 0 : 3;
  });
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  const Name theirs(inbox.header.msgh_remote_port);
  EXPECT_EQ(Parcel(theirs, carry(port, MACH_MSG_TYPE_COPY_SEND)).send(), MACH_MSG_SUCCESS);
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_EQ(inbox.first().name, port);
  EXPECT_EQ(refs(port, kSend), 2);
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachTasks, ThatAreKilledLoseTheirRightsToSendOnce) {
  const Both way;
  const Port port;
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    const Port mine;
    if (post(bootstrap, MACH_MSG_TYPE_COPY_SEND, 1, mine, MACH_MSG_TYPE_MAKE_SEND_ONCE) != MACH_MSG_SUCCESS) return 1;
    Inbox inbox;
    if (inbox.receive(mine) != MACH_MSG_SUCCESS) return 2;
    return ::raise(SIGKILL);
  });
  Inbox inbox;
  ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
  EXPECT_EQ(post(inbox.header.msgh_remote_port, MACH_MSG_TYPE_MOVE_SEND_ONCE, 1, port, MACH_MSG_TYPE_MAKE_SEND_ONCE),
            MACH_MSG_SUCCESS);
  EXPECT_EQ(end_of(child), 1000 + SIGKILL);
  EXPECT_TRUE(is_told(port, MACH_NOTIFY_SEND_ONCE));
  EXPECT_TRUE(is_empty(port));
}

TEST_F(MachTasks, DoNotForgeNotificationsOfOthers) {
  const Both way;
  const auto child = make_child(way, [](mach_port_t bootstrap) {
    for (mach_msg_id_t id = 65; id <= 72; ++id) {
      mach_no_senders_notification_t forged{};
      forged.not_header = header_to(bootstrap, MACH_MSG_TYPE_COPY_SEND, id);
      if (send_bytes(forged.not_header, sizeof forged) != MACH_MSG_SUCCESS) return 1;
    }
    return 0;
  });
  for (mach_msg_id_t id = 65; id <= 72; ++id) {
    Inbox inbox;
    ASSERT_EQ(inbox.receive(way, kLong, kAudit), MACH_MSG_SUCCESS);
    EXPECT_EQ(audit_token_to_pid(inbox.trailer().msgh_audit), child);
    EXPECT_EQ(audit_token_to_ruid(inbox.trailer().msgh_audit), ::getuid());
  }
  EXPECT_EQ(end_of(child), 0);
}

TEST_F(MachThreads, LeaveNoReplyPortBehind) {
  mach_port_t theirs = MACH_PORT_NULL;
  std::thread([&theirs] {
    theirs = mig_get_reply_port();
    EXPECT_EQ(mig_get_reply_port(), theirs);
  }).join();
  EXPECT_EQ(type_of(theirs), MACH_PORT_TYPE_NONE);
  Name(theirs).end();
}

TEST_F(MachTasks, AreGivenNoBootstrapPortThatIsNoRightToSend) {
  const Port port;
  const Port dead(kDead);
  const Port set(kSet);
  const Name once(make_once(port));
  const auto before = census();
  for (const mach_port_t name : {mach_port_t{port}, mach_port_t{dead}, mach_port_t{set}, mach_port_t{once}, self(),
                                 mach_port_t{0x10}, MACH_PORT_DEAD, mach_port_t{0x0bc00107}}) {
    EXPECT_NE(task_set_bootstrap_port(self(), name), KERN_SUCCESS) << name;
  }
  EXPECT_EQ(census(), before);
}

TEST_F(MachTasks, KeepTheirBootstrapPortAsAReference) {
  const Both port;
  mach_port_t got = MACH_PORT_NULL;
  EXPECT_EQ(task_set_bootstrap_port(self(), port), KERN_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 2);
  EXPECT_EQ(task_get_bootstrap_port(self(), &got), KERN_SUCCESS);
  EXPECT_EQ(got, port);
  EXPECT_EQ(refs(port, kSend), 3);
  EXPECT_EQ(task_set_bootstrap_port(self(), bootstrap_port), KERN_SUCCESS);
  EXPECT_EQ(refs(port, kSend), 2);
}

// Who was given another bootstrap port than the broker's does not get the broker's because that one ended.
TEST_F(MachTasks, WhoseBootstrapPortEndedHaveNoOther) {
  const mach_port_t broker = bootstrap_port;
  const Both port;
  EXPECT_EQ(task_set_bootstrap_port(self(), port), KERN_SUCCESS);
  EXPECT_EQ(mod(port, kReceive, -1), KERN_SUCCESS);
  const pid_t child = ::fork();
  if (child == 0) {
    mach_port_t got = MACH_PORT_NULL;
    const auto status = task_get_bootstrap_port(self(), &got);
    ::_exit((status == KERN_SUCCESS && got == broker) || bootstrap_port == broker ? 1 : 0);
  }
  EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(task_set_bootstrap_port(self(), bootstrap_port), KERN_SUCCESS);
}

TEST_F(MachTasks, ThatAreKilledEndThePortsThatWereOnTheirWayToThem) {
  for (int round = 0; round < 20; ++round) {
    const Both way;
    const Both port;
    const Port told;
    mach_port_t previous = MACH_PORT_NULL;
    const auto child = make_child(way, [](mach_port_t bootstrap) {
      const Port mine;
      post(bootstrap, MACH_MSG_TYPE_COPY_SEND, 1, mine, MACH_MSG_TYPE_MAKE_SEND);
      while (true) ::pause();
      return 0;
    });
    Inbox inbox;
    ASSERT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
    const Name theirs(inbox.header.msgh_remote_port);
    EXPECT_EQ(post(port, MACH_MSG_TYPE_COPY_SEND, 5, told, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
    EXPECT_EQ(ask(port, MACH_NOTIFY_DEAD_NAME, told, &previous), KERN_SUCCESS);
    EXPECT_EQ(Parcel(theirs, carry(port, MACH_MSG_TYPE_MOVE_RECEIVE)).send(), MACH_MSG_SUCCESS);
    ::kill(child, SIGKILL);
    EXPECT_EQ(end_of(child), 1000 + SIGKILL);
    std::set<mach_msg_id_t> ids;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(inbox.receive(told), MACH_MSG_SUCCESS);
      ids.insert(inbox.header.msgh_id);
    }
    EXPECT_EQ(ids, (std::set<mach_msg_id_t>{MACH_NOTIFY_SEND_ONCE, MACH_NOTIFY_DEAD_NAME}));
    EXPECT_EQ(type_of(port), MACH_PORT_TYPE_DEAD_NAME);
  }
}

TEST_F(MachTasks, AreMadeWhileThreadsSend) {
  const Both way;
  std::atomic<bool> is_over{false};
  std::thread sender([&is_over] {
    while (!is_over) {
      const Both own;
      Inbox inbox;
      EXPECT_EQ(post(own, MACH_MSG_TYPE_COPY_SEND, 1, own, MACH_MSG_TYPE_MAKE_SEND_ONCE), MACH_MSG_SUCCESS);
      EXPECT_EQ(inbox.receive(own), MACH_MSG_SUCCESS);
      inbox.destroy();
      EXPECT_TRUE(is_told(own, MACH_NOTIFY_SEND_ONCE));
    }
  });
  for (int i = 0; i < 30; ++i) {
    const auto child = make_child(way, [](mach_port_t port) {
      const Both mine;
      return post(port, MACH_MSG_TYPE_COPY_SEND, 2, mine, MACH_MSG_TYPE_MAKE_SEND) == MACH_MSG_SUCCESS ? 0 : 1;
    });
    Inbox inbox;
    EXPECT_EQ(inbox.receive(way), MACH_MSG_SUCCESS);
    inbox.destroy();
    EXPECT_EQ(end_of(child), 0);
  }
  is_over = true;
  sender.join();
}

TEST_F(MachTasks, AreToldOfRoomByOthers) {
  const Both way;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const auto child = make_child(way, [&pipe](mach_port_t port) {
    const Port told;
    mach_port_t previous = MACH_PORT_NULL;
    for (int i = 0; i < 5; ++i) {
      if (post(port, MACH_MSG_TYPE_COPY_SEND, i) != MACH_MSG_SUCCESS) return 1;
    }
    if (ask(port, MACH_NOTIFY_SEND_POSSIBLE, told, &previous) != KERN_SUCCESS) return 2;
    auto message = header_to(port, MACH_MSG_TYPE_COPY_SEND, 5);
    const auto option = MACH_SEND_MSG | MACH_SEND_TIMEOUT | MACH_SEND_NOTIFY;
    const auto sent = mach_msg(&message, option, sizeof message, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    if (sent != MACH_SEND_TIMED_OUT) return 3;
    if (post(port, MACH_MSG_TYPE_COPY_SEND, 6, told, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0) != MACH_SEND_TIMED_OUT) return 4;
    if (::write(pipe[1], "x", 1) != 1) return 5;
    return is_told(told, MACH_NOTIFY_SEND_POSSIBLE, port) ? 0 : 6;
  });
  char word = 0;
  EXPECT_EQ(::close(pipe[1]), 0);
  EXPECT_EQ(::read(pipe[0], &word, 1), 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Inbox().receive(way), MACH_MSG_SUCCESS);
  EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(::close(pipe[0]), 0);
}

TEST_F(MachTasks, AreMissedAfterTheirLastMessage) {
  const Both way;
  const Port told;
  mach_port_t previous = MACH_PORT_NULL;
  const auto child =
      make_child(way, [](mach_port_t port) { return post(port, MACH_MSG_TYPE_COPY_SEND, 3) == 0 ? 0 : 1; });
  EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(mach_port_deallocate(self(), way), KERN_SUCCESS);
  EXPECT_EQ(ask(way, MACH_NOTIFY_NO_SENDERS, told, &previous), KERN_SUCCESS);
  EXPECT_TRUE(is_empty(told));
  EXPECT_EQ(Inbox().receive(way), MACH_MSG_SUCCESS);
  EXPECT_TRUE(is_told(told, MACH_NOTIFY_NO_SENDERS, 1));
}

}  // namespace
