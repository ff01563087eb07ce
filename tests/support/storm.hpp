// What storms are made of: who is killed and when, who calls meanwhile, who offers names, and what became of each call.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../../src/connection/connection.hpp"
#include "../../src/contract/broker.hpp"
#include "actor.hpp"
#include "session.hpp"

namespace reeve::test {

/// The full number where REEVE_LONG is set, else about a hundredth of it.
int in_full_or(int full, int brief);

/// Long enough for a machine that does much else, short enough to tell a call that hangs.
inline constexpr CallOptions kStormCall{.timeout = 60s};

// Processes.

/// Children of a process, those included that have ended and are not reaped; 0 children where there is no such process.
std::vector<int> children_of(int parent);
/// The child that runs the program of that name; 0 where there is none.
int child_named(int parent, const std::string& name);
/// Kills a child of that parent, and exactly that one; false where it is not there any more.
bool kill_child(int parent, int child);
/// A random time up to `most`.
std::chrono::microseconds up_to(std::chrono::microseconds most, std::mt19937& random);

/// Kills `name`, one of the supervisor's two, `times` times in a row: the first when `ripe` says so, those that follow
/// a random moment after they were started. False where none came within 20 seconds.
struct Kill {
  std::string name;
  int times = 1;
  std::chrono::microseconds most{0};  ///< from the start of a following one until it is killed
};
bool kill_part(const Session& session, const Kill& kill, std::mt19937& random);

// Calls.

/// What became of calls. From any thread.
class Tally {
 public:
  template <class T>
  bool take(const char* what, const Result<T>& outcome) {
    count(what, outcome ? nullptr : &outcome.error());
    return outcome.has_value();
  }
  /// Something was answered, and wrongly.
  void wrong(const char* what, const std::string& why);
  std::uint64_t calls() const { return calls_; }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t failed() const { return calls_ - answered_; }
  std::uint64_t wrong() const { return wrong_; }
  /// "12 calls answered; 1 first call: interrupted"
  std::string text() const;

 private:
  void count(const char* what, const Error* error);
  std::atomic<std::uint64_t> calls_ = 0;
  std::atomic<std::uint64_t> answered_ = 0;
  std::atomic<std::uint64_t> wrong_ = 0;
  mutable std::mutex lock_;
  std::map<std::string, int> failures_;
};

/// A call to whoever has registered that name for a process.
Result<Dictionary> call_registered(const std::string& name, int pid);
Connection open_registered(const contract::Found& found);

/// A client that has registered names for its own process, and answers at them.
class Offerer {
 public:
  Offerer(std::string prefix, int count);
  Offerer(const Offerer&) = delete;
  Offerer& operator=(const Offerer&) = delete;
  ~Offerer();
  /// Within 60 seconds.
  bool has_registered_all() const;
  std::string name(int index) const { return prefix_ + "." + std::to_string(index); }
  int count() const { return count_; }
  /// How often it was cut off although it had names.
  int losses() const { return losses_; }

 private:
  void run();
  const std::string prefix_;
  const int count_;
  std::atomic<int> registered_ = 0;
  std::atomic<int> losses_ = 0;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

/// Clients that call while something is killed: over connections that stay open and over fresh ones, to a service that
/// is to live through it all, to one each that crashes as often as it is called, and to registered names.
class Clients {
 public:
  /// Writes the jobs, and lets each run once.
  Clients(const Session& session, int count);
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;
  ~Clients();

  void begin();
  void end();
  Tally& tally() { return tally_; }
  int launches() const { return launches_; }
  int steady_pid() const { return steady_pid_; }
  Proxy<Actor> steady() const { return connect<Actor>(kSteady); }
  /// Everything answered and answered rightly, the same service behind the same connections, no name lost, and nothing
  /// left that was not there before.
  void expect_nothing_lost();

  static constexpr const char* kSteady = "org.example.steady";

 private:
  std::string fleeting(int client) const { return "org.example.fleeting" + std::to_string(client); }
  void run(int client);
  void launch(int client);
  Census quiet_census();

  const Session& session_;
  const int count_;
  Tally tally_;
  std::atomic<bool> over_ = false;
  std::atomic<int> launches_ = 0;
  std::unique_ptr<Offerer> offerer_;
  std::vector<std::thread> threads_;
  std::int32_t steady_pid_ = 0;
  Census before_;
};

}  // namespace reeve::test
