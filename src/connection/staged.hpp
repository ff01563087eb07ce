// What tests of conversations share: a loop, a server on it, and connections to that, or to a channel that does what
// the test likes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "server.hpp"
#include "task.hpp"

namespace reeve::connection {

struct OnALoop : testing::Test {
  // Runs the loop until it is so, at most 20 seconds.
  template <class Condition>
  bool comes_true(Condition condition) {
    const os::Time give_up = os::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (os::now() > give_up || !loop.run_once(os::now() + std::chrono::milliseconds(10))) return false;
    }
    return true;
  }
  // Runs the loop for as long as anything is there to do.
  void settle() {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(loop.run_once(os::now()));
  }

  os::Loop loop = *os::Loop::make();
  std::optional<Server> server{std::in_place, loop};
};

struct Staged : OnALoop {
  // Each dial leads to the server, or its far end stays here.
  struct StageDialer : Dialer {
    explicit StageDialer(Staged& t) : test(t) {}
    Result<Dialed> dial(const os::Deadline&) override {
      ++test.dials;
      if (test.refusal) return std::unexpected(*test.refusal);
      auto [ours, theirs] = *os::channel_pair();
      if (test.is_served) {
        (void)test.server->add(channel::Channel(std::move(theirs)), {}, {}, test.handler);
      } else {
        test.services.emplace_back(std::move(theirs));
      }
      return Dialed{channel::Channel(std::move(ours)), {}};
    }
    Staged& test;
  };
  Connection connection() { return Connection(std::make_unique<StageDialer>(*this), loop); }

  SharedHandler handler;
  std::vector<channel::Channel> services;
  channel::Inbox inbox;
  bool is_served = true;
  std::optional<Error> refusal;
  int dials = 0;
};

inline Dictionary word(const char* text) { return {{"word", Object(text)}}; }

// A call in flight. Destroyed, it is cancelled.
struct Call {
  std::optional<Result<Dictionary>> outcome;
  Task<void> task;
  Call(Connection& connection, const Dictionary& request, CallOptions options = {})
      : task(run(connection, request, options)) {
    task.start();
  }
  Task<void> run(Connection& connection, Dictionary request, CallOptions options) {
    auto answer = co_await connection.async(std::move(request), options);
    outcome.emplace(answer ? Result<Dictionary>(answer->root().object()) : std::unexpected(answer.error()));
    co_return {};
  }
  bool is_answered_with(const char* text) const { return outcome && *outcome && **outcome == word(text); }
  Kind kind() const { return outcome && !*outcome ? outcome->error().kind : Kind{}; }
};

}  // namespace reeve::connection
