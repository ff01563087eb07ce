// What tests of messages over sockets share: a server and clients on one loop, in a folder of the test's; and plain
// sockets that speak what they like.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <reeve/socket.hpp>

#include "../../src/http/head.hpp"
#include "session.hpp"

namespace reeve::test {

namespace fs = std::filesystem;

struct Note {
  static constexpr const char* kArchiveClass = "Note";
  std::string text;
  std::int32_t number = 0;
  friend bool operator==(const Note&, const Note&) = default;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text, number))

// An ordinary socket that sends and receives bytes.
class Plain {
 public:
  explicit Plain(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    is_connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Plain(Plain&& other) noexcept : fd_(std::exchange(other.fd_, -1)), is_connected_(other.is_connected_) {}
  Plain& operator=(Plain&&) = delete;
  ~Plain() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  bool is_connected() const { return is_connected_; }
  int raw() const { return fd_; }
  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // What has come so far, beyond what came before.
  std::string received() {
    std::string all;
    char room[4096];
    for (ssize_t size; (size = ::recv(fd_, room, sizeof room, MSG_DONTWAIT)) != -1;) {
      if (size == 0) has_ended_ = true;
      if (size == 0) break;
      all.append(room, static_cast<std::size_t>(size));
    }
    return all;
  }
  bool has_ended() {
    (void)received();
    return has_ended_;
  }

 private:
  int fd_;
  bool is_connected_ = false;
  bool has_ended_ = false;
};

// What this process keeps in memory, in KiB.
inline std::int64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  }
  return 0;
}

inline std::string text_of(const Data& data) {
  return {reinterpret_cast<const char*>(data.bytes().data()), data.size()};
}
inline std::string frame_of(const Data& body) { return http::head_of(body.size()) + text_of(body); }
inline std::string frame_of(const std::string& name, bsd::ProcessInfo claimed = {"plain", 7, 0, 0}) {
  return frame_of(*bsd::encode(bsd::Letter{{name, {}}}, claimed));
}

class Sockets : public testing::Test {
 protected:
  template <class Condition>
  bool comes_true(Condition condition) {
    const os::Time give_up = os::now() + 20s;
    while (!condition()) {
      if (os::now() > give_up || !loop.run_once(os::now() + 10ms)) return false;
    }
    return true;
  }
  void settle() {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(loop.run_once(os::now()));
  }

  SocketServerEvents server_events() {
    return {.accept = [this](const ProcessInfo& who) { return !accept || accept(who); },
            .received =
                [this](SocketMessage message, const SocketPeer& from) {
                  got.push_back(message.name);
                  last_from = from;
                  last = std::move(message);
                },
            .failed = [this](const Error& why, const SocketPeer&) { faults.push_back(why); },
            .left = [this](const SocketPeer& who) { left.push_back(who); },
            .invalidated = [this] { ++invalidated; }};
  }
  void start(SocketLimits limits = {}, archive::Allowed allowed = archive::allowed_for<Note>()) {
    server.emplace(loop, address, server_events(), std::move(allowed), limits);
    const auto started = server->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  SocketClient client(std::vector<std::string>* heard = nullptr, std::vector<Error>* failed = nullptr,
                      int* ended = nullptr) {
    SocketClient made(loop, address,
                      {.received =
                           [heard](SocketMessage message) {
                             if (heard != nullptr) heard->push_back(message.name);
                           },
                       .failed =
                           [failed](const Error& why) {
                             if (failed != nullptr) failed->push_back(why);
                           },
                       .invalidated =
                           [ended] {
                             if (ended != nullptr) ++*ended;
                           }},
                      archive::allowed_for<Note>());
    const auto started = made.start();
    EXPECT_TRUE(started) << started.error().message;
    return made;
  }
  // A client that is connected and known to the server.
  SocketClient known_client(std::vector<std::string>* heard = nullptr) {
    const std::size_t before = server->clients().size();
    SocketClient made = client(heard);
    EXPECT_TRUE(comes_true([&] { return server->clients().size() == before + 1; }));
    return made;
  }
  Plain plain() const { return Plain(address.path()); }
  bool is_ended(Plain& one) {
    return comes_true([&] { return one.has_ended(); });
  }
  // The server still serves whoever is honest.
  void expect_served() {
    const std::size_t before = got.size();
    SocketClient honest = client();
    honest.send({"honest", {}});
    EXPECT_TRUE(comes_true([&] { return got.size() > before && got.back() == "honest"; }));
  }

  Loop loop = *Loop::make();
  Folder folder;
  SocketAddress address{folder.path(), 3};
  std::function<bool(const ProcessInfo&)> accept;
  std::vector<std::string> got;
  SocketMessage last;
  SocketPeer last_from;
  std::vector<Error> faults;
  std::vector<SocketPeer> left;
  int invalidated = 0;
  std::optional<SocketServer> server;
};

// Sends bytes with a descriptor beside them. -1 where the kernel refuses it for who is to receive them.
inline ssize_t send_with(const Plain& plain, std::string bytes, int descriptor) {
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  return ::sendmsg(plain.raw(), &message, MSG_NOSIGNAL);
}

// Descriptors of this process.
inline std::ptrdiff_t open_now() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

}  // namespace reeve::test
