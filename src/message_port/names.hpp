// A loop's line to the broker, for the names of the message ports on it.
//
// Owns:    the line. A job has one, which lasts as long as its thread; that of any other process ends with the last
//          port.
// Threads: the loop's.
// Errors:  those of bootstrap::enter, and of the broker's answers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../bootstrap/broker.hpp"
#include "../bootstrap/control.hpp"
#include "../bootstrap/entrance.hpp"

namespace reeve::message_port {

class Names {
 public:
  /// That of the loop, made where there is none yet.
  static Result<std::shared_ptr<Names>> on(const os::Loop& loop);
  explicit Names(os::Loop loop) : loop_(std::move(loop)) {}

  struct Owner {
    std::function<void(bootstrap::Arrival)> arrived;  ///< somebody has looked the name up
    std::function<void()> lost;                       ///< nobody can any more
  };
  /// `callers`: as LocalPortOptions has it. Errors: service-active; not-privileged.
  Result<void> take(const std::string& name, const std::string& callers, Owner owner);
  void give_up(const std::string& name);

 private:
  Result<void> begin();
  Result<void> find_out_who();
  void read();
  void take_in(const contract::Handover& handover, bool has_room);
  Result<void> enter_name(const std::string& name, const std::string& callers);
  std::string members_of(const std::string& name) const;
  bool is_declared(const std::string& name) const;

  os::Loop loop_;
  std::optional<bootstrap::Control> control_;
  std::optional<bootstrap::OnlyLine> only_line_;
  os::Loop::Watch watch_;
  bool is_job_ = false;
  bool has_checked_in_ = false;  // or has no need to
  contract::Identity own_;
  std::vector<std::string> declared_;                             // by this process's job
  std::map<std::string, Owner> owners_;                           // by name
  std::set<std::string> given_up_;                                // of the job's
  std::map<std::string, std::vector<bootstrap::Arrival>> early_;  // for names of the job's that are not taken yet
};

}  // namespace reeve::message_port
