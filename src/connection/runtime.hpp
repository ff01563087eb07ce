// Threads for those who want some: each has a loop of its own, on which whatever is begun there goes on.
//
// Owns:    the threads, and what was begun until it has ended. Destroyed, it ends what still waits, where it waits.
// Threads: begin and run are anybody's, but run not of these threads; what they begin belongs to the thread that it is
//          begun on, and so do the connections that it makes with that one's loop.
// Errors:  busy where the process can have no more descriptors or threads.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "task.hpp"

namespace reeve::connection {

/// A pool of threads. A program that makes none has no thread of Reeve's.
class Runtime {
 public:
  /// What is begun: `[](reeve::Loop& loop) -> reeve::Task<void> { … }`. It is kept until that has ended.
  using Begin = std::function<Task<void>(os::Loop& loop)>;

  /// With so many threads; 0 stands for as many as there are processors.
  static Result<Runtime> make(unsigned threads = 0);
  Runtime(Runtime&& other) noexcept;
  Runtime& operator=(Runtime&& other) noexcept;
  ~Runtime();

  /// Begins it on the next of the threads, in turn. What it returns in the end goes nowhere.
  void begin(Begin what) { begin(std::move(what), {}); }

  /// The same, and waits for what it returns: `[](reeve::Loop& loop) -> reeve::Task<T> { … }` has a `Result<T>`.
  template <class Call>
  auto run(Call call) -> Result<typename std::invoke_result_t<Call&, os::Loop&>::Value> {
    using Value = typename std::invoke_result_t<Call&, os::Loop&>::Value;
    std::optional<Result<Value>> outcome;
    const auto is_there = std::make_shared<std::promise<void>>();
    std::future<void> given = is_there->get_future();
    begin([&](os::Loop& loop) { return keep(call(loop), outcome); }, [is_there] { is_there->set_value(); });
    given.get();
    return std::move(*outcome);
  }

 private:
  class Worker;
  explicit Runtime(std::vector<std::unique_ptr<Worker>> workers);
  // `then` is called on the same thread, once it has ended.
  void begin(Begin what, std::function<void()> then);
  template <class T>
  static Task<void> keep(Task<T> task, std::optional<Result<T>>& outcome) {
    outcome.emplace(co_await std::move(task));
    co_return {};
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<std::atomic<std::size_t>> next_;
};

}  // namespace reeve::connection

namespace reeve {
using connection::Runtime;
}  // namespace reeve
