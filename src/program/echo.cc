// libexec/reeve/echo: answers any dictionary with itself, descriptors included.
#include <reeve/reeve.hpp>

int main() {
  return reeve::serve_messages(
      "org.reeve.echo",
      [](const reeve::Peer&, reeve::Dictionary message) -> reeve::Result<reeve::Dictionary> { return message; });
}
