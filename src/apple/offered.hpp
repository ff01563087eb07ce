// The names that this process offers ports under, and those that it looks up: the broker's.
//
// Whoever looks a name up gets one end of a channel, and the process that offers it the other: a line to the port.
//
// Threads: any. What the broker hands over is taken by whoever waits for a port that has a name.
// Errors:  not-privileged; unknown-service; service-active; no-broker.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../bootstrap/broker.hpp"
#include "../bootstrap/control.hpp"
#include "../bootstrap/entrance.hpp"
#include "../port/space.hpp"

namespace reeve::apple {

class Offered {
 public:
  explicit Offered(port::Space& space) : space_(space) {}
  Offered(const Offered&) = delete;
  Offered& operator=(const Offered&) = delete;

  /// Whoever looks the name up gets a send right to that port, until its receive right is here no longer.
  Result<void> offer(const std::string& name, port::Name port);
  Result<void> withdraw(const std::string& name);

  /// The holder's end of a line to whoever offers the name.
  Result<os::Fd> look_up(const std::string& name);
  Result<contract::NameState> status(const std::string& name);

  /// Around a fork; and in the copy, which has nothing to do with any of it.
  /// @{
  bool try_hold() { return mutex_.try_lock(); }
  void let_go() { mutex_.unlock(); }
  void forsake() { is_forsaken_ = true; }
  /// @}
  /// In the copy's own: what the broker has left open was for the parent.
  void leave_line() { own_line_ = bootstrap::OwnLine::leave; }

 private:
  class Door;
  Result<void> begin();
  Result<void> begin_once();
  Result<Dictionary> ask(contract::Request request);
  void take(const contract::Handover& handover, bool has_room);
  std::vector<os::Fd> take_early(const std::string& name);
  void close(port::Name port);
  bool is_declared(const std::string& name) const;
  bool is_offered(const std::string& name);

  port::Space& space_;
  std::mutex mutex_;  // after the space's, and never held while anything is waited for but at the beginning
  std::optional<bootstrap::Control> control_;
  std::optional<bootstrap::OnlyLine> only_line_;
  std::vector<std::string> declared_;                 // by this process's job
  std::map<std::string, port::Name> ports_;           // by their names
  std::map<std::string, std::vector<os::Fd>> early_;  // ends for a name that is declared and has no port yet
  std::vector<port::Inlet::Holder> arrived_;          // that nobody has taken to their ports
  std::set<port::Name> doors_;                        // ports that have one
  bool is_forsaken_ = false;
  bootstrap::OwnLine own_line_ = bootstrap::OwnLine::take;
};

}  // namespace reeve::apple
