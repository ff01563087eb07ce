// Messages over sockets, between a server, its clients, and others that speak what they like.
#include "support/sockets.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>

namespace reeve::test {
namespace {

using archive::Graph;

TEST_F(Sockets, AMessageComesWithItsValueAndWhoSentIt) {
  start();
  SocketClient one = client();
  std::optional<Result<void>> sent;
  one.send(SocketMessage::of("note", Note{"hello", 5}), [&](const Result<void>& outcome) { sent = outcome; });
  EXPECT_FALSE(sent) << "it is told by the loop";
  ASSERT_TRUE(comes_true([&] { return !got.empty() && sent; }));
  EXPECT_TRUE(*sent);
  EXPECT_EQ(last.name, "note");
  EXPECT_EQ(last.info_as<Note>(), (Note{"hello", 5}));
  EXPECT_EQ(last_from.process.pid, ::getpid());
  EXPECT_EQ(last_from.process.uid, ::geteuid());
  EXPECT_EQ(last_from.process.name, "bsd_unit");
  EXPECT_EQ(one.server()->pid, ::getpid());
}

TEST_F(Sockets, AServerSendsToOneAndToAll) {
  start();
  std::vector<std::string> first;
  std::vector<std::string> second;
  const SocketClient one = known_client(&first);
  const SocketClient two = known_client(&second);
  server->send({"to the second", {}}, server->clients()[1]);
  std::optional<Result<std::size_t>> count;
  server->broadcast({"to all", {}}, [&](const Result<std::size_t>& sent) { count = sent; });
  ASSERT_TRUE(comes_true([&] { return first.size() == 1 && second.size() == 2 && count; }));
  EXPECT_EQ(first, std::vector<std::string>{"to all"});
  EXPECT_EQ(second, (std::vector<std::string>{"to the second", "to all"}));
  EXPECT_EQ(**count, 2U);
}

TEST_F(Sockets, ABroadcastToNobodyIsToldOnce) {
  start();
  int told = 0;
  server->broadcast({"to nobody", {}}, [&](const Result<std::size_t>& sent) {
    ++told;
    EXPECT_EQ(sent, 0U);
  });
  settle();
  EXPECT_EQ(told, 1);
}

TEST_F(Sockets, AnAcknowledgementComesWhenTheHandlerHasReturned) {
  start();
  SocketClient one = client();
  std::vector<std::string> order;
  one.send_acknowledged({"first", {}}, [&](const Result<void>& outcome) {
    EXPECT_TRUE(outcome);
    order.push_back("acknowledged after " + std::to_string(got.size()));
  });
  ASSERT_TRUE(comes_true([&] { return !order.empty(); }));
  EXPECT_EQ(order[0], "acknowledged after 1");
  EXPECT_EQ(got, std::vector<std::string>{"first"}) << "and is no message itself";
  one.send_acknowledged({"second", {}}, [&](const Result<void>& outcome) {
    EXPECT_EQ(outcome.error().kind, Kind::gone);
    order.push_back("never");
  });
  one.invalidate();
  ASSERT_TRUE(comes_true([&] { return order.size() == 2; }));
}

TEST_F(Sockets, WhoeverIsNotAcceptedIsNotRead) {
  std::vector<ProcessInfo> asked;
  accept = [&](const ProcessInfo& who) {
    asked.push_back(who);
    return false;
  };
  start();
  int ended = 0;
  SocketClient one = client(nullptr, nullptr, &ended);
  one.send({"hello", {}});
  ASSERT_TRUE(comes_true([&] { return ended == 1; }));
  EXPECT_FALSE(one.is_valid());
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].pid, ::getpid());
  EXPECT_TRUE(got.empty());
  EXPECT_TRUE(left.empty()) << "it never was there";
}

