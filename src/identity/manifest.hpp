// What a signature says of a program. Pure.
//
// Trust:  bytes come from strangers' files, and a signer may be anybody: every field is checked. The key stands in the
//         manifest, which is decoded before it is known to be signed.
// Errors: bad-signature, with the field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../contract/identity.hpp"
#include "../object/typed.hpp"
#include "key.hpp"

namespace reeve::identity {

using Digest = std::array<std::byte, 32>;  ///< BLAKE2b-256

struct Manifest {
  std::string identifier;  ///< a name, chosen by the team
  std::uint64_t version = 0;
  Data team_key;                    ///< 32 bytes
  Data digest;                      ///< of all that comes before the manifest: 32 bytes, BLAKE2b
  Dictionary entitlements;          ///< name → bool, int64, string or array of strings
  std::vector<std::string> groups;  ///< app groups: the team's own (`TEAM` or `TEAM.…`), or `group.…`
  std::optional<std::string> preset;
  std::vector<std::string> allowed_callers;
};
BOOST_DESCRIBE_STRUCT(Manifest, (),
                      (identifier, version, team_key, digest, entitlements, groups, preset, allowed_callers))

PublicKey team_key_of(const Manifest& manifest);

/// Whether the group is the team's, which proves itself, and not one that needs the machine's grant.
bool is_of_team(std::string_view group, std::string_view team_id);

/// Errors: bad-signature for whatever field is not as it is to be.
Result<void> check(const Manifest& manifest);

/// Errors: those of check; bad-signature beyond kManifestBytesMax.
Result<std::vector<std::byte>> encode(const Manifest& manifest);
/// Errors: bad-signature, also for bytes that are not exactly those that encode() makes.
Result<Manifest> decode_manifest(std::span<const std::byte> bytes);

}  // namespace reeve::identity
