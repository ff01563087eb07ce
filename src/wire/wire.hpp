// Bytes as objects, objects as bytes: Apple's XPC serialisation, version 5, in its standalone envelope.
//
// Trust:   bytes come from strangers. Everything is checked before anything is handed out.
// Errors:  bad-body, with the position of the first byte that is wrong; too-large.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "../object/object.hpp"

namespace reeve::wire {

/// A message's body, and the descriptors that its carriers consume in the order in which they stand.
struct Encoded {
  std::vector<std::byte> bytes;
  std::vector<object::Descriptor> descriptors;
};

/// The bytes of a dictionary, with its keys in ascending order.
/// Errors: too-large where nesting exceeds kDepthMax; bad-body for text that is not UTF-8 or holds a NUL.
Result<Encoded> encode(const Dictionary& root);

/// The dictionary that stands in `bytes`, all of them, using all of `descriptors`.
Result<Dictionary> decode(std::span<const std::byte> bytes, std::span<const object::Descriptor> descriptors);

}  // namespace reeve::wire
