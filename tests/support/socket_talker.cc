// One end of messages over a socket, as a program of its own, for peers that this library did not write
// (socket_peers.py).
//
//   socket_talker serve FOLDER NUMBER     sends each message back, with "re: " before its name; one named `all` goes to
//                                         all clients as it is, and one named `end` ends the program
//   socket_talker connect FOLDER NUMBER   says `hello`, and `once more` to each message named `again`; until one named
//                                         `end` comes, or the server has gone
//
// What comes is shown, a line each: "NAME from PID: INFO"; and what was no message: "fault from PID: WHY".
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <reeve/archive.hpp>
#include <reeve/connection.hpp>
#include <reeve/socket.hpp>
#include <span>
#include <string>
#include <vector>

namespace reeve::test {
namespace {

using archive::Graph;
using archive::Ref;

constexpr unsigned kLifeSeconds = 60;  // Whoever started this may have died.

// An object as text. A graph may be large, go in circles, and refer to one object from many: the text is cut off, so
// that whoever reads it later has not filled the pipe.
class Shown {
 public:
  explicit Shown(const Graph& graph) : graph_(graph) {
    if (graph.root) {
      put(*graph.root);
    } else {
      text_ = "nothing";
    }
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr std::size_t kMost = 2000;
  static constexpr int kDeepest = 100;

  bool is_full() const { return text_.size() > kMost; }
  void put(Ref ref) {
    if (is_full() || depth_ > kDeepest) return (void)(text_ += "...");
    ++depth_;
    std::visit([this](const auto& value) { put(value); }, graph_.at(ref).value);
    --depth_;
  }
  void put(bool value) { text_ += value ? "true" : "false"; }
  void put(const plist::Integer& value) {
    text_ += value.is_large ? std::to_string(value.bits) : std::to_string(value.value());
  }
  void put(double value) {
    char room[32];
    text_.append(room, std::to_chars(room, room + sizeof room, value).ptr);
  }
  void put(const std::string& value) { text_ += '"' + value.substr(0, kMost) + '"'; }
  void put(const archive::Date& value) {
    text_ += '@';
    put(value.seconds);
  }
  void put(const Data& value) {
    constexpr char kDigits[] = "0123456789abcdef";
    text_ += '<';
    for (const std::byte each : value.bytes().first(std::min(value.size(), kMost))) {
      text_ += {kDigits[std::to_integer<unsigned>(each >> 4)], kDigits[std::to_integer<unsigned>(each) & 15U]};
    }
    text_ += '>';
  }
  void put(const archive::List& value) {
    text_ += '[';
    for (std::size_t i = 0; i < value.items.size() && !is_full(); ++i) {
      if (i > 0) text_ += ", ";
      put(value.items[i]);
    }
    text_ += ']';
  }
  void put(const archive::Map& value) {
    text_ += '{';
    for (std::size_t i = 0; i < value.entries.size() && !is_full(); ++i) {
      if (i > 0) text_ += ", ";
      put(value.entries[i].first);
      text_ += ": ";
      put(value.entries[i].second);
    }
    text_ += '}';
  }
  template <class T>
  void put(const T&) {
    text_ += "something else";
  }

  const Graph& graph_;
  std::string text_;
  int depth_ = 0;
};

void show(const SocketMessage& message, const ProcessInfo& from) {
  std::printf("%s from %d: %s\n", message.name.c_str(), from.pid, Shown(message.info).text().c_str());
}
void show_fault(const Error& why, const ProcessInfo& from) {
  std::printf("fault from %d: %s\n", from.pid, why.message.c_str());
}
int give_up(const Error& why) {
  std::fprintf(stderr, "socket_talker: %s\n", why.message.c_str());
  return 1;
}

archive::Allowed allowed() { return {"NSArray", "NSDictionary", "NSString", "NSNumber", "NSData", "NSDate"}; }

int run_until(Loop& loop, const bool& is_over) {
  while (!is_over) {
    if (const auto ran = loop.run_once(); !ran) return give_up(ran.error());
  }
  return 0;
}

int serve(const SocketAddress& address) {
  Loop loop = *Loop::make();
  bool is_over = false;
  std::optional<SocketServer> server;
  const auto take = [&](SocketMessage message, const SocketPeer& from) {
    show(message, from.process);
    if (message.name == "end") return (void)(is_over = true);
    if (message.name == "all") return server->broadcast(std::move(message));
    message.name.insert(0, "re: ");
    server->send(std::move(message), from);
  };
  const auto refuse = [](const Error& why, const SocketPeer& from) { show_fault(why, from.process); };
  server.emplace(loop, address, SocketServerEvents{.received = take, .failed = refuse}, allowed());
  if (const auto started = server->start(); !started) return give_up(started.error());
  std::printf("ready\n");
  return run_until(loop, is_over);
}

// One of each type, and some in others.
SocketMessage hello() {
  SocketMessage message{"hello", {}};
  Graph& graph = message.info;
  archive::Map info;
  const auto put = [&](const char* key, archive::Value value) {
    info.entries.emplace_back(graph.add(std::string(key)), graph.add(std::move(value)));
  };
  const Ref seven = graph.add(plist::Integer{7, false});
  const Ref seen = graph.add(std::string("seen \xe2\x82\xac"));
  put("text", std::string("gr\xc3\xbc\xc3\x9f"));
  put("count", plist::Integer{static_cast<std::uint64_t>(-42), false});
  put("ratio", 0.5);
  put("new", true);
  put("data", Data::copy_of(std::as_bytes(std::span("\x01\xff", 2))));
  put("when", archive::Date{86400.5});
  put("list", archive::List{{seven, seen, seven}});
  put("inner", archive::Map{{{seen, seven}}});
  graph.root = graph.add(std::move(info));
  return message;
}

int connect(const SocketAddress& address) {
  Loop loop = *Loop::make();
  bool is_over = false;
  std::optional<SocketClient> client;
  ProcessInfo server;
  const auto take = [&](const SocketMessage& message) {
    show(message, server);
    if (message.name == "again") client->send({"once more", {}});
    if (message.name == "end") is_over = true;
  };
  const auto refuse = [&](const Error& why) { show_fault(why, server); };
  const auto leave = [&] { is_over = true; };
  client.emplace(loop, address, SocketClientEvents{.received = take, .failed = refuse, .invalidated = leave},
                 allowed());
  if (const auto started = client->start(); !started) return give_up(started.error());
  server = *client->server();
  client->send(hello());
  return run_until(loop, is_over);
}

}  // namespace
}  // namespace reeve::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  const bool is_server = words.size() == 4 && words[1] == "serve";
  const bool is_client = words.size() == 4 && words[1] == "connect";
  if (!is_server && !is_client) {
    std::fprintf(stderr, "usage: socket_talker serve|connect FOLDER NUMBER\n");
    return 2;
  }
  ::alarm(reeve::test::kLifeSeconds);
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const reeve::SocketAddress address{words[2], static_cast<std::uint8_t>(std::atoi(words[3].c_str()))};
  return is_server ? reeve::test::serve(address) : reeve::test::connect(address);
}
