// Message ports between processes: who may have a name, who may send to it, and what becomes of senders when it goes.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <reeve/message_port.hpp>

#include "support/jobs.hpp"
#include "support/postman.hpp"

namespace reeve::test {
namespace {

constexpr const char* kGroup = "org.friends";
constexpr const char* kDesk = "org.friends.desk";
constexpr PortTimes kBounded{.send = 20s, .receive = 20s};

Data data_of(const std::string& text) { return Data::copy_of(std::as_bytes(std::span(text))); }
std::string text_of(const Data& data) { return {reinterpret_cast<const char*>(data.bytes().data()), data.size()}; }

class MessagePorts : public testing::Test {
 protected:
  // A postman that a job runs, in the group unless another is said; it runs at once.
  void employ(const std::string& label, std::vector<std::string> arguments, const std::string& group = kGroup,
              const std::string& preset = "none") const {
    JobFile job;
    job.label = label;
    job.program = build_folder() + "/tests/postman";
    job.preset = preset;
    job.arguments = std::move(arguments);
    job.names = "<dict/>";
    if (!group.empty()) job.reeve = array_key("Groups", group);
    job.extra = true_key("RunAtLoad") + integer_key("ThrottleInterval", 0) +
                string_key("StandardOutPath", said.path() + "/" + label);
    write_job(session.jobs(), job);
    EXPECT_EQ(reeve_tool({"list"}).exit_code, 0) << "the broker knows it";
  }
  // What a postman has said so far.
  std::string said_by(const std::string& label) const { return contents_of(said.path() + "/" + label); }
  static Result<RemotePort> port_of(const std::string& name, const std::string& required = {}) {
    return RemotePort::make(name, {.wait = 20s, .required = required});
  }
  static std::string ask(RemotePort& port, Errand errand, const std::string& what = {}) {
    const auto reply = port.request(errand, data_of(what), kBounded);
    return reply ? text_of(*reply) : std::to_string(static_cast<int>(port_status(reply))) + " " + reply.error().message;
  }
  static bool is_ended(const RemotePort& port) {
    return comes_true([&] { return !port.is_valid(); });
  }

  Session session;
  Folder said;
};

TEST_F(MessagePorts, AreFoundUnderTheirNamesAndTellWhoSends) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port) << port.error().message;
  EXPECT_EQ(ask(*port, kEcho, "hello"), "hello");
  EXPECT_EQ(ask(*port, kWho), "uid_only  " + std::to_string(::getpid()));
  const auto peer = port->peer(kBounded);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->label, "org.example.a");
  EXPECT_EQ(peer->groups, std::vector<std::string>{kGroup});
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(ask(*port, kEcho, large), large);
}

TEST_F(MessagePorts, AreForTheGroupThatTheirNamesLieInUnlessTheySayOtherwise) {
  employ("org.example.a", {"loop", "org.friends.open", "user"});
  employ("org.example.b", {"loop", "org.friends.closed"});
  employ("org.example.c", {"loop", "org.others.open", "user"}, "org.others");
  auto friendly = port_of("org.friends.open");
  auto strange = port_of("org.others.open");
  ASSERT_TRUE(friendly && strange);
  ASSERT_TRUE(comes_true([&] { return said_by("org.example.b") == "ready\n"; }));
  EXPECT_EQ(ask(*friendly, kAsk, "org.friends.closed\n\nhello"), "0 hello");
  const std::string refused = ask(*strange, kAsk, "org.friends.closed\n\nhello");
  EXPECT_TRUE(refused.starts_with("-5 ") || refused.starts_with("-4 1102") || refused.starts_with("1102 ")) << refused;
  auto own = RemotePort::make("org.friends.closed");
  const auto reply = own ? own->request(kEcho, {}, kBounded) : std::unexpected(own.error());
  ASSERT_FALSE(reply) << "a program that nobody vouches for is no member";
  EXPECT_EQ(reply.error().code, code::kUnknownService) << reply.error().message;
}

TEST_F(MessagePorts, OfAnotherGroupCannotBeHad) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  EXPECT_EQ(ask(*port, kMakeLocal, "org.friends.second"), "new");
  for (const char* name : {"org.others.desk", "org.friendsdesk", "org", "com.example"}) {
    EXPECT_TRUE(ask(*port, kMakeLocal, name).starts_with("1100 ")) << name;
  }
}

