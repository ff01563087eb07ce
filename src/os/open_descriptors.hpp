// What the kernel tells of other processes' descriptors, and of the sockets behind them. Needs /proc.
//
// Trust:   the processes may be anybody's, and open and close what they like meanwhile.
// Threads: any. None of these waits for a process, or for whoever serves a file system that it uses.
// Errors:  gone where the process has ended; denied where it may not be looked at; unsupported where the kernel cannot
//          tell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fd.hpp"

namespace reeve::os {

struct OpenDescriptor {
  std::int32_t number = 0;
  std::string target;  ///< as /proc shows it: a path, "socket:[81]", "/memfd:name (deleted)"
};
/// All that are open in a process, in no order.
Result<std::vector<OpenDescriptor>> descriptors_of(std::int32_t pid);

/// Memory that is open in a process, and to be read here.
struct OpenMemory {
  Fd fd;
  std::uint64_t inode = 0;  ///< the same for every descriptor of it
};
/// Errors: invalid where the descriptor is anything else.
Result<OpenMemory> memory_in(std::int32_t pid, std::int32_t number);

/// The inodes of what is in an epoll of a process: of whatever file systems, so that one alone proves nothing.
Result<std::vector<std::uint64_t>> watched_in(std::int32_t pid, std::int32_t number);

/// The process's own number in the innermost pid namespace that it is in.
Result<std::int32_t> innermost_pid(std::int32_t pid);

/// The inode of a socket, from what /proc shows; 0 of anything else.
std::uint64_t socket_inode(const std::string& target);

struct UnixSocket {
  std::uint64_t peer = 0;     ///< the other end's inode; 0 where that has gone
  std::uint32_t waiting = 0;  ///< bytes that came and were not received
};
/// All in this network namespace, by their inodes.
Result<std::map<std::uint64_t, UnixSocket>> unix_sockets();

/// The processes that have such sockets open, as far as they may be looked at, by inode.
Result<std::multimap<std::uint64_t, std::int32_t>> socket_holders();

/// What a process calls itself; empty where it has ended.
std::string name_of_process(std::int32_t pid);

}  // namespace reeve::os
