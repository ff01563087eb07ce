// Who waits for the outcome of one request, and for the items of a stream before it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "../os/loop.hpp"
#include "message.hpp"

namespace reeve::connection {

/// Its Link keeps a pointer to it from the beginning of the request until its end: it stays where it is.
class Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  /// Called by the loop when the outcome is there, or the next item that was waited for; never from within a call to
  /// the Link. It may destroy this.
  virtual void wake() = 0;

  /// Whether the outcome is there.
  bool is_over() const { return outcome_.has_value(); }
  /// Whether it is a good one, once it is there.
  const Result<void>& outcome() const { return *outcome_; }
  /// The answer, once it is there.
  Result<wire::Body> answer() {
    if (!*outcome_) return std::unexpected(std::move(*outcome_).error());
    return std::move(*answer_);
  }

 protected:
  ~Waiter() = default;

 private:
  friend class Link;
  // What a stream has brought, and nobody has taken yet.
  struct Stream {
    struct Held {
      wire::Body body;
      std::int64_t cost = 0;
    };
    std::deque<Held> items;
    std::int64_t window = kStreamWindowBytes;  // what the service may still send; below zero by part of an item
    std::int64_t taken = 0;                    // and not yet said to the service
    std::uint64_t credit = 0;                  // the parcel that said so last
  };
  bool has_news() const { return is_over() || (stream_ && !stream_->items.empty()); }

  std::unique_ptr<Stream> stream_;  // null where one answer is wanted
  std::optional<Result<void>> outcome_;
  std::optional<wire::Body> answer_;                       // where it is a good one, to a request
  std::uint64_t ticket_ = 0;                               // 0 while it waits for nothing
  bool is_blocking_ = false;                               // it looks for itself, and is not woken
  os::Deadline send_by_;                                   // until it is sent,
  std::optional<std::chrono::nanoseconds> answer_within_;  // ... and from then on
  os::Loop::Timer deadline_;
  std::optional<std::stop_callback<std::function<void()>>> stopped_;
  os::Deadline until_;
  channel::Chain chain_{};  // of a stream: what it is part of
};

}  // namespace reeve::connection
