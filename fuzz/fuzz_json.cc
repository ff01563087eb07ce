// JSON as the tool takes it: what parses must print, and parse again to the same.
#include <cstdint>

#include "../src/inspect/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("$fd") != std::string_view::npos) return 0;  // It opens files.
  const auto parsed = inspect::parse_json(text);
  if (!parsed) return 0;
  const std::string printed = inspect::to_json(*parsed);
  const auto again = inspect::parse_json(printed);
  REEVE_INVARIANT(again.has_value() && inspect::to_json(*again) == printed);
  return 0;
}
