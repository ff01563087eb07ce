// bin/reeve: the tool. Exit status 0 is good, 1 refused or failed, 2 a command line that makes no sense.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "../bootstrap/broker.hpp"
#include "../inspect/audit.hpp"
#include "../inspect/commands.hpp"
#include "../inspect/doctor.hpp"
#include "../inspect/identity.hpp"
#include "../inspect/interface.hpp"
#include "../inspect/json.hpp"
#include "../inspect/new_service.hpp"
#include "../inspect/plist.hpp"
#include "../inspect/ports.hpp"
#include "../inspect/sandbox.hpp"
#include "../inspect/signing.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"

namespace {

using namespace reeve;
using bootstrap::Domain;

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

int show(const Result<std::string>& outcome, inspect::Form form) {
  if (!outcome) return report(outcome.error(), form);
  if (!outcome->empty()) std::printf("%s\n", outcome->c_str());
  return 0;
}

// What the command line says. Every command has --json and --system where they mean something.
struct Words {
  bool json = false;
  bool system = false;
  bool user = false;
  bool replace = false;
  std::string label;
  std::string signal;
  std::string timeout = "25s";
  std::int32_t pid = 0;
  std::string first;
  std::string second;
  std::vector<std::string> paths;
  std::string output;
  std::vector<std::string> program;  // what is behind "--", whole
  inspect::CallCommand call;
  inspect::SignCommand sign;
  inspect::NewServiceCommand new_service;

  inspect::Form form() const { return json ? inspect::Form::json : inspect::Form::text; }
  Domain domain() const { return system ? Domain::system : Domain::user; }
};

// Returns only if it could not become the supervisor, or has replaced what runs.
int run_broker(const Words& words) {
  const auto running = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail, {}, words.domain());
  if (words.replace && running) return show(inspect::manage(contract::Replace{}, words.domain()), words.form());
  const auto program = bootstrap::installed_program("supervisor");
  if (!program) {
    return report({Kind::gone, code::kNoBroker, "the broker's programs are not installed beside this one",
                   "install Reeve whole: ./dev install PREFIX"},
                  words.form());
  }
  std::vector<std::string> arguments;
  if (words.system) arguments.emplace_back("--system");
  for (const std::string& folder : words.paths) arguments.insert(arguments.end(), {"--jobs", folder});
  return report(os::become(*program, arguments), words.form());
}

int call(Words& words) {
  const auto wait = inspect::parse_duration(words.timeout);
  if (!wait) return report(wait.error(), words.form()), kMisused;
  words.call.timeout = *wait;
  words.call.json = words.second.empty() ? words.first : words.second;
  if (!words.second.empty()) words.call.method = words.first;
  const auto show_item = [](const std::string& item) {
    std::printf("%s\n", item.c_str());
    std::fflush(stdout);
  };
  return show(inspect::call(words.call, show_item), words.form());
}

// As a shell does: what the program returns, or 128 and the signal that ended it.
int run_in_preset(const Words& words) {
  if (words.program.empty()) {
    std::fprintf(stderr, "reeve: which program? Write it behind --\n");
    return kMisused;
  }
  const auto ended = inspect::run_in_preset(words.label, words.program);
  if (!ended) return report(ended.error(), words.form());
  if (!ended->by_signal) return ended->value;
  std::fprintf(stderr, "reeve: %s %s\n", words.program.front().c_str(), os::describe(*ended).c_str());
  if (ended->value == SIGSYS) {
    std::fprintf(stderr, "  it made a system call that %s does not know: reeve sandbox show %s\n", words.label.c_str(),
                 words.label.c_str());
  }
  constexpr int kBySignal = 128;
  return kBySignal + ended->value;
}

int kill_job(const Words& words) {
  const auto signal = inspect::parse_signal(words.signal);
  if (!signal) return report(signal.error(), words.form()), kMisused;
  return show(inspect::manage(contract::KillJob{words.label, *signal}, words.domain()), words.form());
}

