#include "link.hpp"

#include <algorithm>
#include <functional>

#include "../object/call.hpp"
#include "context.hpp"
#include "link_limits.hpp"

namespace reeve::connection {
namespace {

using channel::PacketKind;

// A call that blocks.
struct Sleeper final : Waiter {
  void wake() override {}
};

}  // namespace

// Calls that block.

Result<wire::Body> Link::exchange(const Message& request, const CallOptions& options) {
  REEVE_TRY(fill_parcel(parcel_, PacketKind::request, request));
  address(options);
  Sleeper sleeper;
  limit(sleeper, options);
  send_and_wait(sleeper);
  return sleeper.answer();
}

Result<void> Link::post(const Message& message, const CallOptions& options) {
  REEVE_TRY(fill_parcel(parcel_, PacketKind::message, message));
  address(options);
  Sleeper sleeper;
  limit(sleeper, options);
  return send_and_wait(sleeper);
}

Result<object::Right> Link::introduce(const CallOptions& options) {
  auto introduction = REEVE_TRY(channel::make_introduction());
  parcel_ = std::move(introduction.parcel);
  address(options);
  Sleeper sleeper;
  limit(sleeper, options);
  REEVE_TRY(send_and_wait(sleeper));
  return object::Right{std::make_shared<const os::Fd>(std::move(introduction.end)), object::RightKind::send};
}

// What it is part of, and until when it is of use.
void Link::address(const CallOptions& options) {
  parcel_.deadline = deadline_of(options);
  const channel::Chain& chain = Context::current().chain;
  parcel_.chain = options.is_own || channel::is_none(chain) ? fresh_chain() : deeper(chain);
}

// What is no request waits until it is sent.
Result<void> Link::send_and_wait(Waiter& sleeper) {
  // Who is asked in turn may ask this process.
  const OnBehalf waiting({parcel_.chain, parcel_.deadline, channel::wants_answer(parcel_.kind)});
  start(sleeper);
  while (!sleeper.is_over()) {
    const auto waited = wait_once(sleeper);
    if (!waited) give_up(sleeper, waited.error().kind == Kind::timeout ? late(sleeper) : waited.error());
  }
  awake_.done();
  go_on_later();
  return *sleeper.outcome_;
}

void Link::start(Waiter& sleeper) {
  if (const auto may = may_block(); !may) {
    let_go_of_parcel();
    sleeper.outcome_ = may;
    return;
  }
  sleeper.is_blocking_ = true;
  sleeper.ticket_ = parcel_.tag = next_ticket_++;
  waiters_.push_back(&sleeper);
  const bool is_asking = channel::wants_answer(parcel_.kind);
  parcel_.id = is_asking ? parcel_.tag : 0;
  if (!is_asking) sender_ = &sleeper;
  if (const auto connected = connect(limit_of(sleeper))) {
    send_parcel();
  } else {
    let_go_of_parcel();
    const bool is_late = sleeper.send_by_ && connected.error().kind == Kind::timeout;
    complete(sleeper, std::unexpected(is_late ? late(sleeper) : connected.error()));
  }
}

// Sends and reads what can be done now; where that is not the outcome, waits until more can be done.
Result<void> Link::wait_once(const Waiter& waiter) {
  if (!current_) REEVE_TRY(connect(limit_of(waiter)));
  if (!outbox_.empty()) flush();
  const os::Deadline deadline = limit_of(waiter);  // Another one, once it is sent.
  // To look first would be in vain most often.
  const bool sleeps_reading = current_ && may_sleep_reading(deadline);
  if (current_ && !(sleeps_reading && !awake_.is_worth_it())) read_what_came();
  if (current_ && is_refused_ && !has_any_in_hand()) lose(interrupted());
  if (waiter.has_news() || !current_) return {};
  if (deadline && *deadline <= os::now()) return timed_out();
  if (awake_.look_again(deadline)) return {};
  if (sleeps_reading && read_one(os::Wait::yes)) return {};
  if (!current_) return {};
  // Also where somebody has made the socket one that does not wait.
  const auto readiness = outbox_.empty() || is_refused_ ? os::Readiness::readable : os::Readiness::either;
  if (REEVE_TRY(wait_for(readiness, deadline))) return {};
  return timed_out();
}

// Whether nothing but what comes next is to be waited for: reading waits for that at the least cost.
bool Link::may_sleep_reading(const os::Deadline& deadline) const {
  return !deadline && outbox_.empty() && !is_refused_ && !os::Loop::running();
}

// True also where something else was attended to. A callback of a loop that waits here keeps others from their turn:
// those who would wait for it in a circle are told.
Result<bool> Link::wait_for(os::Readiness readiness, const os::Deadline& deadline) {
  const os::Fd& socket = current_->channel.socket();
  auto loop = os::Loop::running();
  return loop ? loop->wait_for(socket, readiness, deadline) : os::wait_for(socket, readiness, deadline);
}

Result<void> Link::connect(const os::Deadline& deadline) {
  if (current_) return {};
  dialing_.reset();
  auto dialed = dialer_->dial(deadline);
  if (dialed) {
    current_.emplace(std::move(*dialed));
    return {};
  }
  // That its time was over is the caller's own affair; others have theirs.
  if (dialed.error().kind != Kind::timeout) fail_unsent(dialed.error());
  return std::unexpected(std::move(dialed).error());
}

// Reads what has come, so that a service that died is not taken for one that is there.
Result<void> Link::await_greeting(const os::Deadline& deadline) {
  REEVE_TRY(connect(deadline));
  (void)current_->channel.greet();  // Where nobody is left to hear it, reading tells.
  while (true) {
    for (std::size_t i = 0; i < kPacketsPerTurn && read_one(); ++i) {
    }
    if (!current_) return std::unexpected(last_end_);
    if (current_->channel.sender()) return {};
    const bool is_late = deadline && *deadline <= os::now();  // Others may have been attended to all the while.
    if (is_late || !REEVE_TRY(wait_for(os::Readiness::readable, deadline))) return timed_out();
  }
}

Result<Peer> Link::peer(const CallOptions& options) {
  REEVE_TRY(may_block());
  const os::Deadline deadline = deadline_of(options);
  const bool fresh = !current_;
  auto greeted = await_greeting(deadline);
  if (!greeted && greeted.error().kind == Kind::interrupted && !fresh) greeted = await_greeting(deadline);
  Peer peer;
  if (greeted) {
    peer = current_->peer;
    peer.pid = current_->channel.sender()->pid;
    peer.uid = current_->channel.sender()->uid;
    if (peer.pid == 0) peer.pid.reset();
    peer.binding = current_->channel.binding();
  }
  go_on_later();
  if (!greeted) return std::unexpected(std::move(greeted).error());
  return peer;
}

// Calls that do not.

bool Link::begin(const Message& request, const CallOptions& options, Waiter& waiter) {
  return begin(PacketKind::request, request, options, waiter);
}

bool Link::begin(PacketKind kind, const Message& request, const CallOptions& options, Waiter& waiter) {
  auto loop = loop_.get();
  const auto filled = loop ? fill_request(kind, request, options) : no_loop();
  waiter.outcome_.reset();
  waiter.answer_.reset();
  waiter.is_blocking_ = kind == PacketKind::stream;
  if (!filled) {
    waiter.outcome_ = filled;
    return false;
  }
  waiter.ticket_ = parcel_.tag = parcel_.id = next_ticket_++;
  waiters_.push_back(&waiter);
  limit(waiter, options);
  waiter.chain_ = parcel_.chain;
  end_in_time(waiter, *loop);
  send_parcel();
  end_when_told(waiter, options);
  go_on_later();
  return true;
}

Result<void> Link::fill_request(PacketKind kind, const Message& request, const CallOptions& options) {
  if (!dialer_) return std::unexpected(given_up());
  if (options.stop && options.stop->stop_requested()) return std::unexpected(cancelled());
  if (waiters_.size() >= kCallsMax) {
    return fail(Kind::busy, code::kQueueFull, "1,024 calls of this connection wait for their answers",
                "call again when some of them are answered");
  }
  REEVE_TRY(fill_parcel(parcel_, kind, request));
  address(options);
  return {};
}

void Link::abandon(Waiter& waiter) {
  waiter.stopped_.reset();
  if (waiter.ticket_ == 0) return;
  const std::uint64_t ticket = std::exchange(waiter.ticket_, 0);
  std::erase(ready_, &waiter);
  if (waiter.is_over()) return;
  std::erase(waiters_, &waiter);
  withdraw(ticket);
  go_on_later();
}

bool Link::wait(Waiter& waiter) {
  if (waiter.has_news()) return false;
  auto loop = loop_.get();
  if (!loop) {
    give_up(waiter, no_loop().error());
    return false;
  }
  end_in_time(waiter, *loop);
  waiter.is_blocking_ = false;
  return true;
}

void Link::wait_no_longer(Waiter& waiter) {
  waiter.is_blocking_ = true;
  std::erase(ready_, &waiter);
}

void Link::close() {
  suspensions_ = 0;
  drop_channel();
  dialing_.reset();
  dialer_.reset();
  outbox_ = {};
  while (!waiters_.empty()) complete(*waiters_.front(), std::unexpected(given_up()));
  go_on_later();
}

// What came of a request is of no interest any more.
void Link::give_up(Waiter& waiter, const Error& reason) {
  const std::uint64_t ticket = waiter.ticket_;
  if (!waiter.is_over()) complete(waiter, std::unexpected(reason));
  withdraw(ticket);
}

// What was begun cannot be taken back: the service would wait for the rest for ever. Where nobody else waits for
// anything, its channel is given up with it, if there can be another; else it is sent to its end.
void Link::withdraw(std::uint64_t ticket) {
  const Parcel* unsent = outbox_.find(ticket);
  const bool is_begun = unsent != nullptr && unsent->sent != 0;
  const bool is_to_end = is_begun && (!waiters_.empty() || !dialer_ || dialer_->is_used_up());
  if (unsent == nullptr || is_to_end) {
    if (current_) to_cancel_.push_back(ticket);
    return;
  }
  remove_parcel(ticket);
  if (is_begun) lose(interrupted());
}

void Link::remove_parcel(std::uint64_t tag) {
  outbox_.remove_if([tag](const Parcel& parcel) { return parcel.tag == tag; });
}

// The loop.

// Has the loop go on where this call leaves off. Whether there is anybody to be woken by it.
bool Link::go_on() {
  send_cancellations();
  auto loop = loop_.get();
  if (!loop) return false;
  pass_barriers(*loop);
  if (suspensions_ > 0) return watch_.drop(), false;
  const bool is_of_use = current_ && !(is_refused_ && !has_any_in_hand());
  if (current_ && !(is_of_use && watch(*loop))) lose(interrupted());
  if (!current_ && !outbox_.empty() && !dialing_) {
    dialing_ = dialer_->dial_later(loop_, [this](Result<Dialed> dialed) { take_dialed(std::move(dialed)); });
  }
  return !ready_.empty();
}

void Link::go_on_later() {
  if (go_on()) wake_later();
}

void Link::wake_later() {
  auto loop = loop_.get();
  if (!loop || std::exchange(is_wake_due_, true)) return;
  loop->post([self = shared_from_this()] {
    self->is_wake_due_ = false;
    self->wake();
  });
}

bool Link::watch(os::Loop& loop) {
  const os::Interest interest{.readable = true, .writable = !outbox_.empty() && !is_refused_};
  if (!watch_.is_set()) {
    auto watch = loop.watch(current_->channel.socket(), interest, [this](os::Ready) { on_ready(); });
    if (!watch) return false;
    watch_ = std::move(*watch);
  } else if (interest != interest_ && !watch_.change(interest)) {
    return false;
  }
  interest_ = interest;
  return true;
}

void Link::on_ready() {
  const auto self = shared_from_this();
  flush();
  if (current_) read_what_came();
  const bool has_barriers = !barriers_.empty();
  if (!go_on()) return;
  // At once, but behind whoever is told of a channel's end, or has waited at a barrier.
  current_ && !has_barriers ? wake() : wake_later();
}

void Link::take_dialed(Result<Dialed> dialed) {
  const auto self = shared_from_this();
  const auto done = std::move(dialing_);
  if (dialed) {
    current_.emplace(std::move(*dialed));
    flush();
  } else {
    fail_unsent(dialed.error());
  }
  go_on_later();
}

// By the loop alone. A waiter that is woken may begin another call, or give up the connection. What is over by then has
// its turn later.
void Link::wake() {
  const auto self = shared_from_this();
  for (std::size_t left = ready_.size(); left > 0 && !ready_.empty() && suspensions_ == 0; --left) {
    Waiter& waiter = *ready_.front();
    ready_.pop_front();
    if (waiter.is_over()) waiter.ticket_ = 0;
    waiter.wake();
  }
  go_on_later();
}

// Sending.

// Behind whatever waits. What is sent is let go with all that it shared.
void Link::send_parcel() {
  if (current_ && !is_refused_ && outbox_.empty() && suspensions_ == 0) {
    const auto sent = current_->channel.send(parcel_);
    if (sent) {
      let_go_of_parcel();
      return note_sent();
    }
    const bool is_in_the_way = sent.error().kind == Kind::gone || sent.error().code == code::kQueueFull;
    if (!is_in_the_way) {
      let_go_of_parcel();
      return cannot_send(parcel_, sent.error());
    }
  }
  outbox_.push(std::move(parcel_), {});
  parcel_ = {};
  flush();
}

// Its room is kept.
void Link::let_go_of_parcel() {
  parcel_.attachments.clear();
  parcel_.body.splices.clear();
}

void Link::flush() {
  if (suspensions_ > 0) return;
  while (current_ && !is_refused_ && !outbox_.empty()) {
    const std::size_t before = outbox_.count();
    const auto flushed = outbox_.flush(current_->channel);
    if (outbox_.count() < before) note_sent();
    if (flushed && (!*flushed || outbox_.empty())) return;
    if (flushed) continue;  // There is more to say by now.
    if (flushed.error().kind == Kind::gone) return take_refusal();
    const Parcel stuck = std::move(outbox_.stuck());
    remove_parcel(stuck.tag);
    cannot_send(stuck, flushed.error());
  }
}

void Link::note_sent() {
  has_sent_ = true;
  fruitless_ = 0;
  if (sender_ != nullptr && outbox_.find(sender_->ticket_) == nullptr) complete(*sender_, {});
  for (Waiter* const waiter : waiters_) {
    if (waiter->send_by_ && outbox_.find(waiter->ticket_) == nullptr) now_awaits_answer(*waiter);
    if (waiter->stream_) say_credit(*waiter);
  }
}

// It, and no other, is refused by the kernel. Begun, it has left the channel in the middle of a message.
void Link::cannot_send(const Parcel& parcel, const Error& reason) {
  const bool is_begun = parcel.sent != 0;
  if (Waiter* waiter = waiter_of(parcel.tag)) complete(*waiter, std::unexpected(reason));
  // Without it the service would wait for ever.
  Waiter* const stream = parcel.kind == PacketKind::credit ? waiter_of(parcel.reply_to) : nullptr;
  if (stream != nullptr) give_up(*stream, reason);
  if (is_begun) lose(interrupted());
}

// The service has stopped reading. It may have ended, or be about to: what it has in hand it answers first, and the
// rest goes to a fresh one then.
void Link::take_refusal() {
  is_refused_ = true;
  for (std::size_t i = 0; i < kPacketsPerTurn && current_ && read_one(); ++i) {
  }
  if (current_ && !has_any_in_hand()) lose(interrupted());
}

// Whether the service is to answer anything that was sent on this channel.
bool Link::has_any_in_hand() const {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [this](const Waiter* waiter) { return outbox_.find(waiter->ticket_) == nullptr; });
}

