/// A reeve::Loop within a libuv loop.
#pragma once

#include <uv.h>

#include <memory>
#include <reeve/connection.hpp>

namespace reeve {

/// Has a uv_loop_t do a loop's work, for as long as this lives. Both outlive it; libuv's runs once more after this has
/// gone, and gives back what it holds.
/// Threads: the one that runs libuv's loop.
class UvLoop {
 public:
  /// Errors: busy where no descriptor is left; system where libuv takes none.
  static Result<UvLoop> attach(uv_loop_t* outer, Loop& loop) {
    const os::Fd& descriptor = *REEVE_TRY(loop.descriptor());
    auto poll = std::make_unique<uv_poll_t>();
    if (const int error = uv_poll_init(outer, poll.get(), descriptor.raw()); error != 0) {
      return fail(Kind::busy, code::kSystem, std::string("uv_poll_init: ") + uv_strerror(error));
    }
    poll->data = &loop;
    UvLoop attached(poll.release());
    if (const int error = uv_poll_start(attached.poll_.get(), UV_READABLE, &on_ready); error != 0) {
      return fail(Kind::busy, code::kSystem, std::string("uv_poll_start: ") + uv_strerror(error));
    }
    return attached;
  }

 private:
  static void on_ready(uv_poll_t* poll, int, int) { (void)static_cast<Loop*>(poll->data)->dispatch(); }
  struct Detach {
    void operator()(uv_poll_t* poll) const {
      uv_close(reinterpret_cast<uv_handle_t*>(poll),
               [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
    }
  };
  explicit UvLoop(uv_poll_t* poll) : poll_(poll) {}
  std::unique_ptr<uv_poll_t, Detach> poll_;
};

}  // namespace reeve
