// Numbers that differ have types that differ.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

#include "error.hpp"

namespace reeve::vocab {

/// A number that means something only among others of its Tag. Zero is nobody.
template <class Tag>
struct Id {
  std::uint64_t value = 0;
  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace reeve::vocab

template <class Tag>
struct std::hash<reeve::vocab::Id<Tag>> {
  std::size_t operator()(const reeve::vocab::Id<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value);
  }
};