TEST_F(MessagePorts, WhatIsNoNameIsRefusedWholeAndNotCut) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  const std::string longest = kDesk + ("." + std::string(kNameBytesMax - std::string(kDesk).size() - 1, 'x'));
  EXPECT_EQ(ask(*port, kMakeLocal, longest), "new");
  EXPECT_TRUE(port_of(longest));
  for (const std::string& name :
       {longest + "x", std::string("org.friends.a\0b", 15), std::string("org.friends/a"), std::string("org.friends..a"),
        std::string("../org.friends"), std::string("org.friends.\xff"), std::string()}) {
    const auto remote = RemotePort::make(name);
    ASSERT_FALSE(remote) << name;
    EXPECT_EQ(remote.error().kind, Kind::invalid) << remote.error().message;
    EXPECT_FALSE(ask(*port, kMakeLocal, name).starts_with("new")) << name;
  }
}

TEST_F(MessagePorts, OneThatSomebodyHasIsToldWithWhoHasIt) {
  employ("org.example.a", {"loop", kDesk, "user"});
  ASSERT_TRUE(port_of(kDesk));
  employ("org.example.b", {"loop", kDesk, "user"});
  ASSERT_TRUE(comes_true([&] { return !said_by("org.example.b").empty(); }));
  EXPECT_EQ(said_by("org.example.b").substr(0, 5), "1103 ");
  EXPECT_NE(said_by("org.example.b").find("by the job org.example.a"), std::string::npos) << said_by("org.example.b");
}

TEST_F(MessagePorts, InOneProcessANameHasOnePort) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  EXPECT_EQ(ask(*port, kMakeLocal, kDesk), "shared");
  auto same = RemotePort::make(kDesk);
  ASSERT_TRUE(same);
  EXPECT_EQ(*same, *port);
  same->invalidate();
  EXPECT_FALSE(port->is_valid());
  auto fresh = RemotePort::make(kDesk);
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(*fresh == *port) << "an invalid one is none";
  EXPECT_EQ(ask(*fresh, kMakeLocal, "org.friends.second"), "new");
  auto second = RemotePort::make("org.friends.second");
  ASSERT_TRUE(second);
  EXPECT_EQ(ask(*fresh, kDropLocal, "org.friends.second"), "");
  EXPECT_TRUE(is_ended(*second)) << "its last handle is gone";
  EXPECT_TRUE(comes_true([] { return !RemotePort::make("org.friends.second"); }));
  EXPECT_EQ(ask(*fresh, kMakeLocal, "org.friends.second"), "new") << "and the name is free";
}

TEST_F(MessagePorts, OneThatIsNotThereYetIsWaitedFor) {
  EXPECT_EQ(RemotePort::make(kDesk).error().code, code::kUnknownService);
  EXPECT_EQ(RemotePort::make(kDesk, {.wait = 10ms}).error().code, code::kUnknownService);
  Loop loop = *Loop::make();
  EXPECT_EQ(RemotePort::make_later(kDesk, {.loop = loop, .wait = 10ms}).run(loop).error().code, code::kUnknownService);
  std::optional<Result<RemotePort>> found;
  const RemotePortOptions patient{.loop = loop, .wait = 60s};
  const auto wait = [&]() -> Task<void> {
    found.emplace(co_await RemotePort::make_later(kDesk, patient));
    co_return {};
  };
  auto waiting = wait();
  waiting.start();
  for (int i = 0; i < 20; ++i) (void)loop.run_once(os::now() + 1ms);
  EXPECT_FALSE(found);
  employ("org.example.a", {"loop", kDesk, "user"});
  const os::Time give_up = os::now() + 60s;
  while (!found && os::now() < give_up) (void)loop.run_once(os::now() + 10ms);
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found) << found->error().message;
  EXPECT_EQ(text_of(*(*found)->async_request(kEcho, data_of("hello"), kBounded).run(loop)), "hello");
}

TEST_F(MessagePorts, StatusesAreThoseOfCFMessagePort) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  EXPECT_EQ(port_status(port->request(kEcho, {}, kBounded)), PortStatus::success);
  // It never answers.
  EXPECT_EQ(port_status(port->request(kKeep, {}, {.receive = 10ms})), PortStatus::receive_timeout);
  // A late reply reaches no later request.
  EXPECT_EQ(ask(*port, kReplyToKept, "late"), "1");
  EXPECT_EQ(ask(*port, kEcho, "its own"), "its own");
  // It does not read.
  const pid_t owner = port->peer(kBounded)->pid.value();
  ASSERT_EQ(::kill(owner, SIGSTOP), 0);
  Result<void> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = port->send(kNothing, data_of(std::string(4096, 'x')), {.send = 1ms});
  EXPECT_EQ(port_status(sent), PortStatus::send_timeout);
  ASSERT_EQ(::kill(owner, SIGCONT), 0);
  EXPECT_EQ(ask(*port, kEcho, "after that"), "after that");
  EXPECT_EQ(port_status(port->request(kEcho, data_of(std::string(kMessageBytesMax, 'x')))),
            PortStatus::transport_error);
  // It is invalidated while a request is on its way.
  EXPECT_EQ(port_status(port->request(kInvalidate, {}, kBounded)), PortStatus::became_invalid);
  EXPECT_EQ(port_status(port->request(kEcho, {}, kBounded)), PortStatus::is_invalid);
  EXPECT_EQ(port_status(port->send(kEcho, {})), PortStatus::is_invalid);
  EXPECT_TRUE(comes_true([&] { return said_by("org.example.a") == "ready\ninvalid\n"; })) << said_by("org.example.a");
}

