// A service that says what it is told of its caller:   onlooker NAME [--older WHAT]…
#include <reeve/reeve.hpp>
#include <string_view>

#include "filter.hpp"

int main(int argc, char** argv) {
  using namespace reeve;
  if (argc < 2) return 2;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) != "--older" || !test::become_older(argv[i + 1])) return 3;
  }
  return serve_messages(argv[1], [](const Peer& peer, const Dictionary&) -> Result<Dictionary> {
    return Dictionary{{"binding", Object(static_cast<std::uint64_t>(peer.binding))},
                      {"pid", peer.pid ? Object(std::int64_t{*peer.pid}) : Object()},
                      {"uid", Object(std::uint64_t{peer.uid})}};
  });
}
