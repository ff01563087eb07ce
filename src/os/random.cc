#include "random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "../vocab/result.hpp"

namespace reeve::os {

void fill_randomly(std::span<std::byte> bytes) {
  // So few bytes come at once or not at all.
  ssize_t size = 0;
  do {
    size = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (size < 0 && errno == EINTR);
  REEVE_INVARIANT(static_cast<std::size_t>(size) == bytes.size());
}

std::array<std::byte, 16> random_token() {
  std::array<std::byte, 16> token;
  fill_randomly(token);
  return token;
}

}  // namespace reeve::os
