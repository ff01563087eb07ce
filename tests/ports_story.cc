// `reeve ports`: what a process shows of its rights, who is at their other ends, and what comes of shows that are none.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <reeve/port.hpp>
#include <thread>

#include "../src/inspect/json.hpp"
#include "../src/port/listing.hpp"
#include "support/session.hpp"
#include "support/task.hpp"

namespace reeve::test {
namespace {

std::string text(std::int64_t number) { return std::to_string(number); }

// A process that has done something, and waits for its end.
class Doer {
 public:
  explicit Doer(const std::function<void()>& what) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      what();
      (void)!::write(ready[1], "x", 1);
      while (true) ::pause();
    }
    ::close(ready[1]);
    char done = 0;
    EXPECT_EQ(::read(ready[0], &done, 1), 1) << "it ended too early";
    ::close(ready[0]);
  }
  Doer(const Doer&) = delete;
  Doer& operator=(const Doer&) = delete;
  ~Doer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

Array printed(pid_t pid) {
  const Output output = reeve_tool({"ports", "--json", text(pid)});
  EXPECT_EQ(output.exit_code, 0) << output.err;
  const auto parsed = inspect::parse_json(output.out);
  const Dictionary* object = parsed ? parsed->get<Dictionary>() : nullptr;
  if (object == nullptr) return ADD_FAILURE() << output.out, Array();
  EXPECT_EQ(*object->find("pid"), Object(std::int64_t{pid}));
  return *object->find("ports")->get<Array>();
}

// What is printed of one name; empty where it is not among them.
Dictionary of_name(const Array& all, port::Name name) {
  for (const Object& each : all) {
    const Dictionary& one = *each.get<Dictionary>();
    if (*one.find("name") == Object(std::int64_t{name.value})) return one;
  }
  return {};
}

Object words(std::initializer_list<const char*> all) {
  Array array;
  for (const char* word : all) array.emplace_back(std::string(word));
  return Object(std::move(array));
}

Object peer(std::initializer_list<pid_t> pids, std::int64_t waiting = 0, bool is_gone = false) {
  Array numbers;
  for (const pid_t pid : pids) numbers.emplace_back(std::int64_t{pid});
  return Object(Dictionary{{"is_gone", Object(is_gone)},
                           {"is_known", Object(true)},
                           {"pids", Object(std::move(numbers))},
                           {"waiting_bytes", Object(waiting)}});
}

Dictionary row(port::Name name, Object rights, std::int64_t send, std::int64_t dead, std::int64_t limit, Array peers) {
  return {{"dead_references", Object(dead)},   {"name", Object(std::int64_t{name.value})},
          {"peers", Object(std::move(peers))}, {"queue_limit", Object(limit)},
          {"rights", std::move(rights)},       {"send_references", Object(send)}};
}

std::string refused(pid_t pid) {
  const Output output = reeve_tool({"ports", text(pid)});
  EXPECT_EQ(output.exit_code, 1) << output.out;
  return output.err;
}

// Memory under that name with whatever in it, in a process that shows nothing else.
std::string refused_show(std::span<const std::byte> bytes, unsigned flags = MFD_ALLOW_SEALING) {
  const Doer doer([&] {
    const int memory = ::memfd_create(port::kListingName, flags);
    // It says whose it is.
    const std::int32_t pid = ::getpid();
    std::vector<std::byte> own(bytes.begin(), bytes.end());
    if (own.size() >= sizeof(port::ListingHeader)) std::memcpy(&own[offsetof(port::ListingHeader, pid)], &pid, 4);
    if (::write(memory, own.data(), own.size()) != static_cast<ssize_t>(own.size())) ::_exit(1);
  });
  return refused(doer.pid());
}

TEST(PortsTool, RefusesAProcessThatDoesNotShowThem) {
  const Doer silent([] { (void)PortSpace::make().make_port(); });
  EXPECT_NE(refused(silent.pid()).find("does not show its ports"), std::string::npos);
  EXPECT_NE(refused(silent.pid()).find("REEVE_PORTS=listed"), std::string::npos);
  EXPECT_NE(refused(1 << 30).find("no such process"), std::string::npos);
  EXPECT_EQ(reeve_tool({"ports"}).exit_code, 2);
  EXPECT_EQ(reeve_tool({"ports", "0"}).exit_code, 2);
}

TEST(PortsTool, RefusesAShowThatIsNone) {
  const auto bytes_of = [](const auto& value) { return std::as_bytes(std::span(&value, 1)); };
  EXPECT_NE(refused_show({}).find("shorter"), std::string::npos);
  EXPECT_NE(refused_show(bytes_of(port::ListedName())).find("no listing of ports"), std::string::npos);
  EXPECT_NE(refused_show(bytes_of(port::ListingHeader{.version = 2})).find("no listing"), std::string::npos);
  EXPECT_NE(refused_show(bytes_of(port::ListingHeader{.count = UINT32_MAX})).find("no listing"), std::string::npos);
  EXPECT_NE(refused_show(bytes_of(port::ListingHeader{.count = 1})).find("shorter"), std::string::npos);
  EXPECT_NE(refused_show(bytes_of(port::ListingHeader{.sequence = 1})).find("change all the while"), std::string::npos);
}

// Descriptors that are none, or not what they are said to be, tell nothing.
TEST(PortsTool, BelievesNothingOfDescriptors) {
  const struct {
    port::ListingHeader header{.count = 1};
    port::ListedName name{.name = 0x103,
                          .rights = UINT32_MAX,
                          .send = UINT32_MAX,
                          .dead = UINT32_MAX,
                          .queue_limit = UINT32_MAX,
                          .line = 0,
                          .ready = INT32_MAX};
  } show;
  const Doer doer([&] {
    auto own = show;
    own.header.pid = ::getpid();
    (void)!::write(::memfd_create(port::kListingName, 0), &own, sizeof own);
  });
  const Output output = reeve_tool({"ports", text(doer.pid())});
  EXPECT_EQ(output.exit_code, 0) << output.err;
  EXPECT_NE(output.out.find("receive, send 4294967295, send-once, dead-name 4294967295, port-set, watched"),
            std::string::npos)
      << output.out;
}

struct Shows {
  Shows() { ::setenv("REEVE_PORTS", "listed", 1); }
  ~Shows() { ::unsetenv("REEVE_PORTS"); }
};

class PortsOfTasks : public testing::Test {
 protected:
  static port::Name made(const TaskProcess& task, Deed deed, std::uint32_t subject, std::uint32_t number) {
    const Outcome outcome = task.tell({.deed = deed, .subject = subject, .made = number});
    EXPECT_EQ(outcome.error, 0);
    return {outcome.name};
  }
  // B's right `number`, to a port that A has.
  port::Name handed_over(std::uint32_t right, std::uint32_t number) const {
    os::Fd end;
    EXPECT_EQ(a.tell({.deed = Deed::give_out, .subject = right}, &end).error, 0);
    const Outcome taken = b.tell({.deed = Deed::take_in, .made = number}, &end);
    EXPECT_EQ(taken.error, 0);
    return {taken.name};
  }
  void wait_until_shown(const TaskProcess& task) const { EXPECT_EQ(task.tell({.deed = Deed::names}).error, 0); }

