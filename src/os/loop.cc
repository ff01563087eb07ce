#include "loop.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ratio>

namespace reeve::os {
namespace {

std::uint32_t bits_of(Interest interest) {
  return (interest.readable ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
         (interest.writable ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
}

Ready ready_of(std::uint32_t bits) {
  return {(bits & EPOLLIN) != 0, (bits & EPOLLOUT) != 0, (bits & (EPOLLHUP | EPOLLERR)) != 0};
}

}  // namespace

constinit thread_local const std::shared_ptr<Loop::State>* Loop::running_ = nullptr;

Result<Loop> Loop::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_failure("epoll_create1");
  auto state = std::make_shared<State>();
  state->epoll = std::move(epoll);
  return Loop(std::move(state));
}

Loop::Watch& Loop::Watch::operator=(Watch&& other) noexcept {
  drop();
  state_ = std::move(other.state_);
  token_ = std::exchange(other.token_, 0);
  return *this;
}

Result<void> Loop::Watch::change(Interest interest) {
  const auto state = state_.lock();
  if (!state) return {};
  const auto found = state->watches.find(token_);
  if (found == state->watches.end()) return {};
  if (found->second->is_muted) {
    found->second->interest = interest;
    return {};
  }
  epoll_event event{bits_of(interest), {.u64 = token_}};
  if (::epoll_ctl(state->epoll.raw(), EPOLL_CTL_MOD, found->second->raw, &event) != 0) {
    return system_failure("epoll_ctl");
  }
  found->second->interest = interest;
  return {};
}

void Loop::Watch::drop() {
  if (const auto state = state_.lock()) {
    if (const auto found = state->watches.find(token_); found != state->watches.end()) {
      ::epoll_ctl(state->epoll.raw(), EPOLL_CTL_DEL, found->second->raw, nullptr);
      state->watches.erase(found);
    }
  }
  state_.reset();
  token_ = 0;
}

Loop::Timer& Loop::Timer::operator=(Timer&& other) noexcept {
  drop();
  state_ = std::move(other.state_);
  key_ = std::exchange(other.key_, {});
  return *this;
}

bool Loop::Timer::is_set() const {
  const auto state = state_.lock();
  return state && state->timers.contains(key_);
}

void Loop::Timer::drop() {
  if (const auto state = state_.lock()) state->timers.erase(key_);
  state_.reset();
  key_ = {};
}

std::optional<Loop> Loop::Reference::get() const {
  auto state = state_.lock();
  if (!state) return std::nullopt;
  return Loop(std::move(state));
}

Result<Loop::Watch> Loop::watch(const Fd& fd, Interest interest, std::function<void(Ready)> call, Attends attends) {
  const std::uint64_t token = state_->next++;
  epoll_event event{bits_of(interest), {.u64 = token}};
  if (::epoll_ctl(state_->epoll.raw(), EPOLL_CTL_ADD, fd.raw(), &event) != 0) return system_failure("epoll_ctl");
  state_->watches.emplace(token, std::make_shared<Entry>(Entry{fd.raw(), std::move(call), interest, attends}));
  return Watch(state_, token);
}

Loop::Timer::Key Loop::add_timer(Time when, std::function<void()> call) {
  const Timer::Key key(when, state_->next++);
  state_->timers.emplace(key, std::move(call));
  state_->set_alarm();
  return key;
}

Loop::Timer Loop::at(Time when, std::function<void()> call) { return {state_, add_timer(when, std::move(call))}; }

void Loop::post(std::function<void()> call) { add_timer(now(), std::move(call)); }

// Set to the past it rings at once; to nothing, never.
void Loop::State::set_alarm() {
  if (!alarm) return;
  const Time first = timers.empty() ? Time() : std::max(timers.begin()->first.first, Time(1));
  if (first == alarm_at) return;
  alarm_at = first;
  itimerspec when{};
  when.it_value.tv_sec = first.count() / std::nano::den;
  when.it_value.tv_nsec = first.count() % std::nano::den;
  ::timerfd_settime(alarm.raw(), TFD_TIMER_ABSTIME, &when, nullptr);
}

// Nobody reads the alarm: setting it anew silences it. Its events are of no watch.
Result<const Fd*> Loop::descriptor() {
  if (state_->alarm) return &state_->epoll;
  Fd alarm(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!alarm) return system_failure("timerfd_create");
  epoll_event event{EPOLLIN, {.u64 = 0}};
  if (::epoll_ctl(state_->epoll.raw(), EPOLL_CTL_ADD, alarm.raw(), &event) != 0) return system_failure("epoll_ctl");
  state_->alarm = std::move(alarm);
  state_->set_alarm();
  return &state_->epoll;
}

Result<Fd> Loop::signal_descriptor(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return system_failure("pthread_sigmask");
  Fd descriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!descriptor) return system_failure("signalfd");
  return descriptor;
}

void Loop::forget_signals(const Fd& descriptor) {
  signalfd_siginfo info;
  while (::read(descriptor.raw(), &info, sizeof info) > 0) {
  }
}

void Loop::run_due_timers() {
  if (state_->timers.empty()) return;
  const Time time = now();
  while (!state_->timers.empty() && state_->timers.begin()->first.first <= time) {
    auto call = std::move(state_->timers.begin()->second);
    state_->timers.erase(state_->timers.begin());
    call();
  }
}

// As epoll_wait.
int Loop::State::wait(std::span<epoll_event> events, const Deadline& until) {
  const auto look = [&](int milliseconds) {
    return ::epoll_wait(epoll.raw(), events.data(), static_cast<int>(events.size()), milliseconds);
  };
  const bool is_due = until && *until <= now();
  int count = is_due || awake.is_worth_it() ? look(0) : 0;
  if (count == 0 && is_due) return 0;
  while (count == 0 && awake.look_again(until)) count = look(0);
  if (count == 0) count = look(milliseconds_until(until));
  awake.done();
  return count;
}

Result<void> Loop::run_once(const Deadline& deadline) {
  std::optional<Time> wake = deadline;
  if (!state_->timers.empty()) {
    const Time first = state_->timers.begin()->first.first;
    wake = wake ? std::min(*wake, first) : first;
  }
  std::array<epoll_event, 64> events;
  const int count = state_->wait(events, wake);
  if (count < 0 && errno != EINTR) return system_failure("epoll_wait");
  const Running running(state_);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const std::uint64_t token = event.data.u64;  // which lies unaligned there
    // An earlier callback of this round may have dropped the watch; holding the entry lets a callback drop its own.
    const auto found = state_->watches.find(token);
    if (found == state_->watches.end()) continue;
    const std::shared_ptr<Entry> entry = found->second;
    entry->call(ready_of(event.events));
  }
  run_due_timers();
  state_->unmute_all();
  state_->set_alarm();
  return {};
}

