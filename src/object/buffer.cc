#include "buffer.hpp"

#include "../vocab/bounds.hpp"

namespace reeve::object {

std::size_t Buffer::size() const {
  return std::visit([](const auto& each) -> std::size_t { return each.size(); }, what_);
}

Result<Data> Buffer::data() const {
  if (const Data* data = std::get_if<Data>(&what_)) return *data;
  return std::get<Memory>(what_).data();
}

Result<BufferBuilder> BufferBuilder::make(std::size_t size) {
  if (size < kBufferMemoryBytesMin) return BufferBuilder(std::vector<std::byte>(size));
  return BufferBuilder(REEVE_TRY(MemoryBuilder::make(size)));
}

std::span<std::byte> BufferBuilder::bytes() {
  if (const auto* memory = std::get_if<MemoryBuilder>(&what_)) return memory->bytes();
  return std::get<std::vector<std::byte>>(what_);
}

Result<Buffer> BufferBuilder::seal() {
  if (std::exchange(is_sealed_, true)) {
    return fail(Kind::invalid, code::kBadAttachment, "the buffer was sealed before", "make another");
  }
  if (auto* memory = std::get_if<MemoryBuilder>(&what_)) return Buffer(REEVE_TRY(memory->seal()));
  return Buffer(Data(std::move(std::get<std::vector<std::byte>>(what_))));
}

}  // namespace reeve::object
