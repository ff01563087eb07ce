// Attacks across processes, by the rows of docs/attacks.md: who attacks loses a channel, and nobody else notices.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/files.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/process.hpp"
#include "support/actor.hpp"
#include "support/session.hpp"
#include "support/stalled.hpp"
#include "support/stranger.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
constexpr const char* kOther = "org.example.other";
using channel::Header;
using channel::PacketKind;

std::vector<std::byte> call_of(const char* method, Array arguments) {
  return wire::encode(Dictionary{{"method", Object(method)}, {"arguments", Object(std::move(arguments))}})->body.bytes;
}

class Attack : public testing::Test {
 protected:
  void SetUp() override {
    write_job(session.jobs(), actor_job(kActor));
    write_job(session.jobs(), actor_job(kOther));
    const auto first = honest.call<&Actor::sleep>(0U);
    ASSERT_TRUE(first) << text_of(first.error());
    pid = *honest.peer()->pid;
    before = session.settled_census();
  }
  void TearDown() override {
    EXPECT_TRUE(session.is_alive());
    expect_served();
    // Whoever left may be noticed a moment later.
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    Census after = session.settled_census();
    while (after != before && std::chrono::steady_clock::now() < give_up) after = session.settled_census();
    EXPECT_EQ(after, before);
  }
  // Has that service run once, so that its image is in the spawner's cache, and counts from then on.
  void warm(const char* name) {
    {
      auto service = connect<Actor>(name);
      ASSERT_TRUE(service.call<&Actor::sleep>(0U));
    }
    end(name);
    before = session.settled_census();
  }
  // Ends that service where it runs.
  static void end(const char* name) {
    const Dictionary status = status_of(name);
    const Object* there = status.find("pid");
    if (there == nullptr || there->get<std::int64_t>() == nullptr) return;
    ::kill(static_cast<pid_t>(*there->get<std::int64_t>()), SIGKILL);
    ASSERT_TRUE(wait_for_state(name, "idle"));
  }
  void expect_served() {
    EXPECT_TRUE(honest.call_with<&Actor::sleep>({.timeout = 20s}, 0U)) << "an honest client is served on";
    EXPECT_EQ(*honest.peer()->pid, pid) << "by the same instance";
  }

