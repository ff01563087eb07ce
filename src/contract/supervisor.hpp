// What broker and spawner ask of the supervisor, and what it tells them. The supervisor reads the structs alone: what
// stands in a text is for whoever wrote it, and comes back to the next process in its place.
#pragma once

#include "line.hpp"

namespace reeve::contract {

enum class SupervisorOp : std::uint32_t {
  ready = 1,      ///< spawner: this machine can do what the sandbox needs
  not_ready = 2,  ///< spawner: it cannot; the text says what is missing
  birth = 3,      ///< spawner: a child is about to be made for `id`
  adopt = 4,      ///< spawner: here it is, process `number`; its pidfd, what it prints, and a text for the next spawner
  unborn = 5,     ///< spawner: it could not be made
  serving = 6,    ///< broker: it has taken over, and answers
  keep = 7,       ///< broker: keep this text, and these descriptors, under `id`, in place of what was kept there
  drop = 8,       ///< both: keep nothing under `id` any more, nor how the child of that name ended
  signal = 9,     ///< broker: send signal `number` to the child `id`; SIGKILL takes all its descendants too
  replace = 10,   ///< broker: end broker and spawner, and start those that are installed now
  leave = 11,     ///< broker: end everything
};

struct SupervisorRequest {
  SupervisorOp op = SupervisorOp::ready;
  std::int32_t number = 0;
  std::uint64_t id = 0;
  std::uint32_t grace_s = 0;  ///< adopt: seconds from SIGTERM to SIGKILL when everything ends
  std::uint32_t text_size = 0;
};
static_assert(sizeof(SupervisorRequest) == 24);

/// `number` of a signal request: SIGTERM, or SIGKILL for a process that would not hear of that.
inline constexpr std::int32_t kStopSignal = 0;

enum class SupervisorEventKind : std::uint32_t {
  kept = 1,      ///< at the start, once for each: what the process before kept under `id`
  launched = 2,  ///< broker: the child `id` is there; number: its pid; process: its number in the kernel
  exited = 3,    ///< broker: the child `id` has ended; number: signal or exit code. Said again to each new broker until
                 ///< `id` is dropped
  line = 4,      ///< a new line to the other of the two; to the broker, number: how many spawners there were. All that
                 ///< those before had started and told of was told
  listener = 5,  ///< broker, at the start: the listening socket
  go = 6,        ///< the end of what is told at the start; number: how many processes there were in this place
};

struct SupervisorEvent {
  SupervisorEventKind kind = SupervisorEventKind::go;
  std::uint32_t by_signal = 0;
  std::uint64_t id = 0;
  std::uint64_t process = 0;
  std::int32_t number = 0;
  std::uint32_t text_size = 0;
};
static_assert(sizeof(SupervisorEvent) == 32);

/// Descriptors kept under one id.
inline constexpr std::size_t kKeptDescriptorsMax = 3;

}  // namespace reeve::contract
