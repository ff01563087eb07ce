#include "request.hpp"

namespace reeve::connection {

void Desk::deliver(Answer answer) {
  if (std::this_thread::get_id() == thread_) {
    if (take_) take_(std::move(answer));
    return;
  }
  const std::lock_guard lock(mutex_);
  if (!take_) return;
  others_.push_back(std::move(answer));
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

void Desk::take_others() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    if (bell_) bell_->hush();
    answers.swap(others_);
  }
  for (Answer& answer : answers) {
    if (take_) take_(std::move(answer));
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
  is_answered = false;
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
}

Request& Request::operator=(Request&& other) noexcept {
  if (this == &other) return *this;
  drop();
  caller_ = std::move(other.caller_);
  return *this;
}

Request::~Request() { drop(); }

void Request::drop() {
  if (!caller_.state_) return;
  Caller::State& state = *caller_.state_;
  if (state.is_answered.exchange(true)) return;
  if (!state.ticket.wants_answer) return state.desk->deliver({state.ticket, Dictionary()});
  state.desk->deliver({state.ticket, fail(Kind::gone, code::kDropped,
                                          "the service took the request up and dropped it without an answer",
                                          "tell who wrote the service; it may have been done")});
}

Result<void> Request::answer(Result<Dictionary> outcome) {
  Caller::State& state = *caller_.state_;
  if (!state.ticket.wants_answer) return fail(Kind::invalid, code::kAnswered, "a message wants no answer");
  if (state.is_answered.exchange(true)) {
    return fail(Kind::invalid, code::kAnswered, "the request was answered before; this answer went nowhere");
  }
  state.desk->deliver({state.ticket, std::move(outcome)});
  return {};
}

}  // namespace reeve::connection