// While a callback waits.

std::optional<Loop> Loop::running() {
  if (running_ == nullptr) return std::nullopt;
  return Loop(*running_);
}

Result<bool> Loop::wait_for(const Fd& socket, Readiness readiness, const Deadline& deadline) {
  const std::shared_ptr<State> state = state_;
  while (true) {
    const First first = REEVE_TRY(wait_for_first(socket, readiness, state->epoll, deadline));
    if (first != First::other) return first == First::socket;
    if (REEVE_TRY(state->attend())) return true;
  }
}

// Whether anything was called. What else is ready would be so all the while.
Result<bool> Loop::State::attend() {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll.raw(), events.data(), static_cast<int>(events.size()), 0);
  if (count < 0 && errno != EINTR) return system_failure("epoll_wait");
  bool has_called = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const std::uint64_t token = event.data.u64;
    const auto found = watches.find(token);
    if (found == watches.end() || found->second->attends == Attends::no) {
      mute(token);
      continue;
    }
    const std::shared_ptr<Entry> entry = found->second;
    const std::uint64_t before = std::exchange(attended, token);
    entry->call(ready_of(event.events));
    attended = before;
    has_called = true;
  }
  return has_called;
}

void Loop::State::mute(std::uint64_t token) {
  const auto found = watches.find(token);
  const bool is_alarm = token == 0 && alarm;
  if (found == watches.end() && !is_alarm) return;
  if (found != watches.end() && std::exchange(found->second->is_muted, true)) return;
  ::epoll_ctl(epoll.raw(), EPOLL_CTL_DEL, is_alarm ? alarm.raw() : found->second->raw, nullptr);
  muted.push_back(token);
}

// One that the kernel has no memory for is tried again after the next round.
void Loop::State::unmute_all() {
  const auto is_back = [this](std::uint64_t token) {
    const auto found = watches.find(token);
    if (token != 0 && found == watches.end()) return true;
    const Interest interest = token == 0 ? Interest{.readable = true} : found->second->interest;
    epoll_event event{bits_of(interest), {.u64 = token}};
    const int raw = token == 0 ? alarm.raw() : found->second->raw;
    if (::epoll_ctl(epoll.raw(), EPOLL_CTL_ADD, raw, &event) != 0) return false;
    if (token != 0) found->second->is_muted = false;
    return true;
  };
  std::erase_if(muted, is_back);
}

}  // namespace reeve::os
