// The fourth way: a socket in the folder of the app group, over which archives travel.
#include <cstdio>
#include <reeve/socket.hpp>

#include "todos.hpp"

namespace {

int fail(const reeve::Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main() {
  auto loop = reeve::Loop::make();
  const auto address = reeve::SocketAddress::in_group(kGroup, kBySocket);
  if (!loop || !address) return fail(loop ? address.error() : loop.error());
  Todos todos;
  std::optional<reeve::SocketServer> server;
  const auto received = [&](const reeve::SocketMessage& message, const reeve::SocketPeer& from) {
    if (message.name == "add") {
      auto text = message.info_as<std::string>();
      if (!text) return server->disconnect(from);
      todos.add(std::move(*text));
    }
    server->send(reeve::SocketMessage::of("left", todos.left()), from);
  };
  server.emplace(*loop, *address, reeve::SocketServerEvents{.received = received});
  if (const auto started = server->start(); !started) return fail(started.error());
  while (loop->run_once()) {
  }
  return 0;
}