// Of requests that are wholly sent, to a service whose hello has been read.
void Link::send_cancellations() {
  if (to_cancel_.empty() || !current_ || is_refused_ || !current_->channel.sender()) return;
  if (!current_->channel.peer_takes_cancels()) return to_cancel_.clear();
  const auto is_sent = [this](std::uint64_t ticket) { return outbox_.find(ticket) == nullptr; };
  const auto first = std::partition(to_cancel_.begin(), to_cancel_.end(), std::not_fn(is_sent));
  for (auto next = first; next != to_cancel_.end(); ++next) {
    Parcel parcel;
    parcel.kind = PacketKind::cancel;
    parcel.reply_to = *next;
    send_behind_others(std::move(parcel));
  }
  to_cancel_.erase(first, to_cancel_.end());
  flush();
}

void Link::send_behind_others(Parcel parcel) {
  parcel.tag = next_ticket_++;
  outbox_.push(std::move(parcel), {});
}

// Receiving.

// Nobody waits for what comes after the last answer; the next look takes it.
void Link::read_what_came() {
  for (std::size_t i = 0; i < kPacketsPerTurn && current_ && read_one(); ++i) {
    if (waiters_.empty()) return;
  }
}

bool Link::read_one(os::Wait wait) {
  auto incoming = current_->channel.receive(inbox_, wait);
  if (!incoming) {
    end(incoming.error());
  } else if (std::holds_alternative<channel::Ended>(*incoming)) {
    lose(interrupted(), std::get<channel::Ended>(*incoming).unread);
  } else if (auto* packet = std::get_if<channel::Delivered>(&*incoming)) {
    take(*packet);
  } else if (auto* refused = std::get_if<channel::Refused>(&*incoming)) {
    if (Waiter* waiter = asker_of(refused->header.reply_to)) complete(*waiter, std::unexpected(refused->reason));
  } else {
    return false;
  }
  return current_.has_value();
}

