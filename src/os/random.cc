#include "random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "../vocab/result.hpp"

namespace reeve::os {

std::array<std::byte, 16> random_token() {
  std::array<std::byte, 16> token;
  // So few bytes come at once or not at all.
  ssize_t size = 0;
  do {
    size = ::getrandom(token.data(), token.size(), 0);
  } while (size < 0 && errno == EINTR);
  REEVE_INVARIANT(static_cast<std::size_t>(size) == token.size());
  return token;
}

}  // namespace reeve::os
