// Conversations as the kernel sees them: descriptors in interfaces, callers that sleep where they read, and processes
// that have no descriptors left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "../src/connection/runtime.hpp"
#include "../src/connection/staged.hpp"
#include "../src/connection/typed.hpp"
#include "support/session.hpp"

namespace reeve::connection {
namespace {

using namespace std::chrono_literals;

// Descriptors in interfaces: what they are, and what their receivers can do with them.

using os::Access;

// Whatever comes is kept.
struct Taker {
  virtual Result<void> file(File file) = 0;
  virtual Result<void> writable(WritableFile file) = 0;
  virtual Result<void> reader(PipeReader reader) = 0;
  virtual Result<void> writer(PipeWriter writer) = 0;
  virtual Result<void> socket(Socket socket) = 0;

 protected:
  ~Taker() = default;
};
BOOST_DESCRIBE_STRUCT(Taker, (), (file, writable, reader, writer, socket))

struct Keeper : Taker {
  Result<void> file(File file) override { return keep(file.shared()); }
  Result<void> writable(WritableFile file) override { return keep(file.shared()); }
  Result<void> reader(PipeReader reader) override { return keep(reader.shared()); }
  Result<void> writer(PipeWriter writer) override { return keep(writer.shared()); }
  Result<void> socket(Socket socket) override { return keep(socket.shared()); }
  Result<void> keep(const std::shared_ptr<const os::Fd>& fd) {
    last = fd;
    return {};
  }
  std::shared_ptr<const os::Fd> last;
};

struct AttachedTo : Staged {
  AttachedTo() { handler = std::make_shared<const Handler>(handler_of<Taker>(keeper, Shows::no)); }

  // What came of handing that over.
  template <auto kMethod, class T>
  Result<void> give(T what) {
    std::optional<Result<void>> outcome;
    proxy.call_then<kMethod>([&](const auto& o) { outcome = o; }, std::move(what));
    if (!comes_true([&] { return outcome.has_value(); })) return fail(Kind::timeout, 1, "nothing came");
    return *outcome;
  }
  int open_with(int flags) const { return ::open(path.c_str(), flags | O_CLOEXEC); }
  std::string file_of(const std::string& text) {
    std::ofstream(folder.path() + "/file") << text;
    return folder.path() + "/file";
  }

  Keeper keeper;
  Proxy<Taker> proxy{connection()};
  test::Folder folder;
  std::string path = file_of("twelve bytes");
};

TEST_F(AttachedTo, AFileThatIsOpenForWritingIsReadAlone) {
  auto file = File::take(open_with(O_RDWR));
  ASSERT_EQ(::lseek(file.descriptor(), 7, SEEK_SET), 7);
  ASSERT_TRUE(give<&Taker::file>(file));
  EXPECT_EQ(os::access_of(*keeper.last), Access::read);
  EXPECT_EQ(::write(keeper.last->raw(), "x", 1), -1);
  std::array<char, 16> rest{};
  EXPECT_EQ(::read(keeper.last->raw(), rest.data(), rest.size()), 5) << "from where it stood";
  EXPECT_EQ(::write(file.descriptor(), "x", 1), 1) << "this side's own is as it was";
}

TEST_F(AttachedTo, AFileThatCannotBeReadIsNotHandedOver) {
  const auto outcome = give<&Taker::file>(File::take(open_with(O_WRONLY)));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, code::kBadAttachment);
  EXPECT_EQ(keeper.last, nullptr);
  EXPECT_TRUE(give<&Taker::file>(File::take(open_with(O_RDONLY)))) << "the connection goes on";
}

TEST_F(AttachedTo, AWritableFileIsSo) {
  ASSERT_TRUE(give<&Taker::writable>(WritableFile::take(open_with(O_RDWR))));
  EXPECT_EQ(::write(keeper.last->raw(), "x", 1), 1);
  const auto outcome = give<&Taker::writable>(WritableFile::take(open_with(O_RDONLY)));
  EXPECT_FALSE(outcome);
}

TEST_F(AttachedTo, EitherEndOfAPipeIsWhatItIsSaidToBe) {
  const Pipe pipe = *Pipe::make();
  ASSERT_TRUE(give<&Taker::writer>(pipe.writer));
  ASSERT_EQ(::write(keeper.last->raw(), "x", 1), 1);
  ASSERT_TRUE(give<&Taker::reader>(pipe.reader));
  std::array<char, 4> got{};
  EXPECT_EQ(::read(keeper.last->raw(), got.data(), got.size()), 1);
  keeper.last.reset();
  EXPECT_FALSE(give<&Taker::reader>(PipeReader(pipe.writer.shared())));
  EXPECT_FALSE(give<&Taker::reader>(PipeReader::take(open_with(O_RDONLY)))) << "a file is no pipe";
  EXPECT_EQ(keeper.last, nullptr);
}

TEST_F(AttachedTo, ASocketIsNoChannel) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const auto own = Socket::take(ends[1]);
  ASSERT_TRUE(give<&Taker::socket>(Socket::take(ends[0])));
  ASSERT_EQ(::write(own.descriptor(), "x", 1), 1);
  std::array<char, 4> got{};
  EXPECT_EQ(::read(keeper.last->raw(), got.data(), got.size()), 1);
  keeper.last.reset();
  auto pair = *os::channel_pair();
  EXPECT_FALSE(give<&Taker::socket>(Socket(std::make_shared<const os::Fd>(std::move(pair.first)))));
  EXPECT_FALSE(give<&Taker::socket>(Socket::take(open_with(O_RDWR))));
  EXPECT_EQ(keeper.last, nullptr);
}

