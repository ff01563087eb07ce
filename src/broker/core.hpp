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
//
// Whoever has the broker hold something pays for it: a process for its connection, for its names, for what it asked
// and was not told, and for the ends that wait for its sake.
//
//   core.cc       events, peers, what is asked
//   names.cc      who has a name; look-ups and what becomes of their ends
//   proving.cc    who a program is, and who has connected
//   launching.cc  when a job runs: starts, ends, throttling
//   recovery.cc   what is kept, and how the next broker goes on with it
//   telling.cc    list and print, in words
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "../quota/quota.hpp"
#include "events.hpp"

namespace reeve::broker {

class Core {
 public:
  /// `has`: what there is to be charged, in descriptors and bytes. `groups_folder`: of what app groups share.
  /// `lacking`: layers that no sandbox has on this machine, in bits as contract::kLayerNames counts them.
  explicit Core(const quota::Amount& has, std::string groups_folder = {}, std::uint32_t lacking = 0);

  Orders apply(const Event& event);

  /// When a Tick is wanted, if at all.
  std::optional<os::Time> wake_at() const;

  /// No client and no job: an embedded broker may leave.
  bool is_idle() const;
  /// It has looked names up, and holds nothing here: to end its connection costs it another, at its next look-up.
  bool is_passing_by(PeerId id) const;

  /// What all peers are charged now.
  quota::Amount charged() const { return ledger_.used(); }

 private:
  /// `dying`: it gave up its control channel, or was told to stop.
  enum class State { idle, starting, confirming, running, retiring, dying };
  /// A service's end, and who is at the other.
  struct End {
    EndId id;
    std::string name;
    Client client;
    bool is_kept = false;
    policy::Requirement required;  ///< of whoever serves it
    quota::Charge charge;
  };
  using Ends = std::deque<End>;
  /// What one instance was denied by its preset.
  struct Denials {
    InstanceId of;
    std::vector<std::string> what;
  };
  /// A call that one instance made, and that ends it.
  struct LastCall {
    InstanceId of;
    std::string what;
  };
  struct JobState {
    std::uint64_t number = 0;  ///< under which it is kept
    std::string label;         ///< the job's, or for one of many instances that and the process it is for
    Job job;
    Job active;  ///< as the present instance was started; its file may have changed since
    State state = State::idle;
    InstanceId instance;
    PeerId service;  ///< the instance's control channel
    std::optional<std::int32_t> pid;
    os::Time started{};
    std::optional<os::Time> ends_by;  ///< killed then, unless it has checked in, or ended, by itself
    std::deque<os::Time> recent_starts;
    std::deque<os::Time> recent_crashes;
    Ends waiting;                        ///< for an instance to check in
    Ends on_the_way;                     ///< handed over, and not yet taken
    std::optional<std::uint64_t> taken;  ///< the last end that this instance took; unknown to a new broker at first
    bool took_any = false;
    bool is_launched = false;
    bool is_stopping = false;  ///< it was told to
    bool was_killed = false;
    int fruitless_starts = 0;  ///< in a row, each ended before it took an end
    std::uint64_t starts = 0;
    std::int32_t spawner = 0;  ///< which was asked to launch it
    RequestId check_in = 0;
    Endpoint endpoint;                                   ///< leads to this instance once it has checked in
    Image image;                                         ///< its program, as it was told of last
    contract::Identity identity;                         ///< of the instance
    policy::Requirement signed_callers;                  ///< what its signature asks of them
    std::map<std::string, policy::Requirement> callers;  ///< what the instance asks of them, by name
    std::optional<os::ExitStatus> last_exit;
    InstanceId exited;  ///< whose exit that was
    Denials denials;
    LastCall last_call;
    bool is_loaded = false;    ///< by a request, not from a folder
    bool is_unloaded = false;  ///< by a request, although its file is there
    bool removed = false;      ///< its file is gone; forgotten once it has stopped
    bool is_new = true;        ///< RunAtLoad and the like have not been looked at
    bool is_wanted = false;    ///< to be started for another reason than a client or KeepAlive
    bool was_demanded = false;
    std::optional<os::Time> next_interval;
    std::int64_t calendar_minute = 0;  ///< up to which dates have been looked at
    std::optional<os::Time> retry_at;  ///< when throttling ends, for one that is to run
  };
  struct PeerState {
    std::int32_t pid = 0;
    std::uint32_t uid = 65534;
    std::uint64_t process = 0;
    InstanceId instance;  ///< set for the control channel of a job
    quota::Charge charge;
    bool is_kept = false;
    Ends on_the_way;  ///< for names that it has registered
    std::optional<std::uint64_t> taken{0};
    // Of one that is no job:
    bool has_looked_up = false;
    bool has_offered = false;
    contract::Identity identity;
    std::string manifest;              ///< what it is verified by
    Endpoint nonce;                    ///< that it has still to say; zero where it was given none
    contract::ProgramVersion version;  ///< of its program, before it was given that
    std::string shown;                 ///< ... and that program's manifest
  };
  struct Waiting {
    PeerId peer;
    RequestId request = 0;
    contract::Request what;
    std::uint64_t scan = 0;  ///< the first that began after it came
    os::Time until{};        ///< of who waits for a name
    quota::Charge charge;
  };
  struct Registered {
    PeerId peer;
    policy::Requirement callers;  ///< what is asked of them
    quota::Charge charge;
  };
  /// A question to the spawner, and who waits for it.
  struct Identification {
    PeerId peer;
    RequestId request = 0;
    std::int32_t pid = 0;  ///< of the process that is meant; 0 for the peer itself
    Endpoint fresh;
    bool is_second = false;  ///< look, after it has said the nonce
  };
  using NameKey = std::pair<std::int32_t, std::string>;  // the pid of a process's own name, or 0
  static NameKey key_of(const contract::LookUp& what) { return {what.pid, what.name}; }

