// One client of the same list offered in four ways: adds to each, asks each how much is left, and measures that.
#include <servers/bootstrap.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <reeve/message_port.hpp>
#include <reeve/socket.hpp>
#include <vector>

#include "by_connection.hpp"
#include "by_port.hpp"
#include "todos.hpp"

namespace {

constexpr int kCalls = 2000;
constexpr int kAdded = 3;

[[noreturn]] void die(const std::string& why) {
  std::printf("%s\n", why.c_str());
  std::exit(1);
}
template <class T>
T need(reeve::Result<T> result) {
  if (!result) die(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// What can be asked of the list, whichever way it is offered.
struct List {
  std::function<std::uint32_t(const std::string& text)> add;
  std::function<std::uint32_t()> left;
};

// The first of all. The broker may not have been told of this process's start, and so not know it for a member of the
// group: until then the name is not there for it, and is waited for.
List by_connection() {
  auto list = std::make_shared<reeve::Proxy<TodoList>>(reeve::connect<TodoList>(kByConnection, {.waits = true}));
  return {[list](const std::string& text) { return need(list->call<&TodoList::add>(text)); },
          [list] { return need(list->call<&TodoList::left>()); }};
}

List by_port() {
  mach_port_t port = MACH_PORT_NULL;
  const kern_return_t found = bootstrap_look_up(bootstrap_port, kByPort, &port);
  if (found != KERN_SUCCESS) die(bootstrap_strerror(found));
  mach_port_t replies = MACH_PORT_NULL;
  if (mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &replies) != KERN_SUCCESS) die("no port");
  const auto ask = [=](What what, const std::string& text) {
    union {
      TodoRequest request;
      struct {
        TodoReply reply;
        mach_msg_trailer_t trailer;
      } answer;
    } message{};
    mach_msg_header_t& header = message.request.header;
    header.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    header.msgh_remote_port = port;
    header.msgh_local_port = replies;
    header.msgh_id = what;
    text.copy(message.request.text, sizeof message.request.text - 1);
    const auto status = mach_msg(&header, MACH_SEND_MSG | MACH_RCV_MSG, sizeof message.request, sizeof message, replies,
                                 0, MACH_PORT_NULL);
    if (status != MACH_MSG_SUCCESS) die(mach_error_string(status));
    return message.answer.reply.left;
  };
  return {[ask](const std::string& text) { return ask(kAdd, text); }, [ask] { return ask(kLeft, {}); }};
}

List by_message_port() {
  auto port = need(reeve::RemotePort::make(kByMessagePort));
  auto ask = [port](What what, const std::string& text) mutable {
    const auto reply = need(port.request(what, reeve::Data::copy_of(std::as_bytes(std::span(text)))));
    std::uint32_t left = 0;
    if (reply.size() != sizeof left) die("no reply of this port's");
    std::memcpy(&left, reply.bytes().data(), sizeof left);
    return left;
  };
  return {[ask](const std::string& text) mutable { return ask(kAdd, text); },
          [ask]() mutable { return ask(kLeft, {}); }};
}

// Its server has to be there: nothing starts it. Answers come as messages of their own.
class BySocket {
 public:
  BySocket() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (true) {
      const auto started = client_.start();
      if (started) return;
      if (std::chrono::steady_clock::now() > give_up) die(started.error().message);
      (void)loop_.run_once(reeve::os::now() + std::chrono::milliseconds(10));
    }
  }
  std::uint32_t ask(reeve::SocketMessage message) {
    left_.reset();
    client_.send(std::move(message));
    while (!left_ && client_.is_valid()) need(loop_.run_once());
    if (!left_) die("the server has ended");
    return *left_;
  }

 private:
  reeve::Loop loop_ = need(reeve::Loop::make());
  std::optional<std::uint32_t> left_;
  reeve::SocketClient client_{
      loop_,
      need(reeve::SocketAddress::in_group(kGroup, kBySocket)),
      {.received = [this](const reeve::SocketMessage& message) { left_ = need(message.info_as<std::uint32_t>()); }}};
};
List by_socket() {
  auto list = std::make_shared<BySocket>();
  return {[list](const std::string& text) { return list->ask(reeve::SocketMessage::of("add", text)); },
          [list] { return list->ask({"left", {}}); }};
}

double since_us(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void measure(const char* way, List (*open)()) {
  const auto start = std::chrono::steady_clock::now();
  const List list = open();
  const std::uint32_t before = list.left();
  const double first = since_us(start);
  for (int i = 0; i < kAdded; ++i) list.add("thing " + std::to_string(i));
  if (list.left() != before + kAdded) die(std::string(way) + ": the list has lost something");
  std::vector<double> times;
  for (int i = 0; i < kCalls; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    list.left();
    times.push_back(since_us(begun));
  }
  std::ranges::sort(times);
  std::printf("%-14s %12.0f %10.1f %10.1f\n", way, first, times[kCalls / 2], times[kCalls * 99 / 100]);
}

}  // namespace

int main() {
  std::printf("%-14s %12s %10s %10s   (us)\n", "WAY", "FIRST CALL", "p50", "p99");
  measure("connection", by_connection);
  measure("port", by_port);
  measure("message port", by_message_port);
  measure("socket", by_socket);
  return 0;
}
