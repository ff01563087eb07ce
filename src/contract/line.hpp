// Packets between two of our own processes: a fixed struct with a tail of text. The receiver checks every field: the
// other end may have been taken over. Both ends come from one build on one machine, so that the structs travel as they
// stand in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

#include "../vocab/bounds.hpp"
#include "../vocab/reader.hpp"
#include "../vocab/result.hpp"

namespace reeve::contract {

inline constexpr std::size_t kLinePacketBytesMax = 2 * vocab::kJobFileBytesMax;
static_assert(kLinePacketBytesMax < 212'960, "one packet at the kernel's default buffers");

template <class Head>
struct WithText {
  Head head;
  std::string text;
};

/// Head and tail of one packet. Errors: bad-packet where the sizes do not fit.
template <class Head>
Result<WithText<Head>> decode_line(std::span<const std::byte> bytes) {
  static_assert(std::has_unique_object_representations_v<Head>);
  const auto bad = [](const char* what) { return fail(Kind::invalid, code::kBadPacket, what); };
  vocab::Reader in(bytes);
  const auto head = in.read<Head>();
  if (!head) return bad("line: a packet shorter than its struct");
  if (head->text_size != in.remaining()) return bad("line: a text of another size than declared");
  const auto rest = in.rest();
  return WithText<Head>{*head, std::string(reinterpret_cast<const char*>(rest.data()), rest.size())};
}

}  // namespace reeve::contract