  // core.cc
  void on(const Tick& event);
  void on(const PeerCame& event);
  void on(const PeerAsked& event);
  void on(const PeerLeft& event);
  void on(const FoldersChanged& event);
  void on(const Scanned& event);
  void asked(PeerId peer, RequestId request, const contract::List& what);
  void asked(PeerId peer, RequestId request, const contract::Load& what);
  void asked(PeerId peer, RequestId request, const contract::Unload& what);
  void asked(PeerId peer, RequestId request, const contract::Start& what);
  void asked(PeerId peer, RequestId request, const contract::Stop& what);
  void asked(PeerId peer, RequestId request, const contract::KillJob& what);
  void asked(PeerId peer, RequestId request, const contract::Print& what);
  void asked(PeerId peer, RequestId request, const contract::Replace& what);
  void act(PeerId peer, RequestId request, const contract::Unload& what, JobState& job);
  void act(PeerId peer, RequestId request, const contract::Start& what, JobState& job);
  void act(PeerId peer, RequestId request, const contract::Stop& what, JobState& job);
  void act(PeerId peer, RequestId request, const contract::KillJob& what, JobState& job);
  void act(PeerId peer, RequestId request, const contract::Print& what, JobState& job);
  template <class What>
  void manage(PeerId peer, RequestId request, const What& what);
  template <class What>
  Result<JobState*> job_meant(PeerId peer, const What& what);
  void scan();
  void report(std::string problem);
  Result<Waiting> hold(PeerId peer, RequestId request, contract::Request what);
  void wait_for_scan(PeerId peer, RequestId request, contract::Request what);
  bool finish(Waiting& waiting);
  Result<void> may_manage(PeerId peer);
  Result<JobState*> job_to_manage(PeerId peer, const std::string& label);
  void answer(PeerId peer, RequestId request, Result<Dictionary> what);
  void answer_true(PeerId peer, RequestId request);
  Result<quota::Charge> charge(const PeerState& peer, const quota::Amount& amount);
  std::uint64_t next_number() { return next_++; }
  PeerState control_peer(InstanceId instance) const {
    PeerState peer;
    peer.uid = user_;
    peer.instance = instance;
    return peer;
  }

