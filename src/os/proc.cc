#include "proc.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "fd.hpp"

namespace reeve::os {

std::string proc_path(std::int32_t pid, const char* name) { return "/proc/" + std::to_string(pid) + "/" + name; }

Result<std::string> read_text(const std::string& path) {
  constexpr std::size_t kMost = 1024 * 1024;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_failure("open /proc/PID");
  std::string text;
  std::array<char, 16 * 1024> room;
  while (text.size() < kMost) {
    const ssize_t got = ::read(file.raw(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read /proc/PID");
    if (got == 0) return text;
    text.append(room.data(), static_cast<std::size_t>(got));
  }
  return fail(Kind::denied, code::kTooLarge, path + " is longer than anybody's");
}

std::string_view field_in(std::string_view text, std::string_view key) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(key)) continue;
    const std::size_t value = line.find_first_not_of(" \t", key.size());
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

}  // namespace reeve::os
