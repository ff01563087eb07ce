#include "denial.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "../vocab/text.hpp"
#include "judge.hpp"

namespace reeve::sandbox {
namespace {

std::string path_of(const os::DeniedCall& call) {
  return {call.path.begin(), std::find(call.path.begin(), call.path.end(), '\0')};
}

// An address says nothing, and is not for others to know.
std::string text_of(std::uint64_t argument) {
  constexpr std::uint64_t kSmall = 1 << 16;
  if (argument < kSmall) return std::to_string(argument);
  if (argument > UINT32_MAX) return "...";
  std::array<char, 16> digits;
  return "0x" +
         std::string(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), argument, 16).ptr);
}

// "openat(\"/etc/hosts\")", "socket(2, 1, 0)".
std::string words_of(const os::DeniedCall& call) {
  std::string words = name_of_call(call.number) + "(";
  const std::string path = path_of(call);
  if (!path.empty()) return words + '"' + printable(path) + "\")";
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < kShown; ++i) words += (i == 0 ? "" : ", ") + text_of(call.arguments[i]);
  return words + ")";
}

// What is denied for its path alone is so in a folder that the root does not show.
bool allows(const Preset& preset, const os::DeniedCall& call, const std::string& groups_folder) {
  const auto outcome = os::evaluate(preset.running, call_here(call.number, call.arguments));
  if (outcome.verdict != os::Verdict::allowed) return false;
  const std::string path = path_of(call);
  return path.empty() || preset.shows(path.starts_with('/') ? path : "/" + path, groups_folder);
}

}  // namespace

std::optional<Denial> explain(const Preset& preset, const os::DeniedCall& call, const std::string& groups_folder) {
  if (!preset.confined) return std::nullopt;
  const auto outcome = os::evaluate(preset.running, call_here(call.number, call.arguments));
  if (outcome.verdict == os::Verdict::allowed) return std::nullopt;
  const bool is_end = outcome.verdict == os::Verdict::killed;
  const std::string text = words_of(call) + (is_end ? " ends it: " : " is refused: ");
  for (const Preset& other : all_presets()) {
    if (!other.confined || !allows(other, call, groups_folder)) continue;
    const bool is_of_a_group = other.containers && !path_of(call).empty();
    return Denial{text + "<key>Preset</key><string>" + std::string(other.name) + "</string> would allow it" +
                      (is_of_a_group ? ", with its group under <key>Groups</key>" : ""),
                  is_end};
  }
  return Denial{text + "no preset allows it but none, which is no sandbox", is_end};
}

}  // namespace reeve::sandbox