// A late answer to a request that was given up is nobody's.
void Link::take(channel::Delivered& packet) {
  const channel::Header& header = packet.header;
  if (header.kind == PacketKind::end) return lose(read_error(packet));
  if (header.kind == PacketKind::item) return take_item_from(packet);
  if (header.kind != PacketKind::reply && header.kind != PacketKind::error) {
    return end(Error{Kind::invalid, code::kBadPacket, "a service may not ask its caller", ""});
  }
  auto body = open_packet(packet);
  if (!body) return end(body.error());
  Waiter* const waiter = asker_of(header.reply_to);
  if (waiter == nullptr) {
    ++stray_answers_;
    return;
  }
  const bool is_early = outbox_.find(header.reply_to) != nullptr;
  if (header.kind == PacketKind::error) {
    complete(*waiter, std::unexpected(object::parse_error(body->root().object())));
  } else if (is_early) {
    return end(Error{Kind::invalid, code::kBadPacket, "the service answered before it was asked", ""});
  } else {
    waiter->answer_.emplace(std::move(*body));
    complete(*waiter, {});
  }
  if (is_early) withdraw(header.reply_to);
}

// Who waits.

Waiter* Link::waiter_of(std::uint64_t ticket) const {
  const auto at = [&](const Waiter* waiter) { return waiter->ticket_ == ticket; };
  const auto found = std::find_if(waiters_.begin(), waiters_.end(), at);
  return found == waiters_.end() ? nullptr : *found;
}

