#include "graph.hpp"

namespace reeve::archive {

Ref Graph::add(Value value) {
  constexpr std::string_view kNames[] = {
      "NSNull",       "NSNumber",     "NSNumber",      "NSNumber",    "NSString",
      "NSData",       "NSDate",       "NSUUID",        "NSURL",       "NSArray",
      "NSCountedSet", "NSDictionary", "NSIndexSet",    "NSIndexPath", "NSAttributedString",
      "NSValue",      "NSValue",      "NSValue",       "NSValue",     "NSValue",
      "NSValue",      "NSError",      "NSNotification"};
  static_assert(std::size(kNames) + 1 == std::variant_size_v<Value>, "a Record has a name of its own");
  REEVE_INVARIANT(value.index() < std::size(kNames));
  return add(std::string(kNames[value.index()]), std::move(value));
}

std::optional<Ref> Graph::find(const Map& map, std::string_view key) const {
  for (const auto& [known, value] : map.entries) {
    const auto* text = get<std::string>(known);
    if (text != nullptr && *text == key) return value;
  }
  return std::nullopt;
}

}  // namespace reeve::archive
