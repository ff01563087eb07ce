#include "memory.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "../vocab/bounds.hpp"

namespace reeve::object {
namespace {

TEST(Memory, IsNoneOfNothingOrOfTooMuch) {
  EXPECT_FALSE(MemoryBuilder::make(0));
  EXPECT_EQ(MemoryBuilder::make(kMemoryBytesMax + 1).error().code, code::kTooLarge);
  EXPECT_FALSE(Memory().data());
}

TEST(Memory, IsHandedOverAsItWasFilledAndChangesNoMore) {
  auto builder = *MemoryBuilder::make(100'000);
  std::memset(builder.bytes().data(), 'x', 50'000);
  const Memory memory = *builder.seal();
  EXPECT_TRUE(builder.bytes().empty());
  EXPECT_TRUE(memory.is_sealed());
  EXPECT_TRUE(os::is_memory(*memory.shared(), os::Sealing::whole)) << "what was not filled is no hole either";
  EXPECT_FALSE(os::Mapping::of(*memory.shared(), memory.size(), os::Access::read_write));
  const Data data = *memory.data();
  EXPECT_EQ(data.size(), 100'000U);
  EXPECT_EQ(data.bytes()[49'999], std::byte{'x'});
  EXPECT_EQ(data.bytes()[50'000], std::byte{0});
  EXPECT_FALSE(builder.seal()) << "there is nothing left to seal";
  EXPECT_FALSE(builder.share());
}

TEST(Memory, ThatIsSharedIsReadAsACopyWhateverItsSenderDoes) {
  auto builder = *MemoryBuilder::make(8192);
  const Memory memory = *builder.share();
  EXPECT_FALSE(memory.is_sealed());
  EXPECT_FALSE(os::is_memory(*memory.shared(), os::Sealing::whole));
  EXPECT_TRUE(os::is_memory(*memory.shared(), os::Sealing::size)) << "it cannot shrink under a reader";
  builder.bytes()[0] = std::byte{1};
  const Data before = *memory.data();
  builder.bytes()[0] = std::byte{2};
  EXPECT_EQ(before.bytes()[0], std::byte{1});
  EXPECT_EQ(memory.data()->bytes()[0], std::byte{2});
}

}  // namespace
}  // namespace reeve::object
