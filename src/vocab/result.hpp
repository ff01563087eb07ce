// Either a value or an Error. A condition is a value that the caller looks at; a fault travels up untouched.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <utility>

#include "error.hpp"

namespace reeve::vocab {

/// The outcome of everything that can fail. Look before you dereference.
template <class T>
using Result = std::expected<T, Error>;

/// The other branch of a Result. What leads here is kept apart from what is usual: that is closer together, then.
[[gnu::cold, gnu::noinline]] inline std::unexpected<Error> fail(Kind kind, std::int32_t code, std::string message,
                                                                std::string advice = {}) {
  return std::unexpected<Error>(Error{kind, code, std::move(message), std::move(advice)});
}

/// The value of a Result that has one: what REEVE_TRY ends with.
template <class T>
T take(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace reeve::vocab

/// The value of a Result, or a return of its error from the function that stands around it.
#define REEVE_TRY(expression)                                                   \
  __extension__({                                                               \
    auto reeve_outcome = (expression);                                          \
    if (!reeve_outcome) [[unlikely]]                                            \
      return std::unexpected<::reeve::Error>(std::move(reeve_outcome).error()); \
    ::reeve::vocab::take(std::move(reeve_outcome));                             \
  })

/// Proven: no peer can make it false. Always on; the fuzzers look for a peer that can.
#define REEVE_INVARIANT(condition)                                                                   \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      std::fprintf(stderr, "reeve: broken invariant: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                                  \
    }                                                                                                \
  } while (false)
