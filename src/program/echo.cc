// libexec/reeve/echo: answers any dictionary with itself, descriptors included, as org.reeve.echo or as it is told.
#include <reeve/reeve.hpp>

int main(int argc, char** argv) {
  return reeve::serve_messages(
      argc > 1 ? argv[1] : "org.reeve.echo",
      [](const reeve::Peer&, reeve::Dictionary message) -> reeve::Result<reeve::Dictionary> { return message; });
}
