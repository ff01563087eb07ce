// A program of somebody else's: sends a dictionary to the echo service.
#include <cstdio>
#include <reeve/reeve.hpp>

int main() {
  reeve::Connection echo = reeve::open_connection("org.reeve.echo");
  const reeve::Dictionary message{{"hello", reeve::Object("outside")}};
  const auto reply = echo.call(message, {.timeout = std::chrono::seconds(30)});
  if (!reply) {
    std::fprintf(stderr, "%s\n%s\n", reply.error().message.c_str(), reply.error().advice.c_str());
    return 1;
  }
  std::puts(*reply == message ? "echoed" : "changed");
  return *reply == message ? 0 : 1;
}
