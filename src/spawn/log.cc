#include "log.hpp"

#include <array>
#include <cstdio>

#include "../os/pipe.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::spawn {
namespace {

bool is_printable(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }

}  // namespace

Log::Log(std::string label, os::Fd reader, os::Fd writer)
    : label_(std::move(label)), reader_(std::move(reader)), writer_(std::move(writer)) {}

Log::~Log() {
  if (reader_) read_some();
  if (!line_.empty()) print_line();
}

Result<std::unique_ptr<Log>> Log::make(os::Loop& loop, std::string label) {
  auto [reader, writer] = REEVE_TRY(os::make_pipe());
  std::unique_ptr<Log> log(new Log(std::move(label), std::move(reader), std::move(writer)));
  Log* const self = log.get();
  log->watch_ = REEVE_TRY(loop.watch(log->reader_, {.readable = true}, [self](os::Ready) { self->read_some(); }));
  return log;
}

void Log::read_some() {
  std::array<char, 4096> room;
  // Bounded: a service that never stops printing must not keep the others waiting.
  for (int turns = 0; turns < 4; ++turns) {
    const auto got = os::read_available(reader_, room);
    if (!got) return;
    if (*got == 0) {
      watch_.drop();
      return;
    }
    take(std::string_view(room.data(), *got));
  }
}

void Log::take(std::string_view bytes) {
  const os::Time time = os::now();
  if (time - window_ >= std::chrono::seconds(1)) {
    if (dropped_ > 0) std::fprintf(stderr, "%s: (%zu bytes of output dropped)\n", label_.c_str(), dropped_);
    window_ = time;
    window_bytes_ = 0;
    dropped_ = 0;
  }
  for (const char c : bytes) {
    if (window_bytes_ == kLogBytesPerSecond) {
      ++dropped_;
      continue;
    }
    ++window_bytes_;
    if (c == '\n' || line_.size() == kLogLineBytesMax) print_line();
    if (c != '\n') line_ += is_printable(c) ? c : '?';
  }
}

void Log::print_line() {
  std::fprintf(stderr, "%s: %s\n", label_.c_str(), line_.c_str());
  line_.clear();
}

}  // namespace reeve::spawn
