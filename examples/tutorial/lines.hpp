// A file's lines, a piece of it at a time.
#pragma once

#include <unistd.h>

#include <array>
#include <optional>
#include <reeve/file.hpp>
#include <string>
#include <string_view>
#include <utility>

/// Threads: one. Errors: none; a file that shrinks, or cannot be read, ends there.
class Lines {
 public:
  explicit Lines(reeve::File file) : file_(std::move(file)) {}

  /// The next line without its end, until the one after it is asked for; nothing after the last.
  std::optional<std::string_view> next() {
    std::size_t end = text_.find('\n', begin_);
    while (end == std::string::npos) {
      const std::size_t seen = text_.size() - begin_;
      if (!read_more()) return last();
      end = text_.find('\n', seen);
    }
    const std::string_view line = std::string_view(text_).substr(begin_, end - begin_);
    begin_ = end + 1;
    return line;
  }

 private:
  // By its own offset: that of the descriptor is shared with whoever sent it.
  bool read_more() {
    text_.erase(0, std::exchange(begin_, 0));
    std::array<char, 64 * 1024> piece;
    const ssize_t got = ::pread(file_.descriptor(), piece.data(), piece.size(), offset_);
    if (got <= 0) return false;
    offset_ += got;
    text_.append(piece.data(), static_cast<std::size_t>(got));
    return true;
  }
  std::optional<std::string_view> last() {
    const std::string_view line = std::string_view(text_).substr(begin_);
    begin_ = text_.size();
    if (line.empty()) return std::nullopt;
    return line;
  }

  reeve::File file_;
  std::string text_;  // read, and not given out from begin_ on
  std::size_t begin_ = 0;
  off_t offset_ = 0;
};
