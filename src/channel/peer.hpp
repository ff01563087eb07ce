// The process at the other end, as the kernel and the broker know it; never as it describes itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace reeve::channel {

/// How far a peer's identity is proven.
enum class PeerClass : std::uint8_t {
  uid_only = 1,  ///< only its user is known
  bound = 2,     ///< the broker started it, from a sealed copy of its image
};

struct Peer {
  std::optional<std::int32_t> pid;  ///< as the receiver counts; absent where its pid namespace does not show the peer
  std::uint32_t uid = 65534;        ///< the user, as the broker knows it
  PeerClass trust = PeerClass::uid_only;
  std::string label;  ///< the job it runs as; empty where it is no job
};

}  // namespace reeve::channel

namespace reeve {
using channel::Peer;
using channel::PeerClass;
}  // namespace reeve
