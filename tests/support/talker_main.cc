// talker NAME: serves NAME.
#include <cstdio>

#include "talker.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  reeve::Service service;
  auto outcome = service.offer<reeve::test::Talker>(argv[1], reeve::test::Chatter());
  if (outcome) outcome = service.run();
  if (!outcome) std::fprintf(stderr, "%s\n", text_of(outcome.error()).c_str());
  return outcome ? 0 : 1;
}
