// The broker's body: turns what the kernel brings into events for the Core, and the Core's orders into packets.
//
// Owns:    a channel for each peer, the ends that wait, the lines to supervisor and spawner.
// Threads: one.
// Trust:   clients are strangers; no descriptor of theirs ever enters. Supervisor and spawner are trusted.
// Errors:  cost the peer that caused them its channel; none ends the broker but the loss of its supervisor.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../channel/channel.hpp"
#include "../connection/message.hpp"
#include "../contract/spawner.hpp"
#include "../contract/supervisor.hpp"
#include "../line/line.hpp"
#include "../os/loop.hpp"
#include "core.hpp"
#include "reading.hpp"

namespace reeve::broker {

struct DaemonOptions {
  std::vector<std::string> environment;  ///< what every job has in its environment, as NAME=value
  std::string groups_folder;             ///< of what app groups share
  std::uint32_t lacking = 0;             ///< layers that no sandbox has here, as contract::kLayerNames counts them
  bool leaves_when_idle = false;         ///< for one that a client started
  bool is_for_everybody = false;         ///< the machine's: users may look names up, and its owner and root manage it
};

class Daemon {
 public:
  Daemon(os::Loop& loop, os::Fd supervisor, DaemonOptions options);

  /// Takes over what the broker before kept, and serves from here on.
  Result<void> begin();
  /// False when the broker should leave.
  bool goes_on() const { return !over_; }

 private:
  struct Connected {
    explicit Connected(channel::Channel c) : channel(std::move(c)) {}
    channel::Channel channel;
    os::Loop::Watch watch;
    os::Interest interest{.readable = true};
    os::Loop::Timer retry;
    bool is_lost = false;
    std::optional<os::Time> answered;       // last, until it was found to be no client that passes by
    std::deque<connection::Parcel> outbox;  // While it holds anything, nothing more is read from this peer.
  };
  using Told = contract::WithText<contract::SupervisorEvent>;

  void apply(EventKind what);
  void answer_granted();
  void perform(Order order);
  void perform(Answer& order);
  void perform(Grant& order);
  void perform(HandOver& order);
  void perform(Release& order);
  void perform(Refuse& order);
  void perform(Launch& order);
  void perform(Keep& order);
  void perform(Forget& order);
  void perform(Kill& order);
  void perform(Confirm& order);
  void perform(Scan& order);
  void perform(Watch& order);
  void perform(Replace& order);
  void perform(Drop& order);
  void perform(Identify& order);

  void on_listener();
  void pause_listener();
  Result<void> listen_again();
  Result<void> add_peer(PeerId id, channel::Channel channel);
  void on_peer(PeerId id, os::Ready ready);
  bool read_one(PeerId id, Connected& peer, bool& more);
  bool read_request(PeerId id, channel::Delivered& packet);
  static bool refuse(Connected& peer, const Error& reason);
  void remove(PeerId id);
  void post(PeerId id, connection::Parcel parcel);
  bool flush(PeerId id, Connected& peer);
  void lose(PeerId id);
  static bool wait_for(Connected& peer, os::Interest interest);
  Result<void> try_launch(Launch& order);
  void keep(std::uint64_t number, const Kept& what);

  void take_told(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors);
  void take_kept(const Told& told, std::vector<os::Fd> descriptors);
  void connect_spawner();
  void take_event(std::span<const std::byte> bytes);
  void take_identified(const contract::WithText<contract::SpawnerEvent>& event);
  void tell_supervisor(contract::SupervisorOp op, std::uint64_t id = 0, int number = 0);
  void hear_last_words(InstanceId instance);
  void go(std::uint64_t broker);
  void consider_leaving();
  void let_quiet_ones_go();

  os::Loop& loop_;
  os::Fd listener_;
  line::Line supervisor_;
  std::unique_ptr<line::Line> spawner_;
  os::Fd next_line_;  // to the spawner of which the core has still to be told
  DaemonOptions options_;
  Core core_;
  channel::Inbox inbox_;  // outlives what is charged to its ledger
  std::map<PeerId, std::unique_ptr<Connected>> peers_;
  std::map<EndId, std::shared_ptr<const os::Fd>> ends_;
  std::map<InstanceId, os::Fd> births_;  // the service's end of a control channel, until it has it
  std::optional<Recovered> recovered_;   // while the supervisor tells what was kept
  std::deque<EventKind> told_meanwhile_;
  Reading reading_;
  std::deque<EventKind> events_;
  std::vector<std::pair<PeerId, connection::Parcel>> granted_;  // answers that wait for what they rest upon
  bool applying_ = false;
  os::Loop::Watch listener_watch_;
  os::Loop::Timer pause_;
  os::Loop::Timer idle_;
  os::Loop::Timer quiet_;
  os::Loop::Timer wake_;
  std::uint64_t next_peer_ = 1;
  std::size_t most_peers_ = 0;  // since memory was last given back
  bool over_ = false;
};

}  // namespace reeve::broker
