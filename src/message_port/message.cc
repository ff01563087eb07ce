#include "message.hpp"

#include "../wire/writer.hpp"
#include "remote_port.hpp"

namespace reeve::message_port {

void Letter::write(wire::Writer& writer) const {
  writer.begin_dictionary();
  writer.key("data");
  writer.put(data_);
  if (id_) {
    writer.key("id");
    writer.put(std::int64_t{*id_});
  }
  writer.end();
}

PortMessage::~PortMessage() {
  const bool is_here = sender_ != nullptr;
  if (is_here && wants_reply()) (void)reply({});
}

Result<RemotePort> PortMessage::sender() const {
  if (sender_->port && peer().trust != PeerClass::introduced) return *sender_->port;
  return fail(Kind::unsupported, code::kPortInvalid, "whoever sent the message takes none",
              "have it make its RemotePort with a handler");
}

std::function<void(const wire::DictionaryView&, Request)> Sender::taking_up(std::shared_ptr<const Taker> taker,
                                                                            os::Loop::Reference loop) {
  auto sender = std::make_shared<Sender>(std::move(loop));
  return [taker = std::move(taker), sender = std::move(sender)](const wire::DictionaryView& message, Request request) {
    if (taker->is_over) {
      (void)request.answer(fail(Kind::gone, code::kPortEnded, "the message port was invalidated"));
      return;
    }
    if (const auto right = message.find("port")) {
      const auto end = right->get<Right>();
      // One that somebody else has introduced shares what is known of that one.
      const bool is_guest = request.caller().peer().trust == PeerClass::introduced;
      if (!end || sender->port || is_guest) return;
      auto port = RemotePort::to_sender(*end, sender->loop);
      if (port) sender->port = std::make_shared<RemotePort>(std::move(*port));
      return;
    }
    const auto id = message.find("id");
    const auto number = id ? id->get<std::int64_t>() : std::nullopt;
    const auto data = message.find("data");
    const auto bytes = data ? data->get<Data>() : std::nullopt;
    if (!number || !std::in_range<std::int32_t>(*number) || !bytes) {
      (void)request.answer(fail(Kind::invalid, code::kWrongType, "a message to a port has an int32 `id`, and `data`",
                                "send it by a RemotePort"));
      return;
    }
    taker->handler(PortMessage(static_cast<std::int32_t>(*number), *bytes, std::move(request), sender));
  };
}

}  // namespace reeve::message_port
