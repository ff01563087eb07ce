#include "filter.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "fd.hpp"

namespace reeve::os {
namespace {

static_assert(sizeof(FilteredCall) == 64, "struct seccomp_data");
constexpr FilterOutcome kKilled{Verdict::killed, 0};

// The machine that runs a filter: two registers, and memory that is 0 at first.
struct Machine {
  const FilteredCall& call;
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};

  bool load(const FilterInstruction& i);
  bool reckon(const FilterInstruction& i);
  bool holds(const FilterInstruction& i) const;
};

// Words of the call are read by their offset in it.
bool Machine::load(const FilterInstruction& i) {
  std::uint32_t& into = BPF_CLASS(i.code) == BPF_LD ? a : x;
  switch (BPF_MODE(i.code)) {
    case BPF_ABS:
      if (i.k % 4 != 0 || i.k > sizeof(FilteredCall) - 4) return false;
      std::memcpy(&into, reinterpret_cast<const std::byte*>(&call) + i.k, 4);
      return true;
    case BPF_IMM:
      into = i.k;
      return true;
    case BPF_LEN:
      into = sizeof(FilteredCall);
      return true;
    case BPF_MEM:
      if (i.k >= BPF_MEMWORDS) return false;
      into = memory[i.k];
      return true;
    default:
      return false;
  }
}

bool Machine::reckon(const FilterInstruction& i) {
  const std::uint32_t by = BPF_SRC(i.code) == BPF_X ? x : i.k;
  switch (BPF_OP(i.code)) {
    case BPF_ADD:
      a += by;
      return true;
    case BPF_SUB:
      a -= by;
      return true;
    case BPF_MUL:
      a *= by;
      return true;
    case BPF_DIV:
      if (by == 0) return false;
      a /= by;
      return true;
    case BPF_AND:
      a &= by;
      return true;
    case BPF_OR:
      a |= by;
      return true;
    case BPF_XOR:
      a ^= by;
      return true;
    case BPF_LSH:
      a = by < 32 ? a << by : 0;
      return true;
    case BPF_RSH:
      a = by < 32 ? a >> by : 0;
      return true;
    case BPF_NEG:
      a = 0U - a;
      return true;
    default:
      return false;
  }
}

bool Machine::holds(const FilterInstruction& i) const {
  const std::uint32_t with = BPF_SRC(i.code) == BPF_X ? x : i.k;
  switch (BPF_OP(i.code)) {
    case BPF_JEQ:
      return a == with;
    case BPF_JGT:
      return a > with;
    case BPF_JGE:
      return a >= with;
    default:
      return (a & with) != 0;
  }
}

FilterOutcome outcome_of(std::uint32_t said) {
  switch (said & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:  // Allowed, and told of.
      return {Verdict::allowed, 0};
    case SECCOMP_RET_ERRNO:
      return {Verdict::refused, static_cast<int>(said & SECCOMP_RET_DATA)};
    case SECCOMP_RET_TRAP:  // As the process's own handler has it: denial.hpp.
      if ((said & SECCOMP_RET_DATA) != 0) return {Verdict::refused, static_cast<int>(said & SECCOMP_RET_DATA)};
      return kKilled;
    default:
      return kKilled;
  }
}

}  // namespace

Result<void> load_filter(Filter program) {
  static_assert(sizeof(FilterInstruction) == sizeof(sock_filter));
  if (program.empty() || program.size() > BPF_MAXINSNS) {
    return fail(Kind::invalid, code::kMissingLayer, "a seccomp filter is empty or too long");
  }
  std::vector<sock_filter> instructions;
  instructions.reserve(program.size());
  for (const FilterInstruction& i : program) instructions.push_back({i.code, i.jump_true, i.jump_false, i.k});
  const sock_fprog loaded{static_cast<unsigned short>(instructions.size()), instructions.data()};
  // All threads, or none. What it returns beside 0 is one that could not follow.
  const long outcome = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &loaded);
  if (outcome > 0) return fail(Kind::busy, code::kMissingLayer, "a thread of this process has a filter of its own");
  if (outcome < 0) return system_failure("seccomp");
  return {};
}

FilterOutcome evaluate(Filter filter, const FilteredCall& call) {
  Machine machine{call};
  // Jumps lead forward alone, so that this ends.
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const FilterInstruction& i = filter[at];
    bool is_good = true;
    switch (BPF_CLASS(i.code)) {
      case BPF_LD:
      case BPF_LDX:
        is_good = machine.load(i);
        break;
      case BPF_ST:
      case BPF_STX:
        is_good = i.k < BPF_MEMWORDS;
        if (is_good) machine.memory[i.k] = BPF_CLASS(i.code) == BPF_ST ? machine.a : machine.x;
        break;
      case BPF_ALU:
        is_good = machine.reckon(i);
        break;
      case BPF_JMP:
        if (BPF_OP(i.code) == BPF_JA) {
          at += i.k;
        } else {
          at += machine.holds(i) ? i.jump_true : i.jump_false;
        }
        break;
      case BPF_RET:
        return outcome_of(BPF_RVAL(i.code) == BPF_A ? machine.a : i.k);
      default:
        (BPF_MISCOP(i.code) == BPF_TAX ? machine.x : machine.a) = BPF_MISCOP(i.code) == BPF_TAX ? machine.a : machine.x;
    }
    if (!is_good) return kKilled;
  }
  return kKilled;
}

}  // namespace reeve::os
