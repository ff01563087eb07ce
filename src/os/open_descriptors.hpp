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

/// Memory that is open in a process, to be read. Errors: invalid where the descriptor is anything else.
Result<Fd> memory_in(std::int32_t pid, std::int32_t number);

/// The inodes of what is in an epoll of a process.
Result<std::vector<std::uint64_t>> watched_in(std::int32_t pid, std::int32_t number);

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
