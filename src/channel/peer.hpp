// The process at the other end, as the kernel and the broker know it; never as it describes itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../contract/identity.hpp"

namespace reeve::channel {

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

/// Its trust, label, team and what else is vouched for are those of Identity.
struct Peer : contract::Identity {
  std::optional<std::int32_t> pid;  ///< as the receiver counts; absent where its pid namespace does not show the peer
  std::uint32_t uid = 65534;        ///< the user, as the broker knows it
  Binding binding = Binding::none;  ///< what the kernel says of who sends
  friend bool operator==(const Peer&, const Peer&) = default;
};

}  // namespace reeve::channel

namespace reeve {
using channel::Binding;
using channel::Peer;
}  // namespace reeve
