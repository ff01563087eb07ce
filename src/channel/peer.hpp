// The process at the other end, as the kernel and the broker know it; never as it describes itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace reeve::channel {

/// How far a peer's identity is proven.
enum class PeerClass : std::uint8_t {
  uid_only = 1,    ///< only its user is known
  bound = 2,       ///< the broker started it, from a sealed copy of its image
  introduced = 3,  ///< another peer gave it this channel: it is worth no more than that one
};

/// What the kernel says about who sends on a channel.
enum class Binding : std::uint8_t {
  none = 0,     ///< nothing has come yet
  pid = 1,      ///< the pid of every packet is that of the peer
  process = 2,  ///< the peer lives in another pid namespace; its first packet came with its pidfd. From then on the end
                ///< speaks for whom it was given to
  end = 3,      ///< nothing but having the end: the kernel cannot say more (before 6.9), or there is no record
};

/// What the broker wrote down about a peer before it handed over its end of a channel.
struct Record {
  std::int32_t pid = 0;  ///< as the receiver of the record counts; 0 where its pid namespace does not show the peer
  std::uint64_t process = 0;  ///< the inode of its pidfd, the same in all namespaces; 0 where the kernel has none
};

struct Peer {
  std::optional<std::int32_t> pid;  ///< as the receiver counts; absent where its pid namespace does not show the peer
  std::uint32_t uid = 65534;        ///< the user, as the broker knows it
  PeerClass trust = PeerClass::uid_only;
  Binding binding = Binding::none;
  std::string label;  ///< the job it runs as; empty where it is no job
};

}  // namespace reeve::channel

namespace reeve {
using channel::Binding;
using channel::Peer;
using channel::PeerClass;
}  // namespace reeve
