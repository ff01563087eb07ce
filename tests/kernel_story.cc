// The kernel that is not there: what is newer than the oldest kernel we run on fails as an older one has it fail, and
// what is built on it falls back to something that is said.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "../src/bootstrap/broker.hpp"
#include "../src/os/files.hpp"
#include "../src/wire/wire.hpp"
#include "support/actor.hpp"
#include "support/filter.hpp"
#include "support/session.hpp"
#include "support/speaker.hpp"

namespace reeve::test {
namespace {

constexpr const char* kActor = "org.example.actor";
constexpr const char* kOnlooker = "org.example.onlooker";
constexpr CallOptions kBounded{.timeout = 20s};
constexpr std::array<const char*, 5> kNewer{"peer-pidfd", "pass-pidfd", "pass-rights", "pidfs", "memfd-exec"};

std::vector<std::string> under(std::initializer_list<const char*> missing) {
  std::vector<std::string> words;
  for (const char* what : missing) words.insert(words.end(), {build_folder() + "/tests/under", "--older", what});
  return words;
}

void write_jobs(const Session& session, const std::vector<std::string>& onlooker_arguments = {}) {
  write_job(session.jobs(), actor_job(kActor));
  JobFile onlooker = actor_job(kOnlooker, onlooker_arguments);
  onlooker.program = build_folder() + "/tests/onlooker";
  write_job(session.jobs(), onlooker);
}

// What a service is told of this process.
Result<Dictionary> what_is_known() { return open_connection(kOnlooker).call({}, kBounded); }

void expect_binding(Binding wanted) {
  const auto known = what_is_known();
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(*known->find("binding"), Object(static_cast<std::uint64_t>(wanted)));
  const bool tells_pid = wanted == Binding::pid;
  EXPECT_EQ(*known->find("pid"), tells_pid ? Object(std::int64_t{::getpid()}) : Object());
}

// The same for a service that sees its callers, whatever the kernel cannot say of the others.
Binding unless_it_sees_pids(Binding confined) { return service_preset() == "none" ? Binding::pid : confined; }

void expect_calls_succeed() {
  auto actor = connect<Actor>(kActor);
  Everything what;
  what.data = Data(std::vector<std::byte>(1024 * 1024, std::byte{7}));
  const auto repeated = actor.call_with<&Actor::repeat>(kBounded, what);
  ASSERT_TRUE(repeated) << repeated.error().message;
  EXPECT_EQ(*repeated, what);
  const auto file = File::open(*os::own_program());
  ASSERT_TRUE(file);
  const auto size = actor.call_with<&Actor::size_of>(kBounded, *file);
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, *file->size());
}

void expect_memory_arrives() {
  auto builder = MemoryBuilder::make(8192);
  ASSERT_TRUE(builder) << builder.error().message;
  builder->bytes()[8191] = std::byte{42};
  const auto memory = builder->seal();
  ASSERT_TRUE(memory) << memory.error().message;
  auto actor = connect<Actor>(kActor);
  const auto sum = actor.call_with<&Actor::sum_of>(kBounded, *memory);
  ASSERT_TRUE(sum) << sum.error().message;
  EXPECT_EQ(*sum, 42U);
}

// Whether this kernel itself tells processes apart by a number that every namespace shares.
bool numbers_processes() {
  const auto pair = os::channel_pair();
  return pair && os::process_behind(pair->first) != 0;
}

TEST(Kernel, OfTodayLetsAConfinedServiceKnowTheProcessThatCalls) {
  if (!numbers_processes()) GTEST_SKIP() << "this kernel numbers no processes";
  Session session;
  write_jobs(session);
  expect_calls_succeed();
  expect_memory_arrives();
  expect_binding(unless_it_sees_pids(Binding::process));
}

TEST(Kernel, WithoutThePidfdOfWhoConnectsLeavesNothingButTheEnd) {
  Session session(under({"peer-pidfd"}));
  write_jobs(session);
  expect_calls_succeed();
  expect_binding(unless_it_sees_pids(Binding::end));
}

// As under systemd's RestrictNamespaces.
TEST(Kernel, WithoutClone3ServicesStartAsTheyDo) {
  Session session(under({"clone3"}));
  write_jobs(session);
  expect_calls_succeed();
}

TEST(Kernel, WithoutThePidfdOfWhoSendsLeavesNothingButTheEnd) {
  Session session;
  write_jobs(session, {"--older", "pass-pidfd"});
  expect_calls_succeed();
  expect_binding(unless_it_sees_pids(Binding::end));
}

TEST(Kernel, WhosePidfdsShareOneInodeLeavesNothingButTheEnd) {
  Session session(under({"pidfs"}));
  write_jobs(session);
  expect_calls_succeed();
  expect_binding(unless_it_sees_pids(Binding::end));
}

TEST(Kernel, WhosePidfdsShareOneInodeForAServiceAloneLeavesNothingButTheEnd) {
  Session session;
  write_jobs(session, {"--older", "pidfs"});
  expect_binding(unless_it_sees_pids(Binding::end));
}

TEST(Kernel, ThatCannotRefuseDescriptorsStillLetsNoneIntoTheBroker) {
  Session session(under({"pass-rights"}));
  write_jobs(session);
  expect_calls_succeed();
  const Census before = session.settled_census();
  {
    const auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
    ASSERT_TRUE(socket);
    channel::Channel stranger(std::move(*socket->duplicate()));
    ASSERT_TRUE(stranger.greet());
    const auto body = wire::encode(Dictionary{{"method", Object("list")}, {"arguments", Object(Array{})}});
    channel::Header header;
    header.kind = channel::PacketKind::request;
    header.id = header.sequence = 1;
    header.attachment_count = 1;
    header.body_size = header.message_size = body->body.bytes.size();
    const channel::AttachmentEntry entry{static_cast<std::uint8_t>(os::DescriptorKind::channel), 3, 0};
    const std::array parts{std::as_bytes(std::span(&header, 1)), std::as_bytes(std::span(&entry, 1)),
                           std::span<const std::byte>(body->body.bytes)};
    const int raw = socket->raw();
    const auto sent = os::send_packet(*socket, parts, std::span(&raw, 1));
    ASSERT_TRUE(sent) << "this kernel does not refuse to send it: " << sent.error().message;
    channel::Inbox inbox;
    const os::Deadline deadline = os::now() + 20s;
    bool is_over = false;
    while (!is_over && os::wait_for(*socket, os::Readiness::readable, deadline).value_or(false)) {
      const auto incoming = stranger.receive(inbox);
      is_over = !incoming || std::holds_alternative<channel::Ended>(*incoming);
    }
    EXPECT_TRUE(is_over) << "there is no room for it, and the channel ends";
    EXPECT_EQ(session.settled_census().descriptors.at("broker"), before.descriptors.at("broker"));
  }
  EXPECT_TRUE(session.prints("nobody asked for"));
  EXPECT_TRUE(session.is_alive());
  expect_calls_succeed();
}

TEST(Kernel, WhoseMemoryMayAlwaysBeExecutedStillStartsServicesAndCarriesMemory) {
  Session session(under({"memfd-exec"}));
  write_jobs(session);
  expect_calls_succeed();
  // The filter is this thread's alone, and ends with it.
  std::thread client([] {
    ASSERT_TRUE(become_older("memfd-exec"));
    expect_memory_arrives();
  });
  client.join();
}

TEST(Kernel, ThatHasNoneOfItStillServes) {
  Session session(under({"peer-pidfd", "pass-pidfd", "pass-rights", "pidfs", "memfd-exec"}));
  write_jobs(session);
  std::thread client([] {
    for (const char* what : kNewer) ASSERT_TRUE(become_older(what));
    expect_calls_succeed();
    expect_binding(unless_it_sees_pids(Binding::end));
  });
  client.join();
  EXPECT_EQ(reeve_tool({"list"}).exit_code, 0);
}

TEST(Kernel, WhoseSessionRunsUnderAFilterStillWantsBothOfItsServices) {
  if (service_preset() == "none") GTEST_SKIP() << "no preset here has filters";
  Session session(under({"nothing"}));
  write_jobs(session, {"--without-its-filter"});
  expect_calls_succeed();
  const auto refused = what_is_known();
  ASSERT_FALSE(refused) << "the session's own filter was taken for one of the preset's";
  EXPECT_EQ(refused.error().code, code::kMissingLayer) << refused.error().message;
}

// Each layer that every preset requires: a machine that lacks one starts nothing, and says which.
TEST(MissingLayers, EachRefusesByItsName) {
  if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live within the preset's limits; the plain build runs this";
  struct Layer {
    const char* lacking;
    const char* named;
  };
  constexpr Layer kLayers[] = {{"landlock", "Landlock"},
                               {"user-namespaces", "a user namespace"},
                               {"pid-namespaces", "a pid namespace"},
                               {"joining-namespaces", "shared namespaces"},
                               {"mounts", "mount"},
                               {"read-only-mounts", "mount_setattr"},
                               {"new-root", "pivot_root"},
                               {"seccomp", "seccomp"},
                               {"no-new-privs", "NO_NEW_PRIVS"},
                               {"capabilities", "capabilities"}};
  for (const Layer& layer : kLayers) {
    const Folder folder;
    ::setenv("REEVE_RUNTIME_DIR", folder.path().c_str(), 1);
    const Output output =
        run({build_folder() + "/tests/under", "--older", layer.lacking, stage() + "/bin/reeve", "broker"});
    ::unsetenv("REEVE_RUNTIME_DIR");
    EXPECT_EQ(output.exit_code, 1) << layer.lacking;
    EXPECT_NE(output.err.find(layer.named), std::string::npos) << layer.lacking << ": " << output.err;
    std::printf("without %s: %s", layer.lacking, output.err.c_str());
  }
}

// What runs a program on a machine whose /etc has such a file, of that owner and mode; on no other.
std::vector<std::string> where_may_lack(const std::string& folder, const std::string& words,
                                        const std::string& owner = "0", const std::string& mode = "644") {
  const std::string etc = folder + "/etc";
  const std::string file = etc + "/reeve/may-lack";
  return {"/usr/bin/unshare", "--mount", "/bin/sh", "-ec",
          "mkdir " + folder + "; cp -a /etc " + etc + "; mkdir -p " + etc + "/reeve; printf '" + words + "' > " + file +
              "; chown " + owner + " " + file + "; chmod " + mode + " " + file + "; mount --bind " + etc +
              " /etc; exec \"$0\" \"$@\""};
}

class Allowance : public testing::Test {
 protected:
  void SetUp() override {
    if (is_sanitised()) GTEST_SKIP() << "a sanitiser cannot live within the preset's limits; the plain build runs this";
    if (::geteuid() != 0) GTEST_SKIP() << "what root allows is root's to write";
  }
  Output broker_without_landlock(std::vector<std::string> words) const {
    ::setenv("REEVE_RUNTIME_DIR", folder.path().c_str(), 1);
    words.insert(words.end(),
                 {build_folder() + "/tests/under", "--older", "landlock", stage() + "/bin/reeve", "broker"});
    const Output output = run(words);
    ::unsetenv("REEVE_RUNTIME_DIR");
    return output;
  }
  Folder folder;
  Folder machine;
};

TEST_F(Allowance, OfTheAdministratorLetsServicesRunWithLessAndTheyAreKnownByIt) {
  std::vector<std::string> words = where_may_lack(machine.path() + "/it", "# an old kernel\\n landlock # for now\\n");
  const auto older = under({"landlock"});
  words.insert(words.end(), older.begin(), older.end());
  Session session(words);
  write_jobs(session);
  expect_calls_succeed();
  const std::vector<std::string> lacking{"landlock", "landlock-ports", "landlock-scopes"};
  EXPECT_EQ(details_of(kActor).lacking, lacking);
  EXPECT_NE(reeve_tool({"print", kActor}).out.find("lacking        landlock landlock-ports"), std::string::npos);
  const auto call = [](const std::string& required) {
    return connect<Actor>(kActor, {.required = required}).call_with<&Actor::sleep>(kBounded, 0U);
  };
  EXPECT_TRUE(call("confined"));
  EXPECT_EQ(call("enforces:landlock").error().code, code::kNotMet);
  auto actor = connect<Actor>(kActor);
  ASSERT_TRUE(actor.call_with<&Actor::sleep>(kBounded, 0U));
  EXPECT_EQ(actor.peer()->lacking, lacking);
  EXPECT_EQ(actor.call_with<&Actor::read_file>(kBounded, "/etc/passwd").error().code, EPERM) << "of the other layers";
}

TEST_F(Allowance, OfAnotherLayerOfAnotherUserOrOfNobodyIsNone) {
  const auto refused = [&](const std::vector<std::string>& words, const std::string& why) {
    const Output output = broker_without_landlock(words);
    EXPECT_EQ(output.exit_code, 1) << why;
    EXPECT_NE(output.err.find("Landlock"), std::string::npos) << output.err;
    EXPECT_NE(output.err.find(why), std::string::npos) << why << ": " << output.err;
  };
  int n = 0;
  const auto other = [&](const std::string& text, const std::string& owner = "0", const std::string& mode = "644") {
    return where_may_lack(machine.path() + "/" + std::to_string(n++), text, owner, mode);
  };
  refused(other("no-new-code\\n"), "no Landlock");
  refused(other("landlock\\nseccomp\\n"), "line 2: no layer is called \"seccomp\"");
  refused(other("landlock\\n", "12345"), "belongs to user 12345");
  refused(other("landlock\\n", "0", "666"), "can be written by its group or by others");
}

// Who connects cannot be proven there: such a program is what its user is, and is told why.
TEST(Kernel65, WithoutPidfdsOfPeersASignedProgramIsWorthItsUserAlone) {
  const Session session(under({"peer-pidfd"}));
  Speaker speaker(bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail).value());
  const auto proof = speaker.prove({});
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->who.trust, PeerClass::uid_only);
  EXPECT_NE(proof->why_not.find("before Linux 6.5"), std::string::npos) << proof->why_not;
}

}  // namespace
}  // namespace reeve::test
