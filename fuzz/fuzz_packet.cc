// A packet's header and attachment table.
#include <cstdint>

#include "../src/channel/packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  if (size == 0) return 0;
  const auto decoded = channel::decode_header(std::as_bytes(std::span(data, size)).subspan(1), data[0] % 20);
  if (!decoded) return 0;
  REEVE_INVARIANT(decoded->body.size() == decoded->header.body_size);
  REEVE_INVARIANT(decoded->body.size() <= kFragmentBytes);
  return 0;
}
