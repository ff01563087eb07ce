// What decodes must encode again to what decodes to the same; nothing else may happen.
#include <cstdint>

#include "../src/wire/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  if (size == 0) return 0;
  // The first byte says how many descriptors came along.
  const std::vector<object::Descriptor> descriptors(data[0] % 4, {std::make_shared<const os::Fd>()});
  const auto decoded = wire::decode(std::as_bytes(std::span(data, size)).subspan(1), descriptors);
  if (!decoded) return 0;
  const auto encoded = wire::encode(*decoded);
  REEVE_INVARIANT(encoded.has_value());
  const auto again = wire::encode(*wire::decode(encoded->bytes, encoded->descriptors));
  // Compared as bytes: a value that holds a NaN does not equal itself.
  REEVE_INVARIANT(again->bytes == encoded->bytes);
  return 0;
}
