// Processes that crowd a session: each forked, so that it is somebody of its own to broker and service, and killed with
// the object. They are to be made while the test has one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "../../src/os/fd.hpp"

namespace reeve::test {

/// As many descriptors as this process may have, and how many that are.
std::size_t raise_descriptor_limit();

/// A process that does its work, says how much it has got, and goes on until it is killed.
class Neighbour {
 public:
  /// `ready` is called with what is to be known of it; the process ends where `work` returns.
  using Ready = std::function<void(int)>;
  explicit Neighbour(const std::function<void(const Ready& ready)>& work);
  Neighbour(Neighbour&& other) noexcept;
  Neighbour& operator=(Neighbour&&) = delete;
  ~Neighbour();
  /// What it says next, waited for up to 120 seconds; -1 where it says nothing.
  int ready() const;

 private:
  pid_t pid_ = -1;
  os::Fd reader_;
};

/// One way to be a bad client: does it once, and is called again and again. Whatever becomes of it is its own fault.
struct Hostility {
  const char* name;
  void (*act)(const std::string& service);
};
const std::vector<Hostility>& hostilities();

/// Looks the service up so many times and asks something over each channel at once. Returns those that could be had.
std::vector<os::Fd> ask_over_fresh_channels(const std::string& service, int count);
/// How many of them are answered, within 60 seconds.
int count_answers(const std::vector<os::Fd>& channels);

/// So many connections that ask and never read, every second one at the broker and the others at the service. Returns
/// how many there are.
std::vector<os::Fd> stalled_readers(const std::string& service, int count);

}  // namespace reeve::test
