// The board of examples/board.
#include "../examples/board/board.hpp"

#include <reeve/fuzz.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return reeve::fuzz<Board>(Wall(), {data, size});
}
