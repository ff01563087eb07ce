// The spawner: opens job files and starts programs. The only power in the house.
//
// Owns:    the images and the output of what it started. The children themselves are the supervisor's.
// Threads: one.
// Trust:   hears only the broker and the supervisor; what they may ask for stands in a table each, and anything else
//          ends it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../contract/rule.hpp"
#include "../contract/supervisor.hpp"
#include "../line/line.hpp"
#include "denials.hpp"
#include "evidence.hpp"
#include "images.hpp"
#include "launch.hpp"
#include "log.hpp"
#include "watches.hpp"

namespace reeve::spawn {

struct SpawnerOptions {
  std::string runtime_folder;              ///< where the empty root is kept
  std::string groups_folder;               ///< of what app groups share
  std::vector<std::string> job_folders;    ///< the first that knows a label or a name wins
  std::vector<std::string> trust_folders;  ///< what all of them say adds up
  sandbox::Layers may_lack = 0;            ///< as the machine's administrator allows
};

class Spawner {
 public:
  Spawner(os::Loop& loop, os::Fd supervisor, SpawnerOptions options);

  /// Takes over what the one before kept, tries out what the sandbox needs, and reports `ready` or `not_ready`.
  Result<void> begin();

  /// False once the supervisor has left, or somebody broke the contract.
  bool goes_on() const { return !over_; }

 private:
  using Request = contract::WithText<contract::SpawnerRequest>;
  using Told = contract::WithText<contract::SupervisorEvent>;

  struct Running {
    os::Child child;
    std::optional<std::uint32_t> user;
    std::unique_ptr<Log> log;
    std::unique_ptr<Denials> denials;  ///< where the job wants them explained
    os::Loop::Watch exit_watch;
  };

  Result<void> prepare();
  Result<void> try_out_sandbox();
  using NurseryKey = std::pair<std::uint32_t, std::vector<std::string>>;  // a preset's number, and groups
  Result<const Nursery*> nursery_of(const sandbox::Preset& preset, const std::vector<std::string>& groups = {});
  void break_off(const Error& why);
  void hear(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  Result<void> take_told(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  Result<void> take_over(const Told& told, std::vector<os::Fd> descriptors);
  void connect(os::Fd broker);
  Result<void> answer(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  Result<void> scan();
  void scan_folder(const std::string& path, contract::SpawnerEventKind each, std::size_t most);
  Result<void> launch(const Request& request, const os::Fd& control);
  Result<void> start(const Request& request, const os::Fd& control, const os::Fd& image);
  Result<std::unique_ptr<Denials>> read_denials(std::uint64_t instance, os::Fd line, const sandbox::Preset& preset,
                                                const std::string& label);
  Result<const Running*> watch(std::uint64_t instance, Running running);
  Result<void> confirm(std::uint64_t instance);
  void identify(const Request& request, const std::vector<os::Fd>& descriptors);
  void on_exit(std::uint64_t instance);
  Result<std::optional<std::uint32_t>> free_user();
  void tell(contract::SpawnerEvent event, std::string_view text = {});
  void tell_supervisor(contract::SupervisorOp op, std::uint64_t id = 0, std::string_view text = {});

  os::Loop& loop_;
  line::Line supervisor_;
  std::unique_ptr<line::Line> broker_;
  contract::Gate supervisor_gate_;
  contract::Gate broker_gate_;
  contract::Phase phase_ = contract::Phase::starting;
  SpawnerOptions options_;
  Images images_;
  Evidence evidence_;
  std::map<NurseryKey, Nursery> nurseries_;
  std::map<std::uint64_t, Running> running_;
  Watches watches_;
  std::uint32_t next_user_ = 0;
  std::optional<int> own_filters_;  ///< seccomp filters on this process
  bool over_ = false;
};

}  // namespace reeve::spawn
