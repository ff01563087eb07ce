// A message as whoever has a port takes it up: a number, some bytes, who sent it, and the reply to it.
//
// On a channel a message is a dictionary with an "id" and "data"; its reply one with "data". A client that takes
// messages itself says so first, with a right to send it some, as "port".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "../connection/request.hpp"
#include "../connection/task.hpp"
#include "../connection/waiter.hpp"

namespace reeve::message_port {

class RemotePort;

/// @cond
// A message or a reply, written as it is sent; a share in its data.
class Letter final : public connection::Message {
 public:
  explicit Letter(Data data) : data_(std::move(data)) {}
  Letter(std::int32_t id, Data data) : id_(id), data_(std::move(data)) {}
  void write(wire::Writer& writer) const override;

 private:
  std::optional<std::int32_t> id_;
  Data data_;
};

// Who is at the other end of one of a port's channels.
struct Sender;
/// @endcond

/// One message. Of a request that is destroyed without a reply the sender gets an empty one.
/// Owns:    its data, and the power to reply, once.
/// Threads: the port's.
class PortMessage {
 public:
  PortMessage(PortMessage&& other) noexcept = default;
  PortMessage& operator=(PortMessage&& other) = delete;
  ~PortMessage();

  /// The number that its sender gave it, which says what it is about.
  std::int32_t id() const { return id_; }
  /// What was sent with it; empty where nothing was. It stays when the message is gone.
  const Data& data() const { return data_; }
  /// Who sent it, as the kernel and the broker know them.
  const Peer& peer() const { return request_.caller().peer(); }
  /// ... and until when they wait.
  const Caller& caller() const { return request_.caller(); }

  /// Whether its sender waits for a reply, and it was not given.
  bool wants_reply() const { return request_.wants_answer(); }
  /// Errors: invalid where it was replied to before, or wants none.
  Result<void> reply(Data data) { return request_.answer(Letter(std::move(data))); }

  /// A port of the sender's, for messages to it that answer nothing. It is the same one for all its messages. Replies
  /// that take several packets are held up to 1 MiB, and carry no descriptors: it is a stranger.
  /// Errors: unsupported where the sender takes none, or somebody else has introduced it.
  Result<RemotePort> sender() const;

 private:
  friend struct Sender;
  PortMessage(std::int32_t id, Data data, Request request, std::shared_ptr<Sender> sender)
      : id_(id), data_(std::move(data)), request_(std::move(request)), sender_(std::move(sender)) {}

  std::int32_t id_;
  Data data_;
  Request request_;
  std::shared_ptr<Sender> sender_;
};

/// Takes a message up. It may be kept, and replied to later; what it throws is an empty reply.
using PortHandler = std::function<void(PortMessage message)>;

/// @cond
// Also of what returns the reply.
template <class Handler>
PortHandler handler_of(Handler handler) {
  if constexpr (std::is_invocable_r_v<Data, Handler&, const PortMessage&>) {
    return [handler = std::move(handler)](PortMessage message) mutable {
      const auto data = connection::guarded([&]() -> Result<Data> { return handler(message); });
      if (data && message.wants_reply()) (void)message.reply(*data);
    };
  } else {
    static_assert(std::is_void_v<std::invoke_result_t<Handler&, PortMessage>>,
                  "one that returns the reply takes a const PortMessage&");
    return [handler = std::move(handler)](PortMessage message) mutable {
      (void)connection::guarded([&]() -> Result<void> {
        handler(std::move(message));
        return {};
      });
    };
  }
}

// What a port does with messages, until it does nothing any more.
struct Taker {
  PortHandler handler;
  bool is_over = false;
};

struct Sender {
  explicit Sender(os::Loop::Reference own) : loop(std::move(own)) {}
  // What takes up all that comes over one of a port's channels.
  static std::function<void(const wire::DictionaryView&, Request)> taking_up(std::shared_ptr<const Taker> taker,
                                                                             os::Loop::Reference loop);

  os::Loop::Reference loop;
  std::shared_ptr<RemotePort> port;  // once it has said that it takes messages
};
/// @endcond

}  // namespace reeve::message_port

namespace reeve {
using message_port::PortHandler;
using message_port::PortMessage;
}  // namespace reeve
