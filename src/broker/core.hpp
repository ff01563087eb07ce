// The broker's mind: names, jobs and who waits for what. A pure state machine: events in, orders out.
//
// Owns:    the job table, the name table, and what each peer has asked and not been told.
// Trust:   requests come from strangers and are decoded already; nothing here touches the kernel.
// Errors:  become answers to whoever asked. No event ends the broker.
//
// The life of an end. A look-up mints a channel: one end goes to the client at once, the other (an EndId) waits here
// until the job's instance has checked in, however often it has to be started for that, and is then handed over. An
// instance that dies leaves the ends that it has not said to have taken to the next, with all that is queued in them;
// those it has taken die with it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "../channel/peer.hpp"
#include "../contract/broker.hpp"
#include "../os/clock.hpp"
#include "../os/process.hpp"
#include "../vocab/id.hpp"
#include "job.hpp"

namespace reeve::broker {

using PeerId = Id<struct PeerTag>;          ///< a client, or a job's instance on its control channel
using InstanceId = Id<struct InstanceTag>;  ///< one start of one job
using EndId = Id<struct EndTag>;            ///< a service's end that waits here
using RequestId = std::uint64_t;            ///< as the peer numbered it

// Events.
struct PeerCame {
  PeerId peer;
  std::int32_t pid = 0;
  std::uint32_t uid = 65534;
  InstanceId instance;        ///< set for the control channel of a job
  std::uint64_t process = 0;  ///< its number in the kernel, the same in all namespaces; 0 where that is not known
};
struct PeerAsked {
  PeerId peer;
  RequestId request = 0;
  contract::Request what;
  Endpoint fresh;  ///< random, where a check-in needs one
};
struct PeerLeft {
  PeerId peer;
};
/// The channel that a Grant ordered could not be made; the peer has been told.
struct GrantFailed {
  EndId end;
};
/// Every job file there is now, and what was wrong with others.
struct Scanned {
  std::vector<Job> jobs;
  std::vector<std::string> problems;
};
struct Launched {
  InstanceId instance;
  std::int32_t pid = 0;
};
struct LaunchFailed {
  InstanceId instance;
  std::string why;
};
/// The spawner has counted the filters under which an instance runs.
struct Confirmed {
  InstanceId instance;
  int filters = 0;
};
struct Exited {
  InstanceId instance;
  os::ExitStatus status;
};
/// The time that wake_at named has come.
struct Tick {};
using EventKind =
    std::variant<Tick, PeerCame, PeerAsked, PeerLeft, GrantFailed, Scanned, Launched, LaunchFailed, Confirmed, Exited>;
struct Event {
  os::Time now{};
  EventKind what;
};

/// Who connects: what its service is told of it, and what every packet of its must bear out.
struct Client {
  Peer peer;
  channel::Record record;
  InstanceId only;  ///< where it came through an endpoint: to this instance, and to no other
};

// Orders.
struct Answer {
  PeerId peer;
  RequestId request = 0;
  Result<Dictionary> what;
};
/// Mint a channel: answer the peer with one end, keep the other.
struct Grant {
  PeerId peer;
  RequestId request = 0;
  std::string label;
  EndId end;
};
/// Give the kept end to the instance that owns the name, and keep it until it is said to be taken.
struct HandOver {
  EndId end;
  PeerId service;
  Client client;
};
/// The service answers at the end: keep it no longer.
struct Release {
  EndId end;
};
/// Tell the client why nobody will ever serve it, over the kept end, and drop that.
struct Refuse {
  EndId end;
  Error reason;
};
struct Launch {
  InstanceId instance;
  Job job;
};
struct Kill {
  InstanceId instance;
};
struct Confirm {
  InstanceId instance;
};
struct Scan {};
struct Drop {
  PeerId peer;
  Error reason;
};
using Order = std::variant<Answer, Grant, HandOver, Release, Refuse, Launch, Kill, Confirm, Scan, Drop>;
using Orders = std::vector<Order>;

class Core {
 public:
  Orders apply(const Event& event);

