// A message on its way out, and the queue in which it waits.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <vector>

#include "../object/pieces.hpp"
#include "../os/fd.hpp"
#include "../quota/quota.hpp"
#include "packet.hpp"

namespace reeve::channel {

/// A message ready to be sent, with how far it has been. It can be sent again from its beginning.
struct Parcel {
  std::uint64_t tag = 0;  ///< by which its owner knows it; it does not travel
  PacketKind kind = PacketKind::request;
  std::uint64_t id = 0;
  std::uint64_t reply_to = 0;
  os::Deadline deadline;
  Chain chain{};
  object::Pieces body;
  std::vector<object::Attachment> attachments;

  std::size_t sent = 0;  ///< bytes of the body that are on their way
  bool is_sent = false;

  bool is_long() const { return body.size() > kFragmentBytes; }
  void begin_again() {
    sent = 0;
    is_sent = false;
  }
};

/// A new channel: the parcel takes one of its ends to whoever receives this one, the other is the sender's to give
/// away. Errors: busy.
struct Introduction {
  Parcel parcel;
  os::Fd end;
};
Result<Introduction> make_introduction();

class Channel;

/// Parcels that wait for a channel. Long ones go in fragments, in turn with each other and with the small ones, so that
/// none delays another by more than a fragment for each long one; an introduction alone waits for all that came before
/// it, and all that came after waits for it.
///
/// Owns:    the parcels, each with the charge that pays for it.
/// Threads: one owner.
class Outbox {
 public:
  /// Takes a parcel and what pays for it.
  void push(Parcel parcel, quota::Charge charge);

  /// Sends what the channel takes now; true when nothing is left.
  /// Errors: what the parcel at hand met, which is then stuck() and the next again: busy, gone.
  Result<bool> flush(Channel& channel);

  /// The parcel that the last flush could not send, and another in its place.
  Parcel& stuck() { return *stuck_; }
  void replace_stuck(Parcel parcel);

  /// The parcel of that tag, as far as it has not been sent; null where there is none.
  const Parcel* find(std::uint64_t tag) const;
  /// Whether any waits whose tag is below that.
  bool has_below(std::uint64_t tag) const;
  /// Takes out the parcels that are not wanted, whether they were begun or not.
  void remove_if(const std::function<bool(const Parcel&)>& is_unwanted);
  /// For another channel: what was begun begins again.
  void begin_again();

  std::size_t count() const { return queue_.size() + long_.size(); }
  bool empty() const { return count() == 0; }
  /// Items of streams among them.
  std::size_t item_count() const { return item_count_; }
  /// What the items of one stream among them take of its window.
  std::int64_t item_cost_of(std::uint64_t stream) const;

 private:
  struct Waiting {
    Parcel parcel;
    quota::Charge charge;
  };
  void begin_long_ones();
  bool small_may_go() const;
  Result<void> send_next(Channel& channel, std::list<Waiting>& from);

  // Lists take no memory while they are empty, as they mostly are.
  std::list<Waiting> queue_;  // not begun
  std::list<Waiting> long_;   // begun; the first has its turn
  std::size_t item_count_ = 0;
  Parcel* stuck_ = nullptr;
};

}  // namespace reeve::channel
