#include "actor.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>

#include "watcher.hpp"

extern char** environ;

namespace {

using namespace reeve;
using namespace reeve::test;

std::int32_t errno_of(long outcome) { return outcome < 0 ? errno : 0; }

std::int32_t errno_of_listing(const char* folder) {
  const int fd = ::open(folder, O_RDONLY | O_DIRECTORY);
  const std::int32_t error = errno_of(fd);
  if (fd >= 0) ::close(fd);
  return error;
}

struct Named : Namesake {
  explicit Named(std::string n) : own(std::move(n)) {}
  Result<std::string> name() override { return own; }
  std::string own;
};

// As a program does that talks over a stream.
Result<void> send_something() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) return fail(Kind::invalid, errno, "socketpair");
  const ssize_t sent = ::send(ends[0], "x", 1, MSG_NOSIGNAL);
  const int error = errno;
  ::close(ends[0]);
  ::close(ends[1]);
  if (sent != 1) return fail(Kind::invalid, error, std::strerror(error));
  return {};
}

// 0 where the mask reads as it was set, but for SIGSYS.
Result<void> be_refused_with_all_blocked() {
  int outcome = -1;
  std::thread([&] {
    sigset_t all;
    sigset_t now;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    const bool is_refused = ::syscall(SYS_ptrace, 0, 0, nullptr, nullptr) < 0 && errno == EPERM;
    pthread_sigmask(SIG_UNBLOCK, nullptr, &now);
    const bool is_set = sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGTERM) == 1;
    outcome = !is_refused ? 1 : !is_set ? 2 : 0;
  }).join();
  if (outcome != 0) return fail(Kind::invalid, outcome, "not as the kernel does");
  return {};
}

// Then makes a call that ends the process.
void defy(const std::string& how) {
  if (how.starts_with("handle")) std::signal(SIGSYS, [](int) {});
  if (how.starts_with("ignore")) std::signal(SIGSYS, SIG_IGN);
  if (how.starts_with("block")) {
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, SIGSYS);
    pthread_sigmask(SIG_BLOCK, &own, nullptr);
  }
  // A handler without a place for its frame would have the kernel send another signal instead.
  if (how.starts_with("have no stack")) {
    stack_t nowhere{};
    nowhere.ss_size = 64 * 1024;
    nowhere.ss_sp = ::mmap(nullptr, nowhere.ss_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&nowhere, nullptr);
    std::signal(SIGSEGV, [](int) { ::_exit(0); });
    struct sigaction own{};
    own.sa_handler = [](int) {};
    own.sa_flags = SA_ONSTACK;
    sigaction(SIGSYS, &own, nullptr);
  }
  ::syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

