// The spawner: opens job files, starts programs, and tells the broker how they end. The only power in the house.
//
// Owns:    the children, their images and their output.
// Threads: one.
// Trust:   hears only the broker; what the broker asks for is answered from one table, and anything else ends it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "images.hpp"
#include "launch.hpp"
#include "log.hpp"

namespace reeve::spawn {

struct SpawnerOptions {
  std::string runtime_folder;            ///< where the empty root is kept
  std::vector<std::string> job_folders;  ///< the first that knows a label or a name wins
};

class Spawner {
 public:
  /// Tries out what the sandbox needs and reports `ready` or `not_ready` over `broker`.
  static Result<std::unique_ptr<Spawner>> make(os::Loop& loop, os::Fd broker, SpawnerOptions options);

  /// False once the broker has left.
  bool goes_on() const { return !over_; }
  /// Ends every child and waits for it.
  void end_children();

 private:
  using Request = contract::WithText<contract::SpawnerRequest>;
  struct Row;
  static const Row kTable[];

  struct Running {
    std::uint64_t instance = 0;
    os::Child child;
    os::Fd status;
    std::optional<std::uint32_t> user;
    std::unique_ptr<Log> log;
    os::Loop::Watch exit_watch;
    os::Loop::Watch status_watch;
  };

  Spawner(os::Loop& loop, os::Fd broker, SpawnerOptions options);
  Result<void> prepare();
  void on_broker();
  Result<void> answer(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  Result<void> scan(const Request& request, std::vector<os::Fd> descriptors);
  Result<void> launch(const Request& request, std::vector<os::Fd> descriptors);
  Result<void> signal(const Request& request, std::vector<os::Fd> descriptors);
  Result<void> confirm(const Request& request, std::vector<os::Fd> descriptors);
  Result<void> start(const Request& request, const os::Fd& control);
  Result<void> watch(Running& running);
  void scan_folder(const std::string& path);
  void on_status(std::uint64_t instance);
  void on_exit(std::uint64_t instance);
  std::optional<std::uint32_t> free_user();
  void tell(contract::SpawnerEvent event, std::string_view text = {});

  os::Loop& loop_;
  os::Fd broker_;
  SpawnerOptions options_;
  Images images_;
  std::unique_ptr<Nursery> nursery_;
  std::map<std::uint32_t, os::Fd> running_filters_;
  std::map<std::uint64_t, Running> running_;
  os::Loop::Watch watch_;
  std::uint32_t next_user_ = 0;
  bool over_ = false;
};

}  // namespace reeve::spawn
