// libexec/reeve/supervisor: takes the runtime folder's lock, starts spawner and broker, and keeps them running.
//
//   supervisor [--embedded|--system] [--jobs DIR]…
//
// --embedded: started by a client. Goes into the background, reports over descriptor 3 (nothing at all is success), and
// leaves when the broker has had no client and no job for a while.
// --system: for all users of the machine, who meet it in /run/reeve-system.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "../bootstrap/broker.hpp"
#include "../bootstrap/runtime_folder.hpp"
#include "../contract/inherited.hpp"
#include "../os/confine.hpp"
#include "../os/files.hpp"
#include "../os/pipe.hpp"
#include "../os/process.hpp"
#include "../supervise/supervisor.hpp"

namespace {

using namespace reeve;

struct Options {
  bool embedded = false;
  bool system = false;
  std::vector<std::string> job_folders;
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--embedded") {
      options.embedded = true;
    } else if (argument == "--system") {
      options.system = true;
    } else if (argument == "--jobs" && i + 1 < argc) {
      options.job_folders.emplace_back(argv[++i]);
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// `--jobs`, else REEVE_JOBS_DIR, else the user's own folder and then the one that came installed.
std::vector<std::string> job_folders(const Options& options, const std::string& prefix) {
  std::vector<std::string> folders;
  const auto from_here = [](const std::string& path) { return std::filesystem::absolute(path).string(); };
  for (const std::string& folder : options.job_folders) folders.push_back(from_here(folder));
  if (!folders.empty()) return folders;
  if (const auto named = os::trusted_variable("REEVE_JOBS_DIR")) return {from_here(*named)};
  if (options.system) {
    folders.emplace_back("/etc/reeve/jobs");
  } else if (const auto config = os::trusted_variable("XDG_CONFIG_HOME")) {
    folders.push_back(*config + "/reeve/jobs");
  } else if (const auto home = os::trusted_variable("HOME")) {
    folders.push_back(*home + "/.config/reeve/jobs");
  }
  folders.push_back(prefix + "/lib/reeve/jobs");
  return folders;
}

// The machine's, and for a session its user's own, or REEVE_TRUST_DIR. What either takes away is taken away.
std::vector<std::string> trust_folders(const Options& options) {
  std::vector<std::string> folders{"/etc/reeve/trust"};
  if (options.system) return folders;
  if (const auto named = os::trusted_variable("REEVE_TRUST_DIR")) {
    folders.push_back(std::filesystem::absolute(*named).string());
  } else if (const auto config = os::trusted_variable("XDG_CONFIG_HOME")) {
    folders.push_back(*config + "/reeve/trust");
  } else if (const auto home = os::trusted_variable("HOME")) {
    folders.push_back(*home + "/.config/reeve/trust");
  }
  return folders;
}

std::string groups_folder(const Options& options) {
  if (options.system) return "/var/lib/reeve/groups";
  if (const auto data = os::trusted_variable("XDG_DATA_HOME")) return *data + "/reeve/groups";
  return os::trusted_variable("HOME").value_or("/nonexistent") + "/.local/share/reeve/groups";
}

std::vector<std::string> job_environment() {
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  for (const char* name : {"HOME", "USER", "REEVE_RUNTIME_DIR", "XDG_RUNTIME_DIR"}) {
    if (const auto value = os::trusted_variable(name)) environment.push_back(std::string(name) + "=" + *value);
  }
  return environment;
}

// Says how it went to whoever started this process, and lets go of it.
class Report {
 public:
  explicit Report(std::optional<os::Fd> pipe) : pipe_(std::move(pipe)) {}
  int failed(const Error& error) {
    const std::string text = text_of(error);
    if (pipe_) {
      (void)os::write_all(*pipe_, text);
    } else {
      std::fprintf(stderr, "reeve broker: %s\n", text.c_str());
    }
    return EXIT_FAILURE;
  }
  void listening() { pipe_.reset(); }

 private:
  std::optional<os::Fd> pipe_;
};

supervise::SupervisorOptions programs(const Options& options, const std::string& libexec, const std::string& runtime) {
  supervise::SupervisorOptions out;
  out.broker = {libexec + "/broker", {groups_folder(options)}, job_environment()};
  if (options.embedded) out.broker.arguments.emplace_back("--embedded");
  if (options.system) out.broker.arguments.emplace_back("--system");
  out.spawner = {libexec + "/spawner", {runtime, groups_folder(options)}, {"LANG=C.UTF-8"}};
  for (const std::string& folder : trust_folders(options)) {
    out.spawner.arguments.insert(out.spawner.arguments.end(), {"--trust", folder});
  }
  for (const std::string& folder : job_folders(options, libexec + "/../..")) {
    out.spawner.arguments.push_back(folder);
  }
  return out;
}

Result<int> run(const Options& options, Report& report) {
  const auto own = os::own_program();
  if (!own) return fail(Kind::unsupported, code::kSystem, "/proc is not mounted", "mount it");
  const auto runtime = REEVE_TRY(options.system ? bootstrap::make_system_folder() : bootstrap::open_runtime_folder());
  const auto lock = REEVE_TRY(os::take_lock(runtime.folder, bootstrap::kLockName));
  if (!lock) {
    // For a client that wanted one this is good news; for a person it is an answer.
    if (options.embedded) return EXIT_SUCCESS;
    return fail(Kind::busy, code::kNoBroker, "a broker runs already in " + runtime.path, "stop it first");
  }
  os::Loop loop = REEVE_TRY(os::Loop::make());
  // Before anybody can see that it is there: whoever then asks it to leave is heard.
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  const os::Fd child_signals = REEVE_TRY(os::Loop::signal_descriptor({SIGCHLD}));
  supervise::Supervisor supervisor(loop, programs(options, own->substr(0, own->rfind('/')), runtime.path));
  const auto signal_watch = REEVE_TRY(loop.watch(signals, {.readable = true}, [&](os::Ready) { supervisor.leave(); }));
  const auto child_watch = REEVE_TRY(loop.watch(child_signals, {.readable = true}, [&](os::Ready) {
    os::Loop::forget_signals(child_signals);
    supervisor.sweep_soon();
  }));
  const auto serve = [&]() -> Result<void> {
    const os::Time give_up = os::now() + kBrokerStart;
    REEVE_TRY(supervisor.start_spawner(give_up));
    const os::Reach reach = options.system ? os::Reach::everybody : os::Reach::own_user;
    os::Fd listener = REEVE_TRY(os::listen_in(runtime.folder, bootstrap::kSocketName, reach));
    REEVE_TRY(supervisor.start_broker(std::move(listener), give_up));
    report.listening();
    while (supervisor.goes_on()) REEVE_TRY(loop.run_once());
    return {};
  };
  const auto served = serve();
  supervisor.end_everything();
  if (!served) return std::unexpected(served.error());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: supervisor [--embedded|--system] [--jobs DIR]...\n");
    return 2;
  }
  os::close_from(options->embedded ? contract::kReportNumber + 1 : contract::kReportNumber);
  if (options->embedded && !os::go_to_background()) return EXIT_FAILURE;
  os::raise_descriptor_limit();
  os::survive_broken_pipes();
  os::set_awake(false);  // Their processors are others'.
  // For all that it will ever start: spawner, broker, and services in whatever preset.
  (void)os::refuse_privileges_by_exec();
  Report report(options->embedded ? os::inherited(contract::kReportNumber) : std::nullopt);
  const auto outcome = run(*options, report);
  return outcome ? *outcome : report.failed(outcome.error());
}
