// What the probe offers: to try what its sandbox forbids, and to tell how that went.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

struct Attempt {
  std::string what;
  bool refused = false;
  std::string answer;  ///< "allowed", or the kernel's error: EPERM
};
BOOST_DESCRIBE_STRUCT(Attempt, (), (what, refused, answer))

struct Probe {
  /// Tries everything, on the caller's process where it takes one.
  virtual reeve::Result<std::vector<Attempt>> attempts(std::int32_t caller) = 0;

 protected:
  ~Probe() = default;
};
BOOST_DESCRIBE_STRUCT(Probe, (), (attempts))

inline constexpr const char* kProbeName = "org.example.probe";
