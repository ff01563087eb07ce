// What a PortSpace is made of: names, and what is done to what they stand for.
//
// Threads: any; each call takes the space's lock, and gives it up while it waits.
// Errors:  no-such-right, dead-port, references, queue-full, timed-out, too-large, bad-packet; system.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "../quota/quota.hpp"
#include "rights.hpp"
#include "table.hpp"

namespace reeve::port {

/// Something that a message carries, by its name here.
struct Thing {
  ItemKind kind = ItemKind::none;
  Place place = Place::carried;
  Name name;              ///< of a right
  object::Memory memory;  ///< of memory
};

struct Outgoing {
  std::int32_t id = 0;
  std::span<const std::byte> data;
  std::vector<Thing> things;
};

struct Incoming {
  std::int32_t id = 0;
  object::Data data;
  std::vector<Thing> things;
  Sender sender;
};
/// `port` of a Notice has got a name by now.
struct Told {
  NotificationKind kind = NotificationKind::send_once;
  Name name;
  std::uint32_t count = 0;
  Name destroyed;
};
struct Taken {
  std::variant<Incoming, Told, TooLarge> what;
  Name port;
  std::uint32_t sequence = 0;
};

class Space {
 public:
  Space();
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  Result<Name> make_port(const PortOptions& options);
  Result<Name> make_set();
  Result<void> make_send(Name port);
  Result<Name> make_send_once(Name port);
  Result<void> copy_send(Name name);
  /// Gives up one reference of that type, or the right itself where it has none.
  Result<void> release(Name name, RightType type);

  /// Tries until then. What is sent is given up; after an error nothing is.
  Result<void> send(Name to, RightType type, const Outgoing& message, const os::Deadline& deadline);
  Result<Taken> receive(Name from, std::size_t data_size_max, const os::Deadline& deadline);

  Result<void> set_queue_limit(Name port, std::uint32_t limit);
  Result<void> tell_no_senders(Name port, Name to, std::uint32_t make_send_count);
  Result<void> tell_dead(Name name, Name to);
  Result<void> tell_destroyed(Name port, Name to);
  Result<void> insert(Name set, Name port);
  Result<void> remove(Name set, Name port);

  Result<os::Fd> give_out(Name send);
  Result<Name> take_in(os::Fd end);

  std::vector<Name> names();
  std::uint32_t references(Name name, RightType type);

 private:
  friend class Sending;
  friend class Receiving;
  using Lock = std::unique_lock<std::mutex>;
  using Source = std::variant<std::shared_ptr<Port>, std::shared_ptr<Set>>;

  // All of these are called with the lock held.
  std::uint64_t next_number() { return ++last_number_; }
  Result<Entry*> find_port(Name name);
  Result<Entry*> find_send(Name name);
  Result<Entry*> find_once(Name name);
  Result<std::shared_ptr<SendLine>> own_line(Entry& entry);
  Result<Name> add_port(std::shared_ptr<Port> port);
  /// A line's holder's end, to be sent to somebody or kept, and the number of its other end at the port, which is of
  /// this space.
  enum class Holder : bool { another, this_space };
  Result<std::pair<os::Fd, std::uint64_t>> new_line(Port& port, LineKind kind, Holder holder = Holder::another);
  void release_send(Name name);
  void release_dead(Name name);
  void forget(Name name);        ///< what else is known of it
  void drop(Name name);          ///< the name stands for nothing any more
  void destroy_port(Name name);  ///< the receive right
  void leave_sets(Port& port);
  /// The port is the space's no longer, and nobody is told anything of it any more.
  void part_with(Port& port);
  void end_sends(Name name);  ///< what can be sent to is no more
  void tell_end(Entry& entry, Name name);
  void refresh(Name name);         ///< notices that it is no more
  void look_for_ends(Port& port);  ///< ... that some of its holders are
  void end_line(Port& port, std::uint64_t number);
  void end_line_of(Name name);  ///< its line is of no use any more
  Result<void> watch_end(Entry& entry, Name name);
  void forget_ends(Port& port);     ///< who is told of its senders' end
  void tell_nobody_at(Port& port);  ///< which is elsewhere now: whoever was to be told there is not
  void forget_watch(Entry& entry);
  void check_no_senders(Port& port);
  void tell(const std::shared_ptr<SendLine>& once, Notice notice);
  /// The port that a send-once right is to, where that is of this space. Errors: unsupported.
  Result<std::shared_ptr<Port>> port_told_by(Name once);
  /// What a send-once right is made of; the name stands for nothing after it.
  std::shared_ptr<SendLine> take_once(Name once) { return table_.take(once).line; }
  Result<Source> source_of(Name name);
  Result<std::optional<Taken>> take_found(Port& port, std::size_t data_size_max);
  Result<std::optional<Taken>> take_at_member(std::uint64_t number, std::size_t data_size_max);
  /// One more reference to a send right that has a name here: to a port of this space, or given by the same before.
  Name known_send(const PortId& id, std::uint64_t giver);
  /// Who pays for what a sender has this space hold.
  quota::Account account_of(const os::Credentials& sender);

  std::mutex mutex_;
  quota::Ledger ledger_;
  Table table_;
  std::map<PortId, Name> own_;                              ///< ports
  std::map<std::pair<PortId, std::uint64_t>, Name> given_;  ///< send rights, by the line that they came by
  std::uint64_t last_number_ = 0;
  std::vector<std::byte> room_;  // what is received lies here for a moment
};

}  // namespace reeve::port
