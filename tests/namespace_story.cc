// A service in a pid and a user namespace of its own, and those outside of it: the one to whom the broker gave a
// channel is heard, whoever else speaks on it first is refused, and that is reported.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/process.hpp"
#include "support/actor.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

// The send right to the service that the broker gave to this process.
Right right_to_service() {
  bootstrap::Broker broker;
  return {broker.look_up({kActor}, {})->end.shared(), object::RightKind::send};
}

// What a process that was given the right gets for a call: 0, or the code of the error.
std::int32_t code_of_call(const Right& right) {
  auto actor = Proxy<Actor>(open_connection(right));
  const auto outcome = actor.call_with<&Actor::sleep>({.timeout = 20s}, 0U);
  return outcome ? 0 : outcome.error().code;
}

// What `attempt` returns in another process.
template <class Attempt>
std::int32_t elsewhere(Attempt attempt) {
  int report[2];
  if (::pipe(report) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::int32_t code = attempt();
    ::_exit(::write(report[1], &code, sizeof code) == sizeof code ? 0 : 1);
  }
  ::close(report[1]);
  std::int32_t code = -1;
  if (::read(report[0], &code, sizeof code) != sizeof code) code = -1;
  ::close(report[0]);
  ::waitpid(child, nullptr, 0);
  return code;
}

class Namespace : public testing::Test {
 protected:
  Namespace() { write_job(session.jobs(), actor_job(kActor)); }
  ~Namespace() override {
    EXPECT_TRUE(session.is_alive());
    EXPECT_TRUE(honest.call_with<&Actor::sleep>({.timeout = 20s}, 0U)) << "an honest client is served on";
  }
  void SetUp() override { ASSERT_TRUE(honest.call<&Actor::sleep>(0U)); }

  Session session;
  Proxy<Actor> honest = connect<Actor>(kActor);
};

TEST_F(Namespace, OutsidersAreHeardOnTheChannelsThatWereGivenToThem) {
  const Right right = right_to_service();
  EXPECT_EQ(code_of_call(right), 0);
}

TEST_F(Namespace, AnotherProcessThatIsGivenTheEndIsRefusedAndReported) {
  const Right right = right_to_service();
  EXPECT_EQ(elsewhere([&] { return code_of_call(right); }), code::kWrongSender);
  EXPECT_TRUE(session.prints("reeve: refused"));
  EXPECT_TRUE(session.prints(service_preset() == "none" ? "whose channel this is"
                                                        : "the first packet came from another process"));
}

TEST_F(Namespace, AnEndThatWasHeardGoesOnSpeakingForWhomItWasGivenTo) {
  const Right right = right_to_service();
  const auto end = std::make_shared<const os::Fd>(*right.end->duplicate());
  channel::Channel mine(*right.end->duplicate());
  ASSERT_TRUE(mine.greet());
  // The second process goes on where the first one stopped: a hello has been said.
  const std::int32_t code = elsewhere([&] {
    channel::Channel theirs(*end->duplicate());
    channel::Inbox inbox;
    channel::Header header;
    header.kind = channel::PacketKind::request;
    header.id = header.sequence = 1;
    const auto body = wire::encode({{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}})->body.bytes;
    header.body_size = header.message_size = body.size();
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::span<const std::byte>(body)};
    if (!os::send_packet(theirs.socket(), parts, {})) return -2;
    while (true) {
      auto incoming = theirs.receive(inbox);
      if (!incoming || std::holds_alternative<channel::Ended>(*incoming)) return -3;
      if (auto* packet = std::get_if<channel::Delivered>(&*incoming)) {
        return packet->header.kind == channel::PacketKind::reply ? 0 : code::kWrongSender;
      }
      if (!os::wait_for(theirs.socket(), os::Readiness::readable, os::now() + 20s).value_or(false)) return -4;
    }
  });
  // Where pids translate every packet is compared. A service with a pid namespace of its own sees all of outside as
  // one: there the end is what counts once it has been bound, as docs/attacks.md says.
  EXPECT_EQ(code, service_preset() == "none" ? code::kWrongSender : 0);
}