// Who waits for that answer: not one that only waits until something is sent.
Waiter* Link::asker_of(std::uint64_t request) const {
  Waiter* const waiter = waiter_of(request);
  return waiter == sender_ ? nullptr : waiter;
}

void Link::complete(Waiter& waiter, Result<void> outcome) {
  std::erase(waiters_, &waiter);
  if (sender_ == &waiter) sender_ = nullptr;
  waiter.deadline_.drop();
  waiter.stopped_.reset();
  waiter.outcome_ = std::move(outcome);
  if (!std::exchange(waiter.is_blocking_, true)) ready_.push_back(&waiter);
}

void Link::end(const Error& reason) {
  end_with(current_->channel, reason);
  lose(reason);
}

void Link::drop_channel() {
  watch_.drop();
  current_.reset();
  to_cancel_.clear();
  has_sent_ = false;
  is_refused_ = false;
}

// The channel is of no use any more. A service that died while nothing was asked of it is no news: what it has not got
// whole goes to a fresh one, unless that too ends before it has taken anything. It may have been told to stop in this
// moment; one that says why means it.
void Link::lose(const Error& reason, std::uint64_t unread) {
  const bool was_used = has_sent_;
  drop_channel();
  last_end_ = reason;
  if (auto loop = loop_.get(); ended_ && loop) {
    loop->post([weak = weak_from_this(), ended = std::exchange(ended_, {}), reason] {
      const auto self = weak.lock();
      if (self && self->dialer_) ended(reason);  // Whoever has given it up knows.
    });
  }
  for (Waiter* waiter : std::vector(waiters_)) {
    if (outbox_.find(waiter->ticket_) != nullptr) continue;
    complete(*waiter, std::unexpected(waiter->ticket_ == unread ? not_taken_up() : reason));
  }
  // Nor is anything cancelled at the next, or sent that nobody waits for any more.
  outbox_.remove_if([this](const Parcel& parcel) { return waiter_of(parcel.tag) == nullptr; });
  outbox_.begin_again();
  if (outbox_.empty() || was_used) return;
  if (reason.kind != Kind::interrupted) return fail_unsent(reason);
  if (++fruitless_ == kFruitlessStartsMax) fail_unsent(not_taken_up());
}

// Nobody is there to whom it could be sent.
void Link::fail_unsent(const Error& reason) {
  fruitless_ = 0;
  for (Waiter* waiter : std::vector(waiters_)) {
    if (outbox_.find(waiter->ticket_) != nullptr) complete(*waiter, std::unexpected(reason));
  }
  outbox_ = {};
}

}  // namespace reeve::connection
