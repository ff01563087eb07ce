// What the broker and its clients say to each other. Requests are typed calls; decoding one is a pure function.
//
// Trust: the broker decodes what strangers sent; a client decodes what its broker sent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "../object/call.hpp"
#include "../object/typed.hpp"
#include "identity.hpp"

namespace reeve::contract {
/// @cond

// Requests. Each is a typed call: its members are the arguments, in this order.

/// look_up(name, pid, required, wait_ms) → Found. The service is started if it does not run. A `pid` other than 0 looks
/// among the names that this process has registered for itself. Whoever serves must meet the requirement: one that does
/// not is given nothing of what the client has sent. Where there is no such name for it, it is answered when one comes,
/// unless `wait_ms` have passed by then; whoever asks counts the time, and the broker tells nobody that it has.
struct LookUp {
  std::string name;
  std::int32_t pid = 0;
  std::string required{};
  std::uint64_t wait_ms = 0;
};
BOOST_DESCRIBE_STRUCT(LookUp, (), (name, pid, required, wait_ms))
inline constexpr std::uint64_t kWaitMsMax = 10ULL * 24 * 60 * 60 * 1000;  // Ten days: for as long as it takes.

/// list() → Listing.
struct List {};
BOOST_DESCRIBE_STRUCT(List, (), ())

/// check_in(callers) → CheckedIn. For a job the broker started: hand me the ends for my names from now on. `callers`:
/// by name, what must be met by whoever calls it, beside what the job's file asks.
struct CheckIn {
  std::map<std::string, std::string> callers{};
};
BOOST_DESCRIBE_STRUCT(CheckIn, (), (callers))

/// retire(last) → bool. The service is idle, and has closed its channels; `last` is the last end that it has taken, 0
/// for none. May it stop?
struct Retire {
  std::uint64_t last = 0;
};
BOOST_DESCRIBE_STRUCT(Retire, (), (last))

/// redeem(endpoint, required) → Found. A fresh channel to the one instance that the endpoint leads to.
struct Redeem {
  Endpoint endpoint;
  std::string required{};
};
BOOST_DESCRIBE_STRUCT(Redeem, (), (endpoint, required))

/// Who can look a registered name up: everybody, or whoever names the process that registered it too.
BOOST_DEFINE_ENUM_CLASS(Scope, everybody, process)

/// register(name, scope, callers) → true. Hand me the ends for this name too, until I unregister it or leave. It must
/// be free, and for everybody it must lie in one of the caller's app groups. Whoever calls it must meet `callers`.
struct Register {
  std::string name;
  Scope scope = Scope::everybody;
  std::string callers{};
};
BOOST_DESCRIBE_STRUCT(Register, (), (name, scope, callers))

/// unregister(name, scope) → true.
struct Unregister {
  std::string name;
  Scope scope = Scope::everybody;
};
BOOST_DESCRIBE_STRUCT(Unregister, (), (name, scope))

/// status(name) → NameStatus.
struct Status {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Status, (), (name))

/// load(file, text) → its label. A job for as long as the session lasts, as the property list `text` that stands in
/// `file` describes it.
struct Load {
  std::string file;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(Load, (), (file, text))

/// unload(label) → true. The job is stopped, and is no longer there.
struct Unload {
  std::string label;
};
BOOST_DESCRIBE_STRUCT(Unload, (), (label))

/// start(label) → true. As if somebody had called it.
struct Start {
  std::string label;
};
BOOST_DESCRIBE_STRUCT(Start, (), (label))

/// stop(label) → true. SIGTERM, and after its ExitTimeOut SIGKILL.
struct Stop {
  std::string label;
};
BOOST_DESCRIBE_STRUCT(Stop, (), (label))

/// kill(label, signal) → true.
struct KillJob {
  std::string label;
  std::int32_t signal = 0;  ///< 1 to 64
};
BOOST_DESCRIBE_STRUCT(KillJob, (), (label, signal))

/// print(what) → JobDetails, of a label or a name.
struct Print {
  std::string what;
};
BOOST_DESCRIBE_STRUCT(Print, (), (what))

/// replace() → true. The broker and the spawner that run now end, and those that are installed now go on.
struct Replace {};
BOOST_DESCRIBE_STRUCT(Replace, (), ())

/// prove(nonce) → Proof. For who connected by itself, and runs a signed program: asked first with an empty nonce, then
/// with the one of the answer, which shows that whoever was looked at is still there to answer.
struct Prove {
  Data nonce;
};
BOOST_DESCRIBE_STRUCT(Prove, (), (nonce))

/// identify(pid) → Identified. Who that process is, for its user's eyes.
struct Identify {
  std::int32_t pid = 0;
};
BOOST_DESCRIBE_STRUCT(Identify, (), (pid))

/// join(group) → string: the folder of what the app group shares, which may not be there yet. For its members.
struct Join {
  std::string group;
};
BOOST_DESCRIBE_STRUCT(Join, (), (group))

/// Wants no answer. The service has taken all ends up to the one with the number `last`, and will answer at them: those
/// that it has not taken when it dies go to the next instance, with all that is queued in them. Said again to each new
/// broker.
struct Taken {
  std::uint64_t last = 0;
  std::uint64_t broker = 0;  ///< of the last Succession that came before; 0 where none has
};
BOOST_DESCRIBE_STRUCT(Taken, (), (last, broker))

using Request = std::variant<LookUp, List, CheckIn, Retire, Redeem, Register, Unregister, Status, Load, Unload, Start,
                             Stop, KillJob, Print, Replace, Prove, Identify, Join, Taken>;

Dictionary encode(const Request& request);

/// Errors: unknown-method; wrong-type with the argument's path; invalid for a name that is none.
Result<Request> decode_request(const Dictionary& message);
/// Errors: wrong-type.
Result<Taken> decode_taken(const Dictionary& message);

// Answers.

/// The client's end of a channel to the service, and who that is: of one that has still to be started no more than the
/// job. What must be so is required of it, instead of read from here.
struct Found {
  Identity service;
  object::ChannelEnd end;
};
BOOST_DESCRIBE_STRUCT(Found, (), (service, end))

/// What has been proven of the process that asked.
struct Proof {
  Data nonce;  ///< ask again with this; empty where it is decided
  Identity who;
  std::string why_not;  ///< verified; empty where it is
};
BOOST_DESCRIBE_STRUCT(Proof, (), (nonce, who, why_not))

struct Identified {
  Identity who;
  std::string why_not;  ///< in a higher class; empty where there is none
};
BOOST_DESCRIBE_STRUCT(Identified, (), (who, why_not))

struct CheckedIn {
  std::string label;
  std::vector<std::string> names;
  std::uint64_t idle_seconds = 0;  ///< stop after so long without a request or a transaction; 0 is never
  Endpoint endpoint;               ///< leads to this instance, for as long as it runs
};
BOOST_DESCRIBE_STRUCT(CheckedIn, (), (label, names, idle_seconds, endpoint))

struct JobStatus {
  std::string label;
  std::string state;  ///< idle, starting, running, stopping, disabled
  std::optional<std::int32_t> pid;
  std::vector<std::string> names;
  std::optional<std::uint64_t> uptime_s;
  std::optional<std::string> last_exit;  ///< in words: "killed by SIGSEGV, 3 crashes in 10 s, next start in 8 s"
};
BOOST_DESCRIBE_STRUCT(JobStatus, (), (label, state, pid, names, uptime_s, last_exit))

/// A name that a process has registered for everybody.
struct RegisteredName {
  std::string name;
  std::string owner;    ///< in words
  std::string callers;  ///< what is asked of them; empty where that is nothing
};
BOOST_DESCRIBE_STRUCT(RegisteredName, (), (name, owner, callers))

struct Listing {
  std::vector<JobStatus> jobs;
  std::vector<std::string> problems;  ///< job files that were refused, and why; labels that stand twice
  std::vector<RegisteredName> registered;
  std::string groups_folder;  ///< where the folders of app groups stand
};
BOOST_DESCRIBE_STRUCT(Listing, (), (jobs, problems, registered, groups_folder))

/// All that is known of a job.
struct JobDetails {
  std::string label;
  std::string state;
  std::string file;
  std::string program;
  std::vector<std::string> arguments;
  std::string preset;
  std::optional<std::int32_t> pid;
  std::optional<std::uint64_t> uptime_s;
  std::vector<std::string> names;       ///< that it declares
  std::vector<std::string> registered;  ///< that it has registered beside those
  std::vector<std::string> groups;
  std::string identifier;            ///< of its program, as it was last started; empty before that
  std::vector<std::string> lacking;  ///< layers of its sandbox that are not enforced
  std::uint64_t starts = 0;
  std::uint64_t waiting = 0;  ///< channels that wait for it
  std::optional<std::string> last_exit;
  std::vector<std::string> denials;        ///< calls that the last instance which told of any was denied by its preset
  std::vector<std::string> kept_alive_by;  ///< keys that would start it when it ends
  std::map<std::string, std::string> settings;  ///< what else its file says, by key, where that is not the default
};
BOOST_DESCRIBE_STRUCT(JobDetails, (),
                      (label, state, file, program, arguments, preset, pid, uptime_s, names, registered, groups,
                       identifier, lacking, starts, waiting, last_exit, denials, kept_alive_by, settings))

/// @endcond
/// What becomes of a look-up, as bootstrap_status has it.
BOOST_DEFINE_ENUM_CLASS(NameState,
                        inactive,  ///< its job may not be started at present
                        active,    ///< it is served now
                        on_demand  ///< a look-up would start it
)
/// @cond
struct NameStatus {
  NameState state = NameState::inactive;
};
BOOST_DESCRIBE_STRUCT(NameStatus, (), (state))

/// Not asked for: the service's end of a client's channel, with what the broker knows of the client.
struct Handover {
  std::uint64_t number = 0;  ///< of the end; each is handed over once, in ascending order
  std::string name;          ///< that the client looked up; empty where it came through an endpoint
  object::ChannelEnd end;
  std::uint32_t uid = 65534;
  std::int32_t pid = 0;            ///< as the service counts: 0 where its pid namespace does not show the client
  std::uint64_t process = 0;       ///< its number in the kernel, the same in all namespaces; 0 where that is not known
  std::optional<Identity> client;  ///< absent where nothing but its user is known
};
BOOST_DESCRIBE_STRUCT(Handover, (), (number, name, end, uid, pid, process, client))

/// Not asked for: to those who knew the broker before this one. What it is to know of them they say again.
struct Succession {
  std::uint64_t broker = 0;  ///< how many there were, with this one
};
BOOST_DESCRIBE_STRUCT(Succession, (), (broker))

/// What comes to a service over its control channel without having been asked for. Errors: wrong-type.
using Told = std::variant<Handover, Succession>;
Result<Told> decode_told(const Dictionary& message);

/// The value of a typed reply as a T. Errors: wrong-type.
template <class T>
Result<T> decode_reply(const Dictionary& message) {
  return object::from_object<T>(*REEVE_TRY(object::parse_value(message)));
}

/// @endcond
}  // namespace reeve::contract
