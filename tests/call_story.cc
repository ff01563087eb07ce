// Calls by name: types, errors, descriptors, interruption.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "../src/os/pipe.hpp"
#include "../src/os/process.hpp"
#include "support/actor.hpp"
#include "support/session.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";

class Call : public testing::Test {
 protected:
  Call() { write_job(session.jobs(), actor_job(kActor)); }
  Session session;
};

// By number: what is opened anew has another.
std::set<std::string> own_sockets() {
  std::set<std::string> sockets;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string what = std::filesystem::read_symlink(entry.path(), gone).string();
    if (what.starts_with("socket:")) sockets.insert(what);
  }
  return sockets;
}

// How a copy of this process ends that returns what the task does.
std::string end_of_copy(const std::function<int()>& task) {
  const auto copy = os::run_in_copy(task);
  if (!copy) return text_of(copy.error());
  const auto ended = os::wait_for_exit(*copy, os::now() + 60s).value_or(std::nullopt);
  return ended ? os::describe(*ended) : "does not end";
}

bool is_answered() { return connect<Actor>(kActor).call<&Actor::sleep>(0U).has_value(); }

TEST_F(Call, OverANewConnectionAsksTheBrokerOverTheSame) {
  ASSERT_TRUE(is_answered());
  const auto sockets = own_sockets();
  ASSERT_TRUE(is_answered());
  EXPECT_EQ(own_sockets(), sockets);
  std::vector<std::jthread> together;
  for (int i = 0; i < 8; ++i) together.emplace_back([] { EXPECT_TRUE(is_answered()); });
  together.clear();
  EXPECT_EQ(own_sockets().size(), sockets.size()) << "one is kept, whoever asked meanwhile";
  leave_broker();
  EXPECT_EQ(own_sockets().size(), sockets.size() - 1);
}

TEST_F(Call, OfACopyOfThisProcessAsksOverAConnectionOfItsOwn) {
  ASSERT_TRUE(is_answered());
  const auto sockets = own_sockets();
  EXPECT_EQ(end_of_copy([] { return is_answered() && is_answered() ? 0 : 1; }), "exited with 0");
  ASSERT_TRUE(is_answered());
  EXPECT_EQ(own_sockets(), sockets) << "and leaves ours alone";
}

// As programs do that go into the background: the number is another's then.
TEST_F(Call, FindsItsConnectionClosedByOthersAndLeavesTheirsAlone) {
  const std::string end = end_of_copy([] {
    leave_broker();
    if (!is_answered()) return 1;
    os::close_from(3);
    std::vector<std::pair<os::Fd, os::Fd>> own;  // Of the connection's number one of them, whatever that was.
    while (own.size() < 16) own.push_back(*os::make_pipe());
    if (!is_answered()) return 2;
    leave_broker();
    return std::ranges::all_of(own,
                               [](const auto& pipe) {
                                 char word = 'x';
                                 return ::write(pipe.second.raw(), &word, 1) == 1 &&
                                        ::read(pipe.first.raw(), &word, 1) == 1;
                               })
               ? 0
               : 3;
  });
  EXPECT_EQ(end, "exited with 0");
}

// It keeps nothing that was made with another's rights, and does not fall over what the kernel says of it then.
TEST_F(Call, OfOneThatBecameAnotherUserAsksAnew) {
  if (!os::is_root()) GTEST_SKIP() << "only root becomes another";
  const std::string end = end_of_copy([] {
    if (!is_answered()) return 1;
    if (::seteuid(65534) != 0 || ::seteuid(0) != 0) return 2;
    if (!is_answered()) return 3;
    if (::setresuid(65534, 0, 65534) != 0) return 4;
    const auto before = own_sockets();
    if (!is_answered()) return 5;
    return own_sockets().size() < before.size() ? 0 : 6;
  });
  EXPECT_EQ(end, "exited with 0");
}

