// What a process gives up: namespaces, mounts, Landlock, seccomp, capabilities, limits. One call each, no policy.
//
// Threads: for a process with one thread; each call changes the whole process, for good.
// Errors:  unsupported where the kernel lacks the layer; else the system's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fd.hpp"

namespace reeve::os {

/// The users that a user namespace knows, the same numbers inside as outside. Its groups are never mapped: a program
/// run there from an unreadable image is then out of reach of its own user's debuggers.
struct UserRange {
  std::uint32_t first = 0;
  std::uint32_t count = 1;
};

/// One user namespace, and within it an empty network, mounts, a host name and System V's objects, to be joined by many
/// processes.
struct SharedNamespaces {
  Fd user;
  Fd network;  ///< not there where they share the host's
  Fd mounts;
  Fd names;
  Fd queues;  ///< ipc: no preset's filter lets anything in there be reached
};
/// Who joins these has the host's network, or one that is empty.
enum class Network { empty, of_the_host };
/// `furnish` runs inside, in a process of its own, with all capabilities there: what it mounts is what all see.
/// Errors: unsupported where the machine forbids it; what `furnish` says.
Result<SharedNamespaces> make_shared_namespaces(UserRange users, Network network,
                                                const std::function<Result<void>()>& furnish);

/// Leaves every supplementary group and takes the group as its own. For root.
Result<void> become_group(std::uint32_t group);
/// Becomes that user, real, effective and saved.
Result<void> become_user(std::uint32_t user);

/// The root of their mounts becomes the caller's root and working folder.
Result<void> join(const SharedNamespaces& namespaces);

/// In the parent: the child's pid, as the caller's pid namespace counts. In the child: 0.
/// The child is process 1 of a new pid namespace, and a child of the caller's own parent.
Result<std::int32_t> fork_into_new_pids();
/// As above, in the caller's.
Result<std::int32_t> fork_beside();
/// Runs `task` in a process beside the caller, and returns when that has ended. It borrows the caller's memory, which
/// costs half of what a copy of it does; namespaces, users and groups are its own.
Result<void> run_beside(const std::function<void()>& task);

/// From here on mounts do not reach other namespaces, nor theirs this one.
Result<void> make_mounts_private();
/// Shows `source` at `target` too, with all that is mounted below it.
Result<void> bind_mount(const std::string& source, const std::string& target);
/// Shows the folder at `source`, which must be this open one, at `target`: to be changed, with no devices, no set-id
/// programs, and nothing to run. Errors: denied where it is another by now.
Result<void> bind_folder(const std::string& source, const Fd& folder, const std::string& target);
/// Makes the mount at `path` and all below it read-only, with no devices and no set-id programs.
Result<void> lock_mount(const std::string& path);
/// Makes the folder at `path` the root and forgets the old one.
Result<void> change_root(const std::string& path);

Result<void> set_host_name(const std::string& name);

enum class Limit {
  descriptors,
  processes,
  address_space,
  file_size,
  core,
  cpu,  ///< seconds; all others are bytes, or counts
  data,
  locked_memory,
  resident_set,
  stack
};
/// Soft and hard, never above the present hard limit.
Result<void> set_limit(Limit limit, std::uint64_t value);

/// What is given of soft and hard, never above what is in force; `~0` is no limit.
Result<void> narrow_limit(Limit limit, std::optional<std::uint64_t> soft, std::optional<std::uint64_t> hard);

/// When memory runs out this process goes before others. Children inherit it.
void be_ended_first();
/// Processor and disk are for others first.
void give_way();
/// -20 to 20. Errors: denied below the present value without privilege.
Result<void> set_nice(int value);
Result<void> go_to_folder(const std::string& path);
void set_umask(std::uint32_t mask);

/// Drops every capability for good, locks the ways back to one, and sets no_new_privs.
Result<void> drop_privileges();
/// No program run from here on can gain rights by being set-id or having file capabilities.
Result<void> refuse_privileges_by_exec();
/// Whether the kernel has that.
bool can_refuse_new_code();
/// No memory may become executable any more (Linux 6.3).
Result<void> refuse_new_code();

/// The version of Landlock's interface; 0 where the kernel has none.
long landlock_version();
/// Landlock rules: no path can be reached but to read and execute below `readable`, and to read, make, change and
/// remove files and folders below `changeable`; where the kernel knows them, also no TCP port (or only to connect to),
/// no abstract socket of outside, no signal to outside. Errors: unsupported where the kernel has no Landlock.
Result<Fd> make_landlock_rules(std::span<const std::string> readable, std::span<const Fd* const> changeable,
                               bool may_connect);
/// The caller and its children, for good.
Result<void> restrict_to(const Fd& landlock_rules);

/// Replaces the process by the program in `image`. Returns only if that failed.
Error execute(const Fd& image, std::vector<std::string> arguments, std::vector<std::string> environment);

/// Gives the descriptors the numbers 0, 1, 2 … in this order, and has all others close on exec. What stood under those
/// numbers is closed: move what is still needed out of the way first.
Result<void> arrange_descriptors(std::span<const int> in_order);
/// The same descriptor under a number that arrange_descriptors leaves alone.
Result<Fd> out_of_the_way(const Fd& descriptor);

[[noreturn]] void leave(int status);

/// Begins a child's set-up: a new session, no signal blocked, broken pipes end it, umask 077, name as given.
/// Whatever else signals do in the caller they do here: see default_signals.
void begin_child(const char* name);

}  // namespace reeve::os
