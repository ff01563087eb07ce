// Chance with a seed, and the job files that a simulated session is made of. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "job.hpp"

namespace reeve::broker::simulator {

/// Chance that a seed repeats (SplitMix64).
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t n) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % n;
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& all) {
    return all[below(all.size())];
  }

 private:
  std::uint64_t state_;
};

/// The job that is always there, and that anybody may call.
inline constexpr const char* kSteadyLabel = "steady";
inline constexpr const char* kSteadyName = "n.steady";

inline const std::vector<std::string> kNames{"n.a", "n.b", "n.c", "n.d", "n.e", "n.f", "n.g", "n.h"};
inline const std::vector<std::string> kGroups{"g.one", "g.two"};
inline const std::vector<std::string> kRegistered{"g.one", "g.one.x", "g.one.y", "g.two.x", "n.a"};
inline const std::vector<std::string> kPaths{"/p/1", "/p/2", "/q/1"};
/// Jobs that have files; those from the fourth on can be loaded by request too.
inline const std::vector<std::string> kLabels{"job.a", "job.b", "job.c", "job.d", "job.e", "job.f"};
inline constexpr std::size_t kFirstLoadable = 3;

namespace detail {

inline std::string key(const std::string& name, const std::string& value) {
  return "<key>" + name + "</key>" + value + "\n";
}
inline std::string flag(const std::string& name, bool is) { return key(name, is ? "<true/>" : "<false/>"); }
inline std::string number(const std::string& name, std::uint64_t n) {
  return key(name, "<integer>" + std::to_string(n) + "</integer>");
}
inline std::string list(const std::string& name, const std::vector<std::string>& all) {
  std::string text = "<array>";
  for (const std::string& each : all) text += "<string>" + each + "</string>";
  return key(name, text + "</array>");
}
inline std::string dict(const std::string& name, const std::string& inner) {
  return key(name, "<dict>" + inner + "</dict>");
}

inline std::string keep_alive(Dice& dice) {
  switch (dice.below(6)) {
    case 0:
      return flag("KeepAlive", true);
    case 1:
      return dict("KeepAlive", flag("SuccessfulExit", dice.one_in(2)));
    case 2:
      return dict("KeepAlive", flag("Crashed", dice.one_in(2)) + flag("AfterInitialDemand", dice.one_in(2)));
    case 3:
      return dict("KeepAlive", dict("PathState", flag(dice.of(kPaths), dice.one_in(2))));
    case 4:
      return dict("KeepAlive", dict("OtherJobEnabled", flag(dice.of(kLabels), dice.one_in(2))));
    default:
      return dict("KeepAlive", flag("AfterInitialDemand", true) + flag("SuccessfulExit", false));
  }
}

inline std::string names(Dice& dice) {
  std::map<std::string, std::string> names;
  for (std::uint64_t n = dice.below(4); n > 0; --n) {
    names[dice.of(kNames)] = !dice.one_in(3) ? "<true/>"
                                             : "<dict>" + flag("ResetAtClose", dice.one_in(2)) +
                                                   flag("HideUntilCheckIn", dice.one_in(3)) + "</dict>";
  }
  std::string text;
  for (const auto& [name, how] : names) text += key(name, how);
  return names.empty() ? "" : dict("MachServices", text);
}

inline std::string reeve(Dice& dice) {
  std::string text = key("Preset", dice.one_in(2) ? "<string>parser</string>" : "<string>none</string>");
  if (dice.one_in(3)) text += list("Groups", {dice.of(kGroups)});
  if (dice.one_in(3)) text += dict("Entitlements", list("LookUp", {dice.of(kNames), "g.one"}));
  if (dice.one_in(4)) {
    const std::vector<std::string> callers{"job:" + dice.of(kLabels), "group:" + dice.of(kGroups), "user"};
    text += list("AllowedCallers", {dice.of(callers), dice.of(callers)});
  }
  return dict("Reeve", text);
}

inline std::string job_text(Dice& dice, const std::string& label) {
  std::string text = key("Label", "<string>" + label + "</string>") + key("Program", "<string>/bin/x</string>");
  text += names(dice) + reeve(dice);
  if (dice.one_in(4)) text += keep_alive(dice);
  if (dice.one_in(5)) text += flag("RunAtLoad", true);
  if (dice.one_in(8)) text += flag("LaunchOnlyOnce", true);
  if (dice.one_in(8)) text += flag("Disabled", true);
  if (dice.one_in(2)) text += number("ThrottleInterval", dice.of<std::uint64_t>({0, 1, 10, 30}));
  if (dice.one_in(2)) text += number("ExitTimeOut", dice.of<std::uint64_t>({0, 1, 5, 20}));
  if (dice.one_in(6)) text += number("StartInterval", dice.of<std::uint64_t>({1, 7, 60}));
  if (dice.one_in(8)) text += dict("StartCalendarInterval", dice.one_in(2) ? "" : number("Minute", dice.below(60)));
  if (dice.one_in(6)) text += list("WatchPaths", {dice.of(kPaths)});
  if (dice.one_in(8)) text += list("QueueDirectories", {"/q/1"});
  if (dice.one_in(6)) text += dict("XPCService", key("ServiceType", "<string>Application</string>"));
  return "<plist version=\"1.0\"><dict>" + text + "</dict></plist>";
}

inline Job parsed(const std::string& file, const std::string& text) {
  auto job = parse_job(file, text);
  return job ? std::move(*job) : Job();  // The test sees to it that there is none.
}

}  // namespace detail

/// What the file of each label may hold, one after the other.
inline const std::map<std::string, std::vector<Job>>& all_jobs() {
  constexpr int kVariants = 40;
  static const auto all = [] {
    std::map<std::string, std::vector<Job>> jobs;
    Dice dice(42);
    for (const std::string& label : kLabels) {
      for (int i = 0; i < kVariants; ++i) {
        jobs[label].push_back(detail::parsed("/jobs/" + label + ".plist", detail::job_text(dice, label)));
      }
    }
    const std::string steady = detail::key("Label", std::string("<string>") + kSteadyLabel + "</string>") +
                               detail::key("Program", "<string>/bin/x</string>") +
                               detail::dict("MachServices", detail::flag(kSteadyName, true)) +
                               detail::dict("Reeve", detail::key("Preset", "<string>parser</string>"));
    jobs[kSteadyLabel] = {
        detail::parsed("/jobs/steady.plist", "<plist version=\"1.0\"><dict>" + steady + "</dict></plist>")};
    return jobs;
  }();
  return all;
}

}  // namespace reeve::broker::simulator