// 1 where callers of the old version break, as where a file cannot be read.
int compare_interfaces(const Words& words) {
  const auto wait = inspect::parse_duration(words.timeout);
  if (!wait) return report(wait.error(), words.form()), kMisused;
  const auto comparison = inspect::compare_interfaces(words.first, words.second, *wait, words.form());
  if (!comparison) return report(comparison.error(), words.form());
  std::printf("%s\n", comparison->text.c_str());
  return comparison->breaks_old_callers ? kFailed : 0;
}

// What is no line of text is written as it is.
int convert_plist(const Words& words) {
  const auto form = inspect::parse_plist_form(words.second);
  if (!form) return report(form.error(), words.form()), kMisused;
  const auto converted = inspect::convert_plist(words.first, *form, words.output);
  if (!converted) return report(converted.error(), words.form());
  if (*form == inspect::PlistForm::json) return show(converted, words.form());
  return std::fwrite(converted->data(), 1, converted->size(), stdout) == converted->size() ? 0 : kFailed;
}

int show_interface(const Words& words) {
  const auto wait = inspect::parse_duration(words.timeout);
  if (!wait) return report(wait.error(), words.form()), kMisused;
  return show(inspect::show_interface(words.label, *wait, words.form()), words.form());
}

class Commands {
 public:
  Commands() {
    app_.require_subcommand(1);
    add_broker();
    add_jobs();
    add_call();
    add_interface();
    add_new();
    add_sandbox();
    add_signing();
    add_plist();
  }

  int run(int argc, char** argv) {
    // What is behind "--" is another program's: as a list, CLI11 would read [] as no word at all.
    const std::span<char*> all(argv, static_cast<std::size_t>(argc));
    const auto end = std::find(all.begin(), all.end(), std::string_view("--"));
    if (end != all.end()) words_.program.assign(end + 1, all.end());
    const bool takes_program = argc > 2 && all[1] == std::string_view("sandbox") && all[2] == std::string_view("run");
    if (!words_.program.empty() && !takes_program) {
      std::fprintf(stderr, "reeve: nothing is to stand behind -- but the program of \"sandbox run\"\n");
      return kMisused;
    }
    try {
      app_.parse(static_cast<int>(end - all.begin()), argv);
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? 0 : kMisused;
    }
    return chosen_();
  }

 private:
  CLI::App* add(const char* name, const char* what, std::function<int()> run) {
    return add_to(app_, name, what, std::move(run));
  }
  CLI::App* add_to(CLI::App& above, const char* name, const char* what, std::function<int()> run) {
    CLI::App* command = above.add_subcommand(name, what);
    command->add_flag("--json", words_.json, "for scripts: what it prints, and errors, as JSON");
    command->callback([this, run = std::move(run)] { chosen_ = run; });
    return command;
  }
  // A command about the jobs of a broker.
  CLI::App* add_managing(const char* name, const char* what, std::function<int()> run) {
    CLI::App* command = add(name, what, std::move(run));
    command->add_flag("--system", words_.system, "the machine's broker, not this user's");
    return command;
  }
  CLI::App* add_for_label(const char* name, const char* what, std::function<int()> run) {
    CLI::App* command = add_managing(name, what, std::move(run));
    command->add_option("LABEL", words_.label, "the job")->required();
    return command;
  }
  template <class Request>
  std::function<int()> manage() {
    return [this] { return show(inspect::manage(Request{words_.label}, words_.domain()), words_.form()); };
  }

  void add_broker() {
    CLI::App* broker = add("broker", "Run the broker in the foreground", [this] { return run_broker(words_); });
    auto* user = broker->add_flag("--user", words_.user, "for this user (the default)");
    broker->add_flag("--system", words_.system, "for all users of the machine")->excludes(user);
    broker->add_flag("--replace", words_.replace,
                     "where one runs, put what is installed now in its place: services and channels go on");
    broker->add_option("--jobs", words_.paths, "folders of job files, instead of the usual ones");
  }

