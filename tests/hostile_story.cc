// Strangers at the broker's door and at a service's: they lose their channel, and nobody else notices.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <random>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/files.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/process.hpp"
#include "../src/wire/wire.hpp"
#include "support/actor.hpp"
#include "support/session.hpp"
#include "support/stranger.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
using channel::Header;
using channel::PacketKind;

class Hostile : public testing::Test {
 protected:
  Hostile() { write_job(session.jobs(), actor_job(kActor)); }
  ~Hostile() override {
    EXPECT_TRUE(session.is_alive());
    EXPECT_TRUE(honest.call_with<&Actor::sleep>({.timeout = 20s}, 0U)) << "an honest client is served on";
    EXPECT_EQ(*honest.peer()->pid, pid) << "by the same instance";
  }
  void SetUp() override {
    ASSERT_TRUE(honest.call<&Actor::sleep>(0U));
    pid = *honest.peer()->pid;
  }

  static Stranger at_broker() { return {bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail).value()}; }
  static Stranger at_service() {
    bootstrap::Broker broker;
    auto found = broker.look_up({kActor}, {});
    // A service that is slow to take its ends has a full waiting room at times.
    for (int i = 0; !found && found.error().kind == Kind::busy && i < 1000; ++i) {
      os::wait_until(os::now() + 10ms);
      found = broker.look_up({kActor}, {});
    }
    return {found ? *found->end.shared()->duplicate() : os::Fd()};
  }

  Session session;
  Proxy<Actor> honest = connect<Actor>(kActor);
  std::int32_t pid = 0;
};

TEST_F(Hostile, PacketsOfEveryMalformedKindCostTheirSenderItsChannel) {
  for (const auto door : {at_broker, at_service}) {
    {
      const Stranger text = door();
      text.send("GET / HTTP/1.1", 14);
      EXPECT_TRUE(text.is_cut_off());
    }
    {
      const Stranger early = door();
      early.request(0, {});
      EXPECT_TRUE(early.is_cut_off());
    }
    {
      const Stranger junk = door();
      junk.greet();
      junk.request(1, std::as_bytes(std::span("no object at all")));
      EXPECT_TRUE(junk.is_cut_off());
    }
    {
      const Stranger large = door();
      large.greet();
      const std::vector<std::byte> body(100'000);
      large.request(1, body);
      EXPECT_TRUE(large.is_cut_off());
    }
    {
      const Stranger forger = door();  // replies where only requests belong
      forger.greet();
      Header header;
      header.kind = PacketKind::reply;
      header.reply_to = 1;
      header.sequence = 1;
      forger.send(header, {});
      EXPECT_TRUE(forger.is_cut_off());
    }
  }
}

TEST_F(Hostile, RandomPacketsAndMutatedOnesCostTheirSenderItsChannel) {
  std::mt19937 random(7);
  const auto good = wire::encode(Dictionary{{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}});
  for (int round = 0; round < 200; ++round) {
    const Stranger stranger = round % 2 == 0 ? at_broker() : at_service();
    stranger.greet();
    auto body = good->body.bytes;
    for (int flips = 0; flips < 3; ++flips) body[random() % body.size()] = static_cast<std::byte>(random());
    stranger.request(1, body);
    std::vector<std::uint32_t> noise(1 + random() % 64);
    for (std::uint32_t& word : noise) word = static_cast<std::uint32_t>(random());
    stranger.send(noise.data(), noise.size() * sizeof(std::uint32_t));
    EXPECT_TRUE(stranger.is_cut_off());
  }
}

TEST_F(Hostile, DescriptorsNeverEnterTheBroker) {
  const Stranger stranger = at_broker();
  stranger.greet();
  const Census before = session.settled_census();
  // A packet that is well formed but for what nobody asked for.
  const auto body = wire::encode(Dictionary{{"method", Object("list")}, {"arguments", Object(Array{})}})->body.bytes;
  Header header;
  header.kind = PacketKind::request;
  header.id = header.sequence = 1;
  header.attachment_count = 1;
  header.body_size = header.message_size = body.size();
  const channel::AttachmentEntry entry{static_cast<std::uint8_t>(os::DescriptorKind::channel), 3, 0};
  const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(&entry, 1)),
                         std::span<const std::byte>(body)};
  const int raw = stranger.socket.raw();
  const auto sent = os::send_packet(stranger.socket, parts, std::span(&raw, 1));
  if (os::refuse_rights(stranger.socket)) {
    ASSERT_FALSE(sent) << "this kernel can refuse to send it";
    EXPECT_EQ(sent.error().kind, Kind::denied);
    EXPECT_EQ(session.settled_census(), before);
  } else {
    EXPECT_TRUE(stranger.is_cut_off()) << "there is no room for it, and the channel ends";
  }
}

TEST_F(Hostile, AnEndThatChangesHandsEndsItsChannel) {
  if (service_preset() != "none") {
    GTEST_SKIP() << "a confined service sees every outsider as process 0; the sanitised build runs it unconfined";
  }
  const Stranger stranger = at_service();
  stranger.greet();
  const auto body =
      wire::encode(Dictionary{{"method", Object("sleep")}, {"arguments", Object(Array{Object(0)})}})->body.bytes;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(stranger.request(1, body) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(stranger.is_cut_off());
}

TEST_F(Hostile, APeerThatDoesNotReadStopsNobodyElse) {
  const Stranger stranger = at_service();
  stranger.greet();
  const auto body =
      wire::encode(Dictionary{{"method", Object("answer_of")}, {"arguments", Object(Array{Object(60'000)})}})
          ->body.bytes;
  ASSERT_EQ(::fcntl(stranger.socket.raw(), F_SETFL, O_NONBLOCK), 0);
  std::uint64_t sequence = 1;
  for (int i = 0; i < 10'000 && stranger.request(sequence, body); ++i) ++sequence;
  EXPECT_LT(sequence, 10'000U) << "the service stops reading from who does not read";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(honest.call_with<&Actor::sleep>({.timeout = 20s}, 0U));
}

TEST_F(Hostile, OneThatHoldsAServicesDescriptorsDoesNotEndIt) {
  // Answers that carry files and are never read: the kernel counts them against the service, until it carries no more.
  std::vector<std::unique_ptr<Stranger>> hogs;
  const auto file = std::make_shared<const os::Fd>(std::move(*os::open_regular(*os::own_program())));
  for (int hog = 0; hog < 4; ++hog) {
    hogs.push_back(std::make_unique<Stranger>(at_service()));
    hogs.back()->greet();
    for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
      if (!hogs.back()->request_with_files(sequence, *file, 16)) break;
    }
  }
  std::vector<Stranger> connected;
  for (int i = 0; i < 300; ++i) connected.push_back(at_service());
  EXPECT_TRUE(honest.call_with<&Actor::sleep>({.timeout = 20s}, 0U));
}

TEST_F(Hostile, ManyConnectionsThatSayNothingStopNobodyElse) {
  std::vector<Stranger> silent;
  for (int i = 0; i < 300; ++i) silent.push_back(at_broker());
  auto another = connect<Actor>(kActor);
  EXPECT_TRUE(another.call_with<&Actor::sleep>({.timeout = 20s}, 0U));
}

}  // namespace
}  // namespace reeve::test
