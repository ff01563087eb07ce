// Seccomp filters: loading one, and evaluating one as the kernel would.
//
// The instructions are those of classic BPF as far as seccomp takes them: linux/filter.h, and seccomp_check_filter in
// the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "../vocab/result.hpp"

namespace reeve::os {

/// One instruction; the layout is the kernel's sock_filter.
struct FilterInstruction {
  std::uint16_t code;
  std::uint8_t jump_true;
  std::uint8_t jump_false;
  std::uint32_t k;
};
using Filter = std::span<const FilterInstruction>;

/// Loads a finished filter, for all threads of the process, for good. no_new_privs must be set.
Result<void> load_filter(Filter filter);

/// As the kernel shows a call to a filter: struct seccomp_data.
struct FilteredCall {
  std::int32_t number = 0;
  std::uint32_t architecture = 0;  ///< AUDIT_ARCH_…
  std::uint64_t instruction_pointer = 0;
  std::array<std::uint64_t, 6> arguments{};
};

enum class Verdict { allowed, refused, killed };
struct FilterOutcome {
  Verdict verdict = Verdict::killed;
  int error = 0;  ///< errno of what is refused
  friend bool operator==(const FilterOutcome&, const FilterOutcome&) = default;
};

/// Whatever is no filter that the kernel would load kills. A trap is what denial.hpp makes of it.
FilterOutcome evaluate(Filter filter, const FilteredCall& call);

}  // namespace reeve::os
