// libexec/reeve/spawner: started by the broker, with the line to it as descriptor 3.
//
//   spawner RUNTIME_FOLDER [JOB_FOLDER]…
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "../contract/inherited.hpp"
#include "../os/process.hpp"
#include "../os/socket.hpp"
#include "../spawn/spawner.hpp"

namespace {

using namespace reeve;

Result<void> run(os::Fd broker, spawn::SpawnerOptions options) {
  os::Loop loop = REEVE_TRY(os::Loop::make());
  // Ended by its broker's leaving, not by the keys that a person presses for the broker.
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  const auto spawner = REEVE_TRY(spawn::Spawner::make(loop, std::move(broker), std::move(options)));
  while (spawner->goes_on()) REEVE_TRY(loop.run_once());
  spawner->end_children();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto broker = os::inherited(contract::kBrokerLineNumber);
  if (argc < 2 || !broker || !os::is_channel_socket(*broker)) {
    std::fprintf(stderr, "the spawner is started by the broker; run `reeve broker`\n");
    return 2;
  }
  os::survive_broken_pipes();
  const auto outcome = run(std::move(*broker), {argv[1], {argv + 2, argv + argc}});
  return outcome ? EXIT_SUCCESS : EXIT_FAILURE;
}
