#include "stream.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "process.hpp"

namespace reeve::os {

Result<std::size_t> send_some(const Fd& socket, std::span<const std::span<const std::byte>> parts) {
  std::array<iovec, 4> vectors;
  REEVE_INVARIANT(parts.size() <= vectors.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = parts.size();
  while (true) {
    const ssize_t sent = ::sendmsg(socket.raw(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return system_failure("sendmsg");
  }
}

}  // namespace reeve::os
