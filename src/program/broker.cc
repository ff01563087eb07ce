// libexec/reeve/broker: takes the runtime folder's lock, has the spawner try out this machine, listens, serves.
//
//   broker [--embedded] [--jobs DIR]…
//
// --embedded: started by a client. Goes into the background, reports over descriptor 3 (nothing at all is success), and
// leaves when it has had no client and no job for a while.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "../bootstrap/broker.hpp"
#include "../bootstrap/runtime_folder.hpp"
#include "../broker/daemon.hpp"
#include "../contract/inherited.hpp"
#include "../os/files.hpp"
#include "../os/pipe.hpp"
#include "../os/process.hpp"

namespace {

using namespace reeve;

struct Options {
  bool embedded = false;
  std::vector<std::string> job_folders;
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--embedded") {
      options.embedded = true;
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
  if (!options.job_folders.empty()) return options.job_folders;
  if (const auto named = os::trusted_variable("REEVE_JOBS_DIR")) return {*named};
  std::vector<std::string> folders;
  if (const auto config = os::trusted_variable("XDG_CONFIG_HOME")) {
    folders.push_back(*config + "/reeve/jobs");
  } else if (const auto home = os::trusted_variable("HOME")) {
    folders.push_back(*home + "/.config/reeve/jobs");
  }
  folders.push_back(prefix + "/lib/reeve/jobs");
  return folders;
}

std::vector<std::string> job_environment() {
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  for (const char* name : {"HOME", "USER", "REEVE_RUNTIME_DIR", "XDG_RUNTIME_DIR"}) {
    if (const auto value = os::trusted_variable(name)) environment.push_back(std::string(name) + "=" + *value);
  }
  return environment;
}

struct SpawnerLine {
  os::Fd line;
  os::Child process;
};

Result<SpawnerLine> start_spawner(const std::string& libexec, const std::string& runtime,
                                  const std::vector<std::string>& folders) {
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  os::Start start;
  start.program = libexec + "/spawner";
  start.arguments = {runtime};
  start.arguments.insert(start.arguments.end(), folders.begin(), folders.end());
  start.environment = {"LANG=C.UTF-8"};
  start.descriptors = {{&theirs, contract::kBrokerLineNumber}};
  os::Child child = REEVE_TRY(os::start(start));
  return SpawnerLine{std::move(ours), std::move(child)};
}

// The spawner's first word: whether this machine can do what the sandbox needs.
Result<void> await_ready(const os::Fd& spawner) {
  std::vector<std::byte> room(contract::kSpawnerPacketBytesMax);
  if (!REEVE_TRY(os::wait_for(spawner, os::Readiness::readable, os::now() + vocab::kBrokerStart))) {
    return fail(Kind::timeout, code::kNoBroker, "the spawner did not start in time");
  }
  const auto received = REEVE_TRY(os::receive_packet(spawner, room, os::Rights::refuse));
  const auto* arrival = std::get_if<os::Arrival>(&received);
  if (arrival == nullptr) return fail(Kind::gone, code::kNoBroker, "the spawner ended before it could report");
  const auto event = REEVE_TRY(contract::decode_event(std::span(room).first(arrival->size)));
  if (event.head.kind == contract::SpawnerEventKind::ready) return {};
  return fail(Kind::unsupported, code::kMissingLayer, event.text);
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

Result<void> serve(os::Loop& loop, const os::Fd& signals, broker::Daemon& daemon) {
  const auto watch = REEVE_TRY(loop.watch(signals, {.readable = true}, [&](os::Ready) { daemon.leave(); }));
  REEVE_TRY(daemon.begin());
  while (daemon.goes_on()) REEVE_TRY(loop.run_once());
  return {};
}

Result<int> run(const Options& options, Report& report) {
  const auto own = os::own_program();
  if (!own) return fail(Kind::unsupported, code::kSystem, "/proc is not mounted", "mount it");
  const std::string libexec = own->substr(0, own->rfind('/'));
  const auto runtime = REEVE_TRY(bootstrap::open_runtime_folder());
  const auto lock = REEVE_TRY(os::take_lock(runtime.folder, bootstrap::kLockName));
  if (!lock) {
    // For a client that wanted one this is good news; for a person it is an answer.
    if (options.embedded) return EXIT_SUCCESS;
    return fail(Kind::busy, code::kNoBroker, "a broker runs already in " + runtime.path, "stop it first");
  }
  auto spawner = REEVE_TRY(start_spawner(libexec, runtime.path, job_folders(options, libexec + "/../..")));
  REEVE_TRY(await_ready(spawner.line));
  os::Loop loop = REEVE_TRY(os::Loop::make());
  // Before anybody can see that it is there: whoever then asks it to leave is heard.
  const os::Fd signals = REEVE_TRY(os::Loop::signal_descriptor({SIGTERM, SIGINT, SIGHUP}));
  os::Fd listener = REEVE_TRY(os::listen_in(runtime.folder, bootstrap::kSocketName));
  report.listening();
  bool has_spawner = true;
  {
    broker::Daemon daemon(loop, std::move(listener), std::move(spawner.line), {job_environment(), options.embedded});
    REEVE_TRY(serve(loop, signals, daemon));
    has_spawner = daemon.has_spawner();
  }
  // The spawner has seen its line end, and ends its children before itself.
  (void)os::wait_for_exit(spawner.process, os::now() + 3 * vocab::kStopGrace);
  return has_spawner ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: broker [--embedded] [--jobs DIR]...\n");
    return 2;
  }
  os::close_from(options->embedded ? contract::kReportNumber + 1 : contract::kReportNumber);
  if (options->embedded && !os::go_to_background()) return EXIT_FAILURE;
  os::raise_descriptor_limit();
  os::survive_broken_pipes();
  Report report(options->embedded ? os::inherited(contract::kReportNumber) : std::nullopt);
  const auto outcome = run(*options, report);
  return outcome ? *outcome : report.failed(outcome.error());
}
