// What the job and trust folders hold, as the spawner sends it file by file.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "events.hpp"

namespace reeve::broker {

/// As it can be sent and shown, whatever a file or its name holds.
std::string sentence(std::string_view text);

/// One reading of all folders. Each file is a path, NUL, and what stands in it.
class Reading {
 public:
  void take_job(std::string_view file);
  /// A file that says nothing of use, and more than kTrustBytesMax of them, leave the trust not whole.
  void take_trust(std::string_view file);
  /// A file that could not be read: its path, NUL, and why.
  void take_problem(std::string_view file, bool is_of_trust);
  /// What came since the last.
  Scanned finish() { return std::exchange(*this, {}).found_; }

 private:
  Scanned found_;
  std::size_t trust_bytes_ = 0;
};

}  // namespace reeve::broker
