// Who a process is, as the kernel, the broker and signatures vouch for it; never as it describes itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../object/typed.hpp"

namespace reeve::contract {

/// The last bytes of a signed file, of which the first say so.
inline constexpr std::size_t kFooterBytes = 64;
/// What they begin with.
inline constexpr std::string_view kSignatureMagic = "REEVESIG";

/// How far a peer's identity is proven. Each is worth more than those before it.
BOOST_DEFINE_ENUM_CLASS(PeerClass,
                        introduced,  ///< another peer gave it this channel: it is worth no more than that one
                        uid_only,    ///< only its user is known
                        verified,  ///< it connected by itself, and runs a signed program that its user cannot write to
                        bound      ///< the broker started it, from a sealed copy of its image
)

/// Layers of a sandbox that a kernel may lack, in the order of their bits where our own processes tell of them. The
/// first is required: without it nothing is started in a preset, unless the machine's administrator allows that. What
/// the others keep out other layers keep out too (docs/presets.md).
inline constexpr std::array<std::string_view, 4> kLayerNames{"landlock",         // paths (Linux 5.13)
                                                             "landlock-ports",   // TCP ports (6.7)
                                                             "landlock-scopes",  // abstract sockets and signals (6.12)
                                                             "no-new-code"};     // PR_SET_MDWE (6.3)

/// What is told of a process to whoever talks to it.
struct Identity {
  PeerClass trust = PeerClass::uid_only;  ///< how far the rest is proven
  std::string label;                      ///< the job it runs as; empty where it is no job
  std::string preset;  ///< the sandbox it was started in, `none` among them; empty where the broker did not start it
  std::string team;    ///< who signed its program: 26 characters; empty where nobody did
  std::string identifier;     ///< `TEAM.NAME` of what is signed, `adhoc.DIGEST` of what was started without a signature
  std::uint64_t version = 0;  ///< as signed
  std::vector<std::string> groups;   ///< app groups that it is a member of
  Dictionary entitlements;           ///< name → bool, int64, string or array of strings
  std::vector<std::string> lacking;  ///< layers of its sandbox that are not enforced on this machine; most often none
  friend bool operator==(const Identity&, const Identity&) = default;
};
BOOST_DESCRIBE_STRUCT(Identity, (), (trust, label, preset, team, identifier, version, groups, entitlements, lacking))

}  // namespace reeve::contract

/// @cond
// It travels with each look-up and each handover, and of most processes there is little to tell.
template <>
inline constexpr bool reeve::object::kOmitsDefaults<reeve::contract::Identity> = true;
/// @endcond

namespace reeve::contract {

/// Whether a name lies in a group: it is the group's id, or that with further components behind it.
constexpr bool is_in_group(std::string_view name, std::string_view group) {
  return name == group || (name.starts_with(group) && name[group.size()] == '.');
}

}  // namespace reeve::contract

namespace reeve {
using contract::PeerClass;
}  // namespace reeve
