// Processes: starting one with exactly what it is given, waiting for it, and who we are ourselves.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clock.hpp"
#include "fd.hpp"

namespace reeve::os {

/// How many descriptors this process may have.
std::size_t descriptor_limit();

/// How a process ended.
struct ExitStatus {
  bool by_signal = false;
  int value = 0;  ///< the signal's number, or the exit code
};

/// "exited with 1", "killed by SIGSEGV".
std::string describe(const ExitStatus& status);

/// The number of "TERM", "SIGTERM" or "15"; nothing where there is none.
std::optional<int> signal_named(const std::string& text);

/// A child of ours. Destroying it neither ends nor reaps the process.
struct Child {
  Fd pidfd;
  std::int32_t pid = 0;
};

struct Inherit {
  const Fd* descriptor;
  int as;  ///< its number in the child; 0 to 15, each once
};

struct Start {
  std::string program;                   ///< a path
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< the whole of it, as NAME=value
  std::vector<Inherit> descriptors;      ///< beside these the child has nothing but 0, 1 and 2
  bool quiet_output = false;             ///< 0, 1 and 2 are /dev/null unless given above
};

/// Starts a program with default signals and nothing inherited that is not named.
Result<Child> start(const Start& what);

/// What execve wants: pointers to the strings, and a null at the end. They stay the strings'.
std::vector<char*> pointers_to(std::vector<std::string>& strings);

/// Does `task` in a copy of this process, which ends with what that returns, between 0 and 255, or when this process
/// does.
Result<Child> run_in_copy(const std::function<int()>& task);

/// The process with that pid, which nobody has reaped yet. Where that cannot be had it is killed.
Result<Child> child_of(std::int32_t pid);

/// Waits for a child until the deadline and reaps it; nothing where the deadline came first.
Result<std::optional<ExitStatus>> wait_for_exit(const Child& child, const Deadline& deadline);

/// Sends a signal to exactly the process that the pidfd names.
Result<void> send_signal(const Fd& pidfd, int number);

/// The number of a process in the kernel: the inode of its pidfd, which is the same in every namespace and never used
/// again. 0 where the kernel has none (before 6.9).
std::uint64_t process_number(const Fd& pidfd);

/// A descriptor of the process that started this one.
Result<Fd> parent_process();

/// From here on orphans among the descendants of this process become its children.
void adopt_orphans();

/// The children of this process, those included that have ended and are not reaped. Needs /proc.
std::vector<std::int32_t> own_children();

/// Kills a child of this process and all that descends from it, however fast they make more, and reaps the child if it
/// has ended by now; no one else may be waiting for it. What loses its parent meanwhile becomes a child of who adopts
/// orphans, and is left to the next call. Needs /proc.
void end_family(std::int32_t pid);

std::int32_t own_pid();
std::uint32_t own_user();
bool is_root();
/// Whether its real, effective and saved user are the same.
bool has_one_user();

/// While it lives this thread hears of no signals, and neither does a thread that it makes meanwhile: they are others'.
/// But for those by which the kernel tells a thread of its own faults.
class WithoutSignals {
 public:
  WithoutSignals();
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;
  ~WithoutSignals();

 private:
  sigset_t before_;
};

/// An environment variable that may be believed; nothing in a set-id program, and nothing where it is empty.
std::optional<std::string> trusted_variable(const char* name);

/// Closes every descriptor from `first` on.
void close_from(int first);

/// Adopts a descriptor that was inherited under that number and makes it close-on-exec; nothing where none is open.
std::optional<Fd> inherited(int number);

/// Goes on in a process of its own session, in the root folder, with nobody to wait for it; the process that was
/// called ends. False where that is impossible.
bool go_to_background();

/// Replaces this process by a program, with the same environment. Returns only if that failed.
Error become(const std::string& program, const std::vector<std::string>& arguments);

/// The kernel kills this process when its parent ends, from now on: whoever needs to be sure looks afterwards whether
/// that has happened before.
void die_with_parent();

/// Whatever the process was started with, each signal does again what it does by default, here and in children.
void default_signals();

/// Writing to a pipe that nobody reads is an error, not the end of the process. Children have the default again.
void survive_broken_pipes();

/// What was freed goes back to the kernel, instead of waiting to be used again. Takes a millisecond for 20 MiB.
void give_memory_back();

/// Raises the limit of open descriptors to what the process may have.
void raise_descriptor_limit();

/// Whether a signal comes to a process. The first of a pid namespace hears of none that it has no use for: that it
/// neither catches, nor blocks to read it.
bool listens_for(std::int32_t pid, int signal);

/// The number of seccomp filters on a process, or nothing where /proc does not tell.
std::optional<int> seccomp_filter_count(std::int32_t pid);

}  // namespace reeve::os
