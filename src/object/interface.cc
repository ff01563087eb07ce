#include "interface.hpp"

#include <set>

#include "../vocab/bounds.hpp"

namespace reeve::object {
namespace {

// Of a template all of it, in other brackets than those of lists.
std::string last_name(std::string whole) {
  if (whole.find('<') == std::string::npos) {
    const std::size_t colon = whole.rfind("::");
    return colon == std::string::npos ? whole : whole.substr(colon + 2);
  }
  std::replace(whole.begin(), whole.end(), '<', '(');
  std::replace(whole.begin(), whole.end(), '>', ')');
  return whole;
}

// "list<x>" as "x", where it is a list.
std::optional<std::string_view> inside(std::string_view type, std::string_view container) {
  if (!type.starts_with(container) || !type.ends_with('>')) return std::nullopt;
  type.remove_prefix(container.size());
  type.remove_suffix(1);
  return type;
}

struct IntegerRange {
  bool is_signed = false;
  int bits = 0;
};
std::optional<IntegerRange> integer_range(std::string_view type) {
  for (const int bits : {8, 16, 32, 64}) {
    if (type == "int" + std::to_string(bits)) return IntegerRange{true, bits};
    if (type == "uint" + std::to_string(bits)) return IntegerRange{false, bits};
  }
  return std::nullopt;
}

constexpr std::string_view kPlainTypes[] = {
    "bool",       "float",   "double",        "string",      "data",        "date",   "uuid",
    "file",       "memory",  "channel",       "endpoint",    "right",       "any",    "array",
    "dictionary", "nothing", "writable-file", "pipe-reader", "pipe-writer", "socket", "buffer"};

template <class Facts>
const Facts* named(const std::vector<Facts>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Facts& facts) { return facts.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// Whether one side reads all that the other may write.
class Reading {
 public:
  Reading(const InterfaceFacts& reader, const InterfaceFacts& writer) : reader_(reader), writer_(writer) {}

  /// Nothing where it does; else what it does not.
  std::optional<std::string> fault(std::string_view reads, std::string_view writes, const std::string& where) {
    if (!seen_.emplace(reads, writes).second) return std::nullopt;
    if (seen_.size() > kPairsMax || depth_ > kNestingMax) return where + ": too much to compare";
    ++depth_;
    auto found = fault_within(reads, writes, where);
    --depth_;
    return found;
  }

 private:
  std::optional<std::string> fault_within(std::string_view reads, std::string_view writes, const std::string& where) {
    const std::string differs = where + ": " + std::string(writes) + ", where " + std::string(reads) + " is read";
    // Who reads nothing looks at nothing; and what is anything holds all.
    if (reads == "any" || reads == "nothing") return std::nullopt;
    if (inside(reads, "optional<") && writes == "nothing") return std::nullopt;
    if (const auto optional = inside(reads, "optional<")) {
      return fault(*optional, inside(writes, "optional<").value_or(writes), where);
    }
    for (const std::string_view container : {"list<", "map<"}) {
      const auto reads_inside = inside(reads, container);
      const auto writes_inside = inside(writes, container);
      if (reads_inside && writes_inside) return fault(*reads_inside, *writes_inside, where + "[]");
    }
    if (reads == "buffer" && writes == "data") return std::nullopt;
    if (reads == "file" && writes == "writable-file") return std::nullopt;
    if (reads == "array" && inside(writes, "list<")) return std::nullopt;
    const RecordFacts* const record = named(writer_.records, writes);
    if (reads == "map<any>" && writes == "dictionary") return std::nullopt;
    if (reads == "dictionary" && (record != nullptr || inside(writes, "map<"))) return std::nullopt;
    if (const RecordFacts* const into = named(reader_.records, reads); into != nullptr && record != nullptr) {
      return record_fault(*into, *record, where);
    }
    const EnumFacts* const values = named(writer_.enums, writes);
    if (reads == "string" && values != nullptr) return std::nullopt;
    if (const EnumFacts* const into = named(reader_.enums, reads); into != nullptr && values != nullptr) {
      return enum_fault(*into, *values, where);
    }
    // Names alone say nothing: what is called the same may be of another kind.
    const bool is_named = record != nullptr || values != nullptr || named(reader_.records, reads) != nullptr ||
                          named(reader_.enums, reads) != nullptr;
    if (is_named) return differs;
    const auto range = integer_range(writes);
    if (const auto into = integer_range(reads); into && range) {
      const bool fits =
          into->is_signed == range->is_signed ? into->bits >= range->bits : into->is_signed && into->bits > range->bits;
      return fits ? std::nullopt : std::optional(differs);
    }
    const bool both_real = (reads == "float" || reads == "double") && (writes == "float" || writes == "double");
    return reads == writes || both_real ? std::nullopt : std::optional(differs);
  }

  static constexpr std::size_t kPairsMax = 2048;   // of types
  static constexpr std::size_t kNestingMax = 100;  // ... within each other: an interface is written by people

  std::optional<std::string> record_fault(const RecordFacts& into, const RecordFacts& from, const std::string& where) {
    for (const FieldFacts& field : into.fields) {
      const FieldFacts* const written = named(from.fields, field.name);
      const std::string place = where + "." + field.name;
      const bool may_lack = field.has_default || inside(field.type, "optional<");
      if (written == nullptr && !may_lack) return place + ": is not written, and must be there";
      if (written == nullptr) continue;
      if (written->has_default && !may_lack) return place + ": is left out by default, and must be there";
      if (auto found = fault(field.type, written->type, place)) return found;
    }
    for (const FieldFacts& field : from.fields) {
      if (!into.tolerates_unknown && named(into.fields, field.name) == nullptr)
        return where + "." + field.name + ": is not known where it is read";
    }
    return std::nullopt;
  }
  static std::optional<std::string> enum_fault(const EnumFacts& into, const EnumFacts& from, const std::string& where) {
    if (std::find(into.values.begin(), into.values.end(), "unknown") != into.values.end()) return std::nullopt;
    for (const std::string& value : from.values) {
      if (std::find(into.values.begin(), into.values.end(), value) == into.values.end()) {
        return where + ": " + value + " is not known where it is read";
      }
    }
    return std::nullopt;
  }

  const InterfaceFacts& reader_;
  const InterfaceFacts& writer_;
  std::set<std::pair<std::string, std::string>> seen_;  // a record may hold others like it
  std::size_t depth_ = 0;
};

bool is_plain(std::string_view type) {
  return std::find(std::begin(kPlainTypes), std::end(kPlainTypes), type) != std::end(kPlainTypes) ||
         integer_range(type);
}

// What has a name of its own is called like nothing else.
Result<void> check_name(const InterfaceFacts& facts, const std::string& name) {
  if (!is_plain(name) && name.find('<') == std::string::npos) return {};
  return fail(Kind::invalid, code::kBadBody, "interface " + facts.name + ": a record or enum is called " + name,
              "that is the name of another type");
}

Result<void> check_type(const InterfaceFacts& facts, std::string_view type, std::size_t depth = 0) {
  for (const std::string_view container : {"optional<", "list<", "map<"}) {
    const auto within = inside(type, container);
    if (within && depth < kDepthMax) return check_type(facts, *within, depth + 1);
  }
  const bool is_known = is_plain(type) || named(facts.records, type) != nullptr || named(facts.enums, type) != nullptr;
  if (is_known) return {};
  return fail(Kind::invalid, code::kBadBody, "interface " + facts.name + ": nothing is called " + std::string(type),
              "write the description with `reeve interface show --json`");
}

Result<void> check(const InterfaceFacts& facts) {
  for (const MethodFacts& method : facts.methods) {
    REEVE_TRY(check_type(facts, method.result));
    for (const std::string& argument : method.arguments) REEVE_TRY(check_type(facts, argument));
  }
  for (const RecordFacts& record : facts.records) {
    REEVE_TRY(check_name(facts, record.name));
    for (const FieldFacts& field : record.fields) REEVE_TRY(check_type(facts, field.type));
  }
  for (const EnumFacts& each : facts.enums) REEVE_TRY(check_name(facts, each.name));
  return {};
}

class Comparison {
 public:
  Comparison(const InterfaceFacts& before, const InterfaceFacts& after) : before_(before), after_(after) {}

  std::vector<Change> changes() {
    using Breaks = Change::Breaks;
    for (const MethodFacts& old : before_.methods) {
      if (const MethodFacts* const now = named(after_.methods, old.name)) {
        compare_method(old, *now);
      } else {
        changes_.push_back({Breaks::old_callers, old.name + ": is gone"});
      }
    }
    for (const MethodFacts& now : after_.methods) {
      if (named(before_.methods, now.name) == nullptr) {
        changes_.push_back({Breaks::new_callers, now.name + ": is new"});
      }
    }
    return std::move(changes_);
  }

 private:
  void compare_method(const MethodFacts& old, const MethodFacts& now) {
    using Breaks = Change::Breaks;
    if (old.arguments.size() != now.arguments.size()) {
      changes_.push_back({Breaks::old_callers, old.name + ": takes " + std::to_string(now.arguments.size()) +
                                                   " arguments, and took " + std::to_string(old.arguments.size())});
      return;
    }
    if (old.is_stream != now.is_stream) {
      changes_.push_back(
          {Breaks::old_callers, old.name + (now.is_stream ? ": became a stream" : ": is no stream any more")});
      return;
    }
    if (old.is_one_way != now.is_one_way) {
      // Who tells and waits for nothing is served by a method that answers.
      const auto whom = now.is_one_way ? Breaks::old_callers : Breaks::new_callers;
      changes_.push_back({whom, old.name + (now.is_one_way ? ": became one way" : ": is not one way any more")});
      return;
    }
    for (std::size_t i = 0; i < old.arguments.size(); ++i) {
      const std::string where = old.name + "[" + std::to_string(i) + "]";
      note(Breaks::old_callers, Reading(after_, before_).fault(now.arguments[i], old.arguments[i], where));
      note(Breaks::new_callers, Reading(before_, after_).fault(old.arguments[i], now.arguments[i], where));
    }
    const std::string where = old.name + " returns";
    note(Breaks::old_callers, Reading(before_, after_).fault(old.result, now.result, where));
    note(Breaks::new_callers, Reading(after_, before_).fault(now.result, old.result, where));
  }
  void note(Change::Breaks breaks, std::optional<std::string> fault) {
    if (fault) changes_.push_back({breaks, std::move(*fault)});
  }

  const InterfaceFacts& before_;
  const InterfaceFacts& after_;
  std::vector<Change> changes_;
};

// A namespace without a name: g++ and clang write it in two ways.
std::string in_one_spelling(std::string name) {
  constexpr std::string_view kOfClang = "(anonymous namespace)";
  for (std::size_t at = 0; (at = name.find(kOfClang, at)) != std::string::npos;) {
    name.replace(at, kOfClang.size(), "{anonymous}");
  }
  return name;
}

}  // namespace

std::string Describer::name_for(const std::string& written) {
  const std::string whole = in_one_spelling(written);
  std::string name = last_name(whole);
  if (is_plain(name)) name = "::" + whole;
  for (const auto& [other, known] : names_) {
    if (other == whole) return known;
    if (known == name) name = whole;
  }
  names_.emplace_back(whole, name);
  return name;
}

Result<std::vector<Change>> compare(const InterfaceFacts& before, const InterfaceFacts& after) {
  REEVE_TRY(check(before));
  REEVE_TRY(check(after));
  return Comparison(before, after).changes();
}

std::string text_of(const InterfaceFacts& facts) {
  std::string out = "interface " + facts.name;
  for (const MethodFacts& method : facts.methods) {
    out += "\n  " + method.name + "(";
    for (std::size_t i = 0; i < method.arguments.size(); ++i) out += (i == 0 ? "" : ", ") + method.arguments[i];
    out += ")";
    if (method.is_one_way)
      out += ", one way";
    else if (method.is_stream)
      out += " -> stream of " + method.result;
    else if (method.result != "nothing")
      out += " -> " + method.result;
  }
  for (const RecordFacts& record : facts.records) {
    out += "\nrecord " + record.name;
    for (const FieldFacts& field : record.fields) {
      out += "\n  " + field.name + ": " + field.type + (field.has_default ? ", or its default" : "");
    }
    if (record.tolerates_unknown) out += "\n  ...";
  }
  for (const EnumFacts& each : facts.enums) {
    out += "\nenum " + each.name;
    for (const std::string& value : each.values) out += "\n  " + value;
  }
  return out;
}

}  // namespace reeve::object
