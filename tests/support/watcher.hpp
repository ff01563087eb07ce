// Makes the N-th system call of one process fail, as the kernel might have it fail.
//
// A process, or a thread, that wants to be watched loads a seccomp filter that stops it in each of the calls of the
// table until the watcher has said how that call goes on: untouched, or with an errno instead.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../../src/os/fd.hpp"
#include "session.hpp"

namespace reeve::test {

/// One line of the table: a system call, perhaps with one of its arguments at one value, and what it may fail with.
struct FailingCall {
  const char* name;
  int number;
  int argument;  ///< the index of the argument that counts, -1 for none
  std::uint32_t value;
  std::vector<int> errors;
};
const std::vector<FailingCall>& failing_calls();

/// From now on the calls of this thread, and of what it starts, go by whoever reads the descriptor that this returns.
/// It is empty where this machine cannot do that.
os::Fd watch_own_calls();

/// The same for a process that is about to become what is tested: the descriptor goes to the watcher at `path`.
bool let_watch(const char* path);

/// How many descriptors this process has: whatever fails leaks none.
std::size_t own_descriptor_count();

class Watcher {
 public:
  Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  /// Where let_watch finds this watcher.
  const std::string& path() const { return path_; }
  void add(os::Fd filter);

  struct Plan {
    const FailingCall* call = nullptr;
    int error = 0;
    int nth = 0;                  ///< the first is 1; 0 lets all of them pass
    pid_t pid = 0;                ///< whose calls count; 0 for the first process or thread that makes such a call
    std::vector<pid_t> others{};  ///< instead: those whose calls do not count, while everybody else's do
  };
  void begin(const Plan& plan);

  struct Seen {
    int count = 0;  ///< how often the call was made
    pid_t pid = 0;
    bool has_failed() const { return failed; }
    bool failed = false;
  };
  Seen end();

 private:
  void run();
  void accept_filter();
  void answer(int filter);

  Folder folder_;
  std::string path_ = folder_.path() + "/watcher";
  os::Fd listener_;
  os::Fd wake_;
  std::mutex mutex_;
  std::vector<os::Fd> filters_;
  std::optional<Plan> plan_;
  Seen seen_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace reeve::test
