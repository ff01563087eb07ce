#include "memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace reeve::os {
namespace {

TEST(SealedMemory, WithPagesBeyondItsEndInTheirPlaceStillHasHoles) {
  constexpr off_t kSize = 1 << 20;
  const Fd memory = *open_memory("test", kSize);
  ASSERT_EQ(::fallocate(memory.raw(), FALLOC_FL_KEEP_SIZE, kSize, kSize), 0);
  ASSERT_EQ(::fcntl(memory.raw(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
  EXPECT_TRUE(is_memory(memory, Sealing::whole)) << "by its count of blocks it is all there";
  EXPECT_TRUE(has_holes(memory, kSize)) << "whoever maps it looks again";
}

TEST(SealedMemory, ThatWasSealedHereHasNone) {
  const Fd memory = *open_memory("test", 100'000);
  ASSERT_TRUE(seal_memory(memory, Sealing::whole));
  EXPECT_FALSE(has_holes(memory, 100'000));
  EXPECT_FALSE(read_memory(memory, 200'000));
  EXPECT_EQ(read_memory(memory, 10)->size(), 10U);
}

}  // namespace
}  // namespace reeve::os