TEST_F(Namespace, TheBrokerHearsOnlyWhoConnectedToIt) {
  const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
  ASSERT_TRUE(socket);
  const Right right{std::make_shared<const os::Fd>(*socket->duplicate()), object::RightKind::send};
  const std::int32_t code = elsewhere([&] {
    auto connection = open_connection(right);
    const auto reply = connection.call({{"method", Object("list")}, {"arguments", Object(Array{})}}, {.timeout = 20s});
    return reply ? 0 : reply.error().code;
  });
  EXPECT_EQ(code, code::kWrongSender);
  EXPECT_TRUE(session.prints("reeve broker: refused"));
}

// Root of a namespace of its own may name any process of that as the sender, and nobody outside of it.
TEST_F(Namespace, AForgedCredentialNamesNobodyOutsideTheForgersNamespace) {
  const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
  ASSERT_TRUE(socket);
  const pid_t honest_pid = ::getpid();
  const auto forge = [&](pid_t claimed) {
    const channel::Hello hello;
    channel::Header header;
    header.body_size = header.message_size = sizeof hello;
    iovec parts[] = {{&header, sizeof header}, {const_cast<channel::Hello*>(&hello), sizeof hello}};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))]{};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof(ucred));
    const ucred credentials{claimed, ::getuid(), ::getgid()};
    std::memcpy(CMSG_DATA(c), &credentials, sizeof credentials);
    return ::sendmsg(socket->raw(), &message, MSG_NOSIGNAL) < 0 ? errno : 0;
  };
  const std::int32_t outcome = elsewhere([&]() -> std::int32_t {
    const auto map = [](const char* file, unsigned outside) { std::ofstream(file) << "0 " << outside << " 1"; };
    const unsigned uid = ::getuid();
    const unsigned gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) return -5;
    std::ofstream("/proc/self/setgroups") << "deny";
    map("/proc/self/uid_map", uid);
    map("/proc/self/gid_map", gid);
    return elsewhere([&]() -> std::int32_t {  // process 1 of the new namespace
      if (forge(honest_pid) == 0) return -6;  // a number that means nobody here
      return forge(1);                        // itself: allowed, and told as what it is outside
    });
  });
  if (outcome == -5) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(outcome, 0);
  EXPECT_TRUE(session.prints("whose channel this is"));
}

TEST_F(Namespace, NoOneClientTakesAllOfAServicesDescriptors) {
  std::vector<Connection> hoard;
  std::size_t refused = 0;
  const Dictionary call{{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}};
  for (int i = 0; i < 250; ++i) {
    hoard.push_back(open_connection(kActor));
    const auto outcome = hoard.back().call(call, {.timeout = 20s});
    if (outcome) continue;
    ++refused;
    EXPECT_EQ(outcome.error().kind, Kind::busy) << outcome.error().message;
  }
  // Unconfined services have descriptors for more than one client of this test can ask for.
  if (service_preset() != "none") {
    EXPECT_GT(refused, 100U);
  }
  EXPECT_EQ(elsewhere([&] { return code_of_call(right_to_service()); }), 0) << "another client finds room";
}

TEST_F(Namespace, AnIntroducedClientIsServedAndIsWorthNoMoreThanItsHost) {
  auto host = open_connection(kActor);
  const Dictionary call{{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}};
  ASSERT_TRUE(host.call(call));
  const auto right = host.introduce();
  ASSERT_TRUE(right) << right.error().message;
  EXPECT_EQ(elsewhere([&] { return code_of_call(*right); }), 0);
  // The right is a value like any other: it may travel in a message.
  EXPECT_TRUE(host.call(call));
}

}  // namespace
}  // namespace reeve::test