TEST_F(Call, AfterAQuietWhileAsksAnew) {
  ASSERT_TRUE(is_answered());
  const Census without = session.settled_census();
  const std::string folder = "/proc/" + std::to_string(session.broker()) + "/fd";
  const auto broker_holds = [&] {
    const std::filesystem::directory_iterator all(folder);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  };
  ASSERT_TRUE(is_answered());
  const auto sockets = own_sockets();
  EXPECT_TRUE(comes_true([&] { return broker_holds() == without.descriptors.at("broker"); })) << "it lets go";
  ASSERT_TRUE(is_answered());
  EXPECT_NE(own_sockets(), sockets);
}

TEST_F(Call, ThatIsMalformedIsRefusedWithItsPathAndTheServiceGoesOn) {
  auto connection = open_connection(kActor);
  const auto fault = [&](Dictionary message) {
    const auto reply = connection.call(message, {.timeout = 20s});
    return reply ? "a reply" : reply.error().message;
  };
  const auto call = [](const char* method, Array arguments) {
    return Dictionary{{"method", Object(method)}, {"arguments", Object(std::move(arguments))}};
  };
  EXPECT_EQ(fault({}), "method: missing");
  EXPECT_EQ(fault(call("jump", {})), "the interface has no method \"jump\"");
  EXPECT_EQ(fault(call("sleep", {})), "sleep: expected 1 arguments, got 0");
  EXPECT_EQ(fault(call("sleep", {Object("long")})), "sleep[0]: expected uint32, got string");
  EXPECT_EQ(fault(call("size_of", {Object(1)})), "size_of[0]: expected file, got int64");
  EXPECT_EQ(fault(call("repeat", {Object(Dictionary{{"flag", Object(1)}})})),
            "repeat[0].flag: expected bool, got int64");
  EXPECT_EQ(fault(call("sleep", {Object(0)})), "a reply");
}

TEST_F(Call, CarriesEveryTypeThereAndBack) {
  auto actor = connect<Actor>(kActor);
  const Everything what{
      true,         -7,      1ULL << 63U,  2.5,        "t\xc3\xa4xt", Data{{std::byte{0}, std::byte{255}}},
      std::nullopt, {1, -2}, {{"k", "v"}}, Mood::angry};
  const auto back = actor.call<&Actor::repeat>(what);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, what);
}

TEST_F(Call, CarriesAFileByItsDescriptorAlone) {
  const Folder folder;
  const std::string path = folder.path() + "/file";
  std::ofstream(path) << "twelve bytes";
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
  auto actor = connect<Actor>(kActor);
  const auto size = actor.call<&Actor::size_of>(*File::open(path));
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, 12U);
}

TEST_F(Call, BringsTheServicesOwnErrorWhole) {
  auto actor = connect<Actor>(kActor);
  const auto outcome = actor.call<&Actor::complain>(77, "enough");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), (Error{Kind::denied, 77, "enough", "stop asking"}));
}

TEST_F(Call, TurnsWhatAHandlerThrowsIntoAnError) {
  auto actor = connect<Actor>(kActor);
  const auto outcome = actor.call<&Actor::throw_something>();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kHandlerThrew);
  EXPECT_NE(outcome.error().message.find("a handler's own trouble"), std::string::npos);
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U));
}

TEST_F(Call, ThatIsTooLargeEitherWayIsAnErrorAndNothingElse) {
  auto actor = connect<Actor>(kActor);
  Everything what;
  what.text = std::string(kMessageBytesMax, 'x');
  const auto repeated = actor.call<&Actor::repeat>(what);
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().code, code::kTooLarge);
  const auto answered = actor.call<&Actor::answer_of>(static_cast<std::uint32_t>(kMessageBytesMax));
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code, code::kTooLarge);
  EXPECT_EQ(actor.call<&Actor::answer_of>(60'000U)->size(), 60'000U);
}

TEST_F(Call, CarriesLargeMessagesBothWays) {
  auto actor = connect<Actor>(kActor);
  for (const std::size_t size : {std::size_t{70'000}, std::size_t{1} << 20U, std::size_t{9'000'001}}) {
    Everything what;
    what.text = std::string(size / 3, 'x');
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 4096);
    what.data = std::move(bytes);
    const auto repeated = actor.call<&Actor::repeat>(what);
    ASSERT_TRUE(repeated) << repeated.error().message;
    EXPECT_TRUE(*repeated == what) << size;
  }
}

TEST_F(Call, ThatIsGivenUpLeavesTheConnectionUsable) {
  auto actor = connect<Actor>(kActor);
  const auto late = actor.call_with<&Actor::sleep>({.timeout = 50ms}, 300U);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, Kind::timeout);
  const auto next = actor.call_with<&Actor::complain>({.timeout = 20s}, 5, "the right answer");
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, 5) << "the late answer belongs to nobody";
}

