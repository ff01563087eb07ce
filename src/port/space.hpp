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
#include "listing.hpp"
#include "rights.hpp"
#include "table.hpp"

namespace reeve::port {

/// What becomes of a right when it is carried.
enum class Use : std::uint8_t {
  move,  ///< it is given away
  copy,  ///< a send right, of which the name keeps all references
  make,  ///< a send or send-once right that is made, of the receive right of that name
};

/// Something that a message carries, by its name here.
struct Thing {
  ItemKind kind = ItemKind::none;
  Place place = Place::carried;
  Name name;                     ///< of a right
  object::Memory memory{};       ///< of memory
  ItemKind as = ItemKind::none;  ///< of none, dead and array, as in an Item
  std::uint32_t count = 0;       ///< of an array
  Use use = Use::move;           ///< of what is sent
};

/// How much may come at once: what a message takes where it goes to, at most. It is asked of messages that nobody has
/// checked yet.
struct Room {
  std::size_t size_max = SIZE_MAX;
  std::size_t (*size_of)(std::span<const Item> items, std::size_t data_size) =
      [](std::span<const Item>, std::size_t data_size) { return data_size; };
  std::size_t (*size_of_notice)(NotificationKind kind) = [](NotificationKind) { return std::size_t{0}; };
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
  os::Credentials sender;
  LineKind by = LineKind::send;  ///< the right that it was sent by
};
/// `port` of a Notice has got a name by now.
struct Told {
  NotificationKind kind = NotificationKind::send_once;
  Name name;
  std::uint32_t count = 0;
  Name destroyed;
  std::optional<os::Credentials> giver{};  ///< of one that came with its port: whose word it is
};
struct Taken {
  std::variant<Incoming, Told, TooLarge> what;
  Name port;
  std::uint32_t sequence = 0;
};

/// What a name stands for.
struct Standing {
  std::uint32_t send = 0;  ///< references
  std::uint32_t dead = 0;
  bool is_receive = false;
  bool is_once = false;
  bool is_set = false;
  bool is_told = false;       ///< somebody is to be told of its end
  bool is_told_room = false;  ///< ... and of room before that
};

/// What is known of a port where its receive right is.
struct PortStatus {
  std::uint32_t queue_limit = 0;
  std::uint32_t sequence = 0;
  std::uint32_t make_send_count = 0;
  std::size_t waiting = 0;  ///< lines and notifications that wait, of which a line may have several messages
  std::size_t send_once = 0;
  std::size_t sets = 0;  ///< that it is a member of
  bool has_senders = false;
  bool is_told_no_senders = false;
  bool is_told_destroyed = false;
  std::uint64_t context = 0;
  Guard guard;
};

/// The message that would be received next.
struct Peeked {
  std::int32_t id = 0;
  std::size_t size = 0;  ///< as a Room counts
  std::uint32_t sequence = 0;
};

/// Where a port's further holders come from, beside those whom others introduce.
class Inlet {
 public:
  Inlet() = default;
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;
  virtual ~Inlet() = default;
  /// Readable when some may have come.
  virtual const os::Fd& descriptor() const = 0;
  struct Holder {
    Name port;
    os::Fd end;  ///< the port's
  };
  /// Those who have come, to whichever port of the space. Called with the space's lock held. Errors: none come any
  /// more.
  virtual Result<std::vector<Holder>> take() = 0;
};

class Space {
 public:
  Space();
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  /// `wanted`: the name that it is to have, if not any. Errors: references where that stands for something, or lies
  /// beyond what a space has.
  Result<Name> make_port(const PortOptions& options, Name wanted = {});
  Result<Name> make_set(Name wanted = {});
  Result<Name> make_dead(Name wanted = {});
  Result<void> make_send(Name port);
  Result<Name> make_send_once(Name port, Name wanted = {});
  /// A send-once right that was made for what did not come about: nobody is told of its end.
  void unmake_once(Name once);
  Result<void> copy_send(Name name);
  /// Gives up one reference of that type, or the right itself where it has none.
  Result<void> release(Name name, RightType type);
  /// So many references more or fewer, of a send right or dead name. Errors: references; nothing changes then.
  Result<void> change(Name name, RightType type, std::int32_t by);
  /// All that the name stands for.
  Result<void> destroy(Name name);

  /// Tries until then. What is sent is given up; after an error nothing is. A send right that is sent by can be given
  /// up with it; one to a port of one's own can be made for it, of its receive right.
  Result<void> send(Name to, RightType type, const Outgoing& message, const os::Deadline& deadline,
                    Use use = Use::copy);
  Result<Taken> receive(Name from, const Room& room, const os::Deadline& deadline);

