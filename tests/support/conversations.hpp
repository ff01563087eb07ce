// Stories of conversations that come to the same in memory and across processes.
#pragma once

#include <span>

#include "stage.hpp"

namespace reeve::test {

struct TitledStory {
  const char* title;
  Story story;
  bool waits = false;  ///< for time to pass
};
std::span<const TitledStory> conversations();

}  // namespace reeve::test
