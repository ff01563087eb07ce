// What a job file asks for.
//
// Trust:   the bytes of a job file may be anything; parse_job is a pure function.
// Errors:  bad-job and bad-property-list, with file, line and key.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"

namespace reeve::broker {

struct Job {
  std::string file;
  std::string text;  ///< what stands in it
  std::string label;
  std::string program;                   ///< absolute; a relative one in the file starts from the file's folder
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> names;        ///< the services it offers, in ascending order
  std::vector<std::string> environment;  ///< NAME=value
  std::string preset;
  std::chrono::seconds throttle_interval = kThrottleInterval;
  std::chrono::seconds idle_time_out = kServiceIdle;
  std::vector<std::string> warnings;  ///< keys that mean nothing here

  friend bool operator==(const Job&, const Job&) = default;
};

Result<Job> parse_job(std::string_view file, std::string_view text);

}  // namespace reeve::broker
