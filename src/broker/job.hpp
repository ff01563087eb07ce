// What a job file asks for. docs/jobs.md has each key.
//
// Trust:   the bytes of a job file may be anything; parse_job is a pure function.
// Errors:  bad-job and bad-property-list, with file, line and key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../contract/spawner.hpp"
#include "../policy/requirement.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"

namespace reeve::broker {

/// A name under MachServices.
struct OfferedName {
  std::string name;
  bool reset_at_close = false;       ///< what waits for it ends with the instance
  bool hide_until_check_in = false;  ///< nobody finds it before an instance has checked in
  friend bool operator==(const OfferedName&, const OfferedName&) = default;
};

/// What has the job run without being called. Conditions are alternatives; `after_initial_demand` holds them all back.
struct KeepAlive {
  bool always = false;
  std::optional<bool> successful_exit;
  std::optional<bool> crashed;
  std::vector<std::pair<std::string, bool>> path_state;         ///< path, and whether it is to exist
  std::vector<std::pair<std::string, bool>> other_job_enabled;  ///< label, and whether it is to be enabled
  bool after_initial_demand = false;
  friend bool operator==(const KeepAlive&, const KeepAlive&) = default;
};

/// One date of StartCalendarInterval; what is absent matches everything.
struct CalendarDate {
  std::optional<int> minute;
  std::optional<int> hour;
  std::optional<int> day;
  std::optional<int> weekday;  ///< 0 and 7 are Sunday
  std::optional<int> month;
  friend bool operator==(const CalendarDate&, const CalendarDate&) = default;
};

/// How many instances there are: one, or one for each process that calls.
enum class ServiceType : std::uint8_t { user, application };

struct Job {
  std::string file;
  std::string text;  ///< what stands in it
  std::string label;
  std::string program;                   ///< absolute; a relative one in the file starts from the file's folder
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<OfferedName> names;        ///< the services it offers, in ascending order
  std::vector<std::string> environment;  ///< NAME=value
  std::string preset;
  contract::Setup setup;  ///< of the process
  std::string working_directory;
  std::string standard_in;
  std::string standard_out;
  std::string standard_error;
  KeepAlive keep_alive;
  bool run_at_load = false;
  bool launch_only_once = false;
  bool disabled = false;
  bool enable_transactions = true;
  ServiceType service_type = ServiceType::user;
  std::optional<std::chrono::seconds> start_interval;
  std::vector<CalendarDate> calendar;
  std::vector<std::string> watch_paths;
  std::vector<std::string> queue_directories;
  std::chrono::seconds throttle_interval = kThrottleInterval;
  std::chrono::seconds exit_time_out = kExitTimeOut;  ///< 0: it is never killed
  std::chrono::seconds idle_time_out = kServiceIdle;
  std::vector<std::string> groups;       ///< app groups under which it may register names
  std::vector<std::string> may_look_up;  ///< names, or groups of names, that it may call although it is confined
  policy::Requirement allowed_callers;   ///< what who looks its names up must meet
  std::vector<std::string> warnings;     ///< keys that mean nothing here

  friend bool operator==(const Job&, const Job&) = default;
};

/// `file` is an absolute path, and both are UTF-8: they can be kept and told as they are.
Result<Job> parse_job(std::string_view file, std::string_view text);

}  // namespace reeve::broker
