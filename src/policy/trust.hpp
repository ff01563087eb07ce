// What this machine, or this user, grants to teams, and what it no longer takes from them: the trust folders.
//
// Each file is a property list about one team:
//   Team             its id, 26 characters
//   Groups           array: app groups `group.…` that its programs may be members of
//   Entitlements     array: entitlements `reeve.…`, which mean something to Reeve itself
//   MinimumVersions  dictionary: of each identifier, the first version that is still taken
//   Revoked          true: nothing of the team's; or an array of identifiers
//
// Trust:   bytes of a file may be anything; parse_grant is a pure function.
// Errors:  bad-trust, with file, line and key.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../contract/identity.hpp"
#include "../identity/manifest.hpp"
#include "../vocab/result.hpp"

namespace reeve::policy {

struct Grant {
  std::string team;
  std::vector<std::string> groups;
  std::vector<std::string> entitlements;
  std::map<std::string, std::uint64_t> minimum_versions;
  bool is_revoked = false;
  std::vector<std::string> revoked;  ///< identifiers, without the team
  friend bool operator==(const Grant&, const Grant&) = default;
};
BOOST_DESCRIBE_STRUCT(Grant, (), (team, groups, entitlements, minimum_versions, is_revoked, revoked))
Result<Grant> parse_grant(std::string_view file, std::string_view text);

/// All grants there are. What two files say of one team adds up.
struct Trust {
  std::vector<Grant> grants;
  /// Whether every file was understood. One that was not may have been meant to take something away: until it is
  /// mended no signature counts.
  bool is_whole = true;
  friend bool operator==(const Trust&, const Trust&) = default;
};
BOOST_DESCRIBE_STRUCT(Trust, (), (grants, is_whole))

/// Who a signed program is: what its manifest says, less what needs a grant and has none. Trust and job are for
/// whoever knows them. Errors: denied (not-trusted) where it is revoked, or older than is taken.
Result<contract::Identity> identity_of(const identity::Manifest& manifest, const Trust& trust);

/// Whether only a signature makes members of a group: it begins with a team's id, or with `group.`.
bool needs_signature(std::string_view group);

}  // namespace reeve::policy
