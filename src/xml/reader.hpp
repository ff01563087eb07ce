// The elements of an XML property list, in the order in which they stand. Parsed by expat.
//
// Trust:   texts may come from anybody. No entity is ever declared or expanded, nothing is fetched, and depth and count
//          are bounded.
// Threads: one for each reading.
// Errors:  bad-property-list, with the line.
#pragma once

#include <string>
#include <string_view>

#include "../object/text.hpp"

namespace reeve::xml {

/// What becomes of them. A key comes before its value, within a dictionary alone; what begins ends.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  virtual void begin(bool is_dictionary, int line) = 0;
  /// Errors: of one that stands twice.
  virtual Result<void> key(std::string name) = 0;
  /// A string, number, bool or data.
  virtual void value(Object plain, int line) = 0;
  /// Errors: of one that cannot be held.
  virtual Result<void> date(const object::Moment& moment, int line) = 0;
  virtual void end() = 0;
};

struct Bounds {
  std::size_t depth;   ///< containers within each other
  std::size_t values;  ///< in all
};

/// Errors: bad-property-list for what is no property list, or holds no value.
Result<void> read(std::string_view text, const Bounds& bounds, Sink& sink);

}  // namespace reeve::xml
