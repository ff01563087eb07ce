// Holes that socket messaging had once, each closed.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/wait.h>

#include <csignal>

#include "support/sockets.hpp"

namespace reeve::test {
namespace {

struct SocketHoles : Sockets {
  // Ends this process's child, and returns how it ended.
  template <class Work>
  static int status_of_child(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
  }
  // Sends a message that asks to be acknowledged.
  static std::string asking(const std::string& name, std::uint64_t number) {
    return frame_of(*bsd::encode(bsd::Letter{{name, {}}, number}, {"plain", 7, 0, 0}));
  }
};

TEST_F(SocketHoles, WhatAHandlerThrowsEndsTheProcess) {
  const auto throws = [](auto&&...) { throw std::runtime_error("from a handler"); };
  const int in_server = status_of_child([&] {
    ::close(2);
    Loop own = *Loop::make();
    SocketServer thrower(own, address, {.received = throws});
    if (!thrower.start()) ::_exit(1);
    const Plain one = plain();
    (void)one.send(frame_of("hello"));
    for (int i = 0; i < 100; ++i) {
      try {
        (void)own.run_once(os::now() + 10ms);
      } catch (...) {
        ::_exit(2);
      }
    }
  });
  EXPECT_TRUE(WIFSIGNALED(in_server) && WTERMSIG(in_server) == SIGABRT) << in_server;
  start();
  const int in_completion = status_of_child([&] {
    ::close(2);
    Loop own = *Loop::make();
    SocketClient thrower(own, {folder.path(), 9}, {});
    thrower.send({"to nobody", {}}, throws);
    try {
      (void)own.run_once(os::now() + 1s);
    } catch (...) {
      ::_exit(2);
    }
  });
  EXPECT_TRUE(WIFSIGNALED(in_completion) && WTERMSIG(in_completion) == SIGABRT) << in_completion;
}

TEST_F(SocketHoles, NothingIsToldOnceItsOwnerHasGone) {
  start();
  int told = 0;
  std::optional<SocketClient> one;
  one.emplace(loop, address, SocketClientEvents{.invalidated = [&] { ++told; }});
  ASSERT_TRUE(one->start());
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  one->invalidate();
  one.reset();
  server->disconnect(server->clients()[0]);
  server->invalidate();
  server.reset();
  settle();
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(invalidated, 0);
}

TEST_F(SocketHoles, WhoeverGoesWhileItIsToldIsToldNoMore) {
  std::optional<SocketServer> own;
  own.emplace(loop, address,
              SocketServerEvents{.failed = [&](const Error&, const SocketPeer&) { own.reset(); },
                                 .left = [&](const SocketPeer& who) { left.push_back(who); }});
  ASSERT_TRUE(own->start());
  const Plain one = plain();
  ASSERT_TRUE(one.send("no frame"));
  ASSERT_TRUE(comes_true([&] { return !own; }));
  settle();
  EXPECT_TRUE(left.empty());
}

// A socket that lingers keeps whoever closes it last waiting, as long as its sender has chosen.
TEST_F(SocketHoles, ADescriptorThatLingersIsNotTakenFromWhoWaitsToBeAccepted) {
  start();
  const Plain one = plain();
  const int lingers = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string bytes = frame_of("with a descriptor");
  const ssize_t sent = send_with(one, bytes, lingers);
  const Plain probe = plain();
  const bool is_refusing = os::refuse_rights(os::Fd(::dup(probe.raw())));
  EXPECT_TRUE(sent == -1 || !is_refusing) << "before it is accepted, too";
  ASSERT_TRUE(sent != -1 || one.send(bytes));
  ASSERT_TRUE(comes_true([&] { return got.size() == 1; }));
  ::close(lingers);
}

TEST_F(SocketHoles, WhoeverBeginsMuchLeavesRoomForOthers) {
  start();
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string piece(64 * 1024, 'x');
    std::vector<Plain> all;
    for (int i = 0; i < 8; ++i) {
      all.push_back(plain());
      (void)all.back().send(http::head_of(16'000'000));
    }
    for (int i = 0; i < 2000; ++i) {
      for (const Plain& each : all) (void)::send(each.raw(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      ::usleep(1000);
    }
    ::_exit(0);
  }
  ASSERT_TRUE(comes_true([&] { return !faults.empty(); })) << "it has had its share";
  int ended = 0;
  SocketClient honest = client(nullptr, nullptr, &ended);
  for (int i = 0; i < 5; ++i) honest.send(SocketMessage::of("honest", Note{std::string(3'000'000, 'x'), i}));
  EXPECT_TRUE(comes_true([&] { return got.size() == 5; }));
  EXPECT_EQ(ended, 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(SocketHoles, WhatCameBeforeTheOtherEndWentIsTaken) {
  SocketLimits limits;
  start(limits);
  Plain one = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  // Something waits to be written to it, and cannot be: so that both are ready at once.
  for (int i = 0; i < 100; ++i) server->broadcast(SocketMessage::of("news", Note{std::string(10'000, 'x'), i}));
  ASSERT_TRUE(one.send(frame_of("first") + frame_of("second")));
  one.close();
  ASSERT_TRUE(comes_true([&] { return left.size() == 1; }));
  EXPECT_EQ(got, (std::vector<std::string>{"first", "second"}));
}

TEST_F(SocketHoles, AcknowledgementsGoBesideAFullQueue) {
  SocketLimits limits;
  limits.unsent_messages = 4;
  start(limits);
  Plain one = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  for (int i = 0; i < 100; ++i) server->broadcast(SocketMessage::of("news", Note{std::string(100'000, 'x'), i}));
  ASSERT_TRUE(one.send(asking("a", 11) + asking("b", 12) + asking("c", 13)));
  ASSERT_TRUE(comes_true([&] { return got.size() == 3; }));
  std::string all;
  ASSERT_TRUE(comes_true([&] {
    all += one.received();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = all.find("acknowledged", at)) != std::string::npos; ++at) ++count;
    return count == 3;
  }));
  // One that asks without end, and does not read, is ended.
  std::string many;
  for (std::uint64_t i = 0; i < 3000; ++i) many += asking("again", i);
  for (std::size_t at = 0; at < many.size() && !one.has_ended() && faults.empty();) {
    server->broadcast(SocketMessage::of("news", Note{std::string(100'000, 'x'), 1}));
    const ssize_t sent = ::send(one.raw(), many.data() + at, many.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) at += static_cast<std::size_t>(sent);
    (void)loop.run_once(os::now());
  }
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].code, code::kQueueFull);
}

TEST_F(SocketHoles, WhoeverAsksToBeToldAndIsNotIsHeldBack) {
  SocketLimits limits;
  limits.unsent_messages = 8;
  start(limits);
  Plain mute = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  std::size_t busy = 0;
  for (int i = 0; i < 100; ++i) {
    server->send_acknowledged({"hello", {}}, server->clients()[0], [&](const Result<void>& outcome) {
      busy += !outcome && outcome.error().kind == Kind::busy ? 1 : 0;
    });
    settle();
    (void)mute.received();
  }
  EXPECT_EQ(busy, 92U);
}

TEST_F(SocketHoles, OneThatNeverReadsIsEndedAndABroadcastIsSettled) {
  SocketLimits limits;
  limits.frame_time = 50ms;
  start(limits);
  Plain deaf = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  std::optional<Result<std::size_t>> count;
  server->broadcast(SocketMessage::of("news", Note{std::string(3'000'000, 'x'), 1}),
                    [&](const Result<std::size_t>& sent) { count = sent; });
  ASSERT_TRUE(comes_true([&] { return count.has_value(); }));
  EXPECT_EQ(*count, 0U);
  ASSERT_TRUE(comes_true([&] { return left.size() == 1; }));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].kind, Kind::timeout);
}

TEST_F(SocketHoles, WhatAllDoNotReadIsBounded) {
  SocketLimits limits;
  limits.unsent_bytes_of_all = 5'000'000;
  start(limits);
  std::vector<Plain> deaf;
  for (int i = 0; i < 10; ++i) deaf.push_back(plain());
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 10; }));
  std::size_t busy = 0;
  std::size_t told = 0;
  for (int i = 0; i < 10; ++i) {
    for (const SocketPeer& each : server->clients()) {
      server->send(SocketMessage::of("news", Note{std::string(1'000'000, 'x'), 1}), each, [&](const Result<void>& o) {
        ++told;
        busy += !o && o.error().kind == Kind::busy ? 1 : 0;
      });
    }
  }
  settle();
  EXPECT_GE(busy, 80U);
  server->invalidate();
  ASSERT_TRUE(comes_true([&] { return told == 100; }));
}

TEST_F(SocketHoles, AHandlerThatRunsTheLoopFindsMessagesInTheirOrder) {
  std::optional<SocketServer> own;
  own.emplace(loop, address,
              SocketServerEvents{.received =
                                     [&](SocketMessage message, const SocketPeer&) {
                                       for (int i = 0; i < 5; ++i) (void)loop.run_once(os::now());
                                       got.push_back(message.name);
                                     },
                                 .failed = [&](const Error& why, const SocketPeer&) { faults.push_back(why); }});
  ASSERT_TRUE(own->start());
  const Plain one = plain();
  std::string all;
  for (int i = 0; i < 50; ++i) all += frame_of(std::to_string(i));
  ASSERT_TRUE(one.send(all.substr(0, all.size() / 2)));
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  ASSERT_TRUE(one.send(all.substr(all.size() / 2)));
  ASSERT_TRUE(comes_true([&] { return got.size() == 50; }));
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(got[i], std::to_string(i));
  EXPECT_TRUE(faults.empty());
}

TEST_F(SocketHoles, NoLimitOfTimeIsNone) {
  SocketLimits limits;
  limits.frame_time = std::chrono::nanoseconds::max();
  start(limits);
  const Plain one = plain();
  const std::string bytes = frame_of("slow");
  ASSERT_TRUE(one.send(bytes.substr(0, 50)));
  for (int i = 0; i < 10; ++i) (void)loop.run_once(os::now() + 5ms);
  EXPECT_TRUE(faults.empty());
  ASSERT_TRUE(one.send(bytes.substr(50)));
  EXPECT_TRUE(comes_true([&] { return got.size() == 1; }));
}

TEST_F(SocketHoles, ACopyOfItsProcessLeavesAServerItsAddress) {
  start();
  const int status = status_of_child([&] { server.reset(); });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(fs::is_socket(address.path()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  server->invalidate();
  EXPECT_TRUE(server->start()) << "although a copy of the process has the lock's descriptor, too";
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(SocketHoles, WhoeverAcceptsAndBeginsAnewHasNobodyOfBefore) {
  std::optional<SocketServer> own;
  bool is_first = true;
  own.emplace(loop, address, SocketServerEvents{.accept = [&](const ProcessInfo&) {
                if (!std::exchange(is_first, false)) return true;
                own->invalidate();
                EXPECT_TRUE(own->start());
                return true;
              }});
  ASSERT_TRUE(own->start());
  Plain one = plain();
  ASSERT_TRUE(is_ended(one));
  EXPECT_TRUE(own->clients().empty());
}

TEST_F(SocketHoles, ALoopThatEndsTakesAllWithIt) {
  const auto before = open_now();
  for (int i = 0; i < 10; ++i) {
    Loop own = *Loop::make();
    SocketServer short_lived(own, address, {.invalidated = [] {}});
    ASSERT_TRUE(short_lived.start());
    short_lived.invalidate();
  }
  EXPECT_EQ(open_now(), before);
}

TEST_F(SocketHoles, WhatStandsWhereALockIsToBeIsNotTouched) {
  std::ofstream(address.path() + ".new") << "somebody's";
  SocketServer blocked(loop, address, {});
  EXPECT_EQ(blocked.start().error().code, code::kNotTrusted);
  EXPECT_TRUE(fs::is_regular_file(address.path() + ".new"));
}

TEST_F(SocketHoles, ANumberOfAllItsBitsIsAcknowledged) {
  start();
  Plain one = plain();
  ASSERT_TRUE(one.send(asking("hello", UINT64_MAX)));
  std::string all;
  ASSERT_TRUE(comes_true([&] {
    all += one.received();
    return all.find("acknowledged") != std::string::npos;
  }));
  EXPECT_TRUE(faults.empty());
}

}  // namespace
}  // namespace reeve::test
