#include "memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "pipe.hpp"

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

// Memory of one page, which the kernel holds until it is told to let go.
struct HeldPage {
  Fd memory = *open_memory("test", 4096);
  std::pair<Fd, Fd> pipe = *make_pipe();
  HeldPage() {
    const Mapping mapping = *Mapping::of(memory, 4096, Access::read_write);
    mapping.bytes()[0] = std::byte{1};
    const iovec page{mapping.bytes().data(), mapping.bytes().size()};
    EXPECT_EQ(::vmsplice(pipe.second.raw(), &page, 1, 0), 4096);
  }
  void let_go() const {
    std::array<std::byte, 4096> bytes{};
    EXPECT_EQ(::read(pipe.first.raw(), bytes.data(), bytes.size()), 4096);
  }
};

TEST(SealedMemory, WhosePageTheKernelKeepsIsRefusedAndNotWaitedForWithoutEnd) {
  const HeldPage held;
  const auto sealed = seal_memory(held.memory, Sealing::whole);
  ASSERT_FALSE(sealed);
  EXPECT_TRUE(sealed.error().message.contains(std::strerror(EBUSY))) << sealed.error().message;
}

TEST(SealedMemory, WhosePageTheKernelHoldsForAWhileIsSealedOnceItIsFree) {
  const HeldPage held;
  // Longer than the kernel waits at one try.
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    held.let_go();
  });
  EXPECT_TRUE(seal_memory(held.memory, Sealing::whole));
  other.join();
  EXPECT_TRUE(is_memory(held.memory, Sealing::whole));
}

}  // namespace
}  // namespace reeve::os
