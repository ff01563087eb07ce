// What the stories about the keys of a job file share.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "actor.hpp"
#include "session.hpp"

namespace reeve::test {

namespace fs = std::filesystem;

inline constexpr const char* kLabel = "org.example.a";

inline std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::istringstream text(contents_of(path));
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// Processes whose command line holds that text, and that have not ended.
inline std::vector<int> processes_with(const std::string& text) {
  std::vector<int> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && pid != ::getpid() && contents_of(entry.path().string() + "/cmdline").find(text) != std::string::npos)
      found.push_back(pid);
  }
  return found;
}

// A field of /proc/PID/status.
inline std::string status_field(int pid, const std::string& name) {
  for (const std::string& line : lines_of("/proc/" + std::to_string(pid) + "/status")) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return "";
}

// A line of /proc/PID/limits: soft limit, hard limit.
inline std::pair<std::string, std::string> limits_of(int pid, const std::string& name) {
  for (const std::string& line : lines_of("/proc/" + std::to_string(pid) + "/limits")) {
    if (!line.starts_with(name)) continue;
    std::string soft;
    std::string hard;
    std::istringstream(line.substr(name.size())) >> soft >> hard;
    return {soft, hard};
  }
  return {};
}

inline Error error_of_call(const std::string& name) {
  auto actor = connect<Actor>(name);
  const auto outcome = actor.call_with<&Actor::sleep>({.timeout = 60s}, 0U);
  return outcome ? Error{} : outcome.error();
}

inline void stop(const std::string& label) {
  const auto stopped = ask_broker(contract::Stop{label});
  EXPECT_TRUE(stopped) << stopped.error().message;
}

inline std::string true_key(const std::string& name) { return "<key>" + name + "</key><true/>"; }
inline std::string integer_key(const std::string& name, int value) {
  return "<key>" + name + "</key><integer>" + std::to_string(value) + "</integer>";
}
inline std::string string_key(const std::string& name, const std::string& value) {
  return "<key>" + name + "</key><string>" + value + "</string>";
}
inline std::string dictionary_key(const std::string& name, const std::string& body) {
  return "<key>" + name + "</key><dict>" + body + "</dict>";
}
inline std::string array_key(const std::string& name, const std::string& value) {
  return "<key>" + name + "</key><array><string>" + value + "</string></array>";
}

class Jobs : public testing::Test {
 protected:
  // A job that runs a shell's words; what they print is in `out`.
  JobFile script(const std::string& words) const { return script_job(kLabel, words, out); }
  void write(JobFile job, const std::string& extra) const {
    job.extra += extra;
    write_job(session.jobs(), job);
  }
  // Known to the broker, and not just written.
  static void load() { EXPECT_EQ(reeve_tool({"list"}).exit_code, 0); }
  // It has run so often, has ended, and nothing would start it again.
  static bool has_settled_after(std::uint64_t starts) {
    return comes_true([&] {
      const auto details = details_of(kLabel);
      return details.starts == starts && details.state == "idle" && details.kept_alive_by.empty();
    });
  }
  // What a script that runs once prints.
  std::vector<std::string> printed_by(const std::string& words, const std::string& extra) const {
    write(script(words + "; echo end"), true_key("RunAtLoad") + extra);
    load();
    EXPECT_TRUE(comes_true([&] { return contents_of(out).ends_with("end\n"); })) << last_exit_of(kLabel);
    auto lines = lines_of(out);
    if (!lines.empty()) lines.pop_back();
    return lines;
  }
  // The pid of a confined actor that was given these keys.
  int actor_with(const std::string& extra) const {
    write(actor_job(kLabel), extra);
    auto actor = connect<Actor>(kLabel);
    const auto answer = actor.call_with<&Actor::sleep>({.timeout = 60s}, 0U);
    EXPECT_TRUE(answer) << answer.error().message;
    return actor.peer() && actor.peer()->pid ? *actor.peer()->pid : 0;
  }
  // Why a job that is started cannot be.
  std::string launch_problem(JobFile job, const std::string& extra) const {
    job.names.clear();
    write(std::move(job), extra);
    load();
    const Error error = error_of_call(kLabel);
    EXPECT_EQ(error.code, code::kLaunchFailed) << error.message;
    return error.message;
  }

  Session session;
  Folder folder;
  std::string out = folder.path() + "/out";
};

}  // namespace reeve::test
