// The trailer of a signed file, and the manifest in it.
#include <algorithm>
#include <cstdint>
#include <span>

#include "../src/identity/signature.hpp"
#include "../src/vocab/result.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  const auto bytes = std::as_bytes(std::span(data, size));
  // Whatever verifies says what it would say again.
  if (const auto manifest = identity::verify(bytes)) REEVE_INVARIANT(identity::check(*manifest).has_value());
  const auto manifest = identity::decode_manifest(bytes);
  if (!manifest) {
    REEVE_INVARIANT(!manifest.error().message.empty());
    return 0;
  }
  const auto again = identity::encode(*manifest);
  REEVE_INVARIANT(again && std::ranges::equal(*again, bytes));
  return 0;
}
