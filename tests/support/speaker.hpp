// Speaks to the broker packet by packet, over a connection that it may have got from anywhere, as whomever the kernel
// lets it claim to be.
#pragma once

#include <reeve/reeve.hpp>

#include "../../src/channel/channel.hpp"
#include "../../src/contract/broker.hpp"

namespace reeve::test {

class Speaker {
 public:
  /// `said`: how many packets were sent over the connection before: a hello is the first.
  explicit Speaker(os::Fd socket, std::uint64_t said = 0) : channel_(std::move(socket)), said_(said) {
    if (said != 0) channel_.take_over();
  }

  /// Claims from now on to be the process with that pid; 0: says nothing of it.
  void claim(int pid) { claimed_ = pid; }

  /// Sends a request; false where the kernel does not let it.
  bool ask(const contract::Request& what);
  /// The answer to it. Errors: what the broker says; gone where it has ended the channel; timeout.
  Result<Dictionary> answer();
  Result<contract::Proof> prove(Data nonce);

  const os::Fd& socket() const { return channel_.socket(); }

 private:
  bool send(channel::Header header, std::span<const std::byte> body);

  channel::Inbox inbox_;
  channel::Channel channel_;
  std::uint64_t said_;
  int claimed_ = 0;
};

}  // namespace reeve::test
