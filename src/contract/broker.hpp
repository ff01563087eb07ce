// What the broker and its clients say to each other. Requests are typed calls; decoding one is a pure function.
//
// Trust: the broker decodes what strangers sent; a client decodes what its broker sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "../object/call.hpp"
#include "../object/typed.hpp"

namespace reeve::contract {

// Requests, by method name.

/// look_up(name) → Found. The service is started if it does not run.
struct LookUp {
  std::string name;
};
/// list() → Listing.
struct List {};
/// check_in() → CheckedIn. For a job the broker started: hand me the ends for my names from now on.
struct CheckIn {};
/// retire(last) → bool. The service has nobody connected; `last` is the last end that it has taken, 0 for none. May it
/// stop?
struct Retire {
  std::uint64_t last = 0;
};

/// redeem(endpoint) → Found. A fresh channel to the one instance that the endpoint leads to.
struct Redeem {
  Endpoint endpoint;
};

/// Wants no answer. The service has taken all ends up to the one with the number `last`, and will answer at them: those
/// that it has not taken when it dies go to the next instance, with all that is queued in them. Said again to each new
/// broker.
struct Taken {
  std::uint64_t last = 0;
};
BOOST_DESCRIBE_STRUCT(Taken, (), (last))

using Request = std::variant<LookUp, List, CheckIn, Retire, Redeem, Taken>;

Dictionary encode(const LookUp& request);
Dictionary encode(const List& request);
Dictionary encode(const CheckIn& request);
Dictionary encode(const Retire& request);
Dictionary encode(const Redeem& request);
Dictionary encode(const Taken& message);

/// Errors: unknown-method; wrong-type with the argument's path; bad-job for a name that is none.
Result<Request> decode_request(const Dictionary& message);
/// Errors: wrong-type.
Result<Taken> decode_taken(const Dictionary& message);

// Answers.

/// The client's end of a channel to the service, and the job behind the name.
struct Found {
  std::string label;
  object::ChannelEnd end;
};
BOOST_DESCRIBE_STRUCT(Found, (), (label, end))

struct CheckedIn {
  std::string label;
  std::vector<std::string> names;
  std::uint64_t idle_seconds = 0;  ///< stop after so long with nobody connected; 0 is never
  Endpoint endpoint;               ///< leads to this instance, for as long as it runs
};
BOOST_DESCRIBE_STRUCT(CheckedIn, (), (label, names, idle_seconds, endpoint))

struct JobStatus {
  std::string label;
  std::string state;  ///< idle, starting, running, stopping
  std::optional<std::int32_t> pid;
  std::vector<std::string> names;
  std::optional<std::uint64_t> uptime_s;
  std::optional<std::string> last_exit;  ///< in words: "exited with 0", "killed by SIGKILL"
};
BOOST_DESCRIBE_STRUCT(JobStatus, (), (label, state, pid, names, uptime_s, last_exit))

struct Listing {
  std::vector<JobStatus> jobs;
  std::vector<std::string> problems;  ///< job files that were refused, and why; labels that stand twice
};
BOOST_DESCRIBE_STRUCT(Listing, (), (jobs, problems))

/// Not asked for: the service's end of a client's channel, with what the broker knows of the client.
struct Handover {
  std::uint64_t number = 0;  ///< of the end; each is handed over once, in ascending order
  object::ChannelEnd end;
  std::uint32_t uid = 65534;
  std::int32_t pid = 0;  ///< as the service counts: 0 where its pid namespace does not show the client
  std::uint64_t process =
      0;               ///< the client's number in the kernel, the same in all namespaces; 0 where that is not known
  bool bound = false;  ///< the broker started the client itself
  std::string label;   ///< the client's job; empty where it is none
};
BOOST_DESCRIBE_STRUCT(Handover, (), (number, end, uid, pid, process, bound, label))

/// The value of a typed reply as a T. Errors: wrong-type.
template <class T>
Result<T> decode_reply(const Dictionary& message) {
  return object::from_object<T>(*REEVE_TRY(object::parse_value(message)));
}

}  // namespace reeve::contract
