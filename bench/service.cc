#include <cstdlib>
#include <string>
#include <string_view>

#include <reeve/message_port.hpp>

#include "allocations.hpp"
#include "measured.hpp"

namespace {

struct Adder : bench::Measured {
  reeve::Result<std::uint64_t> add(std::uint64_t one, std::uint64_t other) override { return one + other; }
  reeve::Result<std::uint64_t> allocations() override { return bench::allocations(); }
  reeve::Result<std::uint64_t> sum(reeve::Buffer buffer) override {
    const reeve::Data data = REEVE_TRY(buffer.data());
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < data.size(); at += 4096) sum += std::to_integer<unsigned>(data.bytes()[at]);
    return sum;
  }
};

reeve::Result<void> serve(const std::string& label) {
  reeve::Service service;
  REEVE_TRY(service.offer<bench::Measured>(label + ".typed", Adder()));
  const auto echo = [](const auto& message, reeve::Request request) { (void)request.answer(message.object()); };
  REEVE_TRY(service.offer(label + ".echo", {.handler = echo}));
  const auto port = [](reeve::PortMessage message) { (void)message.reply(message.data()); };
  REEVE_TRY(service.offer(label + ".port", reeve::message_port::offer_of_port(port, {})));
  return service.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[2]) == "asleep") ::setenv("REEVE_WAIT", "asleep", 1);
  return argc > 1 && serve(argv[1]) ? EXIT_SUCCESS : EXIT_FAILURE;
}
