// The names of one space.
//
// Threads: whoever holds the space's lock.
// Errors:  busy where there are as many names as there can be.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "port.hpp"

namespace reeve::port {

/// Ports that are received from as one.
struct Set {
  os::ReadySet ready;  ///< 0: it is no more; else the name of a member
  os::Bell bell;
  std::set<Name> members;
  bool is_open = true;
};

/// What a name stands for.
struct Entry {
  std::shared_ptr<Port> port;      ///< of a receive right
  std::shared_ptr<SendLine> line;  ///< of a send or send-once right; of a receive right once this space sent to it
  std::uint32_t send = 0;          ///< references to a send right
  std::uint32_t dead = 0;          ///< ... to a dead name
  std::uint32_t reserved = 0;      ///< of those: in messages that are being sent, and nobody else's to release
  bool is_once = false;            ///< a send-once right
  std::shared_ptr<Set> set;
  bool is_leaving = false;            ///< a send-once or receive right in a message that is being sent
  std::shared_ptr<SendLine> dead_to;  ///< a send-once right: who is told of its end
  std::uint64_t watch = 0;            ///< ... and as what that is watched there
  enum class Room : std::uint8_t { no, asked, awaited } tells_room = Room::no;  ///< ... and of room, once it is awaited
};

class Table {
 public:
  /// Errors: references where the name that is wanted stands for something, or is one that no space has.
  Result<Name> add(Entry entry, Name wanted = {});
  /// Null where the name stands for nothing.
  Entry* find(Name name);
  /// What it stood for. The name is used again as late as possible, and then of another generation.
  Entry take(Name name);
  std::vector<Name> names() const;

  /// From now on the slots are told that were looked at, all of them at first.
  void begin_telling();
  void stop_telling();
  struct Told {
    std::uint32_t slot;
    Name name;           ///< none where it stands for nothing
    const Entry* entry;  ///< ... and null
  };
  /// Those that were looked at since the last time.
  std::vector<Told> told();

 private:
  struct Slot {
    std::optional<Entry> entry;
    std::uint8_t generation = 0;
  };
  void look_at(std::uint32_t index) {
    if (is_telling_) looked_at_.push_back(index);
  }
  Slot* slot(Name name);
  Result<std::uint32_t> free_index();
  Result<std::uint32_t> claim_index(Name wanted);
  std::vector<Slot> slots_;
  std::deque<std::uint32_t> free_;
  bool is_telling_ = false;
  std::vector<std::uint32_t> looked_at_;
};

}  // namespace reeve::port
