#include "requirement.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "../vocab/bounds.hpp"
#include "../vocab/name.hpp"
#include "../vocab/text.hpp"

namespace reeve::policy {

// Recursive descent; `depth` bounds it.
class Requirement::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Node>> parse() {
    REEVE_TRY(either(0));
    if (!next_word().empty()) return bad("expected and, or, or the end");
    return std::move(nodes_);
  }

 private:
  std::unexpected<Error> bad(const std::string& what) const {
    return fail(vocab::Kind::invalid, code::kWrongType, "requirement, at " + std::to_string(at_) + ": " + what,
                "write facts such as team:…, group:…, class:verified, joined by and, or, not");
  }

  // The word that comes next, which take() takes: a parenthesis, or whatever stands up to one or to a space.
  std::string_view next_word() const {
    const std::size_t begin = std::min(text_.find_first_not_of(' ', at_), text_.size());
    const std::string_view rest = text_.substr(begin);
    if (rest.empty() || rest.front() == '(' || rest.front() == ')') return rest.substr(0, 1);
    return rest.substr(0, rest.find_first_of(" ()"));
  }
  std::string_view take() {
    const std::string_view word = next_word();
    at_ = static_cast<std::size_t>(word.data() - text_.data()) + word.size();
    return word;
  }
  bool take_if(std::string_view word) {
    if (next_word() != word) return false;
    take();
    return true;
  }

  Result<void> either(std::size_t depth) {
    REEVE_TRY(both(depth));
    while (take_if("or")) {
      REEVE_TRY(both(depth));
      nodes_.push_back({.kind = Kind::either});
    }
    return {};
  }
  Result<void> both(std::size_t depth) {
    REEVE_TRY(one(depth));
    while (take_if("and")) {
      REEVE_TRY(one(depth));
      nodes_.push_back({.kind = Kind::both});
    }
    return {};
  }
  Result<void> one(std::size_t depth) {
    if (depth == kRequirementDepthMax) return bad("nested too deep");
    if (take_if("not")) {
      REEVE_TRY(one(depth + 1));
      nodes_.push_back({.kind = Kind::negation});
      return {};
    }
    if (!take_if("(")) return fact();
    REEVE_TRY(either(depth + 1));
    if (!take_if(")")) return bad("expected )");
    return {};
  }

  Result<void> fact() {
    const std::string_view word = take();
    const std::size_t colon = word.find(':');
    const std::string_view kind = word.substr(0, colon);
    const std::string_view rest = colon == std::string_view::npos ? std::string_view() : word.substr(colon + 1);
    struct Known {
      std::string_view name;
      Kind kind;
      bool is_alone;
    };
    static constexpr Known kKnown[] = {
        {"user", Kind::user, true},
        {"class", Kind::trust, false},
        {"job", Kind::job, false},
        {"team", Kind::team, false},
        {"identifier", Kind::identifier, false},
        {"version", Kind::version, false},
        {"group", Kind::group, false},
        {"entitlement", Kind::entitlement, false},
        {"preset", Kind::preset, false},
        {"confined", Kind::confined, true},
        {"enforces", Kind::layer, false},
    };
    const auto known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.name == kind; });
    if (word.empty()) return bad("expected a fact");
    if (known == std::end(kKnown)) return bad("no fact is called \"" + printable(kind) + "\"");
    if (known->is_alone != (colon == std::string_view::npos)) {
      return bad(printable(kind) +
                 (known->is_alone ? " says nothing more" : " wants a value, as in " + printable(kind) + ":…"));
    }
    Node node{.kind = known->kind};
    REEVE_TRY(fill(node, rest));
    nodes_.push_back(std::move(node));
    return {};
  }

  Result<void> fill(Node& node, std::string_view rest) {
    if (node.kind == Kind::trust) return fill_class(node, rest);
    if (node.kind == Kind::version) {
      const auto [end, wrong] = std::from_chars(rest.data(), rest.data() + rest.size(), node.number);
      if (wrong != std::errc() || end != rest.data() + rest.size()) return bad("a version is a number");
      return {};
    }
    if (const std::size_t equals = rest.find('='); node.kind == Kind::entitlement && equals != std::string_view::npos) {
      node.has_value = true;
      node.value = rest.substr(equals + 1);
      rest = rest.substr(0, equals);
    }
    node.name = rest;
    if (node.kind == Kind::layer && std::ranges::find(contract::kLayerNames, rest) == contract::kLayerNames.end()) {
      return bad("no layer is called \"" + printable(rest) + "\"");
    }
    if (node.kind == Kind::user || node.kind == Kind::confined) return {};
    // A program's identifier is a team and a name.
    const std::size_t dot = node.kind == Kind::identifier ? rest.find('.') : std::string_view::npos;
    for (const std::string_view part :
         {rest.substr(0, dot), dot == std::string_view::npos ? rest : rest.substr(dot + 1)}) {
      if (const auto name = check_name(part); !name) return bad(name.error().message);
    }
    return {};
  }
  Result<void> fill_class(Node& node, std::string_view name) {
    const char* found = nullptr;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<PeerClass>>([&](auto each) {
      if (name != each.name) return;
      node.trust = each.value;
      found = each.name;
    });
    if (found == nullptr) return bad("classes are introduced, uid_only, verified, bound");
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Node> nodes_;
};

