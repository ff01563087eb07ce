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

namespace reeve::bootstrap {

/// What to do where no broker runs.
enum class WhenAbsent { start, fail };

/// Connects to the broker of this user; the one at the other end is this user's own process, or root's.
Result<os::Fd> connect_to_broker(WhenAbsent when_absent, const os::Deadline& deadline = {});

/// A broker's client.
class Broker {
 public:
  explicit Broker(WhenAbsent when_absent = WhenAbsent::start);

  /// Errors: unknown-service; throttled.
  Result<contract::Found> look_up(const std::string& name, const os::Deadline& deadline);
  /// Errors: gone where the endpoint leads to nobody.
  Result<contract::Found> redeem(const Endpoint& endpoint, const os::Deadline& deadline);
  Result<contract::Listing> list();

 private:
  Result<Dictionary> ask(const Dictionary& request, const os::Deadline& deadline);

  connection::Connection connection_;
};

/// Makes channels to the service of that name, wherever the broker finds or starts it.
std::unique_ptr<connection::Dialer> dialer_to(std::string name);

/// Makes channels to the one instance of a service that gave out the endpoint, for as long as that runs.
std::unique_ptr<connection::Dialer> dialer_to(const Endpoint& endpoint);

/// The path of a program that came installed with the library; nothing where it is not to be found.
std::optional<std::string> installed_program(const std::string& name);

}  // namespace reeve::bootstrap
