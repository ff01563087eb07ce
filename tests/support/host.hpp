// A service that has something of its own for each of its clients, for stories.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <reeve/reeve.hpp>
#include <string>
#include <vector>

#include "actor.hpp"

namespace reeve::test {

/// What a client may have its host call.
struct Bell {
  virtual Result<std::string> ring(std::string what) = 0;

 protected:
  ~Bell() = default;
};
BOOST_DESCRIBE_STRUCT(Bell, (), (ring))

struct Room {
  virtual void note(std::string what) = 0;
  /// What this client has noted.
  virtual Result<std::vector<std::string>> notes() = 0;
  /// The user whom the host has let in.
  virtual Result<std::uint32_t> user() = 0;
  /// How many clients have a room; how many wait for the host's last words.
  virtual Result<std::uint32_t> rooms() = 0;
  virtual Result<std::uint32_t> waiting() = 0;
  virtual Task<std::string> ring(const Caller& caller, Right bell, std::string what) = 0;
  /// Answers when the host stops, and after its client has left if need be.
  virtual Task<std::string> last_words() = 0;

 protected:
  ~Room() = default;
};
BOOST_DESCRIBE_STRUCT(Room, (), (note, notes, user, rooms, waiting, ring, last_words))

}  // namespace reeve::test