TEST_F(Call, GetsThroughToAServiceThatHasManyLateAnswersToGetRidOf) {
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  (void)actor.call_with<&Actor::sleep>({.timeout = 1ms}, 500U);
  // Their answers fill this side's queue while nobody reads it.
  for (int i = 0; i < 400; ++i) (void)actor.call_with<&Actor::answer_of>({.timeout = 1ms}, 3000U);
  EXPECT_TRUE(actor.call_with<&Actor::sleep>({.timeout = 30s}, 0U));
}

TEST_F(Call, GoesThroughAnEndpointToTheInstanceThatGaveItOut) {
  Endpoint forged;
  forged.token.fill(std::byte{7});
  auto nobody = Proxy<Actor>(open_connection(forged));
  const auto refused = nobody.call<&Actor::sleep>(0U);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::gone);

  auto actor = connect<Actor>(kActor);
  const auto endpoint = actor.call<&Actor::own_endpoint>();
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  auto other = Proxy<Actor>(open_connection(*endpoint));
  ASSERT_TRUE(other.call<&Actor::sleep>(0U));
  EXPECT_EQ(*other.peer()->pid, *actor.peer()->pid);
  EXPECT_FALSE(actor.call<&Actor::crash>());
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U)) << "a name leads to the next instance";
  (void)other.call<&Actor::sleep>(0U);
  const auto later = other.call<&Actor::sleep>(0U);
  ASSERT_FALSE(later) << "an endpoint does not";
  EXPECT_EQ(later.error().kind, Kind::gone);
}

TEST_F(Call, IsInterruptedWhenTheServiceDiesAndTheNextStartsAFreshOne) {
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  const auto first = actor.peer();
  ASSERT_TRUE(first && first->pid);
  const auto outcome = actor.call<&Actor::crash>();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Kind::interrupted);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  EXPECT_NE(*actor.peer()->pid, *first->pid);
}

TEST_F(Call, GoesToAFreshServiceWhenTheOldOneDiedUnnoticed) {
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call<&Actor::sleep>(0U));
  ::kill(*actor.peer()->pid, SIGKILL);
  ASSERT_TRUE(wait_for_state(kActor, "idle"));
  EXPECT_TRUE(actor.call<&Actor::sleep>(0U)) << "nothing was taken up, so that nothing was interrupted";
}

TEST_F(Call, KnowsItsPeerAsTheKernelAndTheBrokerDo) {
  auto actor = connect<Actor>(kActor);
  const auto peer = actor.peer();
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->label, kActor);
  EXPECT_EQ(peer->trust, PeerClass::bound);
  ASSERT_TRUE(peer->pid);
  EXPECT_EQ(*status_of(kActor).find("pid"), Object(*peer->pid));
}

TEST_F(Call, ByManyClientsAtOnceStartsOneService) {
  std::vector<std::thread> clients;
  std::atomic<int> answered = 0;
  std::mutex mutex;
  std::set<std::int32_t> pids;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      auto actor = connect<Actor>(kActor);
      if (actor.call<&Actor::sleep>(1U)) ++answered;
      const std::lock_guard lock(mutex);
      pids.insert(actor.peer()->pid.value_or(0));
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(pids.size(), 1U);
}

TEST_F(Call, OfAnUnknownNameSaysWhatToDo) {
  auto nobody = connect<Actor>("org.example.nobody");
  const auto outcome = nobody.call<&Actor::sleep>(0U);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kUnknownService);
  EXPECT_NE(outcome.error().advice.find("MachServices"), std::string::npos);
  EXPECT_FALSE(connect<Actor>("not..a.name").call<&Actor::sleep>(0U));
}

}  // namespace
}  // namespace reeve::test
