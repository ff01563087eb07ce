// Property lists as XML: what is taken is, written and read again, the same.
#include <cstdint>

#include "../src/xml/list.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto list = xml::parse_list({reinterpret_cast<const char*>(data), size});
  if (!list) return 0;
  const auto written = xml::write_list(list->root());
  if (!written) return 0;  // A date with a part of a second.
  const auto again = xml::parse_list(*written);
  REEVE_INVARIANT(again.has_value());
  const auto twice = xml::write_list(again->root());
  REEVE_INVARIANT(twice.has_value() && *twice == *written);
  return 0;
}
