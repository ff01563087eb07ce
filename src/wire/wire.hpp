// Objects as bytes, in Apple's XPC serialisation, version 5. Bytes as objects: body.hpp.
//
// Errors:  bad-body for text that is not UTF-8 or holds a NUL; too-large.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "../object/pieces.hpp"
#include "body.hpp"

namespace reeve::wire {

/// A body, and what its carriers consume in the order in which they stand.
struct Encoded {
  object::Pieces body;
  std::vector<object::Attachment> attachments;
};

/// Writes a dictionary, with its keys in ascending order, over what `body` and `attachments` hold, whose room is used
/// again. Large Data is shared with `root`. Errors: too-large where nesting exceeds kDepthMax, or more objects or
/// carriers than a message may hold; bad-body for text that is none; bad-attachment for a carrier that is empty.
Result<void> encode(const Dictionary& root, object::Pieces& body, std::vector<object::Attachment>& attachments,
                    Envelope envelope = Envelope::standalone);

/// The same, anew.
Result<Encoded> encode(const Dictionary& root, Envelope envelope = Envelope::standalone);

/// The dictionary that stands in `bytes`, all of them, using all of `attachments`; it owns what it holds.
Result<Dictionary> decode(std::span<const std::byte> bytes, std::vector<object::Attachment> attachments,
                          Envelope envelope = Envelope::standalone);

}  // namespace reeve::wire