  Shows shows;
  TaskProcess a;
  TaskProcess b;
};

TEST_F(PortsOfTasks, AreShownWithTheirCountsAndWhoIsAtTheOtherEnd) {
  const port::Name port = made(a, Deed::make_port, 0, 1);
  EXPECT_EQ(Object(of_name(printed(a.pid()), port)), Object(row(port, words({"receive"}), 0, 0, 5, {})));
  made(a, Deed::make_send, 1, 2);
  const port::Name right = handed_over(2, 1);
  made(b, Deed::copy, 1, 2);
  ASSERT_EQ(b.tell({.deed = Deed::send, .subject = 1, .number = 7}).error, 0);
  constexpr std::int64_t kBytes = 16 + 8;  // A header, and the number.
  EXPECT_EQ(Object(of_name(printed(a.pid()), port)),
            Object(row(port, words({"receive"}), 0, 0, 5, {peer({b.pid()}, kBytes)})));
  EXPECT_EQ(Object(of_name(printed(b.pid()), right)),
            Object(row(right, words({"send"}), 2, 0, 0, {peer({a.pid()}, kBytes)})));
  ASSERT_EQ(a.tell({.deed = Deed::drop, .subject = 1}).error, 0);
  EXPECT_EQ(Object(of_name(printed(a.pid()), port)), Object(Dictionary())) << "it stands for nothing";
  wait_until_shown(b);
  ASSERT_NE(b.tell({.deed = Deed::send, .subject = 1}).error, 0) << "which is how it notices";
  EXPECT_EQ(Object(of_name(printed(b.pid()), right)), Object(row(right, words({"dead-name"}), 0, 2, 0, {})));
}

TEST_F(PortsOfTasks, AreReadableForPeople) {
  const port::Name port = made(a, Deed::make_port, 0, 1);
  made(a, Deed::make_send, 1, 2);
  handed_over(2, 1);
  made(a, Deed::make_send_once, 1, 3);
  const Output output = reeve_tool({"ports", text(a.pid())});
  EXPECT_EQ(output.exit_code, 0) << output.err;
  EXPECT_NE(output.out.find("NAME         RIGHTS                       LIMIT  AT THE OTHER END\n"), std::string::npos)
      << output.out;
  char name[16];
  std::snprintf(name, sizeof name, "%#x", port.value);
  EXPECT_NE(output.out.find(std::string(name) + " "), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("receive                          5  "), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("  " + text(b.pid()) + " (ports_story)\n"), std::string::npos) << output.out;
  EXPECT_NE(output.out.find("send-once"), std::string::npos) << output.out;
}

// Whoever reads while rights come and go sees what there was at one time.
TEST_F(PortsOfTasks, AreShownWholeWhileTheyChange) {
  const port::Name port = made(a, Deed::make_port, 0, 1);
  std::atomic<bool> is_over = false;
  std::thread changes([&] {
    while (!is_over) {
      for (std::uint32_t i = 2; i < 12; ++i) a.tell({.deed = Deed::make_send, .subject = 1, .made = i});
      for (std::uint32_t i = 2; i < 12; ++i) a.tell({.deed = Deed::drop, .subject = i});
    }
  });
  for (int i = 0; i < 20; ++i) {
    const Dictionary one = of_name(printed(a.pid()), port);
    ASSERT_NE(one.find("send_references"), nullptr);
    const std::int64_t send = *one.find("send_references")->get<std::int64_t>();
    EXPECT_GE(send, 0);
    EXPECT_LE(send, 10);
  }
  is_over = true;
  changes.join();
}

// A copy of the process has its parent's memory, and neither shows its own there nor spoils what is there.
TEST(PortsTool, ShowsNothingOfACopy) {
  const PortSpace space = PortSpace::make();
  ASSERT_TRUE(space.allow_listing());
  const ReceiveRight port = space.make_port().value();
  const Doer copy([&] { (void)port.make_send(); });
  EXPECT_NE(refused(copy.pid()).find("nothing but what its parent had"), std::string::npos);
  const Dictionary shown = of_name(printed(::getpid()), port.name());
  EXPECT_EQ(*shown.find("send_references"), Object(std::int64_t{0}));
}

TEST(PortsTool, ShowsWhatHasManyDescriptorsOnce) {
  const PortSpace space = PortSpace::make();
  ASSERT_TRUE(space.allow_listing());
  const ReceiveRight port = space.make_port().value();
  std::vector<os::Fd> copies;
  for (int fd = 3; fd < 64; ++fd) {
    std::array<char, 64> target{};
    const ssize_t size = ::readlink(("/proc/self/fd/" + text(fd)).c_str(), target.data(), target.size());
    if (std::string_view(target.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)))
            .starts_with("/memfd:reeve-ports"))
      copies.emplace_back(::dup(fd));
  }
  EXPECT_FALSE(copies.empty());
  EXPECT_EQ(printed(::getpid()).size(), 1U);
}

