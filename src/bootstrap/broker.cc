#include "broker.hpp"

#include <algorithm>
#include <array>

#include "../contract/inherited.hpp"
#include "../os/files.hpp"
#include "../os/pipe.hpp"
#include "../os/process.hpp"
#include "control.hpp"
#include "runtime_folder.hpp"

namespace reeve::bootstrap {
namespace {

// Between two looks at whether a broker that somebody else is starting listens by now.
constexpr std::chrono::milliseconds kNextLook{2};
// In connect at once: a turn may go to one who has just left, and is asked for again.
constexpr std::chrono::milliseconds kInLine{250};
constexpr std::chrono::milliseconds kNextStart{100};

std::unexpected<Error> no_broker(const std::string& why) {
  return fail(Kind::gone, code::kNoBroker, "no broker runs, and none could be started: " + why,
              "run `reeve broker` in a terminal to see what keeps it");
}

// The broker's world: what it needs to find folders and programs, and nothing else of its starter's.
std::vector<std::string> clean_environment() {
  std::vector<std::string> environment{"LANG=C.UTF-8"};
  for (const char* name : {"HOME", "USER", "PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
                           "REEVE_RUNTIME_DIR", "REEVE_JOBS_DIR", "REEVE_TRUST_DIR"}) {
    if (const auto value = os::trusted_variable(name)) environment.push_back(std::string(name) + "=" + *value);
  }
  return environment;
}

// What the new broker says before it lets go of the pipe: nothing when it listens, or when another has the lock.
Result<std::string> read_report(const os::Fd& reader, const os::Deadline& deadline) {
  std::string report;
  std::array<char, 1024> room;
  while (true) {
    if (!REEVE_TRY(os::wait_for(reader, os::Readiness::readable, deadline)))
      return no_broker("it did not start in time");
    const auto got = os::read_available(reader, room);
    if (got && *got == 0) return report;
    if (got) report.append(room.data(), *got);
  }
}

Result<void> start_broker(const os::Deadline& deadline) {
  const auto program = installed_program("supervisor");
  if (!program) return no_broker("its program is not installed beside this library or a `reeve` on PATH");
  auto [reader, writer] = REEVE_TRY(os::make_pipe());
  os::Start start;
  start.program = *program;
  start.arguments = {"--embedded"};
  start.environment = clean_environment();
  start.descriptors = {{&writer, contract::kReportNumber}};
  start.quiet_output = true;
  const os::Child child = REEVE_TRY(os::start(start));
  writer.close();
  const std::string report = REEVE_TRY(read_report(reader, deadline));
  // The process started here only put the broker into the background, and is gone by now.
  REEVE_TRY(os::wait_for_exit(child, deadline));
  if (!report.empty()) return no_broker(report);
  return {};
}

Result<void> check_listener(const os::Fd& socket, const RuntimeFolder& runtime) {
  const os::Credentials who = REEVE_TRY(os::connected_by(socket));
  if (who.uid == os::own_user() || who.uid == 0) return {};
  return fail(Kind::denied, code::kRuntimeFolder,
              "the broker in " + runtime.path + " runs as user " + std::to_string(who.uid) + ", not as you");
}

class BrokerDialer : public connection::Dialer {
 public:
  BrokerDialer(WhenAbsent when_absent, Domain domain, std::shared_ptr<std::optional<os::OpenFile>> socket)
      : when_absent_(when_absent), domain_(domain), socket_(std::move(socket)) {}
  Result<connection::Dialed> dial(const os::Deadline& deadline) override {
    os::Fd socket = REEVE_TRY(connect_to_broker(when_absent_, deadline, domain_));
    *socket_ = os::OpenFile(socket);
    return connection::Dialed{channel::Channel(std::move(socket)), {}};
  }

