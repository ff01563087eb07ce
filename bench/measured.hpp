// The service that calls are measured with: `bench_service LABEL [asleep]` serves LABEL.typed, and LABEL.echo, which
// answers any message with itself. It counts how often it asks for memory.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <reeve/reeve.hpp>

namespace bench {

struct Measured {
  virtual reeve::Result<std::uint64_t> add(std::uint64_t one, std::uint64_t other) = 0;
  /// Of memory, since it began.
  virtual reeve::Result<std::uint64_t> allocations() = 0;
  /// Of the first byte of each page.
  virtual reeve::Result<std::uint64_t> sum(reeve::Buffer buffer) = 0;

 protected:
  ~Measured() = default;
};
BOOST_DESCRIBE_STRUCT(Measured, (), (add, allocations, sum))

}  // namespace bench
