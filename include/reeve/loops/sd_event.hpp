/// A reeve::Loop within an sd-event loop.
#pragma once

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <cstring>
#include <memory>
#include <reeve/connection.hpp>
#include <string>

namespace reeve {

/// Has an sd_event do a loop's work, for as long as this lives. Both outlive it.
/// Threads: the one that runs the sd_event.
class SdEventLoop {
 public:
  /// Errors: busy where no descriptor is left; system where sd-event takes none.
  static Result<SdEventLoop> attach(sd_event* event, Loop& loop) {
    const os::Fd& descriptor = *REEVE_TRY(loop.descriptor());
    sd_event_source* source = nullptr;
    const int error = sd_event_add_io(event, &source, descriptor.raw(), EPOLLIN, &on_ready, &loop);
    if (error < 0) return fail(Kind::busy, code::kSystem, std::string("sd_event_add_io: ") + std::strerror(-error));
    return SdEventLoop(source);
  }

 private:
  static int on_ready(sd_event_source*, int, std::uint32_t, void* loop) {
    (void)static_cast<Loop*>(loop)->dispatch();
    return 0;
  }
  struct Detach {
    void operator()(sd_event_source* source) const { sd_event_source_disable_unref(source); }
  };
  explicit SdEventLoop(sd_event_source* source) : source_(source) {}
  std::unique_ptr<sd_event_source, Detach> source_;
};

}  // namespace reeve
