// A service that says what it is told of its caller:
//   onlooker NAME [--older WHAT] [--without-its-filter] [--callers REQUIREMENT]
#include <cstdlib>
#include <reeve/reeve.hpp>
#include <string_view>

#include "filter.hpp"

int main(int argc, char** argv) {
  using namespace reeve;
  if (argc < 2) return 2;
  OfferOptions options;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--without-its-filter") {
      ::unsetenv("REEVE_FILTER");
    } else if (word == "--callers" && i + 1 < argc) {
      options.callers = argv[++i];
    } else if (word != "--older" || i + 1 == argc || !test::become_older(argv[++i])) {
      return 3;
    }
  }
  const auto tell = [](const Peer& peer, const Dictionary&) -> Result<Dictionary> {
    return Dictionary{{"binding", Object(static_cast<std::uint64_t>(peer.binding))},
                      {"pid", peer.pid ? Object(std::int64_t{*peer.pid}) : Object()},
                      {"uid", Object(std::uint64_t{peer.uid})},
                      {"class", Object(static_cast<std::uint64_t>(peer.trust))},
                      {"team", Object(peer.team)},
                      {"identifier", Object(peer.identifier)},
                      {"label", Object(peer.label)}};
  };
  return serve_messages(argv[1], tell, std::move(options));
}
