#include "talker.hpp"

#include <algorithm>
#include <stdexcept>

namespace reeve::test {

Task<std::string> Chatter::await_word(const Caller& caller, std::string topic) {
  const std::shared_ptr<Own> own = own_;
  Promise<std::string> promise;
  const std::stop_callback given_up(caller.stop_token(), [&] {
    ++own->given_up;
    (void)promise.set(fail(Kind::gone, 1, "nobody waits for a word any more"));
  });
  const auto place = own->waiting.emplace(std::move(topic), &promise);
  auto word = co_await promise.value();
  own->waiting.erase(place);
  co_return word;
}

Result<std::uint32_t> Chatter::say(std::string topic, std::string word) {
  std::vector<Promise<std::string>*> all;
  const auto [first, last] = own_->waiting.equal_range(topic);
  std::for_each(first, last, [&](const auto& one) { all.push_back(one.second); });
  for (Promise<std::string>* promise : all) (void)promise->set(word);
  return static_cast<std::uint32_t>(all.size());
}

Result<void> Chatter::refuse(std::int32_t code, std::string message) {
  return fail(Kind::denied, code, std::move(message), "ask for something else");
}

Task<void> Chatter::throw_later() {
  throw std::runtime_error("a talker's own trouble");
  co_return {};
}

Task<std::string> Chatter::forget() {
  std::optional<Promise<std::string>> promise(std::in_place);
  auto value = promise->value();
  promise.reset();
  co_return co_await value;
}

Stream<std::uint64_t> Chatter::numbers(std::uint64_t many) {
  const std::shared_ptr<Own> own = own_;
  ++own->streams;
  const auto leave = [](Own* one) { --one->streams; };
  const std::unique_ptr<Own, decltype(leave)> presence(own.get(), leave);
  for (std::uint64_t i = 0; i < many; ++i) co_yield i;
}

Result<Right> Chatter::door(const Caller& caller) {
  if (!doors_) doors_ = listen<Talker>(caller.loop(), Chatter(own_));
  return doors_->right();
}

Task<std::string> Chatter::await_word_behind(const Caller& caller, Right door, std::string topic) {
  Proxy<Talker> other(open_connection(door, caller.loop()));
  auto asked = other.async_with<&Talker::await_word>({.until = caller.deadline(), .stop = caller.stop_token()},
                                                     std::move(topic));
  co_return co_await asked;
}

}  // namespace reeve::test
