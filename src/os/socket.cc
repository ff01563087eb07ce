#include "socket.hpp"

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "../vocab/bounds.hpp"
#include "control.hpp"
#include "descriptor.hpp"
#include "process.hpp"
#include "stream.hpp"
#include "uapi.hpp"

namespace reeve::os {
namespace {

// The pieces of one fragment, its header, and the table between in two.
constexpr std::size_t kPartCountMax = kPieceCountMax + 3;

constexpr int kChannelType = SOCK_SEQPACKET | SOCK_CLOEXEC;
constexpr int kStreamBacklog = 1024;  // Its clients are no broker's: nobody waits behind a long line of theirs.

// Room for all that a message may carry. What a stranger sends beyond that the kernel drops by itself: it never gets a
// number here that would have to be closed.
constexpr std::size_t kControlBytes =
    CMSG_SPACE(sizeof(int) * kAttachmentCountMax) + CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int));

std::size_t control_bytes(Rights rights) {
  if (rights == Rights::accept) return kControlBytes;
  return CMSG_SPACE(sizeof(ucred)) + (rights == Rights::process_only ? CMSG_SPACE(sizeof(int)) : 0);
}

Result<void> turn_on(const Fd& socket, int option, const char* name) {
  const int on = 1;
  if (::setsockopt(socket.raw(), SOL_SOCKET, option, &on, sizeof on) != 0) return system_failure(name);
  return {};
}

// One that does not wait.
Result<Fd> make_socket(SocketKind kind) {
  const int type = kind == SocketKind::channel ? kChannelType : SOCK_STREAM | SOCK_CLOEXEC;
  Fd socket(::socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("socket");
  if (kind == SocketKind::channel) REEVE_TRY(turn_on(socket, SO_PASSCRED, "setsockopt(SO_PASSCRED)"));
  return socket;
}

// The folder was checked by its descriptor; going through /proc keeps it the same folder, and any path short enough.
sockaddr_un address_in(const Fd& folder, const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder.raw(), name);
  return address;
}

