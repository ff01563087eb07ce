// What the kernel tells of another process: evidence, for whoever has to judge it. Needs /proc.
//
// Trust:   the process may be anybody's, and may end, execute something else, or change while it is looked at. Whoever
//          relies on what is told here holds its pidfd, and asks again whether it lives when all is told.
// Threads: any. None of these waits for the process, or for whoever serves a file system that it uses.
// Errors:  gone where the process has ended; denied where it may not be looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "clock.hpp"
#include "fd.hpp"
#include "files.hpp"

namespace reeve::os {

/// A descriptor of the process with that pid.
Result<Fd> process_with(std::int32_t pid);

/// False once it has ended: its pid may be another's then.
bool is_alive(const Fd& pidfd);

/// The last part of the path of the program that a process runs; empty where that cannot be seen, or it runs from
/// memory as the broker's jobs do. The kernel's word, of whichever process has that pid now.
std::string program_name(std::int32_t pid);
/// The same of this process; where it runs from memory, the name that it was started by.
std::string own_program_name();

struct ProcessFacts {
  std::int32_t pid = 0;
  bool is_of_own_namespace = false;  ///< it counts pids as we do: in none, nobody can lend it another's name
  bool is_traced = false;
};
Result<ProcessFacts> facts_of(const Fd& pidfd);

/// Files that were found guarded: they, and all folders and links on the way to them, belong to root, and nobody else
/// can write to them. Whoever runs one cannot have changed it. What was walked to once is only looked at again, and
/// what was looked at not for some milliseconds: to make it less than guarded takes root, or shows in its version.
class GuardedFiles {
 public:
  /// That what stands at an absolute path is guarded, and the version that is meant.
  /// Errors: denied where it is not guarded, or another.
  Result<void> check(const std::string& path, const std::function<bool(const FileVersion&)>& is_meant);

 private:
  struct Known {
    FileVersion version;
    Time looked_at;
  };
  std::map<std::string, Known> known_;
};

/// The file that a process executes, where it is guarded. Errors: denied where it is not.
struct RunningProgram {
  std::string path;
  FileVersion version;
};
Result<RunningProgram> program_of(std::int32_t pid, GuardedFiles& guarded);
/// The same file, to be read. Errors: denied where another stands there by now.
Result<Fd> open_program(const RunningProgram& program);

/// Every piece of code that a process has mapped, beside its program: what is not the kernel's own, or a guarded file,
/// is an error (denied), with its name.
Result<void> check_code_of(std::int32_t pid, GuardedFiles& guarded);

/// Up to `size` bytes of a file from `offset` on. Errors: invalid where there are fewer.
Result<void> read_at(const Fd& file, std::uint64_t offset, std::span<std::byte> room);

}  // namespace reeve::os
