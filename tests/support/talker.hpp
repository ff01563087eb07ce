// A service for stories that happen in memory and across processes alike: it touches nothing but its conversations.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

namespace reeve::test {

struct Talker {
  virtual Result<std::string> repeat(std::string word) = 0;
  /// Answered when somebody says something of that topic, or nobody waits for the answer any more.
  virtual Task<std::string> await_word(const Caller& caller, std::string topic) = 0;
  /// To all who wait for it; how many those were.
  virtual Result<std::uint32_t> say(std::string topic, std::string word) = 0;
  /// How many wait for a word, and how many waited and then no longer did.
  virtual Result<std::uint32_t> waiting() = 0;
  virtual Result<std::uint32_t> given_up() = 0;
  virtual Result<void> refuse(std::int32_t code, std::string message) = 0;
  virtual Task<void> throw_later() = 0;
  /// Never answered by itself: what was to answer it is dropped.
  virtual Task<std::string> forget() = 0;
  /// From zero on, so many.
  virtual Stream<std::uint64_t> numbers(std::uint64_t many) = 0;
  /// How many of such streams there are.
  virtual Result<std::uint32_t> streams() = 0;
  virtual void note(std::uint64_t number) = 0;
  virtual Result<std::vector<std::uint64_t>> notes() = 0;
  /// The right to talk with the same service by a way of its own, once.
  virtual Result<Right> door(const Caller& caller) = 0;
  /// Has whoever is behind that door wait for a word, on the caller's behalf: for as long as he does.
  virtual Task<std::string> await_word_behind(const Caller& caller, Right door, std::string topic) = 0;

 protected:
  ~Talker() = default;
};
BOOST_DESCRIBE_STRUCT(Talker, (),
                      (repeat, await_word, say, waiting, given_up, refuse, throw_later, forget, numbers, streams, note,
                       notes, door, await_word_behind))

/// It talks.
class Chatter final : public Talker {
 public:
  Chatter() = default;
  Result<std::string> repeat(std::string word) override { return word; }
  Task<std::string> await_word(const Caller& caller, std::string topic) override;
  Result<std::uint32_t> say(std::string topic, std::string word) override;
  Result<std::uint32_t> waiting() override { return static_cast<std::uint32_t>(own_->waiting.size()); }
  Result<std::uint32_t> given_up() override { return own_->given_up; }
  Result<void> refuse(std::int32_t code, std::string message) override;
  Task<void> throw_later() override;
  Task<std::string> forget() override;
  Stream<std::uint64_t> numbers(std::uint64_t many) override;
  Result<std::uint32_t> streams() override { return own_->streams; }
  void note(std::uint64_t number) override { own_->notes.push_back(number); }
  Result<std::vector<std::uint64_t>> notes() override { return own_->notes; }
  Result<Right> door(const Caller& caller) override;
  Task<std::string> await_word_behind(const Caller& caller, Right door, std::string topic) override;

 private:
  struct Own {
    std::multimap<std::string, Promise<std::string>*> waiting;  // each in its coroutine
    std::uint32_t given_up = 0;
    std::uint32_t streams = 0;
    std::vector<std::uint64_t> notes;
  };
  explicit Chatter(std::shared_ptr<Own> own) : own_(std::move(own)) {}

  std::shared_ptr<Own> own_ = std::make_shared<Own>();
  std::optional<Listener> doors_;  // behind which the same stands
};

}  // namespace reeve::test
