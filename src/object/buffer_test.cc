#include "buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "../vocab/bounds.hpp"
#include "typed.hpp"

namespace reeve::object {
namespace {

Buffer filled(std::size_t size) {
  auto builder = *BufferBuilder::make(size);
  EXPECT_EQ(builder.bytes().size(), size);
  if (size > 0) std::memset(builder.bytes().data(), 'x', size);
  auto buffer = builder.seal();
  EXPECT_TRUE(buffer);
  EXPECT_FALSE(builder.seal()) << "it is sealed once";
  EXPECT_TRUE(builder.bytes().empty());
  return *buffer;
}

TEST(Buffer, OfMoreThanAGibibyteIsRefused) {
  EXPECT_EQ(BufferBuilder::make(kMemoryBytesMax + 1).error().code, code::kTooLarge);
}

TEST(Buffer, ComesBackAsItWasHoweverLarge) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, kBufferMemoryBytesMin - 1,
                                 kBufferMemoryBytesMin, kBufferMemoryBytesMin + 5}) {
    const Buffer buffer = filled(size);
    EXPECT_EQ(std::holds_alternative<Memory>(buffer.what()), size >= kBufferMemoryBytesMin);
    const auto back = from_object<Buffer>(to_object(buffer));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->size(), size);
    const Data data = *back->data();
    ASSERT_EQ(data.size(), size);
    EXPECT_TRUE(size == 0 || data.bytes().back() == std::byte{'x'});
  }
}

TEST(Buffer, IsDataOrSealedMemoryAndNothingElse) {
  EXPECT_EQ(from_object<Buffer>(Object("text")).error().message, "message: expected data or memory, got string");
  auto builder = *MemoryBuilder::make(4096);
  const auto shared = *builder.share();
  EXPECT_EQ(from_object<Buffer>(Object(shared)).error().message, "message: the memory is not sealed");
}

}  // namespace
}  // namespace reeve::object
