// Waking another thread's loop.
#pragma once

#include "fd.hpp"

namespace reeve::os {

/// Rung by any thread, or from a signal handler; its descriptor is readable from then on.
class Bell {
 public:
  /// Errors: busy where there is no descriptor left.
  static Result<Bell> make();
  void ring() const;
  /// Not readable any more, until it is rung again.
  void hush() const;
  const Fd& descriptor() const { return descriptor_; }
  /// Of no use any more.
  void close() { descriptor_.close(); }

 private:
  explicit Bell(Fd descriptor) : descriptor_(std::move(descriptor)) {}
  Fd descriptor_;
};

}  // namespace reeve::os
