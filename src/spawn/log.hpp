// What services print, on its way to the spawner's own error output: a line each, with the job's label, and bounded.
#pragma once

#include <string>

#include "../os/loop.hpp"

namespace reeve::spawn {

/// Reads one service's output for as long as it lives.
/// Trust: the service is a stranger. Nothing of its text reaches a terminal as a command, and one that prints more than
///        kLogBytesPerSecond waits for its next second.
class Log {
 public:
  static Result<std::unique_ptr<Log>> make(os::Loop& loop, std::string label);

  /// Goes on where the spawner before this one stopped.
  static Result<std::unique_ptr<Log>> resume(os::Loop& loop, std::string label, os::Fd reader);

  const os::Fd& reader() const { return reader_; }
  /// The end that the service writes to; closed here once the service has it.
  const os::Fd& writer() const { return writer_; }
  void service_has_writer() { writer_.close(); }

  ~Log();

 private:
  Log(os::Loop& loop, std::string label, os::Fd reader, os::Fd writer);
  Result<void> watch();
  void read_some();
  void take(std::string_view bytes);
  void print_line();

  std::string label_;
  os::Fd reader_;
  os::Fd writer_;
  os::Loop& loop_;
  os::Loop::Watch watch_;
  os::Loop::Timer pause_;
  std::string line_;
  os::Time window_{};
  std::size_t window_bytes_ = 0;
};

}  // namespace reeve::spawn
