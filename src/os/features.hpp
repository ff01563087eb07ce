// What this kernel offers, found out by trying.
#pragma once

#include <cstddef>
#include <string>

namespace reeve::os {

struct Features {
  std::string kernel;    ///< its release
  bool user_namespaces;  ///< an ordinary user can make them
  long landlock = 0;     ///< version of its interface; 0: none
  bool seccomp_filters;
  bool refuses_new_code;     ///< PR_SET_MDWE
  bool numbers_processes;    ///< pidfs
  bool passes_processes;     ///< SO_PASSPIDFD
  bool refuses_descriptors;  ///< SO_PASSRIGHTS
  bool tells_children;       ///< /proc/PID/task/TID/children
  bool notices;              ///< inotify has room for this user
  std::size_t descriptors;   ///< that a process may have
};

/// Some of it is tried in a child.
Features look_for_features();

}  // namespace reeve::os