namespace {

bool has_value(const Object& entitlement, const std::string& value) {
  if (const auto* text = entitlement.get<std::string>()) return *text == value;
  if (const auto* number = entitlement.get<std::int64_t>()) return std::to_string(*number) == value;
  if (const auto* flag = entitlement.get<bool>()) return value == (*flag ? "true" : "false");
  const Array* all = entitlement.get<Array>();
  return all != nullptr &&
         std::any_of(all->begin(), all->end(), [&](const Object& each) { return has_value(each, value); });
}

bool is_confined(const contract::Identity& who) { return !who.preset.empty() && who.preset != "none"; }

bool is_on(const Object& entitlement) {
  const bool* flag = entitlement.get<bool>();
  return flag == nullptr || *flag;
}

}  // namespace

Result<Requirement> Requirement::parse(std::string_view text) {
  Requirement requirement;
  if (text.find_first_not_of(' ') == std::string_view::npos) return requirement;
  if (text.size() > kRequirementBytesMax) {
    return fail(vocab::Kind::invalid, code::kTooLarge,
                "a requirement is longer than " + std::to_string(kRequirementBytesMax) + " bytes", "say less");
  }
  requirement.nodes_ = REEVE_TRY(Parser(text).parse());
  requirement.text_ = text;
  return requirement;
}

Result<Requirement> Requirement::any_of(const std::vector<std::string>& alternatives) {
  Requirement all;
  for (const std::string& alternative : alternatives) {
    Requirement one = REEVE_TRY(parse(alternative));
    if (one.nodes_.empty())
      return fail(vocab::Kind::invalid, code::kWrongType, "requirement: an empty alternative", "leave it out");
    const bool is_first = all.nodes_.empty();
    const std::string text = alternatives.size() == 1 ? one.text_ : "(" + one.text_ + ")";
    all.text_ += (is_first ? "" : " or ") + text;
    std::move(one.nodes_.begin(), one.nodes_.end(), std::back_inserter(all.nodes_));
    if (!is_first) all.nodes_.push_back({.kind = Kind::either});
  }
  if (alternatives.empty()) all = REEVE_TRY(parse("not user"));
  return all;
}

bool Requirement::is_true(const Node& fact, const contract::Identity& who) {
  switch (fact.kind) {
    case Kind::user:
      return true;
    case Kind::trust:
      return who.trust >= fact.trust;
    case Kind::job:
      return who.label == fact.name;
    case Kind::team:
      return who.team == fact.name;
    case Kind::identifier:
      return who.identifier == fact.name;
    case Kind::version:
      return !who.team.empty() && who.version >= fact.number;
    case Kind::group:
      return std::find(who.groups.begin(), who.groups.end(), fact.name) != who.groups.end();
    case Kind::entitlement: {
      const Object* entitlement = who.entitlements.find(fact.name);
      if (entitlement == nullptr) return false;
      return fact.has_value ? has_value(*entitlement, fact.value) : is_on(*entitlement);
    }
    case Kind::preset:
      return who.preset == fact.name;
    case Kind::confined:
      return is_confined(who);
    case Kind::layer:
      return is_confined(who) && std::ranges::find(who.lacking, fact.name) == who.lacking.end();
    default:
      return false;
  }
}

bool Requirement::is_met_by(const contract::Identity& who) const {
  if (nodes_.empty()) return true;
  std::vector<bool> stack;
  const auto pop = [&] {
    const bool top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const Node& node : nodes_) {
    if (node.kind == Kind::negation) {
      stack.back() = !stack.back();
    } else if (node.kind == Kind::both || node.kind == Kind::either) {
      const bool second = pop();
      const bool first = pop();
      stack.push_back(node.kind == Kind::both ? first && second : first || second);
    } else {
      stack.push_back(is_true(node, who));
    }
  }
  return stack.back();
}

}  // namespace reeve::policy
