// Two tasks of a test, each with a space of its own and a right to send to the other.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>

#include "rights.hpp"

namespace reeve::port::staged {

using namespace std::chrono_literals;

inline object::Data data_of(std::string_view text) { return object::Data::copy_of(std::as_bytes(std::span(text))); }
inline std::string text_of(const object::Data& data) {
  return {reinterpret_cast<const char*>(data.bytes().data()), data.size()};
}

inline Message message_of(std::string_view text) {
  Message message;
  message.data = data_of(text);
  return message;
}
inline Message carrying(Carried carried, std::string_view text = "") {
  Message message = message_of(text);
  message.carried.emplace_back(std::move(carried));
  return message;
}

/// What sending it comes to, without waiting.
inline Result<void> send(const SendRight& right, std::string_view text) {
  Message message = message_of(text);
  return right.send(message, {.timeout = 0s});
}
inline Result<void> give(const SendRight& right, Carried carried) {
  Message message = carrying(std::move(carried));
  return right.send(message, {.timeout = 0s});
}

/// What is there now. Anything else than a message fails the test.
template <class Source>
Received received_from(const Source& source) {
  auto delivery = source.receive({.timeout = 10s});
  if (!delivery) {
    ADD_FAILURE() << delivery.error().message;
    return {};
  }
  auto* received = std::get_if<Received>(&*delivery);
  if (received == nullptr) ADD_FAILURE() << "a notification, where a message was expected";
  return received != nullptr ? std::move(*received) : Received();
}
template <class Source>
std::string text_from(const Source& source) {
  return text_of(received_from(source).data);
}
/// The one thing that the next message carries.
template <class Right, class Source>
Right given_by(const Source& source) {
  Received received = received_from(source);
  if (received.carried.size() == 1) {
    if (auto* right = std::get_if<Right>(&received.carried.front())) return std::move(*right);
  }
  ADD_FAILURE() << "no such right came";
  return {};
}
template <class Source>
Notification notified_by(const Source& source) {
  auto delivery = source.receive({.timeout = 10s});
  auto* notification = delivery ? std::get_if<Notification>(&*delivery) : nullptr;
  if (notification == nullptr) ADD_FAILURE() << "no notification";
  return notification != nullptr ? std::move(*notification) : Notification();
}
/// Whether nothing waits there.
template <class Source>
bool is_silent(const Source& source) {
  const auto delivery = source.receive({.timeout = 0s});
  return !delivery && delivery.error().code == code::kTimedOut;
}

/// The right in another space, as if it had been inherited.
inline SendRight handed_over(const PortSpace& from, SendRight right, const PortSpace& to) {
  return to.take_in(from.give_out(std::move(right)).value()).value();
}

struct Task {
  PortSpace space = PortSpace::make();
  ReceiveRight port = space.make_port().value();
};

struct Tasks : testing::Test {
  Task a;
  Task b;
  SendRight to_a = handed_over(a.space, a.port.make_send().value(), b.space);  ///< B has it
  SendRight to_b = handed_over(b.space, b.port.make_send().value(), a.space);  ///< A has it
};

}  // namespace reeve::port::staged
