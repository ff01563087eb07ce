// Seccomp filters that tests put on what they test.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace reeve::test {

/// What happens to a call: any of that number, or only where an argument has, or for `has_bit` contains, a value.
struct FilterRule {
  int number;
  int argument;  ///< its index, -1 where no argument counts
  std::uint32_t value;
  std::uint32_t action;
  enum class Match : std::uint8_t { equals, has_bit } match = Match::equals;
};

/// Loads them for this thread and what it starts; every other call is allowed. What seccomp(2) returns.
int load_rules(std::span<const FilterRule> rules, unsigned flags);

/// Takes away what came with one release of the kernel, for this thread and what it starts. False for a name that is
/// none of: peer-pidfd, pass-pidfd, pass-rights, pidfs, memfd-exec, clone3, nothing; and of the layers of the sandbox
/// landlock, user-namespaces, pid-namespaces, joining-namespaces, mounts, read-only-mounts, new-root, seccomp,
/// no-new-privs, capabilities.
bool become_older(std::string_view what);

}  // namespace reeve::test
