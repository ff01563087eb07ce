// What the broker asks of the spawner, and what the spawner tells it: fixed structs, each with a tail of text.
//
// Trust: the spawner checks every field; it takes nothing from the broker on faith.
#pragma once

#include <vector>

#include "line.hpp"

namespace reeve::contract {

enum class SpawnerOp : std::uint32_t {
  scan = 1,     ///< send every job file, then scan_done
  launch = 2,   ///< start a program; carries the job's end of its control channel
  confirm = 3,  ///< how many seccomp filters does a job run under?
};

struct SpawnerRequest {
  SpawnerOp op = SpawnerOp::scan;
  std::uint32_t preset = 0;
  std::uint64_t instance = 0;
  std::uint32_t argument_count = 0;     ///< launch: strings after label and program
  std::uint32_t environment_count = 0;  ///< launch: strings after those
  std::uint32_t text_size = 0;          ///< bytes of NUL-terminated strings that follow
  std::uint32_t reserved = 0;
};
static_assert(sizeof(SpawnerRequest) == 32 && std::has_unique_object_representations_v<SpawnerRequest>);

enum class SpawnerEventKind : std::uint32_t {
  job_file = 1,     ///< text: path, NUL, contents
  job_problem = 2,  ///< text: path, NUL, what is wrong with the file
  scan_done = 3,
  launch_failed = 4,  ///< text: at which step, and why
  confirmed = 5,      ///< number: seccomp filters, or -1 where nobody can tell
};

struct SpawnerEvent {
  SpawnerEventKind kind = SpawnerEventKind::scan_done;
  std::uint32_t reserved = 0;
  std::uint64_t instance = 0;
  std::int32_t number = 0;
  std::uint32_t text_size = 0;
};
static_assert(sizeof(SpawnerEvent) == 24 && std::has_unique_object_representations_v<SpawnerEvent>);

/// What to start: the texts of a launch request.
struct LaunchTexts {
  std::string label;
  std::string program;
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< NAME=value
};

/// Fills in the counts. Errors: too-large beyond kJobStringsBytesMax.
Result<WithText<SpawnerRequest>> encode_launch(std::uint64_t instance, std::uint32_t preset, const LaunchTexts& texts);
Result<LaunchTexts> decode_launch(const WithText<SpawnerRequest>& request);

}  // namespace reeve::contract
