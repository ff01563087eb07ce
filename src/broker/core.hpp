// The broker's mind: names, jobs and who waits for what. A pure state machine: events in, orders out.
//
// Owns:    the job table, the name table, and what each peer has asked and not been told. Of that, whatever must
//          outlive this broker is kept with the supervisor before it is acted upon.
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
#include "kept.hpp"

namespace reeve::broker {

using PeerId = Id<struct PeerTag>;          ///< a client, or a job's instance on its control channel
using InstanceId = Id<struct InstanceTag>;  ///< one start of one job
using EndId = Id<struct EndTag>;            ///< a service's end that waits here
using RequestId = std::uint64_t;            ///< as the peer numbered it

/// The peer at the other end of an instance's control channel. Clients have lower numbers.
constexpr PeerId control_of(InstanceId instance) { return PeerId{instance.value | 1ULL << 63}; }
/// The first number that the n-th broker of a session gives out: none is ever used twice.
constexpr std::uint64_t first_number(std::uint64_t broker) { return broker << 36 | 1; }

// Events.
struct PeerCame {
  PeerId peer;
  std::int32_t pid = 0;
  std::uint32_t uid = 65534;
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
  std::uint64_t process = 0;  ///< its number in the kernel
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
/// The first event of all: what the broker before this one kept.
struct Recovered {
  std::uint64_t broker = 1;  ///< how many there were, with this one
  std::uint32_t user = 0;    ///< whose session it is
  std::vector<std::pair<std::uint64_t, Kept>> kept;
};
/// There is a spawner, which knows nothing of what the one before it was asked.
struct SpawnerCame {};
/// The time that wake_at named has come.
struct Tick {};
using EventKind =
    std::variant<Tick, Recovered, SpawnerCame, PeerCame, PeerAsked, PeerLeft, GrantFailed, Scanned, Launched,
                 LaunchFailed, Confirmed, Exited>;
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
/// Mint a channel: answer the peer with one end, hold the other.
struct Grant {
  PeerId peer;
  RequestId request = 0;
  std::string label;
  EndId end;
  std::optional<KeptEnd> keep;  ///< with the supervisor, before the peer is answered
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
  KeptService keep;  ///< with the supervisor, before the spawner is asked
};
/// Keep this with the supervisor under that number, and the descriptors that go with it.
struct Keep {
  std::uint64_t number = 0;
  Kept what;
};
struct Forget {
  std::uint64_t number = 0;
};
struct Kill {
  InstanceId instance;
  int signal = 0;  ///< 0: whatever ends it
};
struct Confirm {
  InstanceId instance;
};
struct Scan {};
struct Drop {
  PeerId peer;
  Error reason;
};
using Order = std::variant<Answer, Grant, HandOver, Release, Refuse, Launch, Keep, Forget, Kill, Confirm, Scan, Drop>;
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
  /// A service's end, and who is at the other.
  struct End {
    EndId id;
    Client client;
    bool is_kept = false;
  };
  struct JobState {
    std::uint64_t number = 0;  ///< under which it is kept
    Job job;
    Job active;  ///< as the present instance was started; its file may have changed since
    State state = State::idle;
    InstanceId instance;
    PeerId service;  ///< the instance's control channel
    std::optional<std::int32_t> pid;
    os::Time started{};
    std::optional<os::Time> ends_by;  ///< killed then, unless it has checked in, or ended, by itself
    std::deque<os::Time> recent_starts;
    std::deque<End> waiting;              ///< for an instance to check in
    std::deque<End> on_the_way;           ///< handed over, and not yet taken
    std::optional<std::uint64_t> taken;   ///< the last end that this instance took; unknown to a new broker at first
    bool took_any = false;
    bool is_launched = false;
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
  void on(const Recovered& event);
  void on(const SpawnerCame& event);
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
  void recover(std::uint64_t number, const KeptJob& kept);
  void recover(std::uint64_t number, const KeptService& kept);
  void recover(std::uint64_t number, const KeptEnd& kept);
  void scan();
  void keep(JobState& job);
  void keep_service(const JobState& job);
  KeptService to_keep(const JobState& job) const;
  KeptEnd to_keep(const JobState& job, const End& end) const;
  void forget_end(const End& end);
  void take_back(JobState& job);
  void start_if_wanted(JobState& job);
  void hand_over_waiting(JobState& job);
  void refuse_waiting(JobState& job, const Error& reason);
  void checked_in(JobState& job);
  void answer_check_in(const JobState& job);
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
  std::uint64_t next_ = first_number(1);
  std::uint32_t user_ = 0;
};

}  // namespace reeve::broker
