// Compiled with exceptions: std::thread throws where there is none to have.
#include "runtime.hpp"

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "../os/bell.hpp"
#include "../os/process.hpp"

namespace reeve::connection {

class Runtime::Worker {
 public:
  static Result<std::unique_ptr<Worker>> make() {
    auto loop = REEVE_TRY(os::Loop::make());
    auto bell = REEVE_TRY(os::Bell::make());
    std::unique_ptr<Worker> worker(new Worker(std::move(loop), std::move(bell)));
    worker->watch_ = REEVE_TRY(worker->loop_.watch(worker->bell_.descriptor(), {.readable = true},
                                                   [raw = worker.get()](os::Ready) { raw->take(); }));
    REEVE_TRY(worker->start());
    return worker;
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    if (!thread_.joinable()) return;
    is_over_ = true;
    bell_.ring();
    thread_.join();
  }

  void begin(Begin what, std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      given_.push_back(Begun{std::move(what), std::move(then)});
    }
    bell_.ring();
  }

 private:
  // Its function is what its coroutine may refer to.
  struct Begun {
    Begin what;
    std::function<void()> then;
    std::optional<Task<void>> task{};
    bool is_over = false;
  };

  // Whoever gives a coroutine what it waits for runs it on: another thread, perhaps. It ends on its own.
  struct Return {
    Worker& worker;
    bool await_ready() const { return std::this_thread::get_id() == worker.thread_.get_id(); }
    void await_suspend(std::coroutine_handle<> coroutine) const {
      Worker& home = worker;  // From the moment in which it is given it may be run on, and end this.
      {
        const std::lock_guard lock(home.mutex_);
        home.returned_.push_back(coroutine);
      }
      home.bell_.ring();
    }
    void await_resume() const {}
  };

  Worker(os::Loop loop, os::Bell bell) : loop_(std::move(loop)), bell_(std::move(bell)) {}

  Result<void> start() {
    const os::WithoutSignals others;
    const auto started = guarded([this]() -> Result<void> {
      thread_ = std::thread([this] { run(); });
      return {};
    });
    if (started) return {};
    return fail(Kind::busy, code::kSystem, "no further thread can be had", "make a Runtime of fewer threads");
  }

  void run() {
    while (!is_over_) {
      // What the kernel lacks it may have again.
      if (!loop_.run_once()) os::wait_until(os::now() + kAcceptPause);
      std::erase_if(begun_, [](const Begun& begun) { return begun.is_over; });
    }
    begun_.clear();  // Where it was begun: what it owns belongs to this thread.
  }

  Task<void> whole(Begun& begun) {
    auto task = guarded([&]() -> Result<Task<void>> { return begun.what(loop_); });
    if (task) (void)co_await std::move(*task);
    co_await Return{*this};
    if (begun.then) begun.then();
    begun.is_over = true;
    co_return {};
  }

  void take() {
    bell_.hush();
    std::vector<Begun> given;
    std::vector<std::coroutine_handle<>> returned;
    {
      const std::lock_guard lock(mutex_);
      given.swap(given_);
      returned.swap(returned_);
    }
    for (const auto coroutine : returned) coroutine.resume();
    for (Begun& each : given) {
      Begun& begun = begun_.emplace_back(std::move(each));
      begun.task.emplace(whole(begun));
      begun.task->start();
    }
  }

  os::Loop loop_;
  os::Bell bell_;
  os::Loop::Watch watch_;
  std::mutex mutex_;
  std::vector<Begun> given_;
  std::vector<std::coroutine_handle<>> returned_;
  std::list<Begun> begun_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

Runtime::Runtime(std::vector<std::unique_ptr<Worker>> workers)
    : workers_(std::move(workers)), next_(std::make_unique<std::atomic<std::size_t>>(0)) {}
Runtime::Runtime(Runtime&& other) noexcept = default;
Runtime& Runtime::operator=(Runtime&& other) noexcept = default;
Runtime::~Runtime() = default;

Result<Runtime> Runtime::make(unsigned threads) {
  const unsigned count = threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < count; ++i) workers.push_back(REEVE_TRY(Worker::make()));
  return Runtime(std::move(workers));
}

void Runtime::begin(Begin what, std::function<void()> then) {
  workers_[(*next_)++ % workers_.size()]->begin(std::move(what), std::move(then));
}

}  // namespace reeve::connection
