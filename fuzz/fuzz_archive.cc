// Keyed archives, with whatever classes allowed: the first four bytes say which. What is read can be shown, and written
// and read again to the same.
#include <cstdint>
#include <cstring>

#include "../src/archive/archive.hpp"
#include "../src/inspect/archive_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  std::uint32_t choice = 0;
  if (size < sizeof choice) return 0;
  std::memcpy(&choice, data, sizeof choice);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(sizeof choice);
  archive::Allowed allowed;
  for (std::size_t i = 0; i < archive::known_classes().size(); ++i) {
    if ((choice >> i & 1U) == 0) allowed.add(archive::known_classes()[i]);
  }
  allowed.add_record("Own", {"a", "b", "$c"});
  const auto graph = archive::read(Data(bytes, nullptr, 0), allowed);
  if (!graph) return 0;
  const std::string text = inspect::text_of(*graph);
  const auto written = archive::write(*graph);
  REEVE_INVARIANT(written.has_value());
  // It may be written by kin of what was read: index sets have data of their own.
  allowed.add("NSMutableData").add("NSMutableArray");
  const auto again = archive::read(Data(*written), allowed);
  REEVE_INVARIANT(again.has_value() && inspect::text_of(*again) == text);
  return 0;
}
