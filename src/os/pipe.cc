#include "pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>

namespace reeve::os {

Result<std::pair<Fd, Fd>> make_pipe() {
  int raw[2];
  if (::pipe2(raw, O_CLOEXEC) != 0) return system_failure("pipe2");
  std::pair<Fd, Fd> ends{Fd(raw[0]), Fd(raw[1])};
  if (::fcntl(raw[0], F_SETFL, O_NONBLOCK) != 0) return system_failure("fcntl(F_SETFL)");
  return ends;
}

std::optional<std::size_t> read_available(const Fd& reader, std::span<char> room) {
  while (true) {
    const ssize_t got = ::read(reader.raw(), room.data(), room.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return std::nullopt;
    return 0;
  }
}

void show_line(std::string_view line) {
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1 || (entry.revents & POLLOUT) == 0) return;
  std::string text(line.substr(0, PIPE_BUF - 1));
  text += '\n';
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

Result<void> write_all(const Fd& writer, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(writer.raw(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace reeve::os
