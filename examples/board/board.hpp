// The board: what it offers, and what it does.
#pragma once

#include <reeve/reeve.hpp>

struct Board {
  virtual reeve::Task<std::string> next(const reeve::Caller& caller) = 0;
  virtual reeve::Result<std::uint32_t> write(std::string note) = 0;
};
BOOST_DESCRIBE_STRUCT(Board, (), (next, write))

class Wall : public Board {
 public:
  // Answered when somebody writes; not at all once its caller has given up.
  reeve::Task<std::string> next(const reeve::Caller& caller) override {
    reeve::Promise<std::string> note;
    const std::stop_callback given_up(caller.stop_token(), [&] {
      (void)note.set(reeve::fail(reeve::Kind::timeout, 1, "nobody waits for this note any more"));
    });
    waiting_.push_back(&note);
    auto written = co_await note.value();
    std::erase(waiting_, &note);
    co_return written;
  }
  reeve::Result<std::uint32_t> write(std::string note) override {
    const auto waiting = waiting_;
    for (reeve::Promise<std::string>* each : waiting) (void)each->set(note);
    return static_cast<std::uint32_t>(waiting.size());
  }

 private:
  std::vector<reeve::Promise<std::string>*> waiting_;  // each lives in its coroutine
};
