// A fuzzer of the service, from its interface. Without libFuzzer it runs the inputs that it is given:
//
//   seek_fuzz FILE...
#include <reeve/fuzz.hpp>

#include "seeker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return reeve::fuzz<Seeker>(RegexSeeker({.steps_a_line = 10'000}), {data, size});
}

#ifndef SEEK_LIBFUZZER
#include <cstdio>
#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("%d inputs, and it stands\n", argc - 1);
}
#endif
