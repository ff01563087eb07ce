#include "identity.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <fmt/ranges.h>

#include "../vocab/text.hpp"
#include "json.hpp"

namespace reeve::inspect {

Result<std::string> identity(std::int32_t pid, Form form, bootstrap::Domain domain) {
  const auto found = REEVE_TRY(bootstrap::Broker(bootstrap::WhenAbsent::start, domain).identify(pid));
  const contract::Identity& who = found.who;
  if (form == Form::json) {
    Dictionary told{{"not_higher", Object(found.why_not)}};
    boost::mp11::mp_for_each<object::MembersOf<contract::Identity>>([&](auto member) {
      const std::string name = member.name;
      told.set(name == "trust" ? "class" : name, object::to_object(who.*member.pointer));
    });
    return to_json(Object(std::move(told)));
  }
  const Object name_of_class = object::to_object(who.trust);
  std::string out = fmt::format("{:<14} {}\n", "class", *name_of_class.get<std::string>());
  const auto line = [&](const char* what, const std::string& how) {
    if (!how.empty()) out += fmt::format("{:<14} {}\n", what, printable(how));
  };
  line("not higher", found.why_not);
  line("job", who.label);
  line("preset", who.preset);
  line("lacking", fmt::format("{}", fmt::join(who.lacking, " ")));
  line("team", who.team);
  line("identifier", who.identifier);
  if (!who.team.empty()) line("version", std::to_string(who.version));
  for (const auto& [name, value] : who.entitlements) line("entitlement", name + " = " + to_json(value));
  line("groups", fmt::format("{}", fmt::join(who.groups, " ")));
  out.pop_back();
  return out;
}

}  // namespace reeve::inspect