TEST_F(MessagePorts, AreTakenByNobodyElseForTheirSendersAfterACrash) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk, "job:org.example.a");
  ASSERT_TRUE(port);
  EXPECT_EQ(ask(*port, kEcho, "hello"), "hello");
  employ("org.example.thief", {"loop", "org.friends.thief", "user"});
  auto thief = port_of("org.friends.thief");
  ASSERT_TRUE(thief);
  // The thief is of the group: it may have the name, once that is free.
  EXPECT_TRUE(ask(*thief, kMakeLocal, kDesk).starts_with("1103 "));
  EXPECT_EQ(port_status(port->request(kCrash, {}, kBounded)), PortStatus::became_invalid);
  EXPECT_TRUE(comes_true([&] { return ask(*thief, kMakeLocal, kDesk) == "new"; }));
  EXPECT_EQ(port_status(port->request(kEcho, {}, kBounded)), PortStatus::is_invalid) << "it leads to nobody else";
  auto squatted = port_of(kDesk, "job:org.example.a");
  const auto refused =
      squatted ? squatted->request(kEcho, data_of("secret"), kBounded) : std::unexpected(squatted.error());
  ASSERT_FALSE(refused) << "whoever asks for the job is not led to another";
  EXPECT_EQ(refused.error().code, code::kNotMet) << refused.error().message;
  // Whoever is not of the group cannot have it at all.
  employ("org.example.c", {"loop", "org.others.c", "user"}, "org.others");
  auto stranger = port_of("org.others.c");
  ASSERT_TRUE(stranger);
  EXPECT_EQ(ask(*thief, kDropLocal, kDesk), "");
  EXPECT_TRUE(ask(*stranger, kMakeLocal, kDesk).starts_with("1100 "));
}

// In the callback that tells it so, which the port itself calls.
TEST_F(MessagePorts, MayBeInvalidatedWhereItIsToldThatASenderHasLeft) {
  employ("org.example.a", {"loop", kDesk, "user"});
  Loop loop = *Loop::make();
  auto port = RemotePort::make(kDesk, {.loop = loop, .wait = 20s});
  ASSERT_TRUE(port);
  auto asked = port->async_request(kEndWithSender, {});
  asked.start();
  EXPECT_TRUE(port->async_request(kEcho, {}, kBounded).run(loop)) << "by then it has that, too";
  port->invalidate();
  EXPECT_TRUE(comes_true([&] { return said_by("org.example.a") == "ready\ninvalid\n"; })) << said_by("org.example.a");
  EXPECT_TRUE(comes_true([] { return details_of("org.example.a").last_exit == "exited with 0"; }))
      << details_of("org.example.a").last_exit.value_or("");
}

// Those who come to a job's name later find it as it is.
TEST_F(MessagePorts, OfAJobThatAreInvalidatedEndThoseWhoComeLater) {
  employ("org.example.a", {"loop", kDesk, "user"});
  JobFile job;
  job.label = "org.example.looped";
  job.program = build_folder() + "/tests/postman";
  job.preset = "none";
  job.arguments = {"loop", job.label};
  job.names = "<dict><key>org.example.looped</key><true/><key>org.example.second</key><true/></dict>";
  write_job(session.jobs(), job);
  auto first = RemotePort::make(job.label);
  ASSERT_TRUE(first);
  EXPECT_EQ(ask(*first, kMakeLocal, "org.example.second"), "new");
  EXPECT_EQ(ask(*first, kDropLocal, "org.example.second"), "");
  auto second = RemotePort::make("org.example.second");
  ASSERT_TRUE(second);
  EXPECT_EQ(port_status(second->request(kEcho, {}, kBounded)), PortStatus::became_invalid);
  EXPECT_EQ(ask(*first, kMakeLocal, "org.example.second"), "new") << "and it can be had again";
  auto third = RemotePort::make("org.example.second");
  ASSERT_TRUE(third);
  EXPECT_EQ(ask(*third, kEcho, "there"), "there");
}

