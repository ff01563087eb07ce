#include "interface.hpp"

#include "../bootstrap/reeve.hpp"
#include "../object/interface.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"
#include "text_file.hpp"

namespace reeve::inspect {
namespace {

using object::InterfaceFacts;

constexpr std::size_t kDescriptionBytesMax = 1024 * 1024;  // of a file: some ten thousand methods

Result<InterfaceFacts> interface_of(const std::string& name, std::chrono::nanoseconds timeout) {
  Connection connection = open_connection(name);
  return inspect::interface_of(connection, name, timeout);
}
Result<InterfaceFacts> read_interface(const std::string& path) {
  const std::string text = REEVE_TRY(read_text(path, kDescriptionBytesMax, "give a file or a service's name"));
  auto parsed = parse_json(text);
  if (!parsed) return fail(Kind::invalid, code::kBadBody, path + ": " + parsed.error().message, parsed.error().advice);
  return object::from_object<InterfaceFacts>(*parsed, object::Path{&object::kRoot, path});
}

// A name has neither a slash nor that ending.
Result<InterfaceFacts> interface_from(const std::string& what, std::chrono::nanoseconds timeout) {
  const bool is_file = what.find('/') != std::string::npos || what.ends_with(".json");
  return is_file ? read_interface(what) : interface_of(what, timeout);
}

const char* name_of(object::Change::Breaks breaks) {
  return breaks == object::Change::Breaks::old_callers ? "breaks old callers" : "needs the new service";
}

}  // namespace

Result<InterfaceFacts> interface_of(Connection& connection, const std::string& name, std::chrono::nanoseconds timeout) {
  const auto answer = connection.exchange(object::call_message({object::kInterfaceMethod, {}}), {.timeout = timeout});
  const auto shows_none = fail(Kind::unsupported, code::kUnknownMethod, name + " does not show its interface",
                               "serve it with .shows_interface = true, or ask whoever wrote it");
  if (!answer && answer.error().code == code::kUnknownMethod) return shows_none;
  if (!answer) return std::unexpected(answer.error());
  const auto found = object::parse_value(answer->root());
  if (!found) return shows_none;
  const auto& value = *found;
  return object::from_object<InterfaceFacts>(*value, object::Path{&object::kRoot, "interface"});
}

Result<std::string> show_interface(const std::string& name, std::chrono::nanoseconds timeout, Form form) {
  const InterfaceFacts facts = REEVE_TRY(interface_of(name, timeout));
  if (form == Form::json) return to_json(object::to_object(facts));
  std::string text;
  for (const char c : object::text_of(facts)) text += c == '\n' ? std::string(1, c) : printable(std::string(1, c));
  return text;
}

Result<Comparison> compare_interfaces(const std::string& before, const std::string& after,
                                      std::chrono::nanoseconds timeout, Form form) {
  const InterfaceFacts old = REEVE_TRY(interface_from(before, timeout));
  const InterfaceFacts now = REEVE_TRY(interface_from(after, timeout));
  Comparison comparison;
  Array changes;
  for (const object::Change& change : REEVE_TRY(object::compare(old, now))) {
    comparison.breaks_old_callers |= change.breaks == object::Change::Breaks::old_callers;
    comparison.text += std::string(name_of(change.breaks)) + ": " + printable(change.text) + "\n";
    changes.push_back(Object(Dictionary{{"verdict", Object(name_of(change.breaks))}, {"change", Object(change.text)}}));
  }
  comparison.text += comparison.breaks_old_callers ? "old callers break" : "old callers go on";
  if (form == Form::json) {
    comparison.text = to_json(Object(Dictionary{{"changes", Object(std::move(changes))},
                                                {"breaks_old_callers", Object(comparison.breaks_old_callers)}}));
  }
  return comparison;
}

}  // namespace reeve::inspect
