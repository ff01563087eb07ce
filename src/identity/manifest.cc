#include "manifest.hpp"

#include <algorithm>
#include <cstring>

#include "../vocab/bounds.hpp"
#include "../vocab/name.hpp"
#include "../wire/wire.hpp"

namespace reeve::identity {
namespace {

std::unexpected<Error> bad(const std::string& what) {
  return fail(Kind::invalid, code::kBadSignature, "manifest: " + what,
              "mend what is said of the file, and sign it anew");
}

Result<void> check_name_of(const char* field, const std::string& name) {
  if (const auto good = check_name(name); !good) return bad(std::string(field) + ": " + good.error().message);
  return {};
}

bool is_array_of_strings(const Object& value) {
  const Array* array = value.get<Array>();
  return array != nullptr && std::all_of(array->begin(), array->end(),
                                         [](const Object& each) { return each.get<std::string>() != nullptr; });
}

Result<void> check_entitlements(const Dictionary& entitlements) {
  for (const auto& [name, value] : entitlements) {
    REEVE_TRY(check_name_of("entitlements", name));
    const object::Type type = value.type();
    const bool is_good = type == object::Type::boolean || type == object::Type::int64 || type == object::Type::string ||
                         is_array_of_strings(value);
    if (!is_good) return bad("entitlements." + name + ": neither bool, integer, string nor array of strings");
  }
  return {};
}

}  // namespace

PublicKey team_key_of(const Manifest& manifest) {
  PublicKey key{};
  const auto bytes = manifest.team_key.bytes();
  std::memcpy(key.data(), bytes.data(), std::min(key.size(), bytes.size()));
  return key;
}

bool is_of_team(std::string_view group, std::string_view team_id) { return contract::is_in_group(group, team_id); }

Result<void> check(const Manifest& manifest) {
  constexpr std::string_view kGranted = "group.";
  REEVE_TRY(check_name_of("identifier", manifest.identifier));
  if (manifest.team_key.bytes().size() != std::tuple_size_v<PublicKey>) return bad("team_key: not 32 bytes");
  if (manifest.digest.bytes().size() != std::tuple_size_v<Digest>) return bad("digest: not 32 bytes");
  REEVE_TRY(check_entitlements(manifest.entitlements));
  const std::string team = team_id_of(team_key_of(manifest));
  for (const std::string& group : manifest.groups) {
    REEVE_TRY(check_name_of("groups", group));
    if (!is_of_team(group, team) && !group.starts_with(kGranted)) {
      return bad("groups: " + group + " is neither of the team " + team + " nor one of group.…");
    }
  }
  if (manifest.preset) REEVE_TRY(check_name_of("preset", *manifest.preset));
  for (const std::string& caller : manifest.allowed_callers) {
    // A word, or a word and a name: "user", "group:org.example".
    const std::size_t colon = caller.find(':');
    REEVE_TRY(check_name_of("allowed_callers", caller.substr(0, colon)));
    if (colon != std::string::npos) REEVE_TRY(check_name_of("allowed_callers", caller.substr(colon + 1)));
  }
  return {};
}

Result<std::vector<std::byte>> encode(const Manifest& manifest) {
  REEVE_TRY(check(manifest));
  const Object object = object::to_object(manifest);
  auto bytes = REEVE_TRY(wire::encode(*object.get<Dictionary>())).body.whole();
  if (bytes.size() > kManifestBytesMax) return bad("longer than " + std::to_string(kManifestBytesMax) + " bytes");
  return bytes;
}

Result<Manifest> decode_manifest(std::span<const std::byte> bytes) {
  if (bytes.size() > kManifestBytesMax) return bad("longer than " + std::to_string(kManifestBytesMax) + " bytes");
  const auto decoded = wire::decode(bytes, {});
  if (!decoded) return bad(decoded.error().message);
  auto manifest = object::from_object<Manifest>(Object(*decoded));
  if (!manifest) return bad(manifest.error().message);
  // One manifest has one form: what is signed is what is meant.
  const auto again = REEVE_TRY(encode(*manifest));
  if (!std::ranges::equal(again, bytes)) return bad("not in its canonical form");
  return std::move(*manifest);
}

}  // namespace reeve::identity
