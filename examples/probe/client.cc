// Asks the probe how its escape went. Exits 1 if anything was allowed.
#include <unistd.h>

#include <cstdio>

#include "probe.hpp"

int main() {
  auto probe = reeve::connect<Probe>(kProbeName);
  const auto attempts = probe.call<&Probe::attempts>(::getpid());
  if (!attempts) {
    std::fprintf(stderr, "%s\n%s\n", attempts.error().message.c_str(), attempts.error().advice.c_str());
    return 1;
  }
  int allowed = 0;
  for (const Attempt& attempt : *attempts) {
    std::printf("%-32s %-8s %s\n", attempt.what.c_str(), attempt.refused ? "refused" : "ALLOWED",
                attempt.answer.c_str());
    allowed += attempt.refused ? 0 : 1;
  }
  std::printf("%zu attempts, %d allowed\n", attempts->size(), allowed);
  return allowed == 0 ? 0 : 1;
}