  static Stranger at_broker() { return {bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail).value()}; }
  static Stranger at_service() {
    bootstrap::Broker broker;
    return {*broker.look_up({kActor}, {})->end.shared()->duplicate()};
  }
  static Stranger at_service_greeted() {
    Stranger stranger = at_service();
    stranger.greet();
    return stranger;
  }

  // Asks for long answers, and reads none, until nothing more is taken from it for a while.
  static bool stuff(const Stranger& stranger) {
    static const auto body = call_of("answer_of", {Object(60'000)});
    ::fcntl(stranger.socket.raw(), F_SETFL, O_NONBLOCK);
    for (std::uint64_t sequence = 1; sequence < 10'000;) {
      if (stranger.request(sequence, body)) {
        ++sequence;
      } else if (!os::wait_for(stranger.socket, os::Readiness::writable, os::now() + 200ms).value_or(true)) {
        return true;
      }
    }
    return false;
  }

  Session session;
  Proxy<Actor> honest = connect<Actor>(kActor);
  std::int32_t pid = 0;
  Census before;
};

// ---- F1

TEST_F(Attack, F1AFileWhoseServerStallsCostsItsSenderItsChannelAndKeepsNobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may mount here; root's run tests this";
  StalledFile stalled;
  ASSERT_TRUE(stalled.file());
  const auto honestly = File::open(stalled.path());
  ASSERT_FALSE(honestly) << "whoever means well is told before anything is sent";
  EXPECT_EQ(honestly.error().code, code::kBadAttachment);
  const int raw = stalled.file().raw();
  std::vector<Stranger> strangers;
  for (int i = 0; i < 8; ++i) strangers.push_back(at_service_greeted());
  stalled.stall();
  for (std::uint8_t kind = 1; kind <= 6; ++kind) {
    EXPECT_TRUE(strangers[kind].request_with(1, std::span(&raw, 1), {kind, 1, 0}));
    EXPECT_EQ(strangers[kind].reason(), code::kBadAttachment) << int{kind};
    expect_served();
  }
  // More than a message may carry, and the packet is wrong besides.
  const std::vector<int> many(16, raw);
  EXPECT_TRUE(strangers[7].request_with(9, many, {1, 1, 0}));
  EXPECT_TRUE(strangers[7].is_cut_off());
  expect_served();
  auto another = connect<Actor>(kActor);
  EXPECT_TRUE(another.call_with<&Actor::sleep>({.timeout = 20s}, 0U)) << "new clients come in as well";
}

TEST_F(Attack, F1AServiceThatWasHandedSuchAFileDoesNotRetireIntoItsSendersHands) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may mount here; root's run tests this";
  JobFile job = actor_job("org.example.idle");
  job.idle_seconds = 1;
  write_job(session.jobs(), job);
  warm("org.example.idle");
  std::int32_t first = 0;
  {
    StalledFile stalled;
    ASSERT_TRUE(stalled.file());
    const int raw = stalled.file().raw();
    bootstrap::Broker broker;
    {
      auto idle = connect<Actor>("org.example.idle");
      ASSERT_TRUE(idle.call<&Actor::sleep>(0U));
      first = *idle.peer()->pid;
      const Stranger stranger{*broker.look_up({"org.example.idle"}, {})->end.shared()->duplicate()};
      stranger.greet();
      stalled.stall();
      EXPECT_TRUE(stranger.request_with(1, std::span(&raw, 1), {1, 1, 0}));
      EXPECT_EQ(stranger.reason(), code::kBadAttachment);
    }
    // Three times as long as it would stay: its exit would wait for the stalled server, and every further client with
    // it.
    std::this_thread::sleep_for(3s);
    auto later = connect<Actor>("org.example.idle");
    EXPECT_TRUE(later.call_with<&Actor::sleep>({.timeout = 20s}, 0U));
    EXPECT_EQ(*later.peer()->pid, first);
  }
  end("org.example.idle");
}

// ---- F6 to F10

TEST_F(Attack, F6CyclesOfDescriptorsLeftToTheKernelDelayNoCall) {
  for (int i = 0; i < 500; ++i) {
    auto [a, b] = *os::channel_pair();
    // Each end is on its way to the other: nobody but the kernel can find that neither will ever arrive.
    const std::byte byte{};
    const std::array parts{std::span(&byte, 1)};
    const int to_b = a.raw();
    const int to_a = b.raw();
    if (!os::send_packet(a, parts, std::span(&to_b, 1)) || !os::send_packet(b, parts, std::span(&to_a, 1))) break;
    if (i % 100 == 0) expect_served();
  }
  const auto file = *File::open(*os::own_program());
  EXPECT_TRUE(honest.call_with<&Actor::size_of>({.timeout = 20s}, file)) << "descriptors still travel";
}

TEST_F(Attack, F7ANonBlockingFlagClearedByAnotherHolderBlocksNobody) {
  const Stranger host = at_service_greeted();
  auto [theirs, ours] = *os::channel_pair();
  Header header;
  header.kind = PacketKind::introduce;
  header.sequence = 1;
  header.attachment_count = 1;
  const channel::AttachmentEntry entry{static_cast<std::uint8_t>(os::DescriptorKind::channel), 3, 0};
  const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(&entry, 1))};
  const int raw = theirs.raw();
  ASSERT_TRUE(os::send_packet(host.socket, parts, std::span(&raw, 1)));
  std::atomic<bool> over = false;
  std::thread flipper([&, &held = theirs] {
    for (int flags = 0; !over; flags ^= O_NONBLOCK) ::fcntl(held.raw(), F_SETFL, flags);
    ::fcntl(held.raw(), F_SETFL, 0);
  });
  const Stranger guest{std::move(ours)};
  guest.greet();
  EXPECT_TRUE(stuff(guest)) << "the service stops reading from who does not read";
  for (int i = 0; i < 20; ++i) expect_served();
  over = true;
  flipper.join();
  for (int i = 0; i < 20; ++i) expect_served();
}

// In clock ticks.
std::uint64_t processor_time(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  return user + system;
}

