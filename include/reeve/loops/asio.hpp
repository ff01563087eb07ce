/// A reeve::Loop within a boost::asio::io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <reeve/connection.hpp>

namespace reeve {

/// Has an io_context do a loop's work, for as long as this lives. Both outlive it.
/// Threads: the one that runs the context, whose handlers this is one of.
class AsioLoop {
 public:
  /// Errors: busy where no descriptor is left.
  static Result<AsioLoop> attach(boost::asio::io_context& context, Loop& loop) {
    const os::Fd& descriptor = *REEVE_TRY(loop.descriptor());
    // Asio closes what it is given.
    auto own = REEVE_TRY(descriptor.duplicate());
    auto state = std::make_shared<State>(State{{context, own.release()}, loop});
    State::wait(state);
    return AsioLoop(std::move(state));
  }
  AsioLoop(AsioLoop&& other) noexcept = default;
  AsioLoop& operator=(AsioLoop&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~AsioLoop() {
    if (!state_) return;
    state_->is_attached = false;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
  }

 private:
  // Asio tells of an end of waiting later than that: what it calls then is there still.
  struct State {
    boost::asio::posix::stream_descriptor descriptor;
    Loop& loop;
    bool is_attached = true;

    static void wait(const std::shared_ptr<State>& state) {
      state->descriptor.async_wait(state->descriptor.wait_read, [state](const boost::system::error_code& error) {
        if (error || !state->is_attached) return;
        (void)state->loop.dispatch();
        if (state->is_attached) wait(state);
      });
    }
  };
  explicit AsioLoop(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace reeve
