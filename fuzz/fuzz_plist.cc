// Binary property lists: what is taken can be read to its last value, and as JSON is the same again.
#include <cstdint>

#include "../src/inspect/plist_json.hpp"
#include "../src/plist/writer.hpp"
#include "../src/xml/list.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto list = plist::PropertyList::check(Data(std::as_bytes(std::span(data, size)), nullptr, 0));
  if (!list) return 0;
  // What is shared may be much more when it is copied.
  constexpr std::size_t kLittle = 4096;
  const auto object = list->root().object();
  if (object && list->count() < kLittle) {
    const auto encoded = plist::encode(*object);
    REEVE_INVARIANT(encoded.has_value());
    const auto again = plist::decode(Data(*encoded));
    REEVE_INVARIANT(again.has_value());
  }
  if (!object) return 0;
  (void)xml::write_list(list->root());
  constexpr std::size_t kMuch = 1 << 20;
  const auto json = inspect::plist_to_json(list->root());
  if (!json || json->size() > kMuch) return 0;
  const auto from_json = inspect::plist_from_json(*json);
  REEVE_INVARIANT(from_json.has_value());
  REEVE_INVARIANT(inspect::plist_to_json(from_json->root()).has_value());
  return 0;
}
