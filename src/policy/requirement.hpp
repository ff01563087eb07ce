// What a peer must be, as a small expression: `team:ABC…Z and class:verified and not job:org.example.old`.
//
//   expression  one `or` the other; `and` binds closer, `not` closest; parentheses
//   user                   whoever can reach the broker
//   class:CLASS            proven at least as far as that: introduced, uid_only, verified, bound
//   job:LABEL              that job, which the broker started
//   team:TEAM              signed by that team
//   identifier:IDENTIFIER  that program: TEAM.NAME, or adhoc.DIGEST
//   version:N              signed as version N or later
//   group:GROUP            a member of that app group
//   entitlement:NAME       has that entitlement, and it is not false
//   entitlement:NAME=TEXT  ... and it is TEXT, or an array with TEXT in it
//   preset:PRESET          started in that sandbox
//   confined               started in a sandbox, whichever
//   enforces:LAYER         ... of which this layer is enforced: landlock, landlock-ports, landlock-scopes, no-new-code
//
// Owns:    its text and what that means. A value.
// Trust:   the text comes from strangers: of bounded size and depth.
// Errors:  invalid (wrong-type), with the place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../contract/identity.hpp"
#include "../vocab/result.hpp"

namespace reeve::policy {

class Requirement {
 public:
  /// Nothing is required.
  Requirement() = default;
  static Result<Requirement> parse(std::string_view text);
  /// One of these, each an expression; nobody meets none at all.
  static Result<Requirement> any_of(const std::vector<std::string>& alternatives);

  bool is_met_by(const contract::Identity& who) const;

  /// As it was written; empty where nothing is required.
  const std::string& text() const { return text_; }

  friend bool operator==(const Requirement& a, const Requirement& b) { return a.text_ == b.text_; }

 private:
  enum class Kind : std::uint8_t {
    user,
    trust,
    job,
    team,
    identifier,
    version,
    group,
    entitlement,
    preset,
    confined,
    layer,
    both,
    either,
    negation
  };
  struct Node {
    Kind kind = Kind::user;
    PeerClass trust = PeerClass::introduced;
    std::uint64_t number = 0;
    std::string name{};
    bool has_value = false;
    std::string value{};
  };
  class Parser;
  static bool is_true(const Node& fact, const contract::Identity& who);

  std::string text_;
  std::vector<Node> nodes_;  // facts before what joins them: reverse Polish
};

}  // namespace reeve::policy
