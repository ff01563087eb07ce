// What is measured against: a broker of this run's own, its echo services, and where processes stand.
#pragma once

#include <reeve/reeve.hpp>
#include <string>
#include <vector>

#include "row.hpp"
#include "waits.hpp"

namespace bench {

inline constexpr const char* kEcho = "org.reeve.echo";
inline constexpr const char* kStaticEcho = "org.reeve.echo.static";  ///< the same, linked statically

/// Of the measured service that waits so, its part called `part`: echo, port or typed.
std::string name_of(Waits waits, const std::string& part);

// Where the two processes may run.
struct Placement {
  const char* name;
  int ours;  // a core, or -1 for any
  int theirs;
};
/// This thread, and what it starts, from now on.
void stand_on(int core);

/// Without the throttle that killing its services a hundred times would meet.
class Broker {
 public:
  Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();
  std::string bare(std::size_t bytes) const { return folder_ + "/bare-" + std::to_string(bytes); }
  /// The process that is called so: broker, spawner or supervisor.
  int pid_of(const std::string& name) const;

 private:
  void write_job(const std::string& label, const std::string& program) const;
  void write_measured_job(Waits waits) const;
  void write_plist(const std::string& label, const std::string& program, const std::string& arguments,
                   const std::vector<std::string>& names) const;
  std::string folder_;
  int child_ = -1;
};

/// A connection to an echo service; its process is this process's wish and the broker's child.
class Echo {
 public:
  explicit Echo(const std::string& name = kEcho);
  void call(const reeve::Dictionary& message);
  void tell(const reeve::Dictionary& message);
  int pid() const { return pid_; }

 private:
  reeve::Connection connection_;
  int pid_ = 0;
};

/// The processor time of this process and another so far, in us.
double cpu_with(int server);

reeve::Dictionary message_of(std::size_t bytes);
double resident_kib(int pid);

}  // namespace bench
