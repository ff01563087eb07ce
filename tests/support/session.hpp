// A broker of a test's own, with its own folders, and a census of what it holds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

#include "../../src/contract/broker.hpp"

namespace reeve::test {

using namespace std::chrono_literals;

/// Where the installed tree under test and the built examples are.
std::string stage();
std::string build_folder();
/// The preset that services under test run in: none where sanitisers cannot live in a sandbox.
std::string service_preset();
bool is_sanitised();

struct Output {
  int exit_code = -1;
  std::string out;
  std::string err;
};
/// Runs a program to its end, at most 60 seconds.
Output run(const std::vector<std::string>& command);
/// The tool under test.
Output reeve_tool(std::vector<std::string> arguments);

/// A folder that is gone at the end of the test.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct JobFile {
  std::string label;
  std::string program;
  std::string preset = service_preset();
  std::vector<std::string> arguments;  ///< without the program's own name
  int idle_seconds = 0;                ///< 0: never stops by itself
  std::string extra;                   ///< further keys, as XML
  std::string names;                   ///< MachServices, as XML; its label alone unless set
  std::string reeve;                   ///< further keys of Reeve, as XML
};
void write_job(const std::string& folder, const JobFile& job);

/// A job that runs tests/support/actor under that name; it is never throttled.
JobFile actor_job(const std::string& name, std::vector<std::string> more_arguments = {});

/// A job that runs tests/support/host under that name and its further ones.
JobFile host_job(const std::string& name);

/// A job that offers nothing and runs a shell's words, in no sandbox; what they print is added to `output`.
JobFile script_job(const std::string& name, const std::string& script, const std::string& output);

/// What stands in a file; nothing where there is none.
std::string contents_of(const std::string& path);

/// Waits, at most 60 seconds, until it is so.
bool comes_true(const std::function<bool()>& condition);

/// Asks the broker as its library does, and beyond what that asks.
Result<Dictionary> ask_broker(const contract::Request& request);
/// All that the broker knows of a job.
contract::JobDetails details_of(const std::string& label);

/// What the broker's processes hold, once this process has left them: descriptors by process, children, those that
/// nobody reaped, mounts.
struct Census {
  std::map<std::string, std::size_t> descriptors;
  std::size_t children = 0;  ///< services, and whatever else the supervisor has but broker and spawner
  std::size_t zombies = 0;
  std::size_t mounts = 0;
  bool operator==(const Census&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Census& census);

/// Runs `reeve broker` in the foreground, after the words of `before` if there are any. Its end is part of the test:
/// exit status 0, and no process left behind.
class Session {
 public:
  explicit Session(const std::vector<std::string>& before = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  const std::string& jobs() const { return jobs_path_; }
  const std::string& runtime_folder() const { return runtime_path_; }
  /// What the broker and the spawner have shown so far, and whether they show that within 10 seconds.
  std::string printed() const;
  bool prints(const std::string& text) const;
  Census census() const;
  /// The same census twice in a row, or the last one after 10 seconds.
  Census settled_census() const;
  bool is_alive() const;
  int supervisor() const { return pid_; }
  /// Their processes; 0 where there is none just now.
  int broker() const { return part("broker"); }
  int spawner() const { return part("spawner"); }

 private:
  int part(const std::string& name) const;

  Folder folder_;
  std::string runtime_path_;
  std::string jobs_path_;
  int pid_ = -1;
};

/// Waits, at most 30 seconds, until no broker holds the lock of that runtime folder.
bool wait_for_no_broker(const std::string& runtime);

/// The status of a job, as `reeve list --json` has it; empty where it has none.
Dictionary status_of(const std::string& label);
/// How a job's last instance ended, in words; empty where none has.
std::string last_exit_of(const std::string& label);
/// Waits until a job is in that state, at most 60 seconds.
bool wait_for_state(const std::string& label, const std::string& state);

/// What /proc/PID/status tells of a process, by the names that stand before the colons; nothing of one that has ended.
std::map<std::string, std::string> facts_of(int pid);

}  // namespace reeve::test