TEST_F(Attack, F8HangingUpInOneDirectionOrBothMakesNobodySpin) {
  std::vector<Stranger> strangers;
  for (const int direction : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
    for (const bool is_full : {false, true}) {
      for (const auto door : {at_broker, at_service}) {
        strangers.push_back(door());
        const Stranger& stranger = strangers.back();
        stranger.greet();
        const bool is_stuffed = is_full && stuff(stranger);
        EXPECT_TRUE(is_stuffed || !is_full || door == at_broker);
        EXPECT_EQ(::shutdown(stranger.socket.raw(), direction), 0);
      }
    }
  }
  expect_served();
  const auto broker = processor_time(session.broker());
  const auto service = processor_time(pid);
  std::this_thread::sleep_for(1s);
  const auto second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  EXPECT_LT(processor_time(session.broker()) - broker, second * 3 / 10) << "of one second, the broker";
  EXPECT_LT(processor_time(pid) - service, second * 3 / 10) << "of one second, the service";
}

TEST_F(Attack, F9TwentyPeersThatAskAndNeverReadDelayNoCall) {
  std::vector<Stranger> stalled;
  for (int i = 0; i < 20; ++i) {
    stalled.push_back(at_service_greeted());
    EXPECT_TRUE(stuff(stalled.back()));
  }
  for (int i = 0; i < 20; ++i) expect_served();
  auto another = connect<Actor>(kActor);
  EXPECT_TRUE(another.call_with<&Actor::sleep>({.timeout = 20s}, 0U));
}

TEST_F(Attack, F10AFloodOfConnectionsBeyondTheBrokersDescriptorsEndsNothing) {
  warm(kOther);
  bootstrap::Broker known;
  ASSERT_TRUE(known.list());
  rlimit limit{};
  ASSERT_EQ(::prlimit(session.broker(), RLIMIT_NOFILE, nullptr, &limit), 0);
  const rlimit tight{before.descriptors.at("broker") + 8, limit.rlim_max};
  ASSERT_EQ(::prlimit(session.broker(), RLIMIT_NOFILE, &tight, nullptr), 0);
  {
    // As many as it has descriptors for, and as many as the line before it has places.
    std::vector<os::Fd> flood;
    for (int i = 0; i < 200; ++i) {
      auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail, os::now() + 5ms);
      if (socket) flood.push_back(std::move(*socket));
    }
    EXPECT_GT(flood.size(), 8U);
    for (int i = 0; i < 20; ++i) {
      expect_served();
      EXPECT_TRUE(known.list()) << "who was there before is served on";
      const auto refused = known.look_up({kOther}, {});
      if (!refused) {
        EXPECT_EQ(refused.error().kind, Kind::busy) << refused.error().message;
      }
    }
  }
  ASSERT_EQ(::prlimit(session.broker(), RLIMIT_NOFILE, &limit, nullptr), 0);
  auto another = connect<Actor>(kActor);
  EXPECT_TRUE(another.call_with<&Actor::sleep>({.timeout = 20s}, 0U)) << "who waited comes in";
  end(kOther);
}

// ---- F11 and X13: what a confined service does with it

