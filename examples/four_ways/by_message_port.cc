// The third way: a port with a name, to which messages of a number and some bytes are sent.
#include <reeve/message_port.hpp>

#include "todos.hpp"

int main() {
  Todos todos;
  return reeve::serve_port(kByMessagePort, [&](const reeve::PortMessage& message) {
    const auto text = message.data().bytes();
    if (message.id() == kAdd) todos.add({reinterpret_cast<const char*>(text.data()), text.size()});
    const std::uint32_t left = todos.left();
    return reeve::Data::copy_of(std::as_bytes(std::span(&left, 1)));
  });
}