// Calls that are not denied, packets of other sizes, a path that commands a terminal, and too many of all.
void lie(long call, std::size_t size) {
  constexpr int kLine = 5;
  struct {
    std::int32_t number;
    std::int32_t error = 0;
    std::uint64_t arguments[6]{};
    char path[200] = "\x1b]0;owned\a";
  } words{static_cast<std::int32_t>(call)};
  iovec part{&words, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  (void)!::sendmsg(kLine, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
void lie_about_denials() {
  constexpr int kLies = 20;
  for (int i = 0; i < kLies; ++i) lie(i % 2 == 0 ? SYS_read : SYS_ptrace, 256 - i % 3);
  for (int i = 0; i < 1000; ++i) lie(SYS_ptrace, 256);
}

class Player : public Actor {
 public:
  explicit Player(Service& service)
      : service_(service),
        early_{{"open /etc/passwd", errno_of(::open("/etc/passwd", O_RDONLY))},
               {"list /", errno_of_listing("/")},
               {"list /usr/lib", errno_of_listing("/usr/lib")},
               {"write /usr/lib/x", errno_of(::open("/usr/lib/x", O_WRONLY | O_CREAT, 0600))}} {
    if (std::getenv("EARLY_THREAD") == nullptr) return;
    std::thread([this] {
      is_asked_.get_future().wait();
      utsname facts{};
      early_answer_.set_value(errno_of(::uname(&facts)));
    }).detach();
  }

  Result<Everything> repeat(Everything what) override { return what; }
  Result<std::uint64_t> size_of(File file) override { return file.size(); }

  Result<std::vector<std::int32_t>> descriptors() override {
    std::vector<std::int32_t> open;
    for (std::int32_t number = 0; number < 256; ++number) {
      if (::fcntl(number, F_GETFD) >= 0) open.push_back(number);
    }
    return open;
  }
  Result<std::map<std::string, std::string>> environment() override {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
    return variables;
  }
  Result<std::map<std::string, std::int32_t>> early_attempts() override { return early_; }
  Result<std::int32_t> attempt_of_early_thread() override {
    is_asked_.set_value();
    return early_answer_.get_future().get();
  }
  Result<void> complain(std::int32_t code, std::string message) override {
    return fail(Kind::denied, code, std::move(message), "stop asking");
  }
  Result<void> throw_something() override { throw std::runtime_error("a handler's own trouble"); }
  Result<std::string> answer_of(std::uint32_t bytes) override { return std::string(bytes, 'x'); }
  Result<void> sleep(std::uint32_t milliseconds) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return {};
  }
  Result<void> crash() override { std::abort(); }
  // Calls that some preset has no use for: its filter kills.
  Result<void> attempt(std::string call) override {
    if (call == "keyctl") ::syscall(SYS_keyctl, 0, 0, 0, 0, 0);
    if (call == "bpf") ::syscall(SYS_bpf, 0, nullptr, 0);
    if (call == "raw socket") ::syscall(SYS_socket, AF_INET, SOCK_RAW, 1);
    if (call == "thread in a namespace") ::syscall(SYS_clone, 0x103d0f00, nullptr, nullptr, nullptr, 0);
    if (call == "io_uring") ::syscall(SYS_io_uring_setup, 1, nullptr);
    if (call == "send") return send_something();
    if (call == "look for a server") {  // As getaddrinfo does.
      for (const int family : {AF_NETLINK, AF_UNIX, AF_INET}) (void)::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (call == "thread") std::thread([] {}).join();
    if (call.ends_with("signals blocked")) return be_refused_with_all_blocked();
    if (call.ends_with("SIGSYS")) defy(call);
    if (call.starts_with("utimensat") && ::futimens(1, nullptr) == 0) return fail(Kind::invalid, 0, "allowed");
    if (call == "lies about denials") lie_about_denials();
    if (call == "lies about its end") lie(SYS_keyctl, 256);
    // Standard input is no socket, and need not be one: the filter looks at the flags.
    msghdr nothing{};
    if (call == "send_oob") ::sendmsg(0, &nothing, MSG_OOB);
    if (call == "recv_oob") ::recvmsg(0, &nothing, MSG_OOB | MSG_DONTWAIT);
    return {};
  }
  Result<void> print(std::string text) override {
    std::fprintf(stderr, "%s\n", text.c_str());
    return {};
  }

  // The errno of every way to a socket that is not given: 0 would be a way out.
  Result<std::map<std::string, std::int32_t>> reach_out() override {
    std::map<std::string, std::int32_t> outcomes;
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
      outcomes["socket of type " + std::to_string(type)] = errno_of(::socket(AF_UNIX, type, 0));
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0) {
      sockaddr_un abstract{};
      abstract.sun_family = AF_UNIX;
      abstract.sun_path[1] = 'x';
      const auto* address = reinterpret_cast<const sockaddr*>(&abstract);
      outcomes["connect"] = errno_of(::connect(ends[0], address, sizeof abstract));
      outcomes["bind"] = errno_of(::bind(ends[0], address, sizeof abstract));
      outcomes["listen"] = errno_of(::listen(ends[0], 1));
      ::close(ends[0]);
      ::close(ends[1]);
    }
    return outcomes;
  }

  Result<std::vector<File>> echo_files(std::vector<File> files) override { return files; }
  Result<Endpoint> own_endpoint() override { return endpoint_; }
  void started(const Endpoint& own) { endpoint_ = own; }
  Result<std::uint64_t> sum_of(Memory memory) override {
    const Data data = REEVE_TRY(memory.data());
    std::uint64_t sum = 0;
    for (const std::byte byte : data.bytes()) sum += static_cast<std::uint64_t>(byte);
    return sum;
  }
  Result<void> call_other(std::string name) override {
    return connect<Actor>(name).call_with<&Actor::sleep>({.timeout = std::chrono::seconds(20)}, 0U);
  }
  Result<void> offer(std::string name) override { return service_.offer<Namesake>(name, Named(name)); }
  Result<void> withdraw(std::string name) override { return service_.withdraw(name); }
  Result<std::string> container(std::string group) override { return group::container(group); }
  Result<std::int32_t> write_file(std::string path, std::string text) override {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) return errno;
    const bool is_whole = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::fsync(file);
    ::close(file);
    return is_whole ? 0 : EIO;
  }
  Result<std::map<std::string, std::int32_t>> misuse_folder(std::string path) override {
    std::map<std::string, std::int32_t> outcomes;
    outcomes["link"] = errno_of(::symlink("/etc/passwd", (path + "/link").c_str()));
    outcomes["second name"] = errno_of(::link((path + "/Library").c_str(), (path + "/second").c_str()));
    outcomes["open what is above"] = errno_of(::open((path + "/..").c_str(), O_RDONLY | O_DIRECTORY));
    outcomes["make beside"] = errno_of(::mkdir((path + ".evil").c_str(), 0700));
    outcomes["become a program"] = errno_of(::chmod((path + "/Library").c_str(), 04755));
    return outcomes;
  }
  Result<std::string> read_file(std::string path) override {
    const int file = ::open(path.c_str(), O_RDONLY);
    if (file < 0) return fail(Kind::invalid, errno, std::strerror(errno));
    std::string text(1024, '\0');
    const ssize_t got = ::read(file, text.data(), text.size());
    ::close(file);
    return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  Result<void> work(bool goes_on) override {
    work_.reset();
    if (goes_on) work_.emplace();
    return {};
  }
  Task<std::string> await_word(const Caller& caller) override {
    Promise<std::string> promise;
    const std::stop_callback given_up(caller.stop_token(), [&] {
      ++given_up_;
      (void)promise.set(fail(Kind::gone, 1, "nobody waits for a word any more"));
    });
    waiting_.push_back(&promise);
    auto word = co_await promise.value();
    std::erase(waiting_, &promise);
    co_return word;
  }
  Result<std::uint32_t> say(std::string word) override {
    const auto waiting = waiting_;
    for (Promise<std::string>* promise : waiting) (void)promise->set(word);
    return static_cast<std::uint32_t>(waiting.size());
  }
  Result<std::uint32_t> given_up() override { return given_up_; }
  Task<std::string> ask_a_thread(std::uint32_t milliseconds) override {
    Promise<std::string> promise;
    auto answer = promise.value();
    std::thread([milliseconds, kept = std::move(promise)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      (void)kept.set("from a thread");
    }).detach();
    co_return co_await answer;
  }
  Task<void> throw_later() override {
    throw std::runtime_error("a coroutine's own trouble");
    co_return {};
  }
  Task<std::string> await_word_of_other(const Caller& caller, std::string name) override {
    auto other = connect<Actor>(std::move(name), {.loop = caller.loop()});
    co_return co_await other.async_with<&Actor::await_word>({.until = caller.deadline()});
  }
  Result<std::string> pass_on(std::vector<std::string> names) override {
    if (names.empty()) return "the end";
    auto next = connect<Actor>(names.front());
    names.erase(names.begin());
    return next.call<&Actor::pass_on>(names);
  }
  Stream<std::uint64_t> numbers(std::uint64_t many) override {
    ++streams_;
    const std::unique_ptr<std::uint32_t, void (*)(std::uint32_t*)> presence(&streams_, [](auto* count) { --*count; });
    for (std::uint64_t i = 0; i < many; ++i) co_yield i;
  }
  Stream<std::uint64_t> numbers_until_death(std::uint64_t many) override {
    for (std::uint64_t i = 0; i < many; ++i) co_yield i;
    std::abort();
    co_return;
  }
  Result<std::uint32_t> streams() override { return streams_; }
  Result<std::map<std::string, std::string>> who(const Caller& caller, std::string word) override {
    const Peer& peer = caller.peer();
    return std::map<std::string, std::string>{{"label", peer.label},
                                              {"uid", std::to_string(peer.uid)},
                                              {"deadline", caller.deadline() ? "yes" : "no"},
                                              {"word", std::move(word)}};
  }

 private:
  Service& service_;
  std::optional<Transaction> work_;
  std::map<std::string, std::int32_t> early_;
  std::vector<Promise<std::string>*> waiting_;  // each in its coroutine
  std::uint32_t given_up_ = 0;
  std::uint32_t streams_ = 0;
  std::promise<void> is_asked_;
  std::promise<std::int32_t> early_answer_;
  Endpoint endpoint_;
};

// Leaves a process behind that is nobody's child, in a session of its own; where it may not, it does without.
void found_a_family() {
  if (::fork() != 0) return;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// With an interface of its own for each further name.
int serve_all(const std::string& name, NameFrom from, std::span<char*> namesakes) {
  Service service;
  Player player(service);
  auto outcome = service.offer(name, Service::offer_of<Actor>(player, {.from = from}));
  for (const char* namesake : namesakes) {
    if (outcome) outcome = service.offer<Namesake>(namesake, Named(namesake));
  }
  if (outcome) outcome = service.run();
  if (!outcome) std::fprintf(stderr, "%s\n%s\n", outcome.error().message.c_str(), outcome.error().advice.c_str());
  return outcome ? 0 : 1;
}

}  // namespace

// actor --here NAME, actor NAME [--exit-at-once | --never-check-in | --family | --bomb MARK | --watched WATCHER |
// --also NAMESAKE...]
int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string name = argv[1];
  const std::string how = argc > 2 ? argv[2] : "";
  if (name == "--here") return serve_all(how, NameFrom::process, {});
  if (how == "--exit-at-once") return 3;
  if (how == "--watched" && !let_watch(argv[3])) return 4;
  if (how == "--family") found_a_family();
  if (how == "--bomb" && ::geteuid() != 0) {
    for (;;) (void)::fork();
  }
  if (how == "--never-check-in") {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  const std::span namesakes(argv, static_cast<std::size_t>(argc));
  return serve_all(name, NameFrom::job, how == "--also" ? namesakes.subspan(3) : std::span<char*>());
}
