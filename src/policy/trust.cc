#include "trust.hpp"

#include <algorithm>

#include "../vocab/name.hpp"
#include "../vocab/text.hpp"
#include "../xml/document.hpp"

namespace reeve::policy {
namespace {

constexpr std::string_view kGranted = "group.";
constexpr std::string_view kRestricted = "reeve.";

bool is_team_id(std::string_view text) {
  return text.size() == identity::kTeamIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7'); });
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

class GrantReader {
 public:
  GrantReader(std::string_view file, const xml::Document& document) : file_(file), document_(document) {}

  Result<Grant> read() {
    for (const auto& [key, value] : document_.root) REEVE_TRY(read_key(key, value));
    if (grant_.team.empty())
      return bad("Team", "missing", "say whose file this is: reeve verify shows a program's team");
    shorten();
    return std::move(grant_);
  }

 private:
  // An identifier may be written as it is shown, with its team in front.
  std::string without_team(const std::string& identifier) const {
    const std::string team = grant_.team + ".";
    return identifier.starts_with(team) ? identifier.substr(team.size()) : identifier;
  }
  void shorten() {
    for (std::string& identifier : grant_.revoked) identifier = without_team(identifier);
    std::map<std::string, std::uint64_t> versions;
    for (const auto& [identifier, version] : grant_.minimum_versions) versions[without_team(identifier)] = version;
    grant_.minimum_versions = std::move(versions);
  }

  std::unexpected<Error> bad(const std::string& key, const std::string& what, const char* advice = "") const {
    return fail(Kind::invalid, code::kBadTrust,
                std::string(file_) + ":" + std::to_string(document_.line_of(key)) + ": " + key + ": " + what, advice);
  }

  Result<void> read_key(const std::string& key, const Object& value) {
    if (key == "Team") return team(key, value);
    if (key == "Groups") return names(key, value, kGranted, grant_.groups);
    if (key == "Entitlements") return names(key, value, kRestricted, grant_.entitlements);
    if (key == "MinimumVersions") return minimum_versions(key, value);
    if (key == "Revoked") return revoked(key, value);
    // What is not understood may have been meant to take something away.
    return bad(key, "unknown key", "known are Team, Groups, Entitlements, MinimumVersions, Revoked");
  }

  Result<void> team(const std::string& key, const Object& value) {
    const auto* id = value.get<std::string>();
    if (id == nullptr || !is_team_id(*id)) return bad(key, "no team's id", "26 characters of A-Z and 2-7");
    grant_.team = *id;
    return {};
  }
  Result<void> names(const std::string& key, const Object& value, std::string_view prefix,
                     std::vector<std::string>& out) {
    const Array* all = value.get<Array>();
    if (all == nullptr) return bad(key, "expected array");
    for (const Object& each : *all) {
      const auto* name = each.get<std::string>();
      if (name == nullptr || !check_name(*name)) return bad(key, "expected names");
      if (!name->starts_with(prefix))
        return bad(key, *name + " needs no grant", "list what begins with group. or reeve.");
      out.push_back(*name);
    }
    return {};
  }
  Result<void> minimum_versions(const std::string& key, const Object& value) {
    const auto* all = value.get<Dictionary>();
    if (all == nullptr) return bad(key, "expected dictionary");
    for (const auto& [identifier, version] : *all) {
      const auto* number = version.get<std::int64_t>();
      if (!check_name(identifier) || number == nullptr || *number < 0)
        return bad(key, "expected identifiers, each with a version");
      grant_.minimum_versions[identifier] = static_cast<std::uint64_t>(*number);
    }
    return {};
  }
  Result<void> revoked(const std::string& key, const Object& value) {
    if (const bool* all = value.get<bool>()) {
      grant_.is_revoked = *all;
      return {};
    }
    return names(key, value, "", grant_.revoked);
  }

  std::string_view file_;
  const xml::Document& document_;
  Grant grant_;
};

std::unexpected<Error> refused(const contract::Identity& who, const std::string& why) {
  return fail(Kind::denied, code::kNotTrusted, who.identifier + " " + why,
              "get a later version, or see the trust folder");
}

bool is_granted(const std::string& what, std::vector<std::string> Grant::* list, const std::string& team,
                const Trust& trust) {
  return std::any_of(trust.grants.begin(), trust.grants.end(),
                     [&](const Grant& grant) { return grant.team == team && contains(grant.*list, what); });
}

}  // namespace

Result<Grant> parse_grant(std::string_view file, std::string_view text) {
  auto document = xml::parse_document(text);
  if (document) return GrantReader(file, *document).read();
  return fail(Kind::invalid, document.error().code, std::string(file) + ": " + document.error().message,
              document.error().advice);
}

Result<contract::Identity> identity_of(const identity::Manifest& manifest, const Trust& trust) {
  contract::Identity who;
  who.team = identity::team_id_of(identity::team_key_of(manifest));
  who.identifier = who.team + "." + manifest.identifier;
  who.version = manifest.version;
  for (const Grant& grant : trust.grants) {
    if (grant.team != who.team) continue;
    if (grant.is_revoked || contains(grant.revoked, manifest.identifier)) return refused(who, "is revoked");
    const auto floor = grant.minimum_versions.find(manifest.identifier);
    if (floor == grant.minimum_versions.end() || manifest.version >= floor->second) continue;
    return refused(who, "is version " + std::to_string(manifest.version) + ", and " + std::to_string(floor->second) +
                            " is the first that is taken");
  }
  for (const std::string& group : manifest.groups) {
    const bool is_own = identity::is_of_team(group, who.team);
    if (is_own || is_granted(group, &Grant::groups, who.team, trust)) who.groups.push_back(group);
  }
  for (const auto& [name, value] : manifest.entitlements) {
    if (!name.starts_with(kRestricted) || is_granted(name, &Grant::entitlements, who.team, trust)) {
      who.entitlements.set(name, value);
    }
  }
  return who;
}

bool needs_signature(std::string_view group) {
  return group.starts_with(kGranted) || is_team_id(group.substr(0, group.find('.')));
}

}  // namespace reeve::policy
