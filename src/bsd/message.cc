#include "message.hpp"

#include <utility>

namespace reeve::bsd {
namespace {

using archive::Field;
using archive::Map;
using archive::Ref;
using plist::Integer;

std::unexpected<Error> no_message(const std::string& why) {
  return fail(Kind::invalid, code::kBadArchive, "what came is no message: " + why,
              "send an NSDictionary with the NSString `name`, and `userInfo` where something goes with it");
}

Integer number(std::uint64_t value) { return {value, !std::in_range<std::int64_t>(value)}; }

Result<std::optional<std::uint64_t>> number_at(const archive::Graph& graph, const Map& map, const char* key) {
  const auto at = graph.find(map, key);
  if (!at) return std::nullopt;
  const auto* found = graph.get<Integer>(*at);
  if (found == nullptr || (!found->is_large && found->value() < 0))
    return no_message(std::string(key) + " is no number");
  return found->bits;
}

}  // namespace

archive::Allowed with_own_classes(archive::Allowed allowed) {
  for (const char* name : {"NSDictionary", "NSMutableDictionary", "NSString", "NSMutableString", "NSNumber"})
    allowed.add(name);
  return std::move(allowed.add_record("LLBSDProcessInfo", {"processName", "processIdentifier"}));
}

Result<Data> encode(Letter letter, const ProcessInfo& own) {
  archive::Graph& graph = letter.message.info;
  Map whole;
  const auto put = [&](const char* key, Ref value) { whole.entries.emplace_back(graph.add(std::string(key)), value); };
  put("name", graph.add(std::move(letter.message.name)));
  if (graph.root) put("userInfo", *graph.root);
  archive::Record sender;
  sender.fields.emplace_back("processName", Field(graph.add(own.name)));
  sender.fields.emplace_back("processIdentifier",
                             Field(graph.add(Integer{static_cast<std::uint64_t>(own.pid), false})));
  put("connectionInfo", graph.add("LLBSDProcessInfo", std::move(sender)));
  if (letter.acknowledge) put("acknowledge", graph.add(number(*letter.acknowledge)));
  if (letter.acknowledged) put("acknowledged", graph.add(number(*letter.acknowledged)));
  graph.root = graph.add(std::move(whole));
  return Data(REEVE_TRY(archive::write(graph)));
}

Result<Letter> decode(Data body, const archive::Allowed& allowed) {
  Letter letter;
  archive::Graph graph = REEVE_TRY(archive::read(std::move(body), allowed));
  const Map* whole = graph.root ? graph.get<Map>(*graph.root) : nullptr;
  if (whole == nullptr) return no_message("its root is no NSDictionary");
  const auto name = graph.find(*whole, "name");
  const std::string* text = name ? graph.get<std::string>(*name) : nullptr;
  if (text == nullptr) return no_message("it has no name");
  const auto sender = graph.find(*whole, "connectionInfo");
  const bool is_sender = !sender || graph.at(*sender).class_name == "LLBSDProcessInfo";
  if (!is_sender) return no_message("its connectionInfo is no LLBSDProcessInfo");
  letter.acknowledge = REEVE_TRY(number_at(graph, *whole, "acknowledge"));
  letter.acknowledged = REEVE_TRY(number_at(graph, *whole, "acknowledged"));
  letter.message.name = *text;
  const auto info = graph.find(*whole, "userInfo");
  graph.root = info;
  letter.message.info = std::move(graph);
  return letter;
}

}  // namespace reeve::bsd
