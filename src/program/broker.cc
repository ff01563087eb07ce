// libexec/reeve/broker: started by the supervisor, with the line to it as descriptor 3.
//
//   broker [--embedded]
//
// --embedded: a client started it all; it asks to leave when it has had no client and no job for a while.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../broker/daemon.hpp"
#include "../contract/inherited.hpp"
#include "../os/process.hpp"

extern char** environ;

namespace {

using namespace reeve;

Result<void> run(os::Fd supervisor, broker::DaemonOptions options) {
  os::Loop loop = REEVE_TRY(os::Loop::make());
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  broker::Daemon daemon(loop, std::move(supervisor), std::move(options));
  REEVE_TRY(daemon.begin());
  while (daemon.goes_on()) REEVE_TRY(loop.run_once());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto supervisor = os::inherited(contract::kSupervisorLineNumber);
  const bool is_embedded = argc == 2 && std::string(argv[1]) == "--embedded";
  if ((argc != 1 && !is_embedded) || !supervisor || !os::is_channel_socket(*supervisor)) {
    std::fprintf(stderr, "this is started by the supervisor; run `reeve broker`\n");
    return 2;
  }
  os::raise_descriptor_limit();
  os::survive_broken_pipes();
  os::die_with_parent();
  broker::DaemonOptions options;
  options.leaves_when_idle = is_embedded;
  for (char** variable = environ; *variable != nullptr; ++variable) options.environment.emplace_back(*variable);
  const auto outcome = run(std::move(*supervisor), std::move(options));
  if (!outcome) std::fprintf(stderr, "reeve broker: %s\n", text_of(outcome.error()).c_str());
  return outcome ? EXIT_SUCCESS : EXIT_FAILURE;
}
