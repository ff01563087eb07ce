// bin/reeve: the tool. Exit status 0 is good, 1 refused or failed, 2 a command line that makes no sense.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "../bootstrap/broker.hpp"
#include "../inspect/commands.hpp"
#include "../inspect/json.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"

namespace {

using namespace reeve;

constexpr int kFailed = 1;
constexpr int kMisused = 2;

int report(const Error& error, inspect::Form form) {
  if (form == inspect::Form::json) {
    std::fprintf(stderr, "%s\n", inspect::to_json(error).c_str());
  } else {
    std::fprintf(stderr, "reeve: %s\n", printable(error.message).c_str());
    if (!error.advice.empty()) std::fprintf(stderr, "  %s\n", printable(error.advice).c_str());
  }
  return kFailed;
}

inspect::Form form_of(bool json) { return json ? inspect::Form::json : inspect::Form::text; }

int show(const Result<std::string>& outcome, inspect::Form form) {
  if (!outcome) return report(outcome.error(), form);
  std::printf("%s\n", outcome->c_str());
  return 0;
}

struct BrokerCommand {
  bool user = false;
  bool system = false;
  bool replace = false;
  std::vector<std::string> jobs;
};

// Returns only if it could not become the broker.
Error run_broker(const BrokerCommand& command) {
  if (command.system || command.replace) {
    return {Kind::unsupported, code::kNoBroker,
            std::string(command.system ? "--system" : "--replace") + " is not built yet",
            "run `reeve broker` without the option"};
  }
  const auto program = bootstrap::installed_program("supervisor");
  if (!program) {
    return {Kind::gone, code::kNoBroker, "the broker's program is not installed beside this one",
            "install Reeve whole: ./dev install PREFIX"};
  }
  std::vector<std::string> arguments;
  for (const std::string& folder : command.jobs) arguments.insert(arguments.end(), {"--jobs", folder});
  return os::become(*program, arguments);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Named services that start on demand inside a sandbox.", "reeve");
  app.require_subcommand(1);

  BrokerCommand broker;
  CLI::App* broker_app = app.add_subcommand("broker", "Run the broker in the foreground");
  auto* user = broker_app->add_flag("--user", broker.user, "for this user (the default)");
  broker_app->add_flag("--system", broker.system, "for the machine")->excludes(user);
  broker_app->add_flag("--replace", broker.replace, "take over from the broker that runs");
  broker_app->add_option("--jobs", broker.jobs, "folders of job files, instead of the usual ones");

  bool list_json = false;
  CLI::App* list_app = app.add_subcommand("list", "Show the jobs");
  list_app->add_flag("--json", list_json, "as JSON");

  inspect::CallCommand call;
  std::string first;
  std::string second;
  std::string timeout = "25s";
  bool call_json = false;
  CLI::App* call_app = app.add_subcommand("call", "Send a message, or call a method, and print the reply as JSON");
  call_app->add_option("NAME", call.name, "the service's name")->required();
  // Two options of one word each: as a list, CLI11 would read [] as no word at all.
  call_app->add_option("METHOD|MESSAGE", first, "a method, or the message itself: a JSON object")->required();
  call_app->add_option("ARGUMENTS", second, "the method's arguments: a JSON array");
  call_app->add_option("--file", call.files, "KEY=PATH: send an open file under this key")->expected(1)->take_all();
  call_app->add_option("--timeout", timeout, "how long to wait: 250ms, 2s, 3m")->capture_default_str();
  call_app->add_flag("--json", call_json, "errors as JSON too");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kMisused;
  }
  if (*broker_app) return report(run_broker(broker), inspect::Form::text);
  if (*list_app) return show(inspect::list(form_of(list_json)), form_of(list_json));
  const auto wait = inspect::parse_duration(timeout);
  if (!wait) {
    report(wait.error(), form_of(call_json));
    return kMisused;
  }
  call.timeout = *wait;
  call.json = second.empty() ? first : second;
  if (!second.empty()) call.method = first;
  return show(inspect::call(call), form_of(call_json));
}
