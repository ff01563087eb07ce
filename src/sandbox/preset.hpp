// Presets: named sandboxes. Each is a table of what a process keeps; everything else is taken away.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "../os/confine.hpp"

namespace reeve::sandbox {

struct Limits {
  std::uint64_t descriptors;
  std::uint64_t processes;
  std::uint64_t address_space;  ///< bytes
  std::uint64_t file_size;      ///< bytes; also what a memfd may grow to
};

struct Preset {
  std::string_view name;
  std::uint32_t number;  ///< how broker and spawner call it
  bool confined;         ///< false for `none` alone: namespaces, root, Landlock, limits and filters all apply otherwise
  Limits limits;
  /// Two filters: the first lets the loader load the program; the second, tighter, is loaded by the service's runtime
  /// before it reads its first packet.
  std::span<const os::FilterInstruction> loading;
  std::span<const os::FilterInstruction> running;
};

/// Every preset there is, for people and for tests.
std::span<const Preset> all_presets();

const Preset* find_preset(std::string_view name);
const Preset* find_preset(std::uint32_t number);

}  // namespace reeve::sandbox
