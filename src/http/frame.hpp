// Bodies out of a stream of bytes, each behind a head that says how long it is.
//
// Owns:    what has come of the frame that is not whole yet; memory by what has come, and not by what is announced.
// Trust:   the stream is a stranger's.
// Threads: one owner.
// Errors:  bad-frame, too-large; after which the stream is of no use.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../object/data.hpp"
#include "../vocab/result.hpp"

namespace reeve::http {

class FrameReader {
 public:
  /// Refuses bodies that are longer.
  explicit FrameReader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  /// Takes what there is use for off the front of `bytes`. The next body, once it is whole; else nothing is left of
  /// them.
  Result<std::optional<Data>> take(std::span<const std::byte>& bytes);

  /// Whether a frame has begun, and is not whole.
  bool is_within() const { return !head_.empty() || body_size_.has_value(); }
  /// How many bytes of it are held.
  std::size_t held() const { return head_.capacity() + body_.capacity(); }

 private:
  Result<bool> take_head(std::span<const std::byte>& bytes);

  std::size_t body_bytes_max_;
  std::string head_;                      // as far as it has come
  std::optional<std::size_t> body_size_;  // once the head is whole
  std::vector<std::byte> body_;
};

}  // namespace reeve::http
