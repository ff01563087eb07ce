#include "filter.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <vector>

namespace reeve::os {
namespace {

FilterOutcome run(std::vector<FilterInstruction> program, std::uint64_t argument = 0) {
  return evaluate(program, {1, AUDIT_ARCH_X86_64, 0, {argument}});
}

constexpr FilterInstruction kAllow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
constexpr FilterInstruction kFirstArgument{BPF_LD | BPF_W | BPF_ABS, 0, 0, 16};
FilterInstruction refuse(std::uint32_t error) { return {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error}; }

TEST(Evaluate, ReckonsAsTheKernelDoes) {
  const FilterInstruction mask{BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0};
  const FilterInstruction shift{BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4};
  const FilterInstruction is_five{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5};
  EXPECT_EQ(run({kFirstArgument, mask, shift, is_five, kAllow, refuse(7)}, 0x5f).verdict, Verdict::allowed);
  EXPECT_EQ(run({kFirstArgument, mask, shift, is_five, kAllow, refuse(7)}, 0x6f), (FilterOutcome{Verdict::refused, 7}));
  const FilterInstruction keep{BPF_ST, 0, 0, 3};
  const FilterInstruction into_x{BPF_LDX | BPF_MEM, 0, 0, 3};
  const FilterInstruction is_x{BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0};
  EXPECT_EQ(run({kFirstArgument, keep, into_x, is_x, kAllow, refuse(7)}, 9).verdict, Verdict::allowed);
}

TEST(Evaluate, KillsForWhatIsNoFilter) {
  EXPECT_EQ(run({}).verdict, Verdict::killed);
  EXPECT_EQ(run({kFirstArgument}).verdict, Verdict::killed) << "it ends with no answer";
  EXPECT_EQ(run({{BPF_LD | BPF_W | BPF_ABS, 0, 0, 64}, kAllow}).verdict, Verdict::killed) << "beyond the call";
  EXPECT_EQ(run({{BPF_LD | BPF_W | BPF_ABS, 0, 0, 3}, kAllow}).verdict, Verdict::killed) << "not at a word";
  EXPECT_EQ(run({{BPF_LD | BPF_MEM, 0, 0, 16}, kAllow}).verdict, Verdict::killed) << "beyond the memory";
  EXPECT_EQ(run({{BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0}, kAllow}).verdict, Verdict::killed);
  EXPECT_EQ(run({{BPF_JMP | BPF_JA, 0, 0, ~0U}, kAllow}).verdict, Verdict::killed) << "a jump beyond the end";
}

}  // namespace
}  // namespace reeve::os