TEST_F(MessagePorts, ServersSendToClientsThatAllowIt) {
  employ("org.example.a", {"loop", kDesk, "user"});
  Loop loop = *Loop::make();
  std::vector<std::string> taken;
  auto port = RemotePort::make(kDesk, {.loop = loop, .wait = 20s, .handler = [&](PortMessage message) {
                                         taken.push_back(text_of(message.data()));
                                       }});
  ASSERT_TRUE(port) << port.error().message;
  const auto outcome = port->async_request(kCallBack, data_of("news"), kBounded).run(loop);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(text_of(*outcome), "sent");
  const os::Time give_up = os::now() + 20s;
  while (taken.empty() && os::now() < give_up) (void)loop.run_once(os::now() + 10ms);
  EXPECT_EQ(taken, std::vector<std::string>{"news"});
  auto silent = port_of(kDesk);
  ASSERT_TRUE(silent);
  EXPECT_EQ(ask(*silent, kCallBack, "news"), "whoever sent the message takes none");
}

TEST_F(MessagePorts, TellTheirSendersAtOnceThatTheyHaveEnded) {
  employ("org.example.a", {"loop", kDesk, "user"});
  Loop loop = *Loop::make();
  auto port = RemotePort::make(kDesk, {.loop = loop, .wait = 20s});
  ASSERT_TRUE(port);
  int told = 0;
  port->on_invalidation([&] { ++told; });
  ASSERT_TRUE(port->async_request(kEcho, {}, kBounded).run(loop));
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(port->send(kCrash, {}));
  const os::Time give_up = os::now() + 20s;
  while (told == 0 && os::now() < give_up) (void)loop.run_once(os::now() + 10ms);
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(port->is_valid());
}

TEST_F(MessagePorts, AFloodIsHeldBackAndNothingOfItIsLost) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  constexpr int kMessages = 20'000;
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(port->send(kNothing, data_of(std::string(100, 'x')))) << i;
  EXPECT_EQ(ask(*port, kCount), std::to_string(kMessages));
}

TEST_F(MessagePorts, OfAJobAreServedOnDemandAndConfined) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  JobFile job;
  job.label = "org.example.served";
  job.program = build_folder() + "/tests/postman";
  job.preset = "parser";
  job.idle_seconds = 1;
  job.arguments = {"serve", job.label};
  write_job(session.jobs(), job);
  auto port = RemotePort::make(job.label);
  ASSERT_TRUE(port) << port.error().message;
  EXPECT_EQ(ask(*port, kEcho, "hello"), "hello");
  EXPECT_TRUE(wait_for_state(job.label, "idle")) << "nobody has sent anything for a second";
  EXPECT_TRUE(is_ended(*port));
  auto again = RemotePort::make(job.label);
  ASSERT_TRUE(again);
  EXPECT_EQ(ask(*again, kEcho, "again"), "again");
}

// Its name is its job's: while it is not there, who has looked the name up waits for it.
TEST_F(MessagePorts, OfAJobOnItsOwnLoopAreServedOnDemand) {
  JobFile job;
  job.label = "org.example.looped";
  job.program = build_folder() + "/tests/postman";
  job.preset = is_sanitised() ? "none" : "parser";
  job.arguments = {"loop", job.label};
  job.extra = integer_key("ThrottleInterval", 0);
  write_job(session.jobs(), job);
  for (int i = 0; i < 3; ++i) {
    auto port = RemotePort::make(job.label);
    ASSERT_TRUE(port) << port.error().message;
    EXPECT_EQ(ask(*port, kEcho, "hello"), "hello");
    EXPECT_EQ(port_status(port->request(kCrash, {}, kBounded)), PortStatus::became_invalid);
  }
}

TEST_F(MessagePorts, OutliveTheirBroker) {
  employ("org.example.a", {"loop", kDesk, "user"});
  auto port = port_of(kDesk);
  ASSERT_TRUE(port);
  EXPECT_EQ(ask(*port, kEcho, "before"), "before");
  const int before = session.broker();
  ::kill(before, SIGKILL);
  EXPECT_EQ(ask(*port, kEcho, "after"), "after");
  EXPECT_TRUE(comes_true([&] { return session.broker() != 0 && session.broker() != before; }));
  port->invalidate();
  auto fresh = port_of(kDesk);
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_EQ(ask(*fresh, kEcho, "by another broker"), "by another broker");
}

TEST_F(MessagePorts, CannotBeHadByAProgramThatNobodyVouchesFor) {
  Loop loop = *Loop::make();
  const auto refused = LocalPort::make(loop, kDesk, [](PortMessage) {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code::kNotPrivileged);
}

}  // namespace
}  // namespace reeve::test
