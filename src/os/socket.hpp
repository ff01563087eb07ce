// Channel sockets: AF_UNIX, SOCK_SEQPACKET, with the kernel's word on who sent each packet.
//
// Threads: none of these blocks, but for wait_for and a receive_packet that is to wait.
// Errors:  a full or empty socket is a condition, not an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "clock.hpp"
#include "fd.hpp"

namespace reeve::os {

/// Who sent a packet, as the kernel tells the receiver. A process outside the receiver's pid namespace shows as pid 0,
/// and a user outside its user namespace as 65534.
struct Credentials {
  std::int32_t pid = 0;
  std::uint32_t uid = 65534;
  std::uint32_t gid = 65534;
};

/// The two ends of a channel; credentials are switched on at both before either can leave.
Result<std::pair<Fd, Fd>> channel_pair();

/// Who can connect: whoever the folder lets in, of the same user; or everybody whom it lets in.
enum class Reach { own_user, everybody };

/// A channel's packets; or bytes without bounds, as programs of others' send them, and without credentials beside them.
enum class SocketKind { channel, stream };

/// Listens on `name` inside a folder that the caller has checked. A file of that name is replaced, as one of `name`.new
/// is: hold the folder's lock first. Whoever sees the new file can connect to it.
Result<Fd> listen_in(const Fd& folder, const char* name, Reach reach = Reach::own_user,
                     SocketKind kind = SocketKind::channel);

/// Credentials are switched on at an end that somebody else made: what was sent there before comes without.
Result<void> ask_for_senders(const Fd& socket);

struct NobodyListens {};
struct BacklogFull {};
using Connected = std::variant<Fd, NobodyListens, BacklogFull>;

/// Connects to `name` inside a folder that the caller has checked. Where the line is full it waits in it, until then.
Result<Connected> connect_in(const Fd& folder, const char* name, Time until, SocketKind kind = SocketKind::channel);

/// The next connection, or nothing where none waits. Credentials are switched on at a channel's.
Result<std::optional<Fd>> accept_from(const Fd& listener, SocketKind kind = SocketKind::channel);

/// Who made the connection (for a pair: who made the pair).
Result<Credentials> connected_by(const Fd& socket);

/// The process that made the connection. Errors: unsupported on a kernel before 6.5.
Result<Fd> process_that_connected(const Fd& socket);

/// The number of the process that made the connection: the inode of its pidfd, which is the same in every namespace and
/// is never used again. 0 where the kernel cannot say (before 6.9, or when out of descriptors).
std::uint64_t process_behind(const Fd& socket);

/// From now on packets come with the number of the process that sent them, or no longer do. It costs each packet some
/// 3 us. False on a kernel before 6.5.
enum class Passing : std::uint8_t { off, on };
bool pass_process(const Fd& socket, Passing passing);

/// Has the kernel refuse every descriptor sent to this socket. Returns false on a kernel before 6.16.
bool refuse_rights(const Fd& socket);

bool is_channel_socket(const Fd& socket);

/// Ends the conversation in both directions, whoever else holds a duplicate of this end.
void shut_down(const Fd& socket);

/// Whoever sends to this socket from now on is told that it is closed; what was sent before can still be received.
void refuse_more(const Fd& socket);

enum class Sent { whole, not_now };

/// Sends one packet made of `parts`, with `descriptors`, or nothing at all.
/// Errors: gone where nobody is left to read it; busy where too many descriptors are in flight. `was_reset` is set
/// where the peer has ended and has not read the last packet that it was sent: the kernel tells that once.
Result<Sent> send_packet(const Fd& socket, std::span<const std::span<const std::byte>> parts,
                         std::span<const int> descriptors, bool* was_reset = nullptr);

struct Arrival {
  std::size_t size = 0;
  bool truncated = false;  ///< the packet or its control data did not fit; what came is incomplete
  std::vector<Fd> descriptors;
  bool left_open = false;  ///< one came that a process serves (FUSE); it is not among these, and stays open for good
  Credentials sender;
  /// The sender's number where it was asked for: nothing where the sender is gone, 0 where the kernel has no numbers.
  std::optional<std::uint64_t> process;
};
struct NothingYet {};
struct EndOfChannel {};
using Received = std::variant<Arrival, NothingYet, EndOfChannel>;

/// `process_only` refuses descriptors too, but has room for the sender's pidfd, where that was asked for.
enum class Rights { accept, refuse, process_only };

/// Whether a call waits where nothing is there yet.
enum class Wait : bool { no, yes };

/// Receives one packet into the parts of a buffer, of which there are at most four, one after the other. With
/// Rights::refuse, a packet that carries descriptors arrives truncated. After a reset it reads on: what the peer sent
/// before it died is delivered before EndOfChannel. `was_reset` as in send_packet. One that waits may still find
/// nothing yet: where somebody has made the socket one that does not wait.
Result<Received> receive_packet(const Fd& socket, std::span<const std::span<std::byte>> parts, Rights rights,
                                bool* was_reset = nullptr, Wait wait = Wait::no);

inline Result<Received> receive_packet(const Fd& socket, std::span<std::byte> buffer, Rights rights,
                                       bool* was_reset = nullptr, Wait wait = Wait::no) {
  return receive_packet(socket, std::span(&buffer, 1), rights, was_reset, wait);
}

/// The size of the packet that would be received next, and as much of its front as there is room for; nothing where
/// none has come, and 0 at the end. It stays where it is, with what travels beside it.
Result<std::optional<std::size_t>> peek_packet(const Fd& socket, std::span<std::byte> front);

/// Whether anything that was sent from this end has not been received yet; false where the kernel cannot say.
bool has_unread(const Fd& socket);

/// Lets more packets wait on their way from this end, as far as this user may: four of 128 KiB.
void widen(const Fd& socket);

enum class Readiness { readable, writable, either };

/// Waits until the socket is ready or has ended. False where the deadline came first.
Result<bool> wait_for(const Fd& socket, Readiness readiness, const Deadline& deadline);

enum class First { socket, other, deadline };

/// The same, or until another descriptor is readable. What both are is said of the socket.
Result<First> wait_for_first(const Fd& socket, Readiness readiness, const Fd& other, const Deadline& deadline);

}  // namespace reeve::os