  Result<void> set_queue_limit(Name port, std::uint32_t limit);
  /// Who is told what by the send-once right `to`; nobody where there is none. Returns the one that was to be used
  /// before, or none.
  /// @{
  Result<Name> tell_no_senders(Name port, Name to, std::uint32_t make_send_count);
  Result<Name> tell_dead(Name name, Name to);
  /// Of room in a queue, or of the port's end, whichever comes first. `at_once`: without await_room.
  Result<Name> tell_possible(Name name, Name to, bool at_once);
  Result<Name> tell_destroyed(Name port, Name to);
  /// @}
  /// A message has found none: whoever asked to be told is told when there is.
  void await_room(Name name);
  Result<void> insert(Name set, Name port);
  Result<void> remove(Name set, Name port);
  /// Out of every set, and into that one where there is one.
  Result<void> move_to_set(Name port, Name set);
  Result<std::vector<Name>> members(Name set);

  std::optional<Standing> standing(Name name);
  Result<PortStatus> status(Name port);
  Result<Peeked> peek(Name port, const Room& room);
  Result<void> set_make_send_count(Name port, std::uint32_t count);
  Result<void> set_sequence(Name port, std::uint32_t next);
  Result<void> set_context(Name port, std::uint64_t context);
  /// 0 where none was set, or the name is no receive right.
  std::uint64_t context(Name port);
  /// Errors: references where it has one already.
  Result<void> guard(Name port, const Guard& guard);
  /// Errors: guarded where the value is another, or there is none.
  Result<void> unguard(Name port, std::uint64_t value);

  /// From now on the port has those for holders who come in there.
  Result<void> attend(Name port, std::shared_ptr<Inlet> inlet);
  /// One of them, who came when somebody else looked.
  void admit(Inlet::Holder holder);

  Result<os::Fd> give_out(Name send);
  Result<Name> take_in(os::Fd end);

  /// From now on the names, and what they stand for, can be read by whoever may look into this process.
  Result<void> allow_listing();

  /// Around a fork: the copy of the process finds it whole, and destroys it after the second, which tells nobody
  /// anything.
  /// @{
  void hold() { mutex_.lock(); }
  void let_go() { mutex_.unlock(); }
  /// @}
  /// In the copy: closes all that was the parent's, and no more than that, since what is closed is the parent's still.
  void abandon();

  std::vector<Name> names();
  std::uint32_t references(Name name, RightType type);

 private:
  friend class Sending;
  friend class Receiving;
  // Whoever gives it up has what was done with it shown, where that is allowed.
  class Mutex {
   public:
    explicit Mutex(Space& space) : space_(space) {}
    void lock() { mutex_.lock(); }
    void unlock() {
      if (space_.listing_) space_.show();
      mutex_.unlock();
    }

   private:
    Space& space_;
    std::mutex mutex_;
  };
  using Lock = std::unique_lock<Mutex>;
  using Source = std::variant<std::shared_ptr<Port>, std::shared_ptr<Set>>;

  // All of these are called with the lock held.
  std::uint64_t next_number() { return ++last_number_; }
  Result<Entry*> find_port(Name name);
  Result<Entry*> find_send(Name name);
  Result<Entry*> find_once(Name name);
  Result<std::shared_ptr<SendLine>> own_line(Entry& entry);
  Result<Name> add_port(std::shared_ptr<Port> port, Name wanted = {});
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
  void lose_own_line(Entry& entry, Name name);
  Result<void> watch_end(Entry& entry, Name name);
  Result<Name> ask(Name name, Name to, Entry::Room room);
  void tell_room(Name name);
  void forget_ends(Port& port);     ///< who is told of its senders' end
  void tell_nobody_at(Port& port);  ///< which is elsewhere now: whoever was to be told there is not
  void forget_watch(Entry& entry);
  void check_no_senders(Port& port);
  void tell(const std::shared_ptr<SendLine>& once, Notice notice);
  /// The port that a send-once right is to, where that is of this space. Errors: unsupported.
  Result<std::shared_ptr<Port>> port_told_by(Name once);
  /// What a send-once right is made of; the name stands for nothing after it.
  std::shared_ptr<SendLine> take_once(Name once);
  /// A name for it again; none where there is none, or no room for it.
  Name give_once(std::shared_ptr<SendLine> line);
  void take_from_inlet(Port& port);
  void add_holder(Inlet::Holder holder);
  void drop_set(Name set);
  Result<Source> source_of(Name name);
  Result<std::optional<Taken>> take_found(Port& port, const Room& room);
  Result<std::optional<Taken>> take_at_member(std::uint64_t number, const Room& room);
  /// One more reference to a send right that has a name here: to a port of this space, or given by the same before.
  Name known_send(const PortId& id, std::uint64_t giver);
  /// Who pays for what a sender has this space hold.
  quota::Account account_of(const os::Credentials& sender);
  void show();

  Mutex mutex_{*this};
  quota::Ledger ledger_;
  Table table_;
  std::map<PortId, Name> own_;                              ///< ports
  std::map<std::pair<PortId, std::uint64_t>, Name> given_;  ///< send rights, by the line that they came by
  std::uint64_t last_number_ = 0;
  std::optional<Listing> listing_;
  std::vector<std::byte> room_;  // what is received lies here for a moment
};

}  // namespace reeve::port
