// libexec/reeve/spawner: started by the supervisor, with the line to it as descriptor 3.
//
//   spawner RUNTIME_FOLDER GROUPS_FOLDER [--trust FOLDER]… [JOB_FOLDER]…
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "../contract/inherited.hpp"
#include "../os/pipe.hpp"
#include "../os/process.hpp"
#include "../os/socket.hpp"
#include "../sandbox/allowance.hpp"
#include "../spawn/spawner.hpp"

namespace {

using namespace reeve;

Result<void> run(os::Fd supervisor, spawn::SpawnerOptions options) {
  os::Loop loop = REEVE_TRY(os::Loop::make());
  // Ended by its supervisor's leaving, not by the keys that a person presses.
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  spawn::Spawner spawner(loop, std::move(supervisor), std::move(options));
  REEVE_TRY(spawner.begin());
  while (spawner.goes_on()) REEVE_TRY(loop.run_once());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto supervisor = os::inherited(contract::kSupervisorLineNumber);
  if (argc < 3 || !supervisor || !os::is_channel_socket(*supervisor)) {
    std::fprintf(stderr, "the spawner is started by the supervisor; run `reeve broker`\n");
    return 2;
  }
  os::raise_descriptor_limit();
  os::survive_broken_pipes();
  os::set_awake(false);  // Their processors are others'.
  os::die_with_parent();
  spawn::SpawnerOptions options;
  options.runtime_folder = argv[1];
  options.groups_folder = argv[2];
  for (int i = 3; i < argc; ++i) {
    const bool is_trust = std::string_view(argv[i]) == "--trust" && i + 1 < argc;
    (is_trust ? options.trust_folders : options.job_folders).emplace_back(is_trust ? argv[++i] : argv[i]);
  }
  if (const auto allowance = sandbox::read_allowance()) {
    options.may_lack = *allowance;
  } else {
    os::show_line(std::string("reeve spawner: ") + sandbox::kAllowanceFolder + "/" + sandbox::kAllowanceName + ": " +
                  text_of(allowance.error()) + "; nothing is allowed");
  }
  const auto outcome = run(std::move(*supervisor), std::move(options));
  if (!outcome) std::fprintf(stderr, "reeve spawner: %s\n", text_of(outcome.error()).c_str());
  return outcome ? EXIT_SUCCESS : EXIT_FAILURE;
}
