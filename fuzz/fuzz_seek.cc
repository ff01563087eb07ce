// The service of examples/tutorial.
#include "../examples/tutorial/seeker.hpp"

#include <reeve/fuzz.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return reeve::fuzz<Seeker>(RegexSeeker({.steps_a_line = 10'000}), {data, size});
}