// A process that makes and drops rights as fast as it can, and one that must not write files.
TEST(PortsTool, ShowsABusyProcess) {
  const Doer busy([] {
    static const PortSpace space = PortSpace::make();
    if (!space.allow_listing()) ::_exit(1);
    static const ReceiveRight port = space.make_port().value();
    static std::thread thread([] {
      while (true) (void)port.make_send();
    });
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(printed(busy.pid()).size(), 1U);
}

TEST(PortsTool, LetsAProcessLiveThatMayWriteNoFiles) {
  const Doer doer([] {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const PortSpace space = PortSpace::make();
    if (space.allow_listing() || !space.make_port()) ::_exit(1);
  });
  EXPECT_NE(refused(doer.pid()).find("does not show its ports"), std::string::npos);
}

TEST(PortsTool, KnowsAProcessThatHasEnded) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_NE(refused(pid).find("has ended"), std::string::npos);
  ::waitpid(pid, nullptr, 0);
}

TEST(PortsTool, ShowsNothingOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  const PortSpace space = PortSpace::make();
  ASSERT_TRUE(space.allow_listing());
  ASSERT_TRUE(space.allow_listing()) << "it may be said twice";
  const Output output = run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                             stage() + "/bin/reeve", "ports", text(::getpid())});
  EXPECT_EQ(output.exit_code, 1) << output.out;
  EXPECT_NE(output.err.find("may not be looked at"), std::string::npos) << output.err;
}

}  // namespace
}  // namespace reeve::test
