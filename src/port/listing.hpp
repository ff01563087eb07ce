// What a space shows of its names to whoever may look into its process: memory that is kept up to date, and that
// `reeve ports` finds among the process's descriptors.
//
//   offset size
//        0    8  magic "REEVPRTS"
//        8    8  odd while it is being written; whoever reads the same even number before and after has read what was
//                there at one time
//       16    4  version, 1
//       20    4  count of names that follow
//       24    4  the process, as it counts itself: a copy of it has this too, and shows nothing
//       28    4  zero
//       32  32n  each a ListedName; its name is 0 where it stands for nothing
//
// Owns:    the memory, 32 MiB of addresses of which that part takes room that was written.
// Threads: whoever holds the space's lock writes. Readers are other processes, which trust nothing that they read.
// Errors:  busy.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "../os/memory.hpp"

namespace reeve::port {

struct ListingHeader {
  std::array<char, 8> magic{'R', 'E', 'E', 'V', 'P', 'R', 'T', 'S'};
  std::uint64_t sequence = 0;
  std::uint32_t version = 1;
  std::uint32_t count = 0;
  std::int32_t pid = 0;
  std::uint32_t zero = 0;
};
static_assert(sizeof(ListingHeader) == 32 && std::has_unique_object_representations_v<ListingHeader>);

/// Which of a name's rights there are, as bits.
enum ListedRight : std::uint32_t {
  kListedSend = 1,
  kListedReceive = 2,
  kListedOnce = 4,
  kListedDead = 8,
  kListedSet = 16,
  kListedWatched = 32,  ///< somebody is told of its end
};

struct ListedName {
  std::uint32_t name = 0;
  std::uint32_t rights = 0;
  std::uint32_t send = 0;         ///< references
  std::uint32_t dead = 0;         ///< references
  std::uint32_t queue_limit = 0;  ///< of a receive right
  std::int32_t line = -1;         ///< the descriptor of its line's end here, which is a socket
  std::int32_t ready = -1;        ///< ... of a port's epoll, in which the ends of others are
  std::int32_t inlet = -1;        ///< ... of what else is in there: where further holders come from
};
static_assert(sizeof(ListedName) == 32 && std::has_unique_object_representations_v<ListedName>);

/// What the memory is called among a process's descriptors.
inline constexpr const char* kListingName = "reeve-ports";

class Listing {
 public:
  static Result<Listing> make();

  /// Whether it is this process's: a copy of the process has its parent's.
  bool is_own() const;

  /// Between the two the names of some slots are written.
  /// @{
  void begin();
  void put(std::uint32_t slot, const ListedName& name);
  void end();
  /// @}

 private:
  Listing(os::Fd memory, os::Mapping mapping) : memory_(std::move(memory)), mapping_(std::move(mapping)) {}
  ListingHeader& header() const;
  os::Fd memory_;
  os::Mapping mapping_;
};

}  // namespace reeve::port
