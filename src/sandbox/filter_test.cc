// Every filter, by an evaluator of our own, against docs/filters.md.
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include "judge.hpp"
#include "preset.hpp"

namespace reeve::sandbox {
namespace {

using os::evaluate;
using os::Filter;
using os::Verdict;

std::vector<std::pair<std::string, Filter>> all_filters() {
  std::vector<std::pair<std::string, Filter>> all;
  for (const Preset& preset : all_presets()) {
    if (!preset.confined) continue;
    all.emplace_back(std::string(preset.name) + ", loading", preset.loading);
    all.emplace_back(std::string(preset.name) + ", running", preset.running);
  }
  return all;
}

std::string text_of(const os::FilterOutcome& outcome) {
  if (outcome.verdict == Verdict::allowed) return "allowed";
  if (outcome.verdict == Verdict::killed) return "killed";
  if (outcome.error == EPERM) return "EPERM";
  return outcome.error == ENOSYS ? "ENOSYS" : std::to_string(outcome.error);
}

// What the page is to say of a filter: a line for each outcome, with the calls that have it. Those that nobody thought
// of are not listed: they are killed.
std::string page_of(Filter filter) {
  std::map<std::string, std::string> lists;
  for (std::int32_t number = 0; number < kCallNumberEnd; ++number) {
    const Judgement judgement = judge(filter, number);
    const std::string outcome = judgement.depends ? "depends" : text_of(judgement.with_zeros);
    if (outcome != "killed") lists[outcome] += " " + name_of_call(number);
  }
  std::string page;
  for (const auto& [outcome, calls] : lists) page += outcome + ":" + calls + "\n";
  return page;
}

std::vector<std::string> lines_of_page() {
  std::ifstream file(REEVE_SOURCE "/docs/filters.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The block of text beneath a heading.
std::string block_beneath(const std::vector<std::string>& lines, const std::string& heading) {
  std::string block;
  bool is_beneath = false;
  bool is_inside = false;
  for (const std::string& line : lines) {
    if (line.starts_with("### ")) is_beneath = line == "### " + heading;
    if (!is_beneath) continue;
    if (line == "```") {
      is_inside = !is_inside;
    } else if (is_inside) {
      block += line + "\n";
    }
  }
  return block;
}

TEST(Filters, SayToEachCallWhatTheirPageSays) {
  const auto lines = lines_of_page();
  for (const auto& [name, filter] : all_filters()) {
    EXPECT_EQ(block_beneath(lines, name), page_of(filter)) << "### " << name;
  }
}

void expect_same(Filter one, Filter other, std::string_view preset) {
  for (std::int32_t number = 0; number < kCallNumberEnd; ++number) {
    const std::string call = name_of_call(number);
    if (call == "rt_sigprocmask") continue;
    EXPECT_EQ(judge(one, number).with_zeros, judge(other, number).with_zeros) << preset << " " << call;
    EXPECT_EQ(judge(one, number).depends, judge(other, number).depends) << preset << " " << call;
    for (std::size_t which = 0; which < 6; ++which) {
      std::array<std::uint64_t, 6> arguments{};
      for (unsigned bit = 0; bit < 64; ++bit) {
        arguments[which] = std::uint64_t{1} << bit;
        EXPECT_EQ(evaluate(one, call_here(number, arguments)), evaluate(other, call_here(number, arguments)))
            << preset << " " << call;
      }
    }
  }
}

// ... but for the mask of signals, which its handler sets in the kernel's place.
TEST(Filters, OfAProcessThatTellsOfItsDenialsSayTheSame) {
  for (const Preset& preset : all_presets()) {
    if (!preset.confined) continue;
    expect_same(preset.loading, preset.loading_explained, preset.name);
    expect_same(preset.running, preset.running_explained, preset.name);
  }
}

// The handler of a process that was taken over may be anybody's.
TEST(Filters, OfAProcessThatTellsOfNothingLeaveNothingToAHandler) {
  for (const auto& [name, filter] : all_filters()) {
    for (const os::FilterInstruction& instruction : filter) {
      constexpr std::uint16_t kReturn = 0x06;
      constexpr std::uint32_t kTrap = 0x00030000;
      const bool traps = instruction.code == kReturn && (instruction.k & 0xffff0000) == kTrap;
      EXPECT_FALSE(traps) << name;
    }
  }
}

// | preset | filter | call | arguments | outcome |, where the arguments are `number=value`, and the others 0.
struct Case {
  std::string preset, filter, call, arguments, outcome;
};

std::vector<Case> cases_of_page() {
  std::vector<Case> cases;
  for (const std::string& line : lines_of_page()) {
    if (!line.starts_with("| ") || line.starts_with("| preset")) continue;
    std::vector<std::string> cells;
    std::istringstream stream(line.substr(1));
    for (std::string cell; std::getline(stream, cell, '|');) {
      const std::size_t begin = cell.find_first_not_of(" `");
      cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, cell.find_last_not_of(" `") + 1 - begin));
    }
    if (cells.size() == 5) cases.push_back({cells[0], cells[1], cells[2], cells[3], cells[4]});
  }
  return cases;
}

std::int32_t number_of_call(const std::string& name) {
  for (std::int32_t number = 0; number < kCallNumberEnd; ++number) {
    if (name_of_call(number) == name) return number;
  }
  ADD_FAILURE() << "no call is named " << name;
  return -1;
}

os::FilteredCall call_of(const Case& wanted) {
  auto call = call_here(number_of_call(wanted.call), {});
  std::istringstream words(wanted.arguments);
  for (std::string word; words >> word;) {
    call.arguments.at(static_cast<std::size_t>(word[0] - '0')) = std::stoull(word.substr(2), nullptr, 0);
  }
  return call;
}

TEST(Filters, JudgeArgumentsAsTheirPageSays) {
  std::size_t judged = 0;
  std::map<std::string, bool> decided;  // Every call that depends on its arguments has a case for and one against.
  for (const Case& wanted : cases_of_page()) {
    for (const auto& [name, filter] : all_filters()) {
      const bool is_meant = (wanted.preset == "all" || name.starts_with(wanted.preset + ",")) &&
                            (wanted.filter == "both" || name.ends_with(", " + wanted.filter));
      if (!is_meant) continue;
      EXPECT_EQ(text_of(evaluate(filter, call_of(wanted))), wanted.outcome)
          << name << ": " << wanted.call << " " << wanted.arguments;
      decided[name + ": " + wanted.call + (wanted.outcome == "allowed" ? " for" : " against")] = true;
      ++judged;
    }
  }
  for (const auto& [name, filter] : all_filters()) {
    for (std::int32_t number = 0; number < kCallNumberEnd; ++number) {
      if (!judge(filter, number).depends) continue;
      const std::string call = name + ": " + name_of_call(number);
      EXPECT_TRUE(decided[call + " for"]) << call << " is allowed in no case of the page";
      EXPECT_TRUE(decided[call + " against"]) << call << " is refused in no case of the page";
    }
  }
  std::printf("%zu judgements of arguments\n", judged);
}

// Numbers mean other calls there: a filter that looked at the number alone would allow the wrong ones.
TEST(Filters, KillWhateverIsOfAnotherArchitecture) {
  // i386, aarch64, arm, riscv64
  constexpr std::uint32_t kOthers[] = {0x40000003, 0xc00000b7, 0x40000028, 0xc00000f3, 0, ~0U};
  constexpr std::int32_t kX32 = 0x40000000;
  for (const auto& [name, filter] : all_filters()) {
    for (std::int32_t number = -1; number < kCallNumberEnd; ++number) {
      for (const std::uint32_t other : kOthers) {
        ASSERT_EQ(evaluate(filter, {number, other, 0, {}}).verdict, Verdict::killed) << name << " " << number;
      }
      ASSERT_EQ(evaluate(filter, call_here(number | kX32, {})).verdict, Verdict::killed) << name << " x32 " << number;
    }
    ASSERT_EQ(evaluate(filter, call_here(-1, {})).verdict, Verdict::killed);
  }
}

// The second filter takes away; what it allows beyond the first would be of no use.
TEST(Filters, OfRunningAllowNothingThatThoseOfLoadingDoNot) {
  for (const Preset& preset : all_presets()) {
    for (std::int32_t number = 0; preset.confined && number < kCallNumberEnd; ++number) {
      const Judgement running = judge(preset.running, number);
      const Judgement loading = judge(preset.loading, number);
      if (running.depends || running.with_zeros.verdict != Verdict::allowed) continue;
      EXPECT_TRUE(!loading.depends && loading.with_zeros.verdict == Verdict::allowed)
          << preset.name << ": " << name_of_call(number);
    }
  }
}

}  // namespace
}  // namespace reeve::sandbox