TEST_F(Sockets, AClassThatIsNotAllowedEndsItsSendersConnection) {
  start({}, {});
  int ended = 0;
  SocketClient one = client(nullptr, nullptr, &ended);
  SocketClient other = client();
  one.send(SocketMessage::of("note", Note{"hello", 5}));
  ASSERT_TRUE(comes_true([&] { return ended == 1; }));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].code, code::kClassNotAllowed);
  EXPECT_NE(faults[0].message.find("Note"), std::string::npos) << faults[0].message;
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(left.size(), 1U);
  EXPECT_TRUE(other.is_valid()) << "nobody else notices";
  expect_served();
}

TEST_F(Sockets, AClientRefusesWhatItDoesNotAllow) {
  start();
  std::vector<Error> failed;
  int ended = 0;
  SocketClient one(loop, address,
                   {.failed = [&](const Error& why) { failed.push_back(why); }, .invalidated = [&] { ++ended; }});
  ASSERT_TRUE(one.start());
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  server->send(SocketMessage::of("note", Note{"hello", 5}), server->clients()[0]);
  ASSERT_TRUE(comes_true([&] { return ended == 1; }));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].code, code::kClassNotAllowed);
}

// The faults of the program whose bytes these are.

TEST_F(Sockets, Bug1AMessageToOneClientReachesIt) {
  start();
  std::vector<std::string> heard;
  const SocketClient one = known_client(&heard);
  std::optional<Result<void>> sent;
  server->send({"to you", {}}, server->clients().at(0), [&](const Result<void>& outcome) { sent = outcome; });
  ASSERT_TRUE(comes_true([&] { return heard.size() == 1 && sent; }));
  EXPECT_TRUE(*sent);
  // And two connections of one process are two.
  const SocketClient two = known_client();
  EXPECT_FALSE(server->clients()[0] == server->clients()[1]);
}

