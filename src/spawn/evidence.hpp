// Who a process is that nobody here started: the evidence, as far as it takes a path to gather it.
//
// Owns:    what was found in programs' files, so that each is read once.
// Threads: one.
// Trust:   the process is a stranger. Nothing that it could stall is opened (os/other_process.hpp).
// Errors:  denied and others, each with what is missing; unsigned; bad-signature.
#pragma once

#include <map>
#include <string>

#include "../contract/spawner.hpp"
#include "../os/files.hpp"
#include "../os/other_process.hpp"

namespace reeve::spawn {

class Evidence {
 public:
  struct Found {
    contract::ProgramVersion version;
    std::string manifest;
  };
  /// That the process runs a signed program which its user cannot have changed, untraced, with no code of its own
  /// beside it, and counts pids as we do. What it was when this looked: whoever asks has it answer afterwards, and
  /// looks again.
  Result<Found> of(const os::Fd& process);

 private:
  Result<std::string> manifest_of(const os::RunningProgram& program);

  os::GuardedFiles guarded_;
  std::map<os::FileVersion, std::string> known_;
};

}  // namespace reeve::spawn
