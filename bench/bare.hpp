// The bare pair: SEQPACKET sockets and nothing else, with credentials, between two processes that wait as ours do: the
// server in epoll, a client by trying and then polling; both awake for a moment before that, or not.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../src/os/awake.hpp"
#include "../src/os/socket.hpp"
#include "../src/sandbox/preset.hpp"
#include "waits.hpp"

namespace bench {

/// A process that echoes messages of `bytes`, each in packets of at most 128 KiB, once the whole has come. A message
/// that begins with 'd' is dropped instead.
class BareServer {
 public:
  /// `preset`: behind its filters, and for one client alone.
  BareServer(const std::string& folder, std::size_t bytes, Waits waits = Waits::awake,
             const reeve::sandbox::Preset* preset = nullptr);
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  ~BareServer();
  int pid() const { return pid_; }

 private:
  int pid_ = -1;
};

/// Waits as this process may.
class BareClient {
 public:
  BareClient(const std::string& folder, std::size_t bytes);
  /// A round trip; the echo is compared with what was sent.
  void call();
  /// Sends a message that is dropped.
  void tell();

 private:
  void send();
  reeve::os::Fd socket_;
  reeve::os::Awake awake_;
  std::vector<std::byte> sent_;
  std::vector<std::byte> room_;
};

}  // namespace bench
