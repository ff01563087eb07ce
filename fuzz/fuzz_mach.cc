// A C program that receives from whoever says whatever it likes, with whatever descriptors: nothing is written beyond
// the room that was given, what came can be destroyed by what the message says of itself, and no name is left behind.
#include <mach/mach.h>

#include <algorithm>
#include <vector>

#include "../src/apple/task.hpp"
#include "line_talk.hpp"

namespace {

using namespace reeve;

std::size_t name_count() { return apple::space().names().size(); }

// A message lies at the end of its room, where a byte too many is seen.
void take_all(mach_port_t port, std::size_t room_size, mach_msg_option_t option) {
  std::vector<std::byte> room(room_size);
  auto* const header = reinterpret_cast<mach_msg_header_t*>(room.data());
  const mach_msg_option_t how = MACH_RCV_MSG | MACH_RCV_TIMEOUT | option;
  for (int i = 0; i < 40; ++i) {
    const auto status = mach_msg(header, how, 0, static_cast<mach_msg_size_t>(room.size()), port, 0, MACH_PORT_NULL);
    if (status == MACH_RCV_TIMED_OUT) return;
    if (status == MACH_RCV_TOO_LARGE) {
      if ((option & MACH_RCV_LARGE) == 0) continue;
      REEVE_INVARIANT(room.size() < sizeof *header || header->msgh_size + REQUESTED_TRAILER_SIZE(option) > room.size());
      return;
    }
    REEVE_INVARIANT(status == MACH_MSG_SUCCESS || (status & ~MACH_MSG_MASK) == MACH_RCV_BODY_ERROR);
    REEVE_INVARIANT(header->msgh_size + REQUESTED_TRAILER_SIZE(option) <= room.size());
    REEVE_INVARIANT(header->msgh_local_port == port);
    mach_msg_destroy(header);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t before = name_count();
  mach_port_t port = MACH_PORT_NULL;
  REEVE_INVARIANT(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port) == KERN_SUCCESS);
  auto [holder, end] = *os::channel_pair();
  apple::space().admit({apple::name_of(port), std::move(end)});
  const mach_msg_option_t option = MACH_RCV_TRAILER_ELEMENTS(data[0] % 9) | (data[0] >= 128 ? MACH_RCV_LARGE : 0);
  const std::size_t room_size = data[1] < 128 ? 4U + data[1] * 4U : 70'000;
  fuzzing::talk(std::as_bytes(std::span(data, size)).subspan(2), holder, [&] { take_all(port, room_size, option); });
  take_all(port, 70'000, option & ~MACH_RCV_LARGE);
  REEVE_INVARIANT(mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1) == KERN_SUCCESS);
  REEVE_INVARIANT(name_count() == before);
  return 0;
}