// Takes ownership of everything that came before anything is judged, so that no early return can leak. A descriptor
// whose close could wait for ever is never closed at all: that costs its number, and nobody any time.
void take_control(const msghdr& message, Arrival& arrival) {
  // Whoever closes a socket that lingers waits until its peer has read.
  const linger none{0, 0};
  const Control control =
      parse_control(std::span(static_cast<const std::byte*>(message.msg_control), message.msg_controllen));
  for (std::size_t i = 0; i < control.count; ++i) {
    Fd descriptor(control.descriptors[i]);
    (void)::setsockopt(descriptor.raw(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
    if (is_served_by_a_process(descriptor)) {
      arrival.left_open = true;
      (void)descriptor.release();
    } else {
      arrival.descriptors.push_back(std::move(descriptor));
    }
  }
  if (control.has_credentials) arrival.sender = {control.pid, control.uid, control.gid};
  const Fd process(control.process);
  if (process) arrival.process = process_number(process);
}

// Those who block are woken one by one, in the order in which they came, and try again.
Result<void> wait_in_connect(const Fd& socket, Time until) {
  const auto left = std::chrono::ceil<std::chrono::microseconds>(until - now()).count();
  const timeval limit{left / 1'000'000, std::max<suseconds_t>(left % 1'000'000, 1)};
  if (::setsockopt(socket.raw(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return system_failure("setsockopt(SO_SNDTIMEO)");
  }
  if (::fcntl(socket.raw(), F_SETFL, 0) != 0) return system_failure("fcntl(F_SETFL)");
  return {};
}

}  // namespace

Result<void> ask_for_senders(const Fd& socket) { return turn_on(socket, SO_PASSCRED, "setsockopt(SO_PASSCRED)"); }

Result<std::pair<Fd, Fd>> channel_pair() {
  int raw[2];
  if (::socketpair(AF_UNIX, kChannelType, 0, raw) != 0) return system_failure("socketpair");
  std::pair<Fd, Fd> ends{Fd(raw[0]), Fd(raw[1])};
  REEVE_TRY(turn_on(ends.first, SO_PASSCRED, "setsockopt(SO_PASSCRED)"));
  REEVE_TRY(turn_on(ends.second, SO_PASSCRED, "setsockopt(SO_PASSCRED)"));
  return ends;
}

Result<Fd> listen_in(const Fd& folder, const char* name, Reach reach, SocketKind kind) {
  Fd listener = REEVE_TRY(make_socket(kind));
  if (kind == SocketKind::stream) (void)refuse_rights(listener);  // Those who connect have it from there.
  // A bound socket can be seen before it listens, so it gets its name last: who sees that is not refused.
  const std::string unheard = std::string(name) + ".new";
  if (::unlinkat(folder.raw(), unheard.c_str(), 0) != 0 && errno != ENOENT) return system_failure("unlinkat");
  const sockaddr_un address = address_in(folder, unheard.c_str());
  if (::bind(listener.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_failure("bind");
  }
  const mode_t mode = reach == Reach::everybody ? 0666 : 0600;
  if (::fchmodat(folder.raw(), unheard.c_str(), mode, 0) != 0) return system_failure("fchmodat");
  if (::listen(listener.raw(), kind == SocketKind::channel ? kBacklog : kStreamBacklog) != 0)
    return system_failure("listen");
  if (::renameat(folder.raw(), unheard.c_str(), folder.raw(), name) != 0) return system_failure("renameat");
  return listener;
}

Result<Connected> connect_in(const Fd& folder, const char* name, Time until, SocketKind kind) {
  Fd socket = REEVE_TRY(make_socket(kind));
  const sockaddr_un address = address_in(folder, name);
  const auto try_once = [&] {
    return ::connect(socket.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  };
  if (try_once()) return socket;
  if (errno == EAGAIN && until > now()) {
    REEVE_TRY(wait_in_connect(socket, until));
    const bool is_connected = try_once();
    const int error = errno;
    if (::fcntl(socket.raw(), F_SETFL, O_NONBLOCK) != 0) return system_failure("fcntl(F_SETFL)");
    if (is_connected) return socket;
    errno = error;
  }
  if (errno == ENOENT || errno == ECONNREFUSED) return NobodyListens{};
  if (errno == EAGAIN || errno == EINTR) return BacklogFull{};
  return system_failure("connect");
}

Result<std::optional<Fd>> accept_from(const Fd& listener, SocketKind kind) {
  Fd socket(::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return std::nullopt;
    return system_failure("accept4");
  }
  if (kind == SocketKind::channel) REEVE_TRY(turn_on(socket, SO_PASSCRED, "setsockopt(SO_PASSCRED)"));
  return socket;
}

Result<Credentials> connected_by(const Fd& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.raw(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return system_failure("getsockopt(SO_PEERCRED)");
  }
  return Credentials{credentials.pid, credentials.uid, credentials.gid};
}

Result<Fd> process_that_connected(const Fd& socket) {
  int raw = -1;
  socklen_t size = sizeof raw;
  if (::getsockopt(socket.raw(), SOL_SOCKET, uapi::kSoPeerPidfd, &raw, &size) == 0) return Fd(raw);
  if (errno != ENOPROTOOPT) return system_failure("getsockopt(SO_PEERPIDFD)");
  return fail(Kind::unsupported, code::kSystem, "the kernel cannot tell who connected (before Linux 6.5)",
              "have the broker start the program: it needs no such proof then");
}

std::uint64_t process_behind(const Fd& socket) {
  const auto process = process_that_connected(socket);
  return process ? process_number(*process) : 0;
}

bool pass_process(const Fd& socket, Passing passing) {
  const int value = passing == Passing::on ? 1 : 0;
  return ::setsockopt(socket.raw(), SOL_SOCKET, uapi::kSoPassPidfd, &value, sizeof value) == 0;
}

void widen(const Fd& socket) {
  const int bytes = 4 * static_cast<int>(kFragmentBytes + 4096);
  ::setsockopt(socket.raw(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

bool refuse_rights(const Fd& socket) {
  const int off = 0;
  return ::setsockopt(socket.raw(), SOL_SOCKET, uapi::kSoPassRights, &off, sizeof off) == 0;
}

bool is_channel_socket(const Fd& socket) {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(socket.raw(), SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof type;
  if (::getsockopt(socket.raw(), SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  int is_listening = 0;
  size = sizeof is_listening;
  if (::getsockopt(socket.raw(), SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0) return false;
  return domain == AF_UNIX && type == SOCK_SEQPACKET && is_listening == 0;
}

void shut_down(const Fd& socket) { ::shutdown(socket.raw(), SHUT_RDWR); }
void refuse_more(const Fd& socket) { ::shutdown(socket.raw(), SHUT_RD); }

// What came beside the bytes is closed as it is elsewhere: the kernel would wait for one that lingers.
Result<std::optional<std::size_t>> receive_some(const Fd& socket, std::span<std::byte> room) {
  iovec part{room.data(), room.size()};
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  while (true) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket.raw(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    Arrival arrival;
    if (size >= 0 && message.msg_controllen > 0) take_control(message, arrival);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) return system_failure("recvmsg");
  }
}

Result<Sent> send_packet(const Fd& socket, std::span<const std::span<const std::byte>> parts,
                         std::span<const int> descriptors, bool* was_reset) {
  REEVE_INVARIANT(descriptors.size() <= kAttachmentCountMax && parts.size() <= kPartCountMax);
  std::array<iovec, kPartCountMax> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
  }
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * kAttachmentCountMax)> control;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = parts.size();
  if (!descriptors.empty()) {
    control.fill(std::byte{0});
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(c), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(socket.raw(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Sent::not_now;
    if (errno == ECONNRESET && was_reset != nullptr) *was_reset = true;
    return system_failure("sendmsg");
  }
  return Sent::whole;
}

// What it was sent from is charged to this end until it is received. SIOCOUTQ tells the same; no preset allows that.
bool has_unread(const Fd& socket) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> bytes{};
  socklen_t size = sizeof bytes;
  if (::getsockopt(socket.raw(), SOL_SOCKET, SO_MEMINFO, bytes.data(), &size) != 0) return false;
  return bytes[SK_MEMINFO_WMEM_ALLOC] != 0;
}

Result<std::optional<std::size_t>> peek_packet(const Fd& socket, std::span<std::byte> front) {
  for (int resets = 0; resets < 8;) {
    const ssize_t size = ::recv(socket.raw(), front.data(), front.size(), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR && errno != ECONNRESET) return system_failure("recv");
    resets += errno == ECONNRESET ? 1 : 0;
  }
  return std::nullopt;
}

Result<Received> receive_packet(const Fd& socket, std::span<const std::span<std::byte>> parts, Rights rights,
                                bool* was_reset, Wait wait) {
  REEVE_INVARIANT(parts.size() <= 4);
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control;
  std::array<iovec, 4> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) vectors[i] = {parts[i].data(), parts[i].size()};
  // A reset is told once and clears itself: what the peer sent before it died is still in the queue behind it.
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::no ? MSG_DONTWAIT : 0);
  for (int resets = 0; resets < 8;) {
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.data();
    message.msg_controllen = control_bytes(rights);
    const ssize_t size = ::recvmsg(socket.raw(), &message, flags);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == ECONNRESET) {
        ++resets;
        if (was_reset != nullptr) *was_reset = true;
        continue;
      }
      if (errno == EAGAIN) return NothingYet{};
      return system_failure("recvmsg");
    }
    Arrival arrival;
    take_control(message, arrival);
    if (size == 0) return EndOfChannel{};
    arrival.size = static_cast<std::size_t>(size);
    arrival.truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    // Where a pidfd would fit, so does a descriptor.
    if (rights != Rights::accept && !arrival.descriptors.empty()) arrival.truncated = true;
    return arrival;
  }
  return EndOfChannel{};
}

namespace {

pollfd entry_of(const Fd& fd, Readiness readiness) {
  const int events = (readiness != Readiness::writable ? POLLIN : 0) | (readiness != Readiness::readable ? POLLOUT : 0);
  return {fd.raw(), static_cast<short>(events), 0};
}

// False where the deadline came first.
Result<bool> poll_until(std::span<pollfd> entries, const Deadline& deadline) {
  while (true) {
    timespec timeout{};
    const auto left = left_until(deadline);
    if (left) {
      timeout.tv_sec = left->count() / 1'000'000'000;
      timeout.tv_nsec = left->count() % 1'000'000'000;
    }
    const int ready = ::ppoll(entries.data(), entries.size(), left ? &timeout : nullptr, nullptr);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return system_failure("ppoll");
  }
}

}  // namespace

Result<bool> wait_for(const Fd& socket, Readiness readiness, const Deadline& deadline) {
  pollfd entry = entry_of(socket, readiness);
  return poll_until(std::span(&entry, 1), deadline);
}

Result<First> wait_for_first(const Fd& socket, Readiness readiness, const Fd& other, const Deadline& deadline) {
  std::array entries{entry_of(socket, readiness), entry_of(other, Readiness::readable)};
  if (!REEVE_TRY(poll_until(entries, deadline))) return First::deadline;
  return entries[0].revents != 0 ? First::socket : First::other;
}

}  // namespace reeve::os
