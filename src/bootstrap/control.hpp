// A service's line to its broker: what it asks, and what it is told unasked.
//
// A broker is followed by another without the line's ending. What is unanswered then is asked again of that.
//
// Owns:    the control channel.
// Threads: one.
// Errors:  those of the broker's answers; those of Channel, after which the line is of no use.
#pragma once

#include <functional>
#include <map>

#include "../channel/channel.hpp"
#include "../contract/broker.hpp"
#include "../os/clock.hpp"

namespace reeve::bootstrap {

class Control {
 public:
  using Answered = std::function<void(Result<Dictionary> answer)>;
  /// `has_room`: whether there are descriptors left for one more client.
  using HandedOver = std::function<void(const contract::Handover& handover, bool has_room)>;

  Control(channel::Channel channel, HandedOver handed_over);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// Asks, and goes on; `answered` is called from a later read_what_came. Returns the request's number.
  Result<std::uint64_t> ask(contract::Request request, Answered answered);
  /// Asks and waits; what else comes meanwhile is taken. Errors: timeout; gone where the line has ended.
  Result<Dictionary> ask_and_wait(contract::Request request, const os::Deadline& deadline = {});

  /// Takes all that has come. Errors: what ended the line; gone where that was the broker's end.
  Result<void> read_what_came();
  /// Takes nothing more: what was handed over and not taken goes to the next instance.
  void break_off(Error why) { over_ = std::move(why); }
  /// Why the line is of no use any more.
  const std::optional<Error>& over() const { return over_; }
  /// ... because nobody is at the other end.
  bool has_ended() const { return has_ended_; }

  /// The number of the last end that came.
  std::uint64_t taken() const { return taken_; }
  const os::Fd& socket() const { return channel_.socket(); }

 private:
  struct Pending {
    contract::Request request;
    Answered answered;
  };
  Result<void> send(channel::PacketKind kind, const Dictionary& message, std::uint64_t id = 0);
  Result<void> say_what_is_taken();
  Result<bool> read_one();
  Result<void> take_packet(channel::Delivered& packet);
  Result<void> take(const contract::Handover& handover);
  Result<void> take(const contract::Succession& succession);
  void take_answer(std::uint64_t id, Result<Dictionary> answer);

  channel::Inbox inbox_;  // outlives what is charged to its ledger
  channel::Channel channel_;
  HandedOver handed_over_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t last_id_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t broker_ = 0;  // that has said last that it followed another
  os::Fd spare_;
  std::optional<Error> over_;
  bool has_ended_ = false;
};

/// This process's own line, where it is confined and has no other way to the broker; null in every other process.
/// Errors: denied while it does not serve yet.
Result<Control*> only_line();

/// What only_line returns, while it lives.
class OnlyLine {
 public:
  explicit OnlyLine(Control& control);
  OnlyLine(const OnlyLine&) = delete;
  OnlyLine& operator=(const OnlyLine&) = delete;
  ~OnlyLine();
};

}  // namespace reeve::bootstrap
