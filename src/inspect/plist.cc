#include "plist.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "../archive/archive.hpp"
#include "../object/text.hpp"
#include "../plist/property_list.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"
#include "../xml/list.hpp"
#include "archive_text.hpp"
#include "json.hpp"
#include "plist_json.hpp"
#include "text_file.hpp"

namespace reeve::inspect {
namespace {

using plist::PropertyList;
using plist::ValueType;

struct Loaded {
  PropertyList list;
  const char* form;
};

Result<Loaded> load(const std::string& path) {
  const std::string text = REEVE_TRY(read_text(path, kPlistBytesMax, "give the path of a property list"));
  const auto named = [&](Error error) {
    error.message.insert(0, path + ": ");
    return std::unexpected(std::move(error));
  };
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  const std::string_view body = std::string_view(text).substr(text.starts_with(kMark) ? kMark.size() : 0);
  const std::size_t first = std::min(body.find_first_not_of(" \t\r\n"), body.size());
  const bool is_binary = text.starts_with("bplist");
  const bool is_xml = first < body.size() && body[first] == '<';
  auto list = is_binary ? PropertyList::check(Data::copy_of(std::as_bytes(std::span(text))))
              : is_xml  ? xml::parse_list(body)
                        : plist_from_json(body);
  if (!list) return named(std::move(list).error());
  return Loaded{std::move(*list), is_binary ? "binary" : is_xml ? "XML" : "JSON"};
}

std::string type_of(const plist::Value& value) { return std::string(name_of(value.type())); }

// Every class that the library knows; and of others what their objects look like.
archive::Allowed all_that_is_there(const PropertyList& list) {
  archive::Allowed allowed;
  for (const std::string& name : archive::known_classes()) allowed.add(name);
  const auto objects = list.root().type() == ValueType::dictionary ? list.root().find("$objects") : std::nullopt;
  if (!objects || objects->type() != ValueType::array) return allowed;
  std::map<std::string, std::set<std::string>> records;
  std::set<std::uint32_t> met;
  for (std::size_t i = 0; i < objects->count(); ++i) {
    const plist::Value object = objects->value(i);
    if (object.type() != ValueType::dictionary || !met.insert(object.number()).second) continue;
    const auto number = object.find("$class");
    if (!number || number->type() != ValueType::uid || number->uid() >= objects->count()) continue;
    const plist::Value record = objects->value(number->uid());
    if (record.type() != ValueType::dictionary) continue;
    const auto name = record.find("$classname");
    if (!name || name->type() != ValueType::string || allowed.has(name->text())) continue;
    std::set<std::string>& fields = records[name->text()];
    for (std::size_t key = 0; key < object.count(); ++key) {
      std::string field = object.key(key).text();
      if (field.starts_with("$$")) field.erase(0, 1);
      fields.insert(std::move(field));
    }
  }
  for (const auto& [name, fields] : records) allowed.add_record(name, {fields.begin(), fields.end()});
  return allowed;
}

}  // namespace

Result<PlistForm> parse_plist_form(const std::string& text) {
  if (text == "binary") return PlistForm::binary;
  if (text == "xml") return PlistForm::xml;
  if (text == "json") return PlistForm::json;
  return fail(Kind::invalid, code::kBadBody, "no form is called \"" + text + "\"", "write binary, xml or json");
}

Result<std::string> show_plist(const std::string& path, Form form) {
  const Loaded loaded = REEVE_TRY(load(path));
  const std::string json = REEVE_TRY(plist_to_json(loaded.list.root()));
  return form == Form::json ? json : indented(json);
}

Result<std::string> check_plist(const std::string& path, Form form) {
  const Loaded loaded = REEVE_TRY(load(path));
  const auto root = loaded.list.root();
  if (form == Form::json) {
    return to_json(Object(Dictionary{{"form", Object(std::string(loaded.form))},
                                     {"objects", Object(std::int64_t{loaded.list.count()})},
                                     {"root", Object(type_of(root))}}));
  }
  return fmt::format("{}: {} property list, a {}, {} objects", path, loaded.form, type_of(root), loaded.list.count());
}

Result<std::string> convert_plist(const std::string& path, PlistForm to, const std::string& output) {
  const Loaded loaded = REEVE_TRY(load(path));
  const auto bytes = loaded.list.bytes().bytes();
  std::string text;
  if (to == PlistForm::binary) {
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else {
    text = REEVE_TRY(to == PlistForm::xml ? xml::write_list(loaded.list.root()) : plist_to_json(loaded.list.root()));
  }
  if (output.empty()) return text;
  std::ofstream file(output, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (file) return std::string();
  return fail(Kind::invalid, code::kBadBody, output + ": cannot be written", "give a path that can be");
}

Result<std::string> show_archive(const std::string& path, Form form) {
  const Loaded loaded = REEVE_TRY(load(path));
  auto graph = archive::read(loaded.list, all_that_is_there(loaded.list));
  if (!graph) {
    graph.error().message.insert(0, path + ": ");
    return std::unexpected(std::move(graph).error());
  }
  const std::string text = text_of(*graph);
  if (form == Form::text) return text;
  Array lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return to_json(Object(Dictionary{{"lines", Object(std::move(lines))}}));
}

}  // namespace reeve::inspect
