/// A reeve::Loop within a GLib main context.
#pragma once

#include <glib-unix.h>

#include <memory>
#include <reeve/connection.hpp>

namespace reeve {

/// Has a GMainContext do a loop's work, for as long as this lives. Both outlive it.
/// Threads: the one that runs the context.
class GlibLoop {
 public:
  /// Null is the default context. Errors: busy where no descriptor is left.
  static Result<GlibLoop> attach(GMainContext* context, Loop& loop) {
    const os::Fd& descriptor = *REEVE_TRY(loop.descriptor());
    GSource* const source = g_unix_fd_source_new(descriptor.raw(), G_IO_IN);
    // A source of descriptors takes a callback of three arguments, as its documentation says.
    g_source_set_callback(source, reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(&on_ready)), &loop,
                          nullptr);
    g_source_attach(source, context);
    return GlibLoop(source);
  }

 private:
  static gboolean on_ready(gint, GIOCondition, gpointer loop) {
    (void)static_cast<Loop*>(loop)->dispatch();
    return G_SOURCE_CONTINUE;
  }
  struct Detach {
    void operator()(GSource* source) const {
      g_source_destroy(source);
      g_source_unref(source);
    }
  };
  explicit GlibLoop(GSource* source) : source_(source) {}
  std::unique_ptr<GSource, Detach> source_;
};

}  // namespace reeve