  // names.cc
  void on(const GrantFailed& event);
  void asked(PeerId peer, RequestId request, const contract::LookUp& what);
  void asked(PeerId peer, RequestId request, const contract::Redeem& what);
  void asked(PeerId peer, RequestId request, const contract::Register& what);
  void asked(PeerId peer, RequestId request, const contract::Unregister& what);
  void asked(PeerId peer, RequestId request, const contract::Status& what);
  void asked(PeerId peer, RequestId request, const contract::Taken& what);
  bool look_up(PeerId peer, RequestId request, const contract::LookUp& what);
  bool is_for(const policy::Caller& who, const std::string& name, const Registered& registered);
  void name_came(const NameKey& key);
  void names_came();
  void forget_questions_of(PeerId peer);
  std::string in_words(const PeerState& peer);
  struct Wanted {
    std::string name;
    policy::Requirement required;
    InstanceId only;
  };
  void grant_registered(PeerId peer, RequestId request, Wanted wanted, PeerId owner);
  void grant(PeerId peer, RequestId request, JobState& job, Wanted wanted);
  Result<End> make_end(PeerId peer, const policy::Requirement& required, const Ends& waiting, const Ends& on_the_way,
                       const std::string& for_whom);
  Result<void> may_register(const PeerState& peer, const std::string& name);
  std::optional<Error> mismatch(const End& end, PeerId service);
  void take(Ends& on_the_way, std::uint64_t last, JobState* job);
  void hand_over_waiting(JobState& job);
  void hand_over(Ends& from, Ends& to, PeerId service, const Job& job, const JobState* kept_for);
  void refuse(Ends& ends, const Error& reason);
  void take_back(JobState& job);
  void forget_end(const End& end);
  JobState* job_to_wait_for(const std::string& label);
  void release_names(PeerId peer);
  JobState* caller_of(const PeerState& peer);
  policy::Caller caller(const PeerState& peer);
  Client client_of(const PeerState& peer);
  JobState* job_offering(const std::string& name);

  // proving.cc
  void on(const ImageIs& event);
  void on(const Identified& event);
  void asked(PeerId peer, RequestId request, const contract::Prove& what, const Endpoint& fresh);
  void asked(PeerId peer, RequestId request, const contract::Identify& what);
  void asked(PeerId peer, RequestId request, const contract::Join& what);
  void identify(Identification what);
  void tell_proof(const Identification& asked, const Identified& found);
  void tell_identity(const Identification& asked, const Identified& found);
  void challenge(PeerState& peer, const Identification& asked, const Identified& found);
  Result<contract::Identity> verified_by(const std::string& manifest);
  std::vector<std::string> lacking_in(const Job& job) const;
  Result<void> judge(JobState& job);
  Result<void> judge_signature(JobState& job);
  void judge_all();
  void take_trust(const policy::Trust& trust);

  // launching.cc
  void on(const Launched& event);
  void on(const LaunchFailed& event);
  void on(const Confirmed& event);
  void on(const Denied& event);
  void on(const Exited& event);
  void on(const SpawnerCame& event);
  void on(const PathIs& event);
  void asked(PeerId peer, RequestId request, const contract::Retire& what);
  void check_in(PeerId peer, RequestId request, const contract::CheckIn& what, const Endpoint& fresh);
  void admit(JobState& job);
  void consider(JobState& job);
  void consider_all();
  void begin(JobState& job);
  void want(JobState& job);
  void start(JobState& job);
  void launch(JobState& job, Launch::Control control);
  void stop(JobState& job);
  void tick(JobState& job);
  void overdue(JobState& job);
  bool is_kept_alive(const JobState& job) const;
  std::vector<std::string> reasons_to_run(const JobState& job) const;
  bool may_start(const JobState& job) const;
  std::optional<Error> throttled(JobState& job) const;
  Error cannot_start(const JobState& job) const;
  void checked_in(JobState& job);
  void answer_check_in(const JobState& job);
  void ended(JobState& job);
  void forget(const std::string& label);
  void give_up(JobState& job);
  void merge(Job found, std::vector<std::string>& problems);
  void take_names(JobState& job, std::vector<std::string>& problems);
  void watch_paths();
  std::uint32_t bits_of(const std::string& path) const;
  JobState* job_of(InstanceId instance);
  static bool is_enabled(const JobState& job);
  JobState& instance_for(JobState& job, const PeerState& client);
  static bool is_one_of_many(const JobState& job) { return job.label != job.job.label; }
  void forget_if_idle(const std::string& label);
  void follow(JobState& instance);

