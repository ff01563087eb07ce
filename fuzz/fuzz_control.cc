// What stands beside a packet. Whatever it is, nothing beyond it is read, and what is taken for a descriptor stood in
// it.
#include <cstdint>
#include <vector>

#include "../src/os/control.hpp"
#include "../src/vocab/result.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace reeve;
  // From a place of exactly that size, so that the sanitisers see a step beyond it.
  const std::vector<std::byte> exact(reinterpret_cast<const std::byte*>(data),
                                     reinterpret_cast<const std::byte*>(data) + size);
  const os::Control control = os::parse_control(exact);
  REEVE_INVARIANT(control.count <= kKernelDescriptorsMax && control.count * sizeof(int) <= size);
  return 0;
}
