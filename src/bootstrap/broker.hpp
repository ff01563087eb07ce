// The way to the broker: connecting to it, and starting one where none runs.
//
// Threads: one owner; calls block.
// Errors:  no-broker, runtime-folder; those of Connection.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "../connection/connection.hpp"
#include "../contract/broker.hpp"
#include "../os/files.hpp"

namespace reeve::bootstrap {

/// What to do where no broker runs.
enum class WhenAbsent { start, fail };

/// Whose broker: this user's, or the machine's, which is asked for what the user's does not know.
enum class Domain { user, system };

/// Whether this process's program carries a signature, good or not.
bool is_signed();

/// Connects to a broker; the one at the other end is this user's own process, or root's. Only a user's is ever started.
Result<os::Fd> connect_to_broker(WhenAbsent when_absent, const os::Deadline& deadline = {},
                                 Domain domain = Domain::user);

/// Makes connections to a broker, as connect_to_broker does, which may block for a moment.
std::unique_ptr<connection::Dialer> dialer_to_broker(WhenAbsent when_absent, Domain domain);

/// A broker's client. What it asks it asks again of the broker that follows, should one end before it has answered.
class Broker {
 public:
  explicit Broker(WhenAbsent when_absent = WhenAbsent::start, Domain domain = Domain::user);

  /// Errors: unknown-service; throttled; launch-failed.
  Result<contract::Found> look_up(const contract::LookUp& what, const os::Deadline& deadline);
  /// Errors: gone where the endpoint leads to nobody.
  Result<contract::Found> redeem(const contract::Redeem& what, const os::Deadline& deadline);

  Result<contract::Listing> list() { return ask<contract::Listing>(contract::List{}); }
  Result<contract::JobDetails> print(std::string what) { return ask<contract::JobDetails>(contract::Print{what}); }
  Result<contract::NameState> status(const std::string& name);
  /// The label of the job that a property list describes. Errors: bad-job; service-active.
  Result<std::string> load(std::string file, std::string text) {
    return ask<std::string>(contract::Load{std::move(file), std::move(text)});
  }
  /// Unload, Start, Stop, KillJob, Replace. Errors: unknown-job; not-privileged.
  Result<void> manage(const contract::Request& request);

  /// Who that process is. Errors: gone; not-privileged.
  Result<contract::Identified> identify(std::int32_t pid) { return ask<contract::Identified>(contract::Identify{pid}); }

  /// Whether the number of its connection's descriptor still is that connection's: a process may close what is not its
  /// own. True where it never connected.
  bool has_its_socket() const { return !*socket_ || (*socket_)->is_still_open(); }

  /// Any request, and its reply as it came. Of a signed program the broker finds out first who it is.
  Result<Dictionary> ask_for_reply(const contract::Request& request, const os::Deadline& deadline = {});

 private:
  template <class Reply>
  Result<Reply> ask(const contract::Request& request, const os::Deadline& deadline = {}) {
    return contract::decode_reply<Reply>(REEVE_TRY(ask_for_reply(request, deadline)));
  }

  std::shared_ptr<std::optional<os::OpenFile>> socket_;  // as it was connected last
  connection::Connection connection_;
  bool is_proven_ = false;  // to the broker that is connected
};

/// The client's end of a channel to the service of that name: asks this user's broker, and then the machine's.
/// Errors: unknown-service; throttled; launch-failed; those of a name that is none.
Result<contract::Found> find(const contract::LookUp& what, const os::Deadline& deadline);

/// Makes channels to the service of that name, wherever the broker finds or starts it.
std::unique_ptr<connection::Dialer> dialer_to(contract::LookUp what);

/// Makes channels to the one instance of a service that gave out the endpoint, for as long as that runs.
std::unique_ptr<connection::Dialer> dialer_to(contract::Redeem what);

/// What a process that connected by itself asks first, so that the broker knows who it is: `ask` asks one request, and
/// returns its reply. Returns who the broker holds it for: of a job, which needs no proof, too. Nobody where the
/// program is neither.
template <class Ask>
Result<contract::Identity> prove(const Ask& ask, bool is_job = false) {
  if (!is_job && !is_signed()) return contract::Identity();
  contract::Proof proof = REEVE_TRY(contract::decode_reply<contract::Proof>(REEVE_TRY(ask(contract::Prove{}))));
  if (proof.nonce.size() == 0) return std::move(proof.who);
  const auto second = REEVE_TRY(ask(contract::Prove{std::move(proof.nonce)}));
  return REEVE_TRY(contract::decode_reply<contract::Proof>(second)).who;
}

/// The path of a program that came installed with the library; nothing where it is not to be found.
std::optional<std::string> installed_program(const std::string& name);

}  // namespace reeve::bootstrap
