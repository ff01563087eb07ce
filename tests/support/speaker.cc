#include "speaker.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "../../src/connection/message.hpp"
#include "../../src/wire/wire.hpp"

namespace reeve::test {

bool Speaker::send(channel::Header header, std::span<const std::byte> body) {
  header.sequence = said_++;
  header.body_size = header.message_size = body.size();
  iovec parts[] = {{&header, sizeof header}, {const_cast<std::byte*>(body.data()), body.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))]{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (claimed_ != 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof(ucred));
    const ucred credentials{claimed_, ::getuid(), ::getgid()};
    std::memcpy(CMSG_DATA(c), &credentials, sizeof credentials);
  }
  return ::sendmsg(channel_.socket().raw(), &message, MSG_NOSIGNAL) >= 0;
}

bool Speaker::ask(const contract::Request& what) {
  if (said_ == 0) {
    const channel::Hello hello;
    if (!send({}, std::as_bytes(std::span(&hello, 1)))) return false;
  }
  channel::Header header;
  header.kind = channel::PacketKind::request;
  header.id = said_;
  const auto encoded = wire::encode(contract::encode(what));
  return encoded && send(header, encoded->body.bytes);
}

Result<Dictionary> Speaker::answer() {
  const auto give_up = os::now() + std::chrono::seconds(20);
  while (true) {
    auto incoming = REEVE_TRY(channel_.receive(inbox_));
    if (std::holds_alternative<channel::Ended>(incoming)) {
      return fail(Kind::gone, code::kClosed, "the broker has ended the channel");
    }
    if (auto* packet = std::get_if<channel::Delivered>(&incoming)) {
      const auto kind = packet->header.kind;
      if (kind == channel::PacketKind::hello) continue;
      Dictionary message = REEVE_TRY(connection::open_packet(*packet)).root().object();
      if (kind == channel::PacketKind::reply) return message;
      return std::unexpected(object::parse_error(message));
    }
    if (!REEVE_TRY(os::wait_for(channel_.socket(), os::Readiness::readable, give_up))) {
      return fail(Kind::timeout, code::kTimedOut, "the broker does not answer");
    }
  }
}

Result<contract::Proof> Speaker::prove(Data nonce) {
  if (!ask(contract::Prove{std::move(nonce)}))
    return fail(Kind::gone, code::kClosed, "the kernel did not let it be sent");
  return contract::decode_reply<contract::Proof>(REEVE_TRY(answer()));
}

}  // namespace reeve::test
