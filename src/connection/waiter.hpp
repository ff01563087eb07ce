// Who waits for the outcome of one request.
#pragma once

#include <optional>

#include "../os/loop.hpp"
#include "message.hpp"

namespace reeve::connection {

/// Its Link keeps a pointer to it from the beginning of the request until its end: it stays where it is.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  /// Called once, by the loop, when the outcome is there; never from within a call to the Link. It may destroy this.
  virtual void wake() = 0;

  /// Whether the outcome is there.
  bool is_over() const { return outcome_.has_value(); }
  /// The answer, once it is there.
  Result<wire::Body> answer() {
    if (!*outcome_) return std::unexpected(std::move(*outcome_).error());
    return std::move(*answer_);
  }

 protected:
  ~Waiter() = default;

 private:
  friend class Link;
  std::optional<Result<void>> outcome_;
  std::optional<wire::Body> answer_;  // where it is a good one, to a request
  std::uint64_t ticket_ = 0;          // 0 while it waits for nothing
  bool is_blocking_ = false;          // it looks for itself, and is not woken
  os::Loop::Timer deadline_;
};

}  // namespace reeve::connection
