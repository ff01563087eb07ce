// The floor of a look-up and first call: three bare processes that send each other the packets that client, broker and
// service do, each with its credentials, and look at nothing.
#pragma once

#include "../src/os/process.hpp"
#include "../src/os/socket.hpp"

namespace bench {

/// A process that makes pairs for whoever asks, and a server that it hands one end to, and that echoes packets.
class BareIntroducer {
 public:
  /// Both run where the caller does.
  BareIntroducer();
  BareIntroducer(const BareIntroducer&) = delete;
  BareIntroducer& operator=(const BareIntroducer&) = delete;
  ~BareIntroducer();

  /// Asks for a pair, greets, and asks for an echo of 64 bytes; the echo is compared.
  void connect_and_call() const;
  double cpu() const;

 private:
  reeve::os::Child introducer_;
  reeve::os::Child server_;
  reeve::os::Fd line_;
};

}  // namespace bench