 private:
  WhenAbsent when_absent_;
  Domain domain_;
  std::shared_ptr<std::optional<os::OpenFile>> socket_;
};

}  // namespace

std::optional<std::string> installed_program(const std::string& name) {
  // Where this library was installed to, then beside the `reeve` that a shell would run.
  std::vector<std::string> candidates;
  if (const auto own = os::own_program(); own && own->ends_with("/bin/reeve")) {
    candidates.push_back(own->substr(0, own->size() - std::string_view("bin/reeve").size()) + "libexec/reeve/" + name);
  }
  candidates.push_back(std::string(REEVE_INSTALL_PREFIX) + "/libexec/reeve/" + name);
  std::string path = os::trusted_variable("PATH").value_or("");
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    if (folder.starts_with('/') && os::can_run(folder + "/reeve")) {
      candidates.push_back(folder + "/../libexec/reeve/" + name);
    }
    begin = end + 1;
  }
  for (std::string& candidate : candidates) {
    if (os::can_run(candidate)) return std::move(candidate);
  }
  return std::nullopt;
}

Result<os::Fd> connect_to_broker(WhenAbsent when_absent, const os::Deadline& deadline, Domain domain) {
  if (domain == Domain::system) when_absent = WhenAbsent::fail;
  const RuntimeFolder runtime = REEVE_TRY(domain == Domain::system ? open_system_folder() : open_runtime_folder());
  const os::Time give_up = std::min(deadline.value_or(os::Time::max()), os::now() + kBrokerStart);
  os::Time next_start{};
  while (true) {
    auto connected = REEVE_TRY(os::connect_in(runtime.folder, kSocketName, std::min(give_up, os::now() + kInLine)));
    if (auto* socket = std::get_if<os::Fd>(&connected)) {
      REEVE_TRY(check_listener(*socket, runtime));
      return std::move(*socket);
    }
    if (os::now() >= give_up) break;
    // A full line is not death: the broker is there, and will come to us. Where nobody listens one may be starting, or
    // just leaving: it holds the lock, a further one sees that and is gone at once.
    if (std::holds_alternative<os::NobodyListens>(connected) && os::now() >= next_start) {
      if (when_absent == WhenAbsent::fail) return no_broker("nobody was asked to start one");
      REEVE_TRY(start_broker(give_up));
      next_start = os::now() + kNextStart;
      continue;
    }
    os::wait_until(os::now() + kNextLook);
  }
  if (deadline && *deadline <= os::now()) {
    return fail(Kind::timeout, code::kTimedOut, "no broker answered in time", "allow more time");
  }
  return no_broker("nobody answers in " + runtime.path);
}

std::unique_ptr<connection::Dialer> dialer_to_broker(WhenAbsent when_absent, Domain domain) {
  return std::make_unique<BrokerDialer>(when_absent, domain, std::make_shared<std::optional<os::OpenFile>>());
}

Broker::Broker(WhenAbsent when_absent, Domain domain)
    : socket_(std::make_shared<std::optional<os::OpenFile>>()),
      connection_(std::make_unique<BrokerDialer>(when_absent, domain, socket_)) {}

bool is_signed() {
  static const bool is = os::end_of_own_program(contract::kFooterBytes).starts_with(contract::kSignatureMagic);
  return is;
}

// Asking twice does no harm: a broker that is killed, replaced or just leaving is followed by another, to which all is
// proven anew.
Result<Dictionary> Broker::ask_for_reply(const contract::Request& request, const os::Deadline& deadline) {
  if (Control* line = REEVE_TRY(only_line())) return line->ask_and_wait(request, deadline);
  const auto ask_once = [&](const contract::Request& what) {
    connection::CallOptions options;
    options.timeout = os::left_until(deadline);
    return connection_.call(contract::encode(what), options);
  };
  for (int attempt = 1;; ++attempt) {
    if (!is_proven_) is_proven_ = prove(ask_once).has_value();
    auto reply = ask_once(request);
    if (reply || reply.error().kind != Kind::interrupted || attempt == kBrokersMax) return reply;
    is_proven_ = false;
  }
}

Result<contract::Found> Broker::look_up(const contract::LookUp& what, const os::Deadline& deadline) {
  return ask<contract::Found>(what, deadline);
}

Result<contract::Found> Broker::redeem(const contract::Redeem& what, const os::Deadline& deadline) {
  return ask<contract::Found>(what, deadline);
}

Result<contract::NameState> Broker::status(const std::string& name) {
  return REEVE_TRY(ask<contract::NameStatus>(contract::Status{name})).state;
}

Result<void> Broker::manage(const contract::Request& request) {
  REEVE_TRY(ask<bool>(request));
  return {};
}

}  // namespace reeve::bootstrap
