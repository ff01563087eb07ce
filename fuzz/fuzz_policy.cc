// Requirement expressions, and files of the trust folder.
#include <cstdint>
#include <string_view>

#include "../src/policy/requirement.hpp"
#include "../src/policy/trust.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto requirement = policy::Requirement::parse(text)) {
    contract::Identity who;
    who.trust = PeerClass::bound;
    who.preset = "parser";
    who.entitlements = Dictionary{{"a", Object(true)}};
    const bool is_met = requirement->is_met_by(who);
    // It says what it says, also as one of several.
    const auto again = policy::Requirement::any_of({requirement->text(), "not user"});
    REEVE_INVARIANT(requirement->text().empty() || (again && again->is_met_by(who) == is_met));
  } else {
    REEVE_INVARIANT(!requirement.error().message.empty());
  }
  const auto grant = policy::parse_grant("/a.plist", text);
  REEVE_INVARIANT(grant ? grant->team.size() == identity::kTeamIdBytes : !grant.error().message.empty());
  return 0;
}
