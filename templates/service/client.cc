// the_service NAME: what the service answers.
#include <cstdio>

#include "the_service.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "%s NAME\n", argv[0]);
    return 2;
  }
  auto service = reeve::connect<TheService>(kTheServiceName);
  const auto answer = service.call<&TheService::greet>(argv[1]);
  if (!answer) {
    std::fprintf(stderr, "%s\n", reeve::printable(reeve::text_of(answer.error())).c_str());
    return 1;
  }
  std::puts(answer->c_str());
}
