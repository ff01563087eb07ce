#include "filter.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace reeve::test {
namespace {

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t kEquals = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kHasBit = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

sock_filter load_argument(int argument) {
  const std::size_t low_word = offsetof(seccomp_data, args) + static_cast<std::size_t>(argument) * 8;
  return {kLoad, 0, 0, static_cast<std::uint32_t>(low_word)};
}

constexpr std::uint32_t refusal(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

}  // namespace

int load_rules(std::span<const FilterRule> rules, unsigned flags) {
  std::vector<sock_filter> program;
  for (const FilterRule& rule : rules) {
    program.push_back({kLoad, 0, 0, offsetof(seccomp_data, nr)});
    const bool is_whole = rule.argument < 0;
    program.push_back(
        {kEquals, 0, static_cast<std::uint8_t>(is_whole ? 1 : 3), static_cast<std::uint32_t>(rule.number)});
    if (!is_whole) {
      program.push_back(load_argument(rule.argument));
      program.push_back({rule.match == FilterRule::Match::equals ? kEquals : kHasBit, 0, 1, rule.value});
    }
    program.push_back({kReturn, 0, 0, rule.action});
  }
  program.push_back({kReturn, 0, 0, SECCOMP_RET_ALLOW});
  const sock_fprog all{static_cast<unsigned short>(program.size()), program.data()};
  // In a sandbox it is so already, and may not be asked for again.
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all));
}

namespace {

// What the sandbox rests upon.
std::vector<FilterRule> rules_without(std::string_view layer) {
  using Match = FilterRule::Match;
  if (layer == "landlock") return {{SYS_landlock_create_ruleset, -1, 0, refusal(ENOSYS)}};
  if (layer == "user-namespaces") return {{SYS_unshare, -1, 0, refusal(EPERM)}};
  if (layer == "pid-namespaces") return {{SYS_clone, 0, CLONE_NEWPID, refusal(EPERM), Match::has_bit}};
  if (layer == "joining-namespaces") return {{SYS_setns, -1, 0, refusal(EPERM)}};
  if (layer == "mounts") return {{SYS_mount, -1, 0, refusal(EPERM)}};
  if (layer == "read-only-mounts") return {{SYS_mount_setattr, -1, 0, refusal(ENOSYS)}};
  if (layer == "new-root") return {{SYS_pivot_root, -1, 0, refusal(EPERM)}};
  if (layer == "seccomp") return {{SYS_seccomp, 0, SECCOMP_SET_MODE_FILTER, refusal(EINVAL)}};
  if (layer == "no-new-privs") return {{SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, refusal(EINVAL)}};
  if (layer == "capabilities") return {{SYS_capset, -1, 0, refusal(EPERM)}};
  return {};
}

}  // namespace

bool become_older(std::string_view what) {
  using Match = FilterRule::Match;
  constexpr int kOption = 2;
  std::vector<FilterRule> rules = rules_without(what);
  if (!rules.empty()) {
    // It is a layer.
  } else if (what == "peer-pidfd") {
    rules = {{SYS_getsockopt, kOption, 77, refusal(ENOPROTOOPT)}};
  } else if (what == "pass-pidfd") {
    rules = {{SYS_setsockopt, kOption, 76, refusal(ENOPROTOOPT)}};
  } else if (what == "pass-rights") {
    rules = {{SYS_setsockopt, kOption, 83, refusal(ENOPROTOOPT)}};
  } else if (what == "clone3") {
    rules = {{SYS_clone3, -1, 0, refusal(ENOSYS)}};
  } else if (what == "pidfs") {
    // Whether a pidfd has a number of its own is asked in no other way.
    rules = {{SYS_fstatfs, -1, 0, refusal(ENOSYS)}};
  } else if (what == "memfd-exec") {
    rules = {{SYS_memfd_create, 1, 0x8 | 0x10, refusal(EINVAL), Match::has_bit}};
  } else if (what != "nothing") {
    return false;
  }
  return load_rules(rules, 0) == 0;
}

}  // namespace reeve::test
