#include "allowance.hpp"

#include <algorithm>
#include <string>

#include "../contract/identity.hpp"
#include "../os/files.hpp"
#include "../vocab/text.hpp"

namespace reeve::sandbox {
namespace {

static_assert(static_cast<unsigned>(Layer::no_new_code) == 1U << (contract::kLayerNames.size() - 1));

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  line = line.substr(0, line.find('#'));
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  return line.substr(0, line.find_last_not_of(kBlank) + 1);
}

}  // namespace

Result<Layers> parse_allowance(std::string_view text) {
  Layers allowed = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view word = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto layer = std::ranges::find(contract::kLayerNames, word);
    if (layer == contract::kLayerNames.end()) {
      return fail(Kind::invalid, code::kMissingLayer,
                  "line " + std::to_string(number) + ": no layer is called \"" + printable(word) + "\"",
                  "the one that can be done without is landlock");
    }
    allowed |= 1U << (layer - contract::kLayerNames.begin());
  }
  return allowed;
}

Result<Layers> read_allowance() {
  const auto folder = os::open_folder(kAllowanceFolder);
  if (!folder || os::what_is_at(std::string(kAllowanceFolder) + "/" + kAllowanceName) == os::AtPath::nothing) return 0;
  REEVE_TRY(os::check_of_root(*folder));
  constexpr std::size_t kMost = 4096;
  return parse_allowance(REEVE_TRY(os::read_trusted_file(*folder, kAllowanceName, kMost, os::check_of_root)));
}

}  // namespace reeve::sandbox
