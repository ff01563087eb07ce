// A file descriptor, from birth to close.
//
// Owns:    one descriptor, or none.
// Threads: one owner; may move to another thread.
#pragma once

#include <utility>

#include "../vocab/result.hpp"

namespace reeve::os {

/// A file descriptor that is closed with this, or none. Moved from, it is none.
class Fd {
 public:
  Fd() = default;
  /// Takes the descriptor, which nobody else closes from now on; a negative number is none.
  explicit Fd(int raw) : raw_(raw) {}
  Fd(Fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      raw_ = std::exchange(other.raw_, -1);
    }
    return *this;
  }
  ~Fd() { close(); }

  /// Whether there is one.
  explicit operator bool() const { return raw_ >= 0; }
  /// Its number, which stays this one's to close; -1 for none.
  int raw() const { return raw_; }
  /// Gives it up: whoever gets the number closes it.
  int release() { return std::exchange(raw_, -1); }
  /// Closes it now; nothing where there is none.
  void close();

  /// Another descriptor for the same open file, close-on-exec. Errors: busy where none is left.
  Result<Fd> duplicate() const;

 private:
  int raw_ = -1;
};

/// An Error of `errno`, which must have been set by the call of that name.
/// Kinds: busy for a resource that may come back (EMFILE, ENOBUFS …), gone for a peer that left, denied, else invalid.
std::unexpected<Error> system_failure(const char* call);

}  // namespace reeve::os