  void add_jobs() {
    add_managing("list", "Show the jobs",
                 [this] { return show(inspect::list(words_.form(), words_.domain()), words_.form()); });
    CLI::App* print = add_managing("print", "Show all that is known of a job", [this] {
      return show(inspect::print(words_.label, words_.form(), words_.domain()), words_.form());
    });
    print->add_option("LABEL|NAME", words_.label, "the job, or one of its names")->required();
    CLI::App* load = add_managing("load", "Load jobs for as long as the session lasts", [this] {
      return show(inspect::load(words_.paths, words_.form(), words_.domain()), words_.form());
    });
    load->add_option("PLIST", words_.paths, "property lists")->required();
    add_for_label("unload", "Stop a job, and forget it", manage<contract::Unload>());
    add_for_label("start", "Start a job", manage<contract::Start>());
    add_for_label("stop", "Stop a job: SIGTERM, and after its ExitTimeOut SIGKILL", manage<contract::Stop>());
    CLI::App* kill = add_managing("kill", "Send a job a signal", [this] { return kill_job(words_); });
    kill->add_option("SIGNAL", words_.signal, "TERM, SIGTERM or 15")->required();
    kill->add_option("LABEL", words_.label, "the job")->required();
    CLI::App* ports = add("ports", "Show the port rights of a process that allows it",
                          [this] { return show(inspect::ports(words_.pid, words_.form()), words_.form()); });
    ports->add_option("PID", words_.pid, "the process")->required()->check(CLI::PositiveNumber);
    add_managing("audit", "Show who can talk to whom, and what is more open than it need be",
                 [this] { return show(inspect::audit(words_.form(), words_.domain()), words_.form()); });
    add_managing("doctor", "Show what this machine offers, and what is degraded", [this] {
      std::printf("%s\n", inspect::doctor(words_.form(), words_.domain()).c_str());
      return 0;
    });
  }

  void add_call() {
    CLI::App* command =
        add("call", "Send a message, or call a method, and print the reply as JSON", [this] { return call(words_); });
    command->add_option("NAME", words_.call.name, "the service's name")->required();
    // Two options of one word each: as a list, CLI11 would read [] as no word at all.
    command->add_option("METHOD|MESSAGE", words_.first, "a method, or the message itself: a JSON object")->required();
    command->add_option("ARGUMENTS", words_.second, "the method's arguments: a JSON array");
    command->add_option("--file", words_.call.files, "KEY=PATH: send an open file under this key")
        ->allow_extra_args(false)
        ->take_all();
    add_timeout(command);
  }
  void add_timeout(CLI::App* command) {
    command->add_option("--timeout", words_.timeout, "how long to wait: 250ms, 2s, 3m")->capture_default_str();
  }

  void add_interface() {
    CLI::App* interface =
        app_.add_subcommand("interface", "Show what a service takes and gives, or compare two versions");
    interface->require_subcommand(1);
    CLI::App* show_one =
        add_to(*interface, "show", "Show a service's methods and types", [this] { return show_interface(words_); });
    show_one->add_option("NAME", words_.label, "the service's name")->required();
    add_timeout(show_one);
    CLI::App* diff = add_to(*interface, "diff", "Say what a new version breaks: status 1 where old callers do",
                            [this] { return compare_interfaces(words_); });
    diff->add_option("OLD", words_.first, "a file, as show writes it with --json, or a service's name")->required();
    diff->add_option("NEW", words_.second, "another")->required();
    add_timeout(diff);
  }

  void add_new() {
    CLI::App* begin = app_.add_subcommand("new", "Begin a project");
    begin->require_subcommand(1);
    CLI::App* service = add_to(*begin, "service", "Write a service, its client, interface, job file and tests",
                               [this] { return show(inspect::new_service(words_.new_service), words_.form()); });
    service->add_option("NAME", words_.new_service.name, "of the folder that is made here, and of the programs")
        ->required();
    service->add_option("--label", words_.new_service.label, "of the service, instead of org.example.NAME");
  }

  void add_sandbox() {
    CLI::App* sandbox = app_.add_subcommand("sandbox", "Show a preset, or run a program in one");
    sandbox->require_subcommand(1);
    CLI::App* show_one = add_to(*sandbox, "show", "Show what a preset lets through, or which there are", [this] {
      return show(words_.label.empty() ? inspect::show_presets(words_.form())
                                       : inspect::show_preset(words_.label, words_.form()),
                  words_.form());
    });
    show_one->add_option("PRESET", words_.label, "the preset");
    CLI::App* run = add_to(*sandbox, "run", "Run a program in a preset, with this terminal",
                           [this] { return run_in_preset(words_); });
    run->add_option("PRESET", words_.label, "the preset")->required();
    run->footer("-- PROGRAM [ARGUMENT]...   its path, and its arguments");
  }