TEST_F(Attack, F11AConfinedServiceRefusesEveryDescriptorOfAnotherKind) {
  const os::Fd null = *os::open_device_null();
  const os::Fd folder = *os::open_folder("/");
  const os::Fd path(::open("/etc/passwd", O_PATH | O_CLOEXEC));
  const os::Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  const os::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  const os::Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  const os::Fd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const sa_family_t family = AF_UNIX;
  ASSERT_EQ(::bind(listener.raw(), reinterpret_cast<const sockaddr*>(&family), sizeof family), 0);
  ASSERT_EQ(::listen(listener.raw(), 1), 0);
  // An epoll that watches itself by way of another, and is readable for ever.
  const os::Fd outer(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{EPOLLIN, {}};
  ASSERT_EQ(::epoll_ctl(outer.raw(), EPOLL_CTL_ADD, epoll.raw(), &event), 0);
  for (const os::Fd* toxic : {&null, &folder, &path, &epoll, &outer, &process, &terminal, &listener}) {
    ASSERT_TRUE(*toxic);
    for (std::uint8_t kind = 1; kind <= 6; ++kind) {
      const Stranger stranger = at_service_greeted();
      const int raw = toxic->raw();
      EXPECT_TRUE(stranger.request_with(1, std::span(&raw, 1), {kind, 1, 0}));
      EXPECT_EQ(stranger.reason(), code::kBadAttachment) << raw << " as " << int{kind};
    }
  }
}

TEST_F(Attack, X13RefusedDescriptorsLeaveNoneInTheService) {
  const auto open = *honest.call<&Actor::descriptors>();
  const os::Fd null = *os::open_device_null();
  const std::vector<int> many(16, null.raw());
  for (int round = 0; round < 40; ++round) {
    const Stranger stranger = at_service_greeted();
    // Of another kind, or of none, or behind a packet out of order.
    EXPECT_TRUE(stranger.request_with(round % 3 == 0 ? 5 : 1, many,
                                      {round % 3 == 1 ? std::uint8_t{9} : std::uint8_t{1}, 1, 0}));
    EXPECT_TRUE(stranger.is_cut_off());
  }
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  auto after = *honest.call<&Actor::descriptors>();
  while (after != open && std::chrono::steady_clock::now() < give_up) after = *honest.call<&Actor::descriptors>();
  EXPECT_EQ(after, open);
}

TEST_F(Attack, X13ANamedPipeThatNobodyWritesToIsNoFile) {
  const std::string path = session.jobs() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const os::Fd pipe(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const int raw = pipe.raw();
  const Stranger stranger = at_service_greeted();
  EXPECT_TRUE(stranger.request_with(1, std::span(&raw, 1), {1, 1, 0}));
  EXPECT_EQ(stranger.reason(), code::kBadAttachment);
}

// ---- F18 to F21

TEST_F(Attack, F18AFileThatItsSenderKeepsLockedIsReadWithoutWaiting) {
  const std::string path = session.jobs() + "/locked";
  std::ofstream(path) << "text";
  const os::Fd held(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(held.raw(), LOCK_EX), 0);
  struct ::flock whole{};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(held.raw(), F_OFD_SETLK, &whole), 0);
  const auto size = honest.call_with<&Actor::size_of>({.timeout = 20s}, *File::open(path));
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, 4U);
}

TEST_F(Attack, F20NoConfinedServiceSendsOrReceivesUrgentData) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  warm(kOther);
  auto other = connect<Actor>(kOther);
  for (const char* call : {"send_oob", "recv_oob"}) {
    const auto outcome = other.call_with<&Actor::attempt>({.timeout = 20s}, call);
    ASSERT_FALSE(outcome) << call;
    EXPECT_EQ(outcome.error().kind, Kind::interrupted) << call;
    ASSERT_TRUE(wait_for_state(kOther, "idle"));
    EXPECT_TRUE(last_exit_of(kOther).starts_with("killed by SIGSYS")) << call << ": " << last_exit_of(kOther);
  }
}

TEST_F(Attack, F20AServiceReadsNoUrgentDataThatAStrangerSends) {
  const Stranger stranger = at_service_greeted();
  // The kernel has none on sockets that keep packets apart; what has it is no channel.
  EXPECT_LT(::send(stranger.socket.raw(), "x", 1, MSG_OOB | MSG_NOSIGNAL), 0);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const os::Fd near(ends[0]);
  const os::Fd far(ends[1]);
  (void)::send(far.raw(), "x", 1, MSG_OOB | MSG_NOSIGNAL);
  const int raw = near.raw();
  EXPECT_TRUE(stranger.request_with(1, std::span(&raw, 1), {4, 3, 0}));
  EXPECT_EQ(stranger.reason(), code::kBadAttachment);
}

TEST_F(Attack, F21NoConfinedServiceReachesASocketThatItWasNotGiven) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live in the sandbox; the plain build runs this";
  const auto outcomes = honest.call<&Actor::reach_out>();
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  EXPECT_EQ(outcomes->size(), 6U);
  for (const auto& [what, error] : *outcomes) EXPECT_EQ(error, EPERM) << what;
}

// ---- X16

TEST_F(Attack, X16AnErrorTellsNothingOfOthers) {
  bootstrap::Broker broker;
  const auto absent = broker.look_up({"org.example.absent"}, {});
  const auto near = broker.look_up({"org.example.acto"}, {});
  ASSERT_FALSE(absent);
  ASSERT_FALSE(near);
  EXPECT_EQ(absent.error().code, code::kUnknownService);
  EXPECT_EQ(near.error().code, absent.error().code);
  EXPECT_EQ(near.error().kind, absent.error().kind);
  EXPECT_EQ(near.error().message.find("actor"), std::string::npos) << "not even that a longer name is there";
}

}  // namespace
}  // namespace reeve::test
