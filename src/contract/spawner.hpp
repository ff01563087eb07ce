// What the broker asks of the spawner, and what the spawner tells it: fixed structs, each with a tail of text.
//
// Trust: the spawner checks every field; it takes nothing from the broker on faith.
#pragma once

#include <array>
#include <iterator>
#include <vector>

#include "line.hpp"

namespace reeve::contract {

enum class SpawnerOp : std::uint32_t {
  scan = 1,      ///< send every job file, then scan_done
  launch = 2,    ///< start a program, if it is the `image` that is meant; carries the job's end of its control channel
  confirm = 3,   ///< how many seccomp filters does a job run under?
  watch = 4,     ///< tell how these paths are, and again when that changes; instead of those of the watch before
  identify = 5,  ///< who is this process? Carries its pidfd; or none, and `number` is a pid
};

/// A soft and a hard limit; what is left alone is kLimitUnset.
inline constexpr std::uint64_t kLimitUnset = ~0ULL - 1;
inline constexpr std::uint64_t kLimitInfinite = ~0ULL;
struct LimitPair {
  std::uint64_t soft = kLimitUnset;
  std::uint64_t hard = kLimitUnset;
  friend bool operator==(const LimitPair&, const LimitPair&) = default;
};
inline constexpr const char* kLimitNames[] = {
    "CPU", "Core", "Data", "FileSize", "MemoryLock", "NumberOfFiles", "NumberOfProcesses", "ResidentSetSize", "Stack"};

/// What a program is started with beside its arguments.
struct Setup {
  std::int32_t nice = 0;
  std::uint32_t umask = 077;
  std::uint16_t is_background = 0;     ///< 1: the machine's other work comes first
  std::uint16_t explains_denials = 0;  ///< 1: in a preset, it tells of each call that it is denied
  std::uint32_t grace_s = 0;           ///< ExitTimeOut; 0: it is never killed
  LimitPair limits[std::size(kLimitNames)];
  friend bool operator==(const Setup&, const Setup&) = default;
};

/// A program's file, whole: BLAKE2b-256 of its bytes, or of its signature, which tells of them.
using ImageId = std::array<std::uint8_t, 32>;

struct SpawnerRequest {
  SpawnerOp op = SpawnerOp::scan;
  std::uint32_t preset = 0;
  std::uint64_t instance = 0;
  std::uint32_t argument_count = 0;     ///< launch: strings after the first six
  std::uint32_t environment_count = 0;  ///< launch: strings after those
  std::uint32_t group_count = 0;        ///< launch: and after those
  std::uint32_t reserved = 0;
  std::uint32_t text_size = 0;  ///< bytes of NUL-terminated strings that follow
  std::uint32_t number = 0;     ///< watch: of this watch, for what is told of it; identify: a pid, where no pidfd comes
  ImageId image{};              ///< launch: of the program; all zero where it is not known yet
  Setup setup;                  ///< launch
};
static_assert(std::has_unique_object_representations_v<SpawnerRequest>);

enum class SpawnerEventKind : std::uint32_t {
  job_file = 1,     ///< text: path, NUL, contents
  job_problem = 2,  ///< text: path, NUL, what is wrong with the file
  scan_done = 3,
  launch_failed = 4,    ///< text: at which step, and why
  confirmed = 5,        ///< number: seccomp filters, or -1 where nobody can tell
  folders_changed = 6,  ///< a job file came, went or changed
  path_is = 7,          ///< how the path `instance` of watch `number` is: bits of PathBit
  image_is = 8,     ///< in place of a launch, of another image than was meant. text: its ImageId, and the manifest in
                    ///< its signature, which is good; no manifest where it is not signed
  identified = 9,   ///< the process that `instance` asked for. number: 1 where it is proven, and then text: a
                    ///< ProgramVersion and its manifest; else why not
  trust_file = 10,  ///< text: path, NUL, contents
  denied = 11,  ///< a call of `instance`. text: which, and what would allow it; number: 1 where it is one that ends it
};

/// What changes when a program's file is replaced or written to.
struct ProgramVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const ProgramVersion&, const ProgramVersion&) = default;
};
static_assert(std::has_unique_object_representations_v<ProgramVersion>);

/// Of a watched path.
enum class PathBit : std::uint32_t {
  exists = 1,
  is_filled = 2,    ///< a folder with something in it
  has_changed = 4,  ///< since it was told of last
};

struct SpawnerEvent {
  SpawnerEventKind kind = SpawnerEventKind::scan_done;
  std::uint32_t bits = 0;
  std::uint64_t instance = 0;
  std::int32_t number = 0;
  std::uint32_t text_size = 0;
};
static_assert(sizeof(SpawnerEvent) == 24 && std::has_unique_object_representations_v<SpawnerEvent>);

/// What to start: the texts of a launch request.
struct LaunchTexts {
  std::string label;
  std::string program;
  std::string folder;  ///< to run in; empty: the root's
  std::string input;   ///< paths of 0, 1 and 2; empty: nothing, and the broker's log
  std::string output;
  std::string error;
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< NAME=value
  std::vector<std::string> groups{};     ///< whose folders it sees, where its preset has it see any
};

/// Fills in the counts. Errors: too-large beyond kJobStringsBytesMax.
Result<WithText<SpawnerRequest>> encode_launch(std::uint64_t instance, std::uint32_t preset, const Setup& setup,
                                               const LaunchTexts& texts);
Result<LaunchTexts> decode_launch(const WithText<SpawnerRequest>& request);

/// The text of image_is and of identified: a fixed struct, and a manifest behind it. Errors: bad-packet.
template <class Head>
std::string encode_manifest_of(const Head& head, std::string_view manifest) {
  return std::string(reinterpret_cast<const char*>(&head), sizeof head).append(manifest);
}
template <class Head>
Result<std::pair<Head, std::string>> decode_manifest_of(std::string_view text) {
  vocab::Reader in(std::as_bytes(std::span(text)));
  const auto head = in.read<Head>();
  if (!head) return fail(Kind::invalid, code::kBadPacket, "spawner: a text shorter than its struct");
  return std::pair(*head, std::string(text.substr(sizeof(Head))));
}

/// Errors: too-large where the paths do not fit a packet.
Result<WithText<SpawnerRequest>> encode_watch(std::uint32_t number, const std::vector<std::string>& paths);
Result<std::vector<std::string>> decode_watch(const WithText<SpawnerRequest>& request);

}  // namespace reeve::contract