  /// When a Tick is wanted, if at all.
  std::optional<os::Time> wake_at() const;

  /// No client and no job: an embedded broker may leave.
  bool is_idle() const;

 private:
  /// `dying`: it gave up its control channel and is being ended.
  enum class State { idle, starting, confirming, running, retiring, dying };
  struct JobState {
    Job job;
    Job active;  ///< as the present instance was started; its file may have changed since
    State state = State::idle;
    InstanceId instance;
    PeerId service;  ///< the instance's control channel
    std::optional<std::int32_t> pid;
    os::Time started{};
    std::optional<os::Time> ends_by;  ///< killed then, unless it has checked in, or ended, by itself
    std::deque<os::Time> recent_starts;
    std::deque<std::pair<EndId, Client>> waiting;     ///< for an instance to check in
    std::deque<std::pair<EndId, Client>> on_the_way;  ///< handed over, and not yet taken
    std::uint64_t taken = 0;                          ///< by this instance
    int fruitless_starts = 0;                         ///< in a row, each ended before it took an end
    RequestId check_in = 0;
    Endpoint endpoint;  ///< leads to this instance once it has checked in
    std::optional<os::ExitStatus> last_exit;
    bool removed = false;  ///< its file is gone; forgotten once it has stopped
  };
  struct PeerState {
    std::int32_t pid = 0;
    std::uint32_t uid = 65534;
    InstanceId instance;
    std::uint64_t process = 0;
  };
  struct Waiting {
    PeerId peer;
    RequestId request = 0;
    std::string name;  ///< empty for list
  };

  void on(const Tick& event);
  void on(const PeerCame& event);
  void on(const PeerAsked& event);
  void on(const PeerLeft& event);
  void on(const GrantFailed& event);
  void on(const Scanned& event);
  void on(const Launched& event);
  void on(const LaunchFailed& event);
  void on(const Confirmed& event);
  void on(const Exited& event);

  void asked(PeerId peer, RequestId request, const contract::LookUp& what);
  void asked(PeerId peer, RequestId request, const contract::List& what);
  void check_in(PeerId peer, RequestId request, const Endpoint& fresh);
  void asked(PeerId peer, RequestId request, const contract::Retire& what);
  void asked(PeerId peer, RequestId request, const contract::Redeem& what);
  void asked(PeerId peer, RequestId request, const contract::Taken& what);

  void wait_for_scan(Waiting waiting);
  void finish(const Waiting& waiting);
  void grant(PeerId peer, RequestId request, JobState& job, InstanceId only = {});
  void start(JobState& job);
  void start_if_wanted(JobState& job);
  void hand_over_waiting(JobState& job);
  void refuse_waiting(JobState& job, const Error& reason);
  void checked_in(JobState& job);
  void ended(JobState& job);
  void forget(JobState& job);
  void give_up(JobState& job);
  void merge(const Job& found, std::vector<std::string>& problems);
  std::optional<Error> throttled(JobState& job) const;
  bool is_confined_service(const PeerState& peer);
  Client client_of(const PeerState& peer);
  contract::Listing listing() const;
  contract::JobStatus status_of(const JobState& job) const;

  JobState* job_of(InstanceId instance);
  JobState* job_offering(const std::string& name);
  void answer(PeerId peer, RequestId request, Result<Dictionary> what);

  os::Time now_{};
  Orders orders_;
  std::map<std::string, JobState> jobs_;      ///< by label
  std::map<std::string, std::string> names_;  ///< name → label
  std::map<PeerId, PeerState> peers_;
  std::vector<Waiting> waiting_for_scan_;
  bool scanning_ = false;
  std::vector<std::string> problems_;
  std::uint64_t next_instance_ = 1;
  std::uint64_t next_end_ = 1;
};

}  // namespace reeve::broker