TEST_F(Sockets, Bug2TwoMessagesInOneReadAreTwo) {
  start();
  const Plain one = plain();
  ASSERT_TRUE(one.send(frame_of("first") + frame_of("second") + frame_of("third").substr(0, 30)));
  ASSERT_TRUE(comes_true([&] { return got.size() == 2; }));
  ASSERT_TRUE(one.send(frame_of("third").substr(30)));
  ASSERT_TRUE(comes_true([&] { return got.size() == 3; }));
  EXPECT_EQ(got, (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(Sockets, Bug3WhatADeadClientHadBegunReachesNoOther) {
  start();
  {
    Plain one = plain();
    ASSERT_TRUE(one.send(frame_of("of the dead").substr(0, 60)));
    ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
    settle();
  }
  ASSERT_TRUE(comes_true([&] { return left.size() == 1; }));
  const Plain two = plain();  // Most likely under the same number.
  ASSERT_TRUE(two.send(frame_of("of the living")));
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(got, std::vector<std::string>{"of the living"});
  EXPECT_TRUE(faults.empty());
}

TEST_F(Sockets, Bug4WhatAClientSaysItIsCountsForNothing) {
  start();
  const Plain one = plain();
  ASSERT_TRUE(one.send(frame_of("hello", {"launchd", 1, 0, 0})));
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(last_from.process.pid, ::getpid());
  EXPECT_EQ(last_from.process.name, "bsd_unit");
  EXPECT_EQ(last.info.root, std::nullopt);
}

TEST_F(Sockets, Bug5AServersMessagesBearTheServersOwnProcess) {
  start();
  const pid_t child = ::fork();
  if (child == 0) {  // A client in another process, which looks at the bytes.
    Plain one = plain();
    pollfd ready{one.raw(), POLLIN, 0};
    std::string all;
    for (int i = 0; i < 100 && all.find("bplist") == std::string::npos && ::poll(&ready, 1, 20'000) == 1; ++i) {
      all += one.received();
    }
    const auto body = all.find("bplist");
    if (body == std::string::npos) ::_exit(1);
    const auto graph =
        archive::read(Data::copy_of(std::as_bytes(std::span(all).subspan(body))), bsd::with_own_classes({}));
    if (!graph) ::_exit(2);
    const auto* whole = graph->get<archive::Map>(*graph->root);
    const auto info = graph->find(*whole, "connectionInfo");
    const auto* record = graph->get<archive::Record>(*info);
    const auto pid = std::get<archive::Ref>(*record->find("processIdentifier"));
    ::_exit(graph->get<plist::Integer>(pid)->value() == ::getppid() ? 0 : 3);
  }
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  EXPECT_EQ(server->clients()[0].process.pid, child);
  server->broadcast({"hello", {}});
  int status = -1;
  ASSERT_TRUE(comes_true([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
  EXPECT_EQ(status, 0);
}

TEST_F(Sockets, Bug6AServerThatWasInvalidatedStartsAgain) {
  start();
  int ended = 0;
  SocketClient one = client(nullptr, nullptr, &ended);
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  server->invalidate();
  server->invalidate();
  EXPECT_FALSE(server->is_valid());
  EXPECT_FALSE(fs::exists(address.path()));
  ASSERT_TRUE(comes_true([&] { return ended == 1 && invalidated == 1; }));
  EXPECT_EQ(left.size(), 1U);
  EXPECT_EQ(one.start().error().kind, Kind::gone);
  ASSERT_TRUE(server->start());
  EXPECT_EQ(server->start().error().kind, Kind::invalid) << "it runs";
  ASSERT_TRUE(one.start());
  one.send({"again", {}});
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(got, std::vector<std::string>{"again"});
}

TEST_F(Sockets, Bug7AStartThatFailsAndAReadThatFailsLeaveNothingBehind) {
  const auto before = open_now();
  SocketServer nowhere(loop, {folder.path() + "/nowhere", 3}, {});
  EXPECT_FALSE(nowhere.start());
  EXPECT_FALSE(nowhere.is_valid());
  nowhere.invalidate();
  SocketClient nobody(loop, address, {});
  EXPECT_EQ(nobody.start().error().kind, Kind::gone);
  std::ofstream(address.path()) << "a file";
  SocketServer blocked(loop, address, {});
  EXPECT_EQ(blocked.start().error().code, code::kNotTrusted);
  EXPECT_EQ(nobody.start().error().code, code::kNotTrusted);
  EXPECT_TRUE(fs::is_regular_file(address.path())) << "it is not taken away";
  fs::remove(address.path());
  EXPECT_EQ(open_now(), before);
  start();
  const auto served = open_now();
  {
    // Reset, with something unread at the other side.
    Plain one = plain();
    ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
    server->broadcast({"unread", {}});
    settle();
  }
  ASSERT_TRUE(comes_true([&] { return server->clients().empty(); }));
  EXPECT_EQ(open_now(), served);
}

TEST_F(Sockets, Bug8ALiveServersAddressIsNotTakenAndADeadOnesIs) {
  start();
  SocketServer thief(loop, address, {});
  const auto refused = thief.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code::kServiceActive);
  expect_served();
  server.reset();
  // A plain program that listens there, without a lock.
  {
    const int other = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    address.path().copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(other, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(::listen(other, 1), 0);
    EXPECT_EQ(thief.start().error().code, code::kServiceActive);
    ::close(other);
  }
  EXPECT_TRUE(fs::is_socket(address.path())) << "it has left that behind";
  ASSERT_TRUE(thief.start()) << "which is nobody's now";
  thief.invalidate();
  // Killed.
  const pid_t child = ::fork();
  if (child == 0) {
    Loop of_its_own = *Loop::make();
    SocketServer own(of_its_own, address, {});
    if (!own.start()) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::is_socket(address.path()));
  ASSERT_TRUE(thief.start());
  // Its own socket was replaced: what stands there now is another's.
  fs::remove(address.path());
  std::ofstream(address.path()) << "another's";
  thief.invalidate();
  EXPECT_TRUE(fs::exists(address.path()));
}

TEST_F(Sockets, Bug8ClientsFindOutWhoTheServerIs) {
  start();
  const SocketClient one = client();
  EXPECT_EQ(one.server()->uid, ::geteuid());
  ::chmod(folder.path().c_str(), 0777);
  SocketClient wary(loop, address, {});
  EXPECT_EQ(wary.start().error().code, code::kRuntimeFolder) << "anybody can put a socket there";
  SocketServer second(loop, {folder.path(), 4}, {});
  EXPECT_EQ(second.start().error().code, code::kRuntimeFolder);
  ::chmod(folder.path().c_str(), 0700);
  if (::geteuid() != 0) return;
  ASSERT_EQ(::lchown(address.path().c_str(), 1, 1), 0);
  EXPECT_EQ(wary.start().error().code, code::kNotTrusted);
  ASSERT_EQ(::lchown(address.path().c_str(), 0, 0), 0);
  EXPECT_TRUE(wary.start());
}

TEST_F(Sockets, Bug9WhatIsTooLongOrNoFrameEndsTheConnectionAndNothingElse) {
  start();
  for (const std::string& bytes : {
           std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
           std::string("HTTP/1.1 200 OK\r\n\r\nhello"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
           std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
           std::string(1 << 20, 'x'),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
           std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
       }) {
    const std::size_t before = faults.size();
    Plain one = plain();
    (void)::send(one.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    EXPECT_TRUE(is_ended(one)) << bytes.substr(0, 60);
    EXPECT_EQ(faults.size(), before + 1) << bytes.substr(0, 60);
  }
  EXPECT_TRUE(got.empty());
  expect_served();
}

TEST_F(Sockets, Bug9ASendWithoutAWordToTellFailsQuietly) {
  SocketClient one(loop, address, {});
  one.send({"to nobody", {}});
  one.send({"to nobody", {}}, {});
  std::optional<Result<void>> sent;
  one.send({"to nobody", {}}, [&](const Result<void>& outcome) { sent = outcome; });
  settle();
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->error().kind, Kind::gone);
  start();
  server->send({"to nobody", {}}, SocketPeer{99, {}});
  server->send({"\xff", {}}, SocketPeer{99, {}}, {});
  server->broadcast({"\xff", {}});
  settle();
}

TEST_F(Sockets, Bug10AValueOfAUsersIsDecodedAsWhatItIsAndAsNothingElse) {
  start();
  SocketClient one = client();
  Graph graph;
  archive::Record record;
  record.fields.emplace_back("text", archive::Field(graph.add(plist::Integer{1, false})));
  record.fields.emplace_back("number", archive::Field(graph.add(plist::Integer{2, false})));
  graph.root = graph.add("Note", std::move(record));
  one.send({"note", std::move(graph)});
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  const auto note = last.info_as<Note>();
  ASSERT_FALSE(note);
  EXPECT_EQ(note.error().code, code::kBadArchive);
  EXPECT_NE(note.error().message.find("text"), std::string::npos) << note.error().message;
}

// Those who mean harm.

TEST_F(Sockets, WhoeverSendsAByteNowAndThenIsEndedInTime) {
  SocketLimits limits;
  limits.frame_time = 50ms;
  start(limits);
  Plain slow = plain();
  const std::string bytes = frame_of("slow");
  std::size_t sent = 0;
  ASSERT_TRUE(comes_true([&] {
    if (sent < bytes.size() - 1) (void)slow.send(std::string_view(bytes).substr(sent++, 1));
    return slow.has_ended();
  }));
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].kind, Kind::timeout);
  const std::int64_t before = resident_kib();
  std::vector<Plain> crowd;
  for (int i = 0; i < 30; ++i) crowd.push_back(plain());
  for (std::size_t byte = 0; byte < 40; ++byte) {
    for (const Plain& each : crowd) (void)each.send(std::string_view(bytes).substr(byte, 1));
    (void)loop.run_once(os::now());
  }
  expect_served();
  ASSERT_TRUE(comes_true([&] { return server->clients().empty(); })) << "each is ended, and nobody else";
  std::printf("sockets: 30 slow senders, %ld KiB more\n", static_cast<long>(resident_kib() - before));
  const Plain silent = plain();
  for (int i = 0; i < 10; ++i) (void)loop.run_once(os::now() + 10ms);
  EXPECT_EQ(server->clients().size(), 1U) << "whoever sends nothing only listens";
  expect_served();
}

TEST_F(Sockets, OneByteAtATimeIsTheSameMessage) {
  start();
  const Plain one = plain();
  for (const char byte : frame_of("bytewise")) {
    ASSERT_TRUE(one.send(std::string_view(&byte, 1)));
    ASSERT_TRUE(loop.run_once(os::now()));
  }
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(got, std::vector<std::string>{"bytewise"});
}

TEST_F(Sockets, ManyInARowAreAllTakenInOrder) {
  start();
  const Plain one = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  std::string all;
  constexpr std::size_t kCount = 2000;
  for (std::size_t i = 0; i < kCount; ++i) all += frame_of(std::to_string(i));
  for (std::size_t at = 0; at < all.size();) {
    const ssize_t sent = ::send(one.raw(), all.data() + at, all.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) at += static_cast<std::size_t>(sent);
    ASSERT_TRUE(loop.run_once(os::now() + 1ms));
  }
  ASSERT_TRUE(comes_true([&] { return got.size() == kCount; }));
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(got[i], std::to_string(i));
}

TEST_F(Sockets, LargeMessagesComeWholeBothWays) {
  start();
  std::vector<std::string> heard;
  SocketClient one = known_client(&heard);
  const std::string large(3'000'000, 'x');
  one.send(SocketMessage::of("large", Note{large, 1}));
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(last.info_as<Note>()->text, large);
  server->send(SocketMessage::of(large, Note{large, 1}), last_from);
  ASSERT_TRUE(comes_true([&] { return !heard.empty(); }));
  EXPECT_EQ(heard[0], large);
}

TEST_F(Sockets, WhoeverDoesNotReadIsBusyAndOthersAreServed) {
  SocketLimits limits;
  limits.unsent_messages = 8;
  start(limits);
  Plain deaf = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  std::vector<std::string> heard;
  const SocketClient other = known_client(&heard);
  std::size_t busy = 0;
  std::size_t told = 0;
  constexpr std::size_t kCount = 1000;
  for (std::size_t i = 0; i < kCount; ++i) {
    server->send(SocketMessage::of("news", Note{std::string(10'000, 'x'), 1}), server->clients()[0],
                 [&](const Result<void>& outcome) {
                   ++told;
                   busy += !outcome && outcome.error().kind == Kind::busy ? 1 : 0;
                 });
  }
  server->broadcast({"to all", {}});
  ASSERT_TRUE(comes_true([&] { return !heard.empty(); }));
  EXPECT_GT(busy, kCount / 2);
  deaf.close();
  ASSERT_TRUE(comes_true([&] { return told == kCount; })) << "each once, whatever becomes of it";
}

TEST_F(Sockets, DescriptorsThatComeBesideBytesAreNotTaken) {
  start();
  Plain one = plain();
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  int pipes[2];
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
  const auto before = open_now();
  std::string bytes = frame_of("with a descriptor");
  if (send_with(one, bytes, pipes[1]) < 0) {  // Kernels from 6.16 refuse it for the receiver.
    EXPECT_EQ(errno, EPERM);
    ASSERT_TRUE(one.send(bytes));
  }
  ASSERT_TRUE(comes_true([&] { return !got.empty(); }));
  EXPECT_EQ(open_now(), before);
  ::close(pipes[1]);
  char byte;
  EXPECT_EQ(::read(pipes[0], &byte, 1), 0) << "nobody else holds it";
  ::close(pipes[0]);
}

TEST_F(Sockets, HalfOpenConnectionsOfOneProcessLeaveRoomForOthers) {
  SocketLimits limits;
  limits.clients_of_one_process = 10;
  start(limits);
  expect_served();
  const std::int64_t before = resident_kib();
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<Plain> all;
    for (int i = 0; i < 10'000; ++i) {
      all.emplace_back(address.path());
      if (all.size() == 500) all.clear();
    }
    ::_exit(0);
  }
  int status = -1;
  std::size_t most = 0;
  ASSERT_TRUE(comes_true([&] {
    most = std::max(most, server->clients().size());
    return ::waitpid(child, &status, WNOHANG) == child;
  }));
  EXPECT_EQ(status, 0);
  EXPECT_LE(most, 10U);
  expect_served();
  const std::int64_t grown = resident_kib() - before;
  std::printf("sockets: 10000 connections that say nothing, %ld KiB more\n", static_cast<long>(grown));
  EXPECT_TRUE(grown < 1024 || is_sanitised()) << grown;
  ASSERT_TRUE(comes_true([&] { return server->clients().empty(); }));
}

TEST_F(Sockets, WhatIsHeldOfUnfinishedMessagesIsBounded) {
  SocketLimits limits;
  limits.held_bytes = 1'000'000;
  start(limits);
  std::vector<Plain> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(plain());
    ASSERT_TRUE(all.back().send(http::head_of(10'000'000)));
  }
  const std::string piece(10'000, 'x');
  ASSERT_TRUE(comes_true([&] {
    for (const Plain& each : all) (void)::send(each.raw(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return !faults.empty();
  }));
  EXPECT_EQ(faults[0].code, code::kQueueFull);
  expect_served();
}

TEST_F(Sockets, WithNoDescriptorsLeftTheOthersAreServedAndWhoWaitsLater) {
  start();
  std::vector<std::string> heard;
  const SocketClient one = known_client(&heard);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  Plain waiting = plain();
  Plain further(std::string(1, '\0'));  // A socket that is connected when there are no numbers left.
  const rlimit none{static_cast<rlim_t>(further.raw() + 1), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::vector<int> fill;
  for (int fd; (fd = ::dup(0)) >= 0;) fill.push_back(fd);
  for (int i = 0; i < 20; ++i) (void)loop.run_once(os::now() + 1ms);
  server->broadcast({"meanwhile", {}});
  EXPECT_TRUE(comes_true([&] { return !heard.empty(); }));
  EXPECT_EQ(server->clients().size(), 1U);
  for (const int fd : fill) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(comes_true([&] { return server->clients().size() == 2; }));
}

TEST_F(Sockets, HandlersMayEndWhatCallsThem) {
  start();
  server.reset();
  std::optional<SocketServer> own;
  own.emplace(loop, address, SocketServerEvents{.received = [&](SocketMessage, const SocketPeer&) { own.reset(); }});
  ASSERT_TRUE(own->start());
  int ended = 0;
  SocketClient one = client(nullptr, nullptr, &ended);
  one.send({"end it", {}});
  one.send({"twice", {}});
  ASSERT_TRUE(comes_true([&] { return ended == 1; }));
  EXPECT_FALSE(own);
  // In the decision, and of the client itself.
  own.emplace(loop, address, SocketServerEvents{.accept = [&](const ProcessInfo&) {
                own->invalidate();
                return true;
              }});
  ASSERT_TRUE(own->start());
  ASSERT_TRUE(one.start());
  ASSERT_TRUE(comes_true([&] { return ended == 2; }));
  start();
  std::optional<SocketClient> self;
  self.emplace(loop, address, SocketClientEvents{.received = [&](SocketMessage) { self.reset(); }});
  ASSERT_TRUE(self->start());
  ASSERT_TRUE(comes_true([&] { return server->clients().size() == 1; }));
  server->broadcast({"end yourself", {}});
  server->broadcast({"twice", {}});
  ASSERT_TRUE(comes_true([&] { return server->clients().empty(); }));
  EXPECT_FALSE(self);
}

TEST_F(Sockets, APathThatPlainSocketsHaveNoRoomForIsRefused) {
  const std::string deep = folder.path() + "/" + std::string(100, 'x');
  fs::create_directory(deep);
  ::chmod(deep.c_str(), 0700);
  SocketServer far(loop, {deep, 3}, {});
  EXPECT_EQ(far.start().error().code, code::kTooLarge);
}

}  // namespace
}  // namespace reeve::test
