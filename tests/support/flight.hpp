// One call in flight; destroyed, it is cancelled.
#pragma once

#include <optional>
#include <reeve/reeve.hpp>
#include <utility>

namespace reeve::test {

template <class T>
struct Flight {
  std::optional<Result<T>> outcome;
  Task<void> task;
  template <class Exchange>
  explicit Flight(Exchange exchange) : task(wait(std::move(exchange))) {
    task.start();
  }
  template <class Exchange>
  Task<void> wait(Exchange exchange) {
    outcome.emplace(co_await std::move(exchange));
    co_return {};
  }
};

}  // namespace reeve::test
