// The supervisor: keeps broker and spawner running, and holds what the next ones need to go on where they stopped.
//
// Owns:    the listening socket, both processes, the store of what they keep, and all that the spawner has started:
//          every service is its child, and ends with it.
// Threads: one.
// Trust:   hears the two alone, through a table each. Texts are kept as they came, and read by nobody here.
// Errors:  none ends it. A process that cannot be started is tried again, later and later.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../contract/rule.hpp"
#include "../contract/supervisor.hpp"
#include "../line/line.hpp"
#include "../os/process.hpp"

namespace reeve::supervise {

struct Program {
  std::string path;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

struct SupervisorOptions {
  Program broker;
  Program spawner;
};

class Supervisor {
 public:
  Supervisor(os::Loop& loop, SupervisorOptions options);
  ~Supervisor();

  /// Starts the spawner, and waits until it has tried out the machine. Errors: missing-layer; no-broker.
  Result<void> start_spawner(const os::Deadline& deadline);
  /// Starts the broker, and waits until it serves. Errors: no-broker.
  Result<void> start_broker(os::Fd listener, const os::Deadline& deadline);

  /// False when it should leave.
  bool goes_on() const { return !over_; }
  void leave() { over_ = true; }
  /// Children that have ended, if there are any: to be called when SIGCHLD comes.
  void sweep_soon();
  /// Ends the broker, all children, and the spawner, and waits for them.
  void end_everything();

 private:
  struct Entry {
    std::string text;
    std::vector<os::Fd> descriptors;
  };
  /// The broker or the spawner, and whoever follows it.
  struct Part {
    explicit Part(std::string n, Program p, std::span<const contract::Rule> r)
        : name(std::move(n)), program(std::move(p)), rules(r), gate(r) {}
    std::string name;
    Program program;
    std::span<const contract::Rule> rules;
    contract::Gate gate;
    contract::Phase phase = contract::Phase::starting;
    os::Child process;  // without a pidfd while there is none
    std::unique_ptr<line::Line> line;
    os::Loop::Watch exit_watch;
    os::Loop::Timer retry;
    std::map<std::uint64_t, Entry> kept;
    int starts = 0;
    int failed_starts = 0;  // in a row: ended before they served
  };
  struct Service {
    os::Child process;
    os::Loop::Watch exit_watch;
    std::chrono::seconds grace{0};
    std::optional<os::ExitStatus> ended;  // kept until the broker drops it
    std::uint64_t number = 0;             // of the process, in the kernel
  };
  using Request = contract::WithText<contract::SupervisorRequest>;

  Result<void> start(Part& part);
  Result<void> try_start(Part& part);
  bool starts_again(Part& part);
  void start_or_retry(Part& part);
  void forget_everything();
  Result<void> tell_kept(Part& part);
  void tell(Part& part, contract::SupervisorEvent event, std::string_view text = {}, std::vector<os::Fd> along = {});
  void connect_parts();
  void on_exit(Part& part);
  void take(Part& part, std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  void answer(Part& part, Request request, std::vector<os::Fd> descriptors);
  void adopt(Request request, std::vector<os::Fd> descriptors);
  void keep(Part& part, Request request, std::vector<os::Fd> descriptors);
  void drop(Part& part, std::uint64_t id);
  void signal(const Request& request);
  void began_to_serve(Part& part);
  void on_service_exit(std::uint64_t id);
  void tell_launched(std::uint64_t id, const Service& service);
  void tell_exited(std::uint64_t id, const Service& service);
  void sweep_later();
  std::size_t sweep();  // how many were there
  bool is_known(std::int32_t pid) const;
  void await_births();
  void end_services();

  os::Loop& loop_;
  os::Fd listener_;
  Part broker_;
  Part spawner_;
  std::map<std::uint64_t, Service> services_;
  std::size_t births_ = 0;           // under way at the spawner: a child that nobody knows may be one of these
  std::set<std::int32_t> not_ours_;  // children that this process had before it was the supervisor
  os::Loop::Timer sweep_;
  std::optional<std::string> not_ready_;
  bool over_ = false;
};

}  // namespace reeve::supervise
