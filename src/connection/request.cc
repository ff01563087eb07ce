#include "request.hpp"

namespace reeve::connection {

void Desk::deliver(Given&& given) {
  if (std::this_thread::get_id() == thread_) {
    // What its coroutine has given before, on another thread, goes before it.
    if (has_others_.load(std::memory_order_relaxed)) take_all(false);
    if (take_) take_(given);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (!take_) return;
  others_.push_back(std::move(given));
  has_others_.store(true, std::memory_order_relaxed);
  if (bell_) bell_->ring();
}

Result<const os::Fd*> Desk::bell() {
  const std::lock_guard lock(mutex_);
  if (!bell_) {
    bell_.emplace(REEVE_TRY(os::Bell::make()));
    if (!others_.empty()) bell_->ring();
  }
  return &bell_->descriptor();
}

void Desk::take_others() { take_all(true); }

void Desk::take_all(bool has_rung) {
  std::vector<Given> all;
  {
    const std::lock_guard lock(mutex_);
    if (has_rung && bell_) bell_->hush();
    all.swap(others_);
    has_others_.store(false, std::memory_order_relaxed);
  }
  for (Given& given : all) {
    if (take_) take_(given);
  }
}

void Desk::close() {
  const std::lock_guard lock(mutex_);
  take_ = {};
  others_.clear();
}

void Caller::State::begin(std::shared_ptr<Desk> whose, Ticket which, std::shared_ptr<const Peer> who,
                          const channel::Header& asked) {
  desk = std::move(whose);
  ticket = which;
  peer = std::move(who);
  context = {asked.chain, {}};
  // One beyond the clock's range never comes.
  const auto count = static_cast<std::int64_t>(asked.deadline);
  if (count > 0) context.deadline = os::Time(count);
  wants_items = asked.kind == channel::PacketKind::stream;
  credit_ = kStreamWindowBytes;
  has_all_credit_ = false;
  is_answered = false;
  is_told = false;
  is_cancelled_ = false;
  stop_.reset();
}

std::stop_token Caller::State::stop_token() {
  const std::lock_guard lock(mutex_);
  if (!stop_) {
    stop_.emplace();
    if (is_cancelled_) stop_->request_stop();
  }
  return stop_->get_token();
}

// Callbacks may do what they like, and ask for the token.
void Caller::State::cancel() {
  std::stop_source stop(std::nostopstate);
  {
    const std::lock_guard lock(mutex_);
    is_cancelled_ = true;
    if (stop_) stop = *stop_;
  }
  stop.request_stop();
  Giving* giving = nullptr;
  {
    const std::lock_guard lock(mutex_);
    giving = std::exchange(giving_, nullptr);
  }
  if (giving != nullptr) giving->run_on(May::never);
}

Caller::State::May Caller::State::ask_for_room(Giving& giving) {
  const std::lock_guard lock(mutex_);
  if (is_cancelled_) return May::never;
  if (giving_ != nullptr) return May::not_now;
  if (credit_ <= 0 && has_all_credit_) return May::no_more;
  if (credit_ <= 0) {
    giving_ = &giving;
    return May::wait;
  }
  credit_ -= giving.cost();
  return May::go;
}

void Caller::State::no_longer_waits(const Giving& giving) {
  const std::lock_guard lock(mutex_);
  if (giving_ == &giving) giving_ = nullptr;
}

bool Caller::State::grant(std::uint64_t bytes, std::int64_t unsent) {
  Giving* giving = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (credit_ + unsent > static_cast<std::int64_t>(kStreamWindowBytes - bytes)) return false;
    credit_ += static_cast<std::int64_t>(bytes);
    if (credit_ > 0) giving = std::exchange(giving_, nullptr);
    if (giving != nullptr) credit_ -= giving->cost();
  }
  if (giving != nullptr) giving->run_on(May::go);
  return true;
}

void Caller::State::end_credit() {
  Giving* giving = nullptr;
  {
    const std::lock_guard lock(mutex_);
    has_all_credit_ = true;
    giving = std::exchange(giving_, nullptr);
  }
  if (giving != nullptr) giving->run_on(May::no_more);
}

// Giving.

Giving::Giving(std::shared_ptr<Caller::State> state, const Message& item) : state_(std::move(state)) {
  if (!state_->wants_items) {
    outcome_ = fail(Kind::invalid, code::kAnswered, "the request wants one answer, and no items");
  } else if (outcome_ = fill_parcel(parcel_, channel::PacketKind::item, item); outcome_ && parcel_.is_long()) {
    outcome_ = fail(Kind::invalid, code::kTooLarge, "an item of a stream may have 128 KiB",
                    "hand larger data over as Memory or File, or in several items");
  }
  parcel_.reply_to = state_->ticket.number;
}

// True where there is nothing to wait for.
bool Giving::await_ready() {
  if (outcome_ && state_->is_answered) {
    outcome_ = fail(Kind::invalid, code::kAnswered, "the stream was answered before; this item went nowhere");
  }
  return !outcome_.has_value();
}

bool Giving::await_suspend(std::coroutine_handle<> coroutine) {
  coroutine_ = coroutine;
  context_ = Context::current();
  const auto may = state_->ask_for_room(*this);  // From here on the server may run it on, and end this.
  if (may == Caller::State::May::wait) return true;
  finish(may);
  return false;
}

void Giving::finish(Caller::State::May may) {
  if (may == Caller::State::May::go) return state_->desk->deliver(Item{state_->ticket, std::move(parcel_)});
  if (may == Caller::State::May::not_now) {
    outcome_ = fail(Kind::invalid, code::kAnswered, "another item of the stream waits for room", "give them in turn");
  } else if (may == Caller::State::May::no_more) {
    outcome_ = fail(Kind::interrupted, code::kInterrupted, "the conversation ends before the stream does",
                    "ask for it again: a fresh service is started");
  } else {
    outcome_ = fail(Kind::gone, code::kClosed, "nobody wants any more of the stream");
  }
}

void Giving::run_on(Caller::State::May may) {
  finish(may);
  const OnBehalf again(context_);
  coroutine_.resume();
}

Request& Request::operator=(Request&& other) noexcept {
  if (this == &other) return *this;
  if (caller_.state_) drop();
  caller_ = std::move(other.caller_);
  handler_ = std::move(other.handler_);
  return *this;
}

void Request::drop() {
  Caller::State& state = *caller_.state_;
  if (state.is_answered.exchange(true)) return;
  if (state.ticket.wants_answer) {
    fill_answer(state.answer, state.ticket.number,
                Error{Kind::gone, code::kDropped, "the service took the request up and dropped it without an answer",
                      "tell who wrote the service; it may have been done"});
  }
  state.desk->deliver(Answer{state.ticket});
}

Giving Request::give(const Dictionary& item) { return give(WholeMessage(item)); }
Giving Request::give(const Message& item) { return Giving(caller_.state_, item); }

Result<void> Request::answer(const Result<Dictionary>& outcome) { return answer_with(outcome); }
Result<void> Request::answer(const Message& message) { return answer_with(message); }

template <class Outcome>
Result<void> Request::answer_with(const Outcome& outcome) {
  Caller::State& state = *caller_.state_;
  if (!state.ticket.wants_answer) return fail(Kind::invalid, code::kAnswered, "a message wants no answer");
  if (state.is_answered.exchange(true)) {
    return fail(Kind::invalid, code::kAnswered, "the request was answered before; this answer went nowhere");
  }
  fill_answer(state.answer, state.ticket.number, outcome);
  state.desk->deliver(Answer{state.ticket});
  return {};
}

}  // namespace reeve::connection