// Whoever closes one that lingers would wait for its peer.
TEST_F(AttachedTo, ASocketLingersNoLonger) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(socket, 0);
  linger lingers{1, 100};
  ASSERT_EQ(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers), 0);
  ASSERT_TRUE(give<&Taker::socket>(Socket::take(socket)));
  socklen_t size = sizeof lingers;
  ASSERT_EQ(::getsockopt(keeper.last->raw(), SOL_SOCKET, SO_LINGER, &lingers, &size), 0);
  EXPECT_EQ(lingers.l_onoff, 0);
}

TEST_F(AttachedTo, WhatARefusedCallWasToHandOverIsLetGoOf) {
  Pipe pipe = *Pipe::make();
  ASSERT_EQ(::fcntl(pipe.reader.descriptor(), F_SETFL, O_NONBLOCK), 0);
  object::Descriptor writer{pipe.writer.shared(), os::DescriptorKind::pipe, Access::write};
  pipe.writer = {};
  {
    const Call call(proxy.connection(), {{"a", Object(writer)}, {"b", Object("no text \xff")}});
    ASSERT_TRUE(call.outcome);
    EXPECT_EQ(call.outcome->error().code, code::kBadBody);
  }
  writer.fd.reset();
  char byte = 0;
  EXPECT_EQ(::read(pipe.reader.descriptor(), &byte, 1), 0) << "somebody can write still";
}

// Callers that sleep where they read, without a loop and without a deadline. The service has a thread of its own.

struct Sleeping : testing::Test {
  ~Sleeping() override { stop(); }
  void stop() {
    is_over = true;
    if (runs.joinable()) runs.join();
  }
  // To the server; what is done to the socket, somebody with a copy of it does.
  Connection connect(int flags = 0) {
    auto [ours, theirs] = *os::channel_pair();
    copies.push_back(*ours.duplicate());
    EXPECT_EQ(::fcntl(copies.back().raw(), F_SETFL, flags), 0);
    EXPECT_TRUE(server->add(channel::Channel(std::move(theirs)), {}, {}, handler));
    return Connection(dialer_over({std::make_shared<const os::Fd>(std::move(ours)), object::RightKind::send}));
  }
  void start() {
    runs = std::thread([this] {
      while (!is_over) (void)loop.run_once(os::now() + 5ms);
      server.reset();
    });
  }

  std::atomic<bool> is_over = false;
  std::chrono::milliseconds takes{0};
  SharedHandler handler = std::make_shared<const Handler>([this](const wire::DictionaryView& message, Request request) {
    os::wait_until(os::now() + takes);
    (void)request.answer(message.object());
  });
  os::Loop loop = *os::Loop::make();
  std::optional<Server> server{std::in_place, loop};
  std::vector<Request> kept;
  std::vector<os::Fd> copies;
  std::thread runs;
};

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST_F(Sleeping, AreAnsweredEachTime) {
  Connection connection = connect();
  start();
  for (int i = 0; i < 1000; ++i) {
    const Dictionary message{{"turn", Object(i)}};
    ASSERT_EQ(connection.call(message), message);
  }
}

TEST_F(Sleeping, DoNotRunWhereSomebodyMadeTheirSocketOneThatDoesNotWait) {
  takes = 300ms;
  Connection connection = connect(O_NONBLOCK);
  start();
  const auto before = processor_time();
  ASSERT_EQ(connection.call(word("hello")), word("hello"));
  EXPECT_LT(processor_time() - before, takes / 2) << "it looked all the while";
}

TEST_F(Sleeping, GoOnAfterSignals) {
  takes = 200ms;
  struct sigaction before{};
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &nothing, &before), 0);
  Connection connection = connect();
  start();
  const pthread_t sleeper = ::pthread_self();
  std::thread signals([&] {
    for (int i = 0; i < 50; ++i) {
      ::pthread_kill(sleeper, SIGUSR1);
      os::wait_until(os::now() + 2ms);
    }
  });
  EXPECT_EQ(connection.call(word("hello")), word("hello"));
  signals.join();
  ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

TEST_F(Sleeping, WakeWhenTheirServiceDies) {
  handler = std::make_shared<const Handler>([this](const wire::DictionaryView&, Request request) {
    kept.push_back(std::move(request));
    is_over = true;  // and the server ends with its thread
  });
  Connection connection = connect();
  start();
  EXPECT_EQ(connection.call(word("hello")).error().kind, Kind::interrupted);
}

TEST(Runtime, SaysThatThereIsNoRoomForIt) {
#ifdef REEVE_SANITIZED
  GTEST_SKIP() << "a sanitiser needs descriptors of its own to look at an object";
#endif
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto too_many = Runtime::make(100);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().kind, Kind::busy);
}

}  // namespace
}  // namespace reeve::connection
