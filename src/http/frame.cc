#include "frame.hpp"

#include <algorithm>

#include "../vocab/bounds.hpp"
#include "head.hpp"

namespace reeve::http {
namespace {

template <class T>
std::span<const std::byte> taken_off(std::span<T>& bytes, std::size_t count) {
  const auto front = bytes.first(count);
  bytes = bytes.subspan(count);
  return front;
}

}  // namespace

// True once it is whole. The end of a head may be in pieces.
Result<bool> FrameReader::take_head(std::span<const std::byte>& bytes) {
  const std::size_t before = head_.size();
  const std::size_t room = kFrameHeadBytesMax - before;
  const auto front = bytes.first(std::min(bytes.size(), room));
  head_.append(reinterpret_cast<const char*>(front.data()), front.size());
  const std::size_t end = head_.find(kEndOfHead, before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    bytes = bytes.subspan(front.size());
    REEVE_TRY(check_lines(head_, before));
    if (head_.size() < kFrameHeadBytesMax) return false;
    return fail(Kind::invalid, code::kTooLarge,
                "the head of a message is longer than " + std::to_string(kFrameHeadBytesMax) + " bytes",
                "send no more in it than the length of the body");
  }
  head_.resize(end + kEndOfHead.size());
  bytes = bytes.subspan(head_.size() - before);
  const std::size_t size = REEVE_TRY(body_size(head_));
  if (size > body_bytes_max_) {
    return fail(Kind::invalid, code::kTooLarge,
                "a message has " + std::to_string(size) + " bytes, and may have " + std::to_string(body_bytes_max_),
                "send less at a time, or a file's name");
  }
  body_size_ = size;
  return true;
}

Result<std::optional<Data>> FrameReader::take(std::span<const std::byte>& bytes) {
  if (!body_size_ && !REEVE_TRY(take_head(bytes))) return std::nullopt;
  const std::size_t missing = *body_size_ - body_.size();
  const auto front = taken_off(bytes, std::min(missing, bytes.size()));
  // Of a short one all at once: what a stranger announces for nothing costs no more than that.
  if (body_.empty()) body_.reserve(std::min(*body_size_, kFrameReserveBytes));
  body_.insert(body_.end(), front.begin(), front.end());
  if (body_.size() < *body_size_) return std::nullopt;
  Data body(std::exchange(body_, {}));
  head_.clear();
  body_size_.reset();
  return body;
}

}  // namespace reeve::http
