// What the broker asks of the spawner, and what the spawner tells it: fixed structs, each with a tail of text.
//
// Trust: the spawner checks every field; it takes nothing from the broker on faith. Both ends run on one machine and
//        come from one build, so that the structs travel as they stand in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"

namespace reeve::contract {

enum class SpawnerOp : std::uint32_t {
  scan = 1,     ///< send every job file, then scan_done
  launch = 2,   ///< start a program; carries the job's end of its control channel
  signal = 3,   ///< send a signal to a job
  confirm = 4,  ///< how many seccomp filters does a job run under?
};

struct SpawnerRequest {
  SpawnerOp op = SpawnerOp::scan;
  std::uint32_t preset = 0;
  std::uint64_t instance = 0;
  std::int32_t signal = 0;
  std::uint32_t argument_count = 0;     ///< launch: strings after label and program
  std::uint32_t environment_count = 0;  ///< launch: strings after those
  std::uint32_t text_size = 0;          ///< bytes of NUL-terminated strings that follow
};
static_assert(sizeof(SpawnerRequest) == 32 && std::has_unique_object_representations_v<SpawnerRequest>);

enum class SpawnerEventKind : std::uint32_t {
  ready = 1,        ///< the machine can do what the sandbox needs; sent once, first
  not_ready = 2,    ///< it cannot: text says what is missing; the spawner leaves
  job_file = 3,     ///< text: path, NUL, contents
  job_problem = 4,  ///< text: path, NUL, what is wrong with the file
  scan_done = 5,
  launched = 6,       ///< number: pid
  launch_failed = 7,  ///< text: at which step, and why
  exited = 8,         ///< number: signal or exit code
  confirmed = 9,      ///< number: seccomp filters, or -1 where nobody can tell
};

struct SpawnerEvent {
  SpawnerEventKind kind = SpawnerEventKind::ready;
  std::uint32_t by_signal = 0;
  std::uint64_t instance = 0;
  std::int32_t number = 0;
  std::uint32_t text_size = 0;
};
static_assert(sizeof(SpawnerEvent) == 24 && std::has_unique_object_representations_v<SpawnerEvent>);

inline constexpr std::size_t kSpawnerPacketBytesMax = 2 * vocab::kJobFileBytesMax;

/// What to start: the texts of a launch request.
struct LaunchTexts {
  std::string label;
  std::string program;
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< NAME=value
};

template <class Head>
struct WithText {
  Head head;
  std::string text;
};

/// Head and tail of one packet. Errors: bad-packet where the sizes do not fit.
Result<WithText<SpawnerRequest>> decode_request(std::span<const std::byte> bytes);
Result<WithText<SpawnerEvent>> decode_event(std::span<const std::byte> bytes);

/// Fills in the counts. Errors: too-large beyond kJobStringsBytesMax.
Result<WithText<SpawnerRequest>> encode_launch(std::uint64_t instance, std::uint32_t preset, const LaunchTexts& texts);
Result<LaunchTexts> decode_launch(const WithText<SpawnerRequest>& request);

}  // namespace reeve::contract
