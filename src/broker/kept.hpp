// What a broker keeps with the supervisor, for the one that follows it.
//
// Trust:   it was written by a broker, which strangers may have taken over: decoded as strictly as anything else.
// Errors:  bad-body, wrong-type.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../contract/identity.hpp"
#include "../object/typed.hpp"
#include "../policy/trust.hpp"
#include "../vocab/result.hpp"

namespace reeve::broker {

/// A service's instance, from before it is launched until it has ended. Its control channel is kept with it, and until
/// it runs the service's end of that too.
struct KeptService {
  std::string label;
  std::string file;  ///< the job file as it was when this was started
  std::string text;
  std::int64_t started_ns = 0;
  std::int32_t spawner = 0;    ///< the number of the one that was asked to launch it
  std::uint64_t check_in = 0;  ///< the request's number, once it has asked
  bool is_running = false;     ///< checked in
  bool is_retiring = false;
  bool is_stopping = false;
  Data endpoint;
  Data image;  ///< its program's ImageId, and the manifest in the signature
  Data manifest;
  std::map<std::string, std::string> callers;  ///< what it asks of them, by name
};
BOOST_DESCRIBE_STRUCT(KeptService, (),
                      (label, file, text, started_ns, spawner, check_in, is_running, is_retiring, is_stopping, endpoint,
                       image, manifest, callers))

/// A service's end that waits for an instance, or is on its way to one.
struct KeptEnd {
  std::string label;
  std::string name;             ///< that was looked up
  std::uint64_t handed_to = 0;  ///< the instance; 0 for one that waits
  std::uint64_t only = 0;       ///< the instance whose endpoint led here
  std::uint32_t uid = 65534;
  std::int32_t pid = 0;
  std::uint64_t process = 0;
  contract::Identity client;
  std::string required;  ///< of whoever serves it
};
BOOST_DESCRIBE_STRUCT(KeptEnd, (), (label, name, handed_to, only, uid, pid, process, client, required))

/// What is remembered of a job between two of its instances.
struct KeptJob {
  std::string label;
  std::string file;
  std::string text;
  std::vector<std::int64_t> recent_starts_ns;
  std::int64_t next_interval_ns = 0;
  std::int32_t fruitless_starts = 0;
  std::uint64_t starts = 0;
  bool was_demanded = false;
  bool is_loaded = false;
  bool is_unloaded = false;
  bool exited = false;
  bool by_signal = false;
  std::int32_t exit_value = 0;
};
BOOST_DESCRIBE_STRUCT(KeptJob, (),
                      (label, file, text, recent_starts_ns, next_interval_ns, fruitless_starts, starts, was_demanded,
                       is_loaded, is_unloaded, exited, by_signal, exit_value))

/// Somebody who has registered names, and that connection.
struct KeptName {
  std::int32_t pid = 0;  ///< for a process's own name
  std::string name;
  std::string callers{};  ///< what is asked of them
};
BOOST_DESCRIBE_STRUCT(KeptName, (), (pid, name, callers))
struct KeptPeer {
  std::int32_t pid = 0;
  std::uint32_t uid = 65534;
  std::uint64_t process = 0;
  std::vector<KeptName> names;
  Data manifest{};  ///< of its program, where that is verified
};
BOOST_DESCRIBE_STRUCT(KeptPeer, (), (pid, uid, process, names, manifest))

/// What the trust folders said last.
struct KeptTrust {
  policy::Trust trust;
};
BOOST_DESCRIBE_STRUCT(KeptTrust, (), (trust))

using Kept = std::variant<KeptService, KeptEnd, KeptJob, KeptPeer, KeptTrust>;

std::string encode_kept(const Kept& kept);
Result<Kept> decode_kept(std::string_view bytes);

}  // namespace reeve::broker
