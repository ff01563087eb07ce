#include "log.hpp"

#include <array>

#include "../os/pipe.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"

namespace reeve::spawn {
Log::Log(os::Loop& loop, std::string label, os::Fd reader, os::Fd writer)
    : label_(std::move(label)), reader_(std::move(reader)), writer_(std::move(writer)), loop_(loop) {}

Log::~Log() {
  if (reader_) read_some();
  if (!line_.empty()) print_line();
}

Result<std::unique_ptr<Log>> Log::make(os::Loop& loop, std::string label) {
  auto [reader, writer] = REEVE_TRY(os::make_pipe());
  std::unique_ptr<Log> log(new Log(loop, std::move(label), std::move(reader), std::move(writer)));
  REEVE_TRY(log->watch());
  return log;
}

Result<std::unique_ptr<Log>> Log::resume(os::Loop& loop, std::string label, os::Fd reader) {
  std::unique_ptr<Log> log(new Log(loop, std::move(label), std::move(reader), {}));
  REEVE_TRY(log->watch());
  return log;
}

Result<void> Log::watch() {
  watch_ = REEVE_TRY(loop_.watch(reader_, {.readable = true}, [this](os::Ready) { read_some(); }));
  return {};
}

void Log::read_some() {
  std::array<char, 4096> room;
  const auto got = os::read_available(reader_, room);
  if (!got) return;
  if (*got == 0) return watch_.drop();
  const os::Time time = os::now();
  if (time - window_ >= std::chrono::seconds(1)) {
    window_ = time;
    window_bytes_ = 0;
  }
  window_bytes_ += *got;
  take(std::string_view(room.data(), *got));
  if (window_bytes_ < kLogBytesPerSecond) return;
  // Enough for this second: the pipe fills up, and the service waits for itself.
  watch_.drop();
  pause_ = loop_.at(window_ + std::chrono::seconds(1), [this] { (void)watch(); });
}

void Log::take(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n' || line_.size() == kLogLineBytesMax) print_line();
    if (c != '\n') line_ += c;
  }
}

void Log::print_line() {
  os::show_line(label_ + ": " + printable(line_));
  line_.clear();
}

}  // namespace reeve::spawn
