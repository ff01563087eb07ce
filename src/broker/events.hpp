// What happens to a broker, and what it has done about it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "../channel/peer.hpp"
#include "../contract/broker.hpp"
#include "../os/clock.hpp"
#include "../os/process.hpp"
#include "../policy/rules.hpp"
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
/// The first of its clients. These count by themselves, and are kept beside all the rest.
constexpr PeerId first_client(std::uint64_t broker) { return PeerId{first_number(broker) | 1ULL << 62}; }

// Events.

/// The first of all: what the broker before this one kept.
struct Recovered {
  std::uint64_t broker = 1;  ///< how many there were, with this one
  std::uint32_t user = 0;    ///< whose session it is
  std::vector<std::pair<std::uint64_t, Kept>> kept;
};
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
  Endpoint fresh;  ///< random, where a check-in or a proof needs one
};
struct PeerLeft {
  PeerId peer;
};
/// The channel that a Grant ordered could not be made; the peer has been told.
struct GrantFailed {
  EndId end;
};
/// There is a spawner, which knows nothing of what the one before it was asked.
struct SpawnerCame {
  std::int32_t number = 0;  ///< how many there were, with this one
};
/// Something in the job folders is not as it was.
struct FoldersChanged {};
/// Every job file there is now, and what was wrong with others; and what the trust folders say.
struct Scanned {
  std::vector<Job> jobs;
  std::vector<std::string> problems;
  policy::Trust trust{};
};
/// A program's file, and what its signature says; no manifest where it is not signed.
struct Image {
  contract::ImageId id{};
  std::string manifest;
};
/// The program of an instance that was to be launched is another than was meant: nothing was started.
struct ImageIs {
  InstanceId instance;
  Image image;
};
/// What was found out about a process, for the Identify of that number.
struct Identified {
  std::uint64_t number = 0;
  contract::ProgramVersion version;
  Result<std::string> manifest;
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
/// A call that its preset does not allow it, in words.
struct Denied {
  InstanceId instance;
  std::string what;
  bool is_end = false;  ///< of the process
};
struct Exited {
  InstanceId instance;
  os::ExitStatus status;
};
/// How a path of the Watch with that number is.
struct PathIs {
  std::uint32_t watch = 0;
  std::size_t index = 0;
  std::uint32_t bits = 0;  ///< contract::PathBit
};
/// The time that wake_at named has come.
struct Tick {};
using EventKind = std::variant<Tick, Recovered, SpawnerCame, PeerCame, PeerAsked, PeerLeft, GrantFailed, FoldersChanged,
                               Scanned, Launched, LaunchFailed, Confirmed, Exited, PathIs, ImageIs, Identified, Denied>;
struct Event {
  os::Time now{};
  std::int64_t local_s = 0;  ///< what clocks on the wall show, as if it were UTC: seconds since 1970
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
  std::string label;  ///< of what will serve it
  contract::Identity service;
  EndId end;
  std::optional<KeptEnd> keep;  ///< with the supervisor, before the peer is answered
};
/// Give the end that is held to the one who owns the name, and hold it until it is said to be taken.
struct HandOver {
  EndId end;
  PeerId service;
  std::string name;
  Client client;
};
/// The service answers at the end: hold it no longer.
struct Release {
  EndId end;
};
/// Tell the client why nobody will ever serve it, over the end that is held, and drop that.
struct Refuse {
  EndId end;
  Error reason;
};
struct Launch {
  /// Whether the spawner that is asked may have been asked before: then the instance may have its end already.
  enum class Control { fresh, kept };
  InstanceId instance;
  Job job;
  KeptService keep;  ///< with the supervisor, before the spawner is asked
  Control control = Control::fresh;
  std::vector<std::string> groups{};  ///< whose folders it sees, where its preset has it see any
  contract::ImageId image{};          ///< of its program, as it was judged; zero where nobody has seen it yet
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
  int signal = 0;  ///< contract::kStopSignal: SIGTERM, or SIGKILL where nobody would hear that
};
struct Confirm {
  InstanceId instance;
};
struct Scan {};
/// Tell how these paths are, now and whenever that changes; no others any more.
struct Watch {
  std::uint32_t number = 0;
  std::vector<std::string> paths;
};
struct Drop {
  PeerId peer;
  Error reason;
};
/// Find out who the process is that connected as this peer; or, without one, that with the pid.
struct Identify {
  std::uint64_t number = 0;
  PeerId peer;
  std::int32_t pid = 0;
};
/// Have the supervisor put what is installed now in the place of broker and spawner.
struct Replace {};
using Order = std::variant<Answer, Grant, HandOver, Release, Refuse, Launch, Keep, Forget, Kill, Confirm, Scan, Watch,
                           Drop, Replace, Identify>;
using Orders = std::vector<Order>;

}  // namespace reeve::broker
