// Conversations in memory: everybody goes on in whatever order a seed says, a million times in all. REEVE_SEED replays
// what one seed says.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/conversations.hpp"

namespace reeve::test {
namespace {

#ifdef REEVE_SANITIZED
constexpr std::uint64_t kTurns = 100'000;
#else
constexpr std::uint64_t kTurns = 1'000'000;
#endif

std::uint64_t tell_all(std::uint64_t seed) {
  std::uint64_t turns = 0;
  for (const TitledStory& titled : conversations()) {
    SCOPED_TRACE(std::string(titled.title) + ", REEVE_SEED=" + std::to_string(seed));
    if (titled.waits && seed % 8 != 0) continue;
    InMemory stage(seed);
    tell(stage, titled.story);
    turns += stage.turns();
  }
  return turns;
}

TEST(Conversations, ComeToTheSameInWhateverOrder) {
  if (const char* seed = std::getenv("REEVE_SEED")) {
    tell_all(std::strtoull(seed, nullptr, 10));
    return;
  }
  std::uint64_t turns = 0;
  std::uint64_t seed = 0;
  while (turns < kTurns && !HasFailure()) turns += tell_all(++seed);
  std::printf("in memory: %llu turns of %zu stories, seeds 1 to %llu\n", static_cast<unsigned long long>(turns),
              conversations().size(), static_cast<unsigned long long>(seed));
}

}  // namespace
}  // namespace reeve::test