  void add_signing() {
    CLI::App* team = app_.add_subcommand("team", "Make a team, which signs programs");
    team->require_subcommand(1);
    inspect::SignCommand& words = words_.sign;
    // An empty word mostly is a script's variable that was not set.
    const auto is_there = [](const std::string& word) { return std::string(word.empty() ? "it is empty" : ""); };
    const auto passphrase = [&](CLI::App* command) {
      command->add_option("--passphrase-file", words.passphrase, "a file whose first line is the key's passphrase")
          ->check(is_there);
    };
    CLI::App* make = add_to(*team, "new", "Make a team's key, and tell the team's id", [this] {
      return show(inspect::make_team(words_.sign.key_file, words_.sign.passphrase, words_.form()), words_.form());
    });
    make->add_option("FILE", words.key_file, "where to keep the key")->required();
    passphrase(make);
    CLI::App* sign = add("sign", "Sign a program, or any file",
                         [this] { return show(inspect::sign(words_.sign, words_.form()), words_.form()); });
    sign->add_option("FILE", words.program, "what to sign")->required();
    sign->add_option("--key", words.key_file, "the team's key")->required();
    sign->add_option("--identifier", words.identifier, "what the team calls it: org.example.app")->required();
    sign->add_option("--version", words.version, "a number that grows")->capture_default_str();
    sign->add_option("--group", words.groups, "an app group: the team's id, or a name under it")
        ->allow_extra_args(false)
        ->take_all();
    sign->add_option("--entitlement", words.entitlements, "NAME, or NAME=JSON")->allow_extra_args(false)->take_all();
    sign->add_option("--preset", words.preset, "the sandbox it is made for")->check(is_there);
    sign->add_option("--allow", words.allowed_callers, "who may call it, as in AllowedCallers")
        ->allow_extra_args(false)
        ->take_all();
    sign->add_flag("--detached", words.detached, "into FILE.reevesig: the file stays as it is");
    passphrase(sign);
    CLI::App* verify = add("verify", "Check a signature, and show what it says",
                           [this] { return show(inspect::verify(words_.label, words_.form()), words_.form()); });
    verify->add_option("FILE", words_.label, "what was signed")->required();
    CLI::App* identity = add_managing("identity", "Show who a process is, and how far that is proven", [this] {
      return show(inspect::identity(words_.pid, words_.form(), words_.domain()), words_.form());
    });
    identity->add_option("PID", words_.pid, "the process")->required()->check(CLI::PositiveNumber);
  }

  void add_plist() {
    CLI::App* plist = app_.add_subcommand("plist", "Show, check or convert a property list: binary, XML or JSON");
    plist->require_subcommand(1);
    const auto add_for_file = [&](CLI::App* above, const char* name, const char* what, auto run) {
      CLI::App* command =
          add_to(*above, name, what, [this, run] { return show(run(words_.first, words_.form()), words_.form()); });
      command->add_option("FILE", words_.first, "the file")->required();
    };
    add_for_file(plist, "show", "Show what a property list holds", inspect::show_plist);
    add_for_file(plist, "check", "Say what a file is, and what is wrong with it", inspect::check_plist);
    CLI::App* convert =
        add_to(*plist, "convert", "Write a property list in another form", [this] { return convert_plist(words_); });
    convert->add_option("FILE", words_.first, "the file")->required();
    convert->add_option("--to", words_.second, "binary, xml or json")->required();
    convert->add_option("--output", words_.output, "where to, instead of standard output");
    CLI::App* archive = app_.add_subcommand("archive", "Show a keyed archive");
    archive->require_subcommand(1);
    add_for_file(archive, "show", "Show an archive's objects, with their classes", inspect::show_archive);
  }

  CLI::App app_{"Named services that start on demand inside a sandbox.", "reeve"};
  Words words_;
  std::function<int()> chosen_;
};

}  // namespace

int main(int argc, char** argv) { return Commands().run(argc, argv); }
