#include "messages.hpp"

#include <plist/plist.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <reeve/message_port.hpp>
#include <reeve/socket.hpp>

#include "../src/http/head.hpp"
#include "bare.hpp"

namespace bench {
namespace {

namespace fs = std::filesystem;

// As an app's preferences are: ten keys, of what most of them hold.
reeve::SocketMessage dictionary_of_ten() {
  using reeve::archive::Map;
  reeve::SocketMessage message{"settings", {}};
  reeve::archive::Graph& graph = message.info;
  Map map;
  for (int i = 0; i < 10; ++i) {
    const auto key = graph.add("preference " + std::to_string(i));
    const auto value = i % 2 == 0 ? graph.add("the value that was chosen for " + std::to_string(i))
                                  : graph.add(reeve::plist::Integer{static_cast<std::uint64_t>(1000 * i), false});
    map.entries.emplace_back(key, value);
  }
  graph.root = graph.add(std::move(map));
  return message;
}

// A process that lives as long as this.
class Child {
 public:
  template <class Work>
  explicit Child(Work work) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    ::_exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  int pid() const { return pid_; }

 private:
  int pid_;
};

// What libplist writes of what it reads in that.
std::string written_again(std::string_view bytes) {
  plist_t tree = nullptr;
  plist_from_bin(bytes.data(), static_cast<std::uint32_t>(bytes.size()), &tree);
  char* written = nullptr;
  std::uint32_t size = 0;
  plist_to_bin(tree, &written, &size);
  if (written == nullptr) die("libplist does not read it");
  std::string again(written, size);
  plist_to_bin_free(written);
  plist_free(tree);
  return again;
}

// A frame as the bare stream moves it.
struct Frame {
  std::string bytes;
  std::size_t head_size = 0;
  Form form = Form::bytes;

  // What its receiver does with it; the bytes stay the same.
  void take() {
    if (form == Form::bytes) return;
    const std::string again = written_again(std::string_view(bytes).substr(head_size));
    if (again.size() != bytes.size() - head_size) die("libplist makes something else of it");
    std::copy(again.begin(), again.end(), bytes.begin() + static_cast<std::ptrdiff_t>(head_size));
  }
};

Frame frame_of(std::string_view body, Form form) {
  const std::string whole = form == Form::bytes ? std::string(body) : written_again(body);
  const std::string head = reeve::http::head_of(whole.size());
  return {head + whole, head.size(), form};
}

// Sends back whatever comes, waiting in epoll.
void echo_frames(int socket, Frame frame) {
  const int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
  const auto whole = static_cast<ssize_t>(frame.bytes.size());
  while (::epoll_wait(epoll, &event, 1, -1) == 1) {
    if (::recv(socket, frame.bytes.data(), frame.bytes.size(), MSG_DONTWAIT) != whole) return;
    frame.take();
    if (::send(socket, frame.bytes.data(), frame.bytes.size(), MSG_NOSIGNAL) != whole) return;
  }
}

struct BareStream {
  explicit BareStream(Frame sent) : frame(std::move(sent)), room(frame) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) die("socketpair");
    own = reeve::os::Fd(ends[0]);
    other = reeve::os::Fd(ends[1]);
  }
  void call() {
    const std::string& bytes = frame.bytes;
    if (::send(own.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) die("send");
    for (std::size_t at = 0; at < bytes.size();) {
      pollfd ready{own.raw(), POLLIN, 0};
      ::poll(&ready, 1, -1);
      const ssize_t size = ::recv(own.raw(), room.bytes.data() + at, bytes.size() - at, MSG_DONTWAIT);
      if (size > 0) at += static_cast<std::size_t>(size);
      if (size == 0) die("the bare stream ended");
    }
    room.take();
    if (room.bytes != bytes) die("the bare stream lost something");
  }
  Frame frame;
  Frame room;
  reeve::os::Fd own;
  reeve::os::Fd other;
};

[[noreturn]] void serve_messages(const reeve::SocketAddress& address) {
  reeve::os::set_awake(false);
  auto loop = need(reeve::Loop::make());
  std::optional<reeve::SocketServer> server;
  server.emplace(loop, address,
                 reeve::SocketServerEvents{.received = [&](reeve::SocketMessage message, const auto& from) {
                   server->send(std::move(message), from);
                 }});
  need(server->start());
  while (true) need(loop.run_once());
}

}  // namespace

std::vector<Row> message_port_calls(const Placement& where, const Broker& broker) {
  std::vector<Row> rows;
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{4000}}) {
    stand_on(where.theirs);
    const BareServer server(broker.bare(bytes), bytes, Waits::asleep);
    stand_on(where.ours);
    const Waiting waiting{Waits::asleep};
    BareClient bare(broker.bare(bytes), bytes);
    auto port = need(reeve::RemotePort::make(name_of(Waits::asleep, "port")));
    const int pid = need(port.peer()).pid.value_or(0);
    const reeve::Data data(std::vector<std::byte>(bytes, std::byte{'x'}));
    const auto call = [&] {
      if (need(port.request(7, data)) != data) die("the echo is not what was sent");
    };
    rows.push_back(compare(std::string("message port, request and reply, ") + where.name, bytes, 20'000,
                           {call, [&] { return cpu_with(pid); }},
                           {[&] { bare.call(); }, [&] { return cpu_with(server.pid()); }}));
  }
  return rows;
}

Row socket_messages(const Placement& where, Form form) {
  std::string folder = fs::temp_directory_path().string() + "/reeve-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) die("no temporary folder");
  const reeve::SocketAddress address{folder, 1};
  const reeve::SocketMessage message = dictionary_of_ten();
  const auto body = need(reeve::bsd::encode(reeve::bsd::Letter{message}, reeve::bsd::own_process()));
  const std::string_view text(reinterpret_cast<const char*>(body.bytes().data()), body.size());
  BareStream bare(frame_of(text, form));
  stand_on(where.theirs);
  const Child server([&] { serve_messages(address); });
  const Child bare_server([&] { echo_frames(bare.other.raw(), bare.frame); });
  stand_on(where.ours);
  const Waiting waiting{Waits::asleep};
  auto loop = need(reeve::Loop::make());
  bool is_back = false;
  reeve::SocketClient client(loop, address, {.received = [&](reeve::SocketMessage) { is_back = true; }});
  for (int i = 0; i < 5000 && !client.start(); ++i) ::usleep(1000);
  const auto call = [&] {
    is_back = false;
    client.send(message);
    while (!is_back) need(loop.run_once());
  };
  const std::string beside = form == Form::bytes ? "" : "beside libplist, ";
  Row row = compare("socket, a dictionary of ten keys and back, " + beside + where.name, bare.frame.bytes.size(),
                    10'000, {call, [&] { return cpu_with(server.pid()); }},
                    {[&] { bare.call(); }, [&] { return cpu_with(bare_server.pid()); }});
  fs::remove_all(folder);
  return row;
}

}  // namespace bench
