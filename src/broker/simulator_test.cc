// Sessions played by chance against the core: see simulator.hpp for what happens in them and what must hold.
//
//   REEVE_SIMULATOR_SEED=n    plays that seed alone, and tells of every event and order
//   REEVE_SIMULATOR_STEPS=n   events in all, in place of the usual number
//   REEVE_SIMULATOR_TRACE=1   tells of every event and order
#include "simulator.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace reeve::broker::simulator {
namespace {

#if defined(REEVE_SANITIZED) || !defined(NDEBUG)
constexpr std::uint64_t kStepsInAll = 500'000;
#else
constexpr std::uint64_t kStepsInAll = 10'000'000;
#endif
constexpr std::uint64_t kStepsOfASession = 2'000;
constexpr std::uint64_t kTimesEachMin = 100;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

volatile std::uint64_t current_seed = 0;

// A core that aborts has said why; what it takes to see that again is said here.
void on_abort(int) {
  std::fprintf(stderr, "simulator: aborted; replay with REEVE_SIMULATOR_SEED=%llu\n",
               static_cast<unsigned long long>(current_seed));
  std::signal(SIGABRT, SIG_DFL);
}

std::optional<std::string> play(std::uint64_t seed, bool is_told, Tally& tally) {
  current_seed = seed;
  World world(seed, is_told, tally);
  world.storm(kStepsOfASession);
  if (!world.failure()) world.calm();
  if (!world.failure()) return std::nullopt;
  return "seed " + std::to_string(seed) + ", step " + std::to_string(world.step()) + ": " + *world.failure() +
         "\nreplay with REEVE_SIMULATOR_SEED=" + std::to_string(seed);
}

TEST(Simulator, EveryJobFileOfASessionIsOne) {
  for (const auto& [label, jobs] : all_jobs()) {
    for (const Job& job : jobs) EXPECT_EQ(job.label, label);
  }
}

TEST(Simulator, NothingThatAnybodyDoesBreaksWhatMustHold) {
  const bool is_one = std::getenv("REEVE_SIMULATOR_SEED") != nullptr;
  const bool is_told = is_one || std::getenv("REEVE_SIMULATOR_TRACE") != nullptr;
  const std::uint64_t first = number_in("REEVE_SIMULATOR_SEED", 1);
  const std::uint64_t steps = number_in("REEVE_SIMULATOR_STEPS", is_one ? 1 : kStepsInAll);
  std::signal(SIGABRT, on_abort);
  Tally tally;
  std::uint64_t seed = first;
  for (; tally.steps < steps; ++seed) {
    const auto failure = play(seed, is_told, tally);
    if (!failure) continue;
    Tally unused;
    if (!is_told) (void)play(seed, true, unused);
    FAIL() << *failure;
  }
  std::printf("simulator: %llu steps, seeds %llu to %llu, %llu brokers", static_cast<unsigned long long>(tally.steps),
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(seed - 1),
              static_cast<unsigned long long>(tally.brokers));
  for (std::size_t i = 0; i < kOrderKinds; ++i) {
    std::printf(", %s %llu", kOrderNames[i], static_cast<unsigned long long>(tally.orders[i]));
    const std::uint64_t least = is_one ? 0 : kTimesEachMin;
    EXPECT_GE(tally.orders[i], least) << kOrderNames[i];
  }
  std::printf("\n");
}

}  // namespace
}  // namespace reeve::broker::simulator
