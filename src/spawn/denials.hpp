// What services tell of the calls that their sandbox has denied them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "../os/loop.hpp"
#include "../sandbox/preset.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::spawn {

/// Reads what one service tells, and says what would have allowed each call.
/// Trust: the service is a stranger: what its preset does not deny is not believed, and of the rest there are
///        kDenialsMax.
class Denials {
 public:
  /// `text` is fit to be shown; `is_end`: the call is one that ends the process.
  using Explained = std::function<void(const std::string& text, bool is_end)>;

  /// Reads at `line`, an end of a channel.
  static Result<std::unique_ptr<Denials>> read(os::Loop& loop, os::Fd line, const sandbox::Preset& preset,
                                               std::string groups_folder, Explained explained);
  /// The last is what ended the process.
  ~Denials();

  const os::Fd& line() const { return line_; }

 private:
  Denials(os::Fd line, const sandbox::Preset& preset, std::string groups_folder, Explained explained);
  void read_all();

  os::Fd line_;
  const sandbox::Preset& preset_;
  std::string groups_folder_;
  Explained explained_;
  std::size_t left_ = kDenialsMax + 1;  // With the one that ends it.
  os::Loop::Watch watch_;
};

}  // namespace reeve::spawn