  // recovery.cc
  void on(const Recovered& event);
  void recover(std::uint64_t number, const KeptJob& kept);
  void recover(std::uint64_t number, const KeptService& kept);
  void recover(std::uint64_t number, const KeptEnd& kept);
  void recover(std::uint64_t number, const KeptPeer& kept);
  void recover(std::uint64_t number, const KeptTrust& kept);
  void keep(JobState& job);
  void keep_service(const JobState& job);
  void keep_peer(PeerId id);
  KeptService to_keep(const JobState& job) const;
  KeptEnd to_keep(const End& end, const std::string& label) const;

  // telling.cc
  contract::Listing listing();
  contract::JobStatus status_of(const JobState& job) const;
  contract::JobDetails details_of(const JobState& job) const;
  static const std::string* ended_by(const JobState& job);
  std::optional<std::string> how_it_ended(const JobState& job) const;
  std::string state_of(const JobState& job) const;

  os::Time now_{};
  std::int64_t local_s_ = 0;
  Orders orders_;
  quota::Ledger ledger_;                      // outlives what is charged to it
  std::map<std::string, JobState> jobs_;      ///< by label
  std::map<std::string, std::string> names_;  ///< that jobs declare → label
  std::map<NameKey, Registered> registered_;
  std::map<PeerId, PeerState> peers_;
  std::map<std::uint64_t, InstanceId> services_;  ///< by the kernel's number of their processes
  std::vector<Waiting> waiting_for_scan_;
  std::multimap<NameKey, Waiting> waiting_for_name_;  ///< look-ups of what is not there yet
  std::map<std::uint64_t, Identification> identifications_;
  policy::Trust trust_;
  std::map<std::string, contract::Identity> verified_;  // by manifest, as trust_ has it; some of them
  bool has_trust_ = false;                              ///< it has been read, by this broker or the one before
  bool has_judged_ = false;                             ///< all that runs, since this broker has read the folders
  std::uint64_t trust_number_ = 0;                      ///< under which it is kept
  std::vector<std::pair<std::string, End>> homeless_;   ///< kept for a job whose file is not read again yet
  bool scanning_ = false;
  std::uint64_t scans_ = 0;  ///< that have begun
  bool scan_again_ = false;  ///< something changed while the files were being read
  std::vector<std::string> problems_;
  std::vector<std::string> watched_;
  std::vector<std::uint32_t> path_bits_;
  std::uint32_t watch_ = 0;
  std::int32_t spawner_ = 0;  ///< how many there were
  std::uint64_t next_ = first_number(1);
  std::uint64_t broker_ = 0;  ///< how many there were, with this one
  std::uint32_t user_ = 0;
  std::uint32_t lacking_ = 0;
  std::string groups_folder_;
};

// What holding something costs beside descriptors, about: table entries and texts.
inline constexpr quota::Amount kPeerCost{.bytes = 1024, .descriptors = 1, .objects = 0};
inline constexpr quota::Amount kEndCost{.bytes = 1024, .descriptors = 1, .objects = 0};
inline constexpr quota::Amount kRequestCost{.bytes = 512, .descriptors = 0, .objects = 0};
inline constexpr std::size_t kRequirementCostFactor = 32;  // of what is parsed, to its text
inline constexpr quota::Amount kNameCost{.bytes = 512, .descriptors = 0, .objects = 0};

Error unknown_service(const std::string& name);
Error asks_too_much();
bool is_confined(const Job& job);
bool sees_containers(const Job& job);
/// How the job offers that name; nothing where it does not.
const OfferedName* offered(const Job& job, const std::string& name);

template <class T>
Dictionary typed_reply(T value) {
  return object::value_message(object::to_object(std::move(value)));
}

}  // namespace reeve::broker
