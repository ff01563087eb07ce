// libexec/reeve/broker: started by the supervisor, with the line to it as descriptor 3.
//
//   broker GROUPS_FOLDER [--embedded|--system]
//
// --embedded: a client started it all; it asks to leave when it has had no client and no job for a while.
// --system: for all users of the machine.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../broker/daemon.hpp"
#include "../contract/inherited.hpp"
#include "../os/clock.hpp"
#include "../os/process.hpp"
#include "../sandbox/broker.hpp"
#include "../sandbox/layers.hpp"

extern char** environ;

namespace {

using namespace reeve;

Result<void> run(os::Fd supervisor, broker::DaemonOptions options) {
  os::Loop loop = REEVE_TRY(os::Loop::make());
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  broker::Daemon daemon(loop, std::move(supervisor), std::move(options));
  REEVE_TRY(sandbox::confine_broker());
  REEVE_TRY(daemon.begin());
  while (daemon.goes_on()) REEVE_TRY(loop.run_once());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto supervisor = os::inherited(contract::kSupervisorLineNumber);
  const std::string mode = argc == 3 ? argv[2] : "";
  const bool is_known = mode == "--embedded" || mode == "--system" || argc == 2;
  if (!is_known || !supervisor || !os::is_channel_socket(*supervisor)) {
    std::fprintf(stderr, "this is started by the supervisor; run `reeve broker`\n");
    return 2;
  }
  os::raise_descriptor_limit();
  os::survive_broken_pipes();
  os::set_awake(false);  // Their processors are others'.
  os::die_with_parent();
  (void)os::local_seconds();  // Reads the time zone while that can be read.
  broker::DaemonOptions options;
  options.groups_folder = argv[1];
  options.lacking = sandbox::lacking_here();
  options.leaves_when_idle = mode == "--embedded";
  options.is_for_everybody = mode == "--system";
  for (char** variable = environ; *variable != nullptr; ++variable) options.environment.emplace_back(*variable);
  const auto outcome = run(std::move(*supervisor), std::move(options));
  if (!outcome) std::fprintf(stderr, "reeve broker: %s\n", text_of(outcome.error()).c_str());
  return outcome ? EXIT_SUCCESS : EXIT_FAILURE;
}
