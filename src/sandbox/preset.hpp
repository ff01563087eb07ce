// Presets: named sandboxes. Each is a table of what a process keeps; everything else is taken away.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "../os/filter.hpp"

namespace reeve::sandbox {

/// Where the dynamic loader and the libraries live, whether or not the system has merged / and /usr. Every root shows
/// them.
inline constexpr std::array<const char*, 4> kLibraryFolders{"/usr/lib", "/usr/lib64", "/lib", "/lib64"};

struct Limits {
  std::uint64_t descriptors = 0;
  std::uint64_t processes = 0;      ///< threads among them
  std::uint64_t address_space = 0;  ///< bytes
  std::uint64_t file_size = 0;      ///< bytes; also what a memfd may grow to
};

struct Preset {
  std::string_view name;
  std::uint32_t number = 0;  ///< how broker and spawner call it
  std::string_view purpose;  ///< for people, after the name
  bool confined = false;     ///< false for `none` alone: all that follows applies otherwise
  Limits limits{};
  bool internet = false;                 ///< the machine's network, to connect with; else an empty one
  bool containers = false;               ///< it keeps files in the folders of its app groups
  std::span<const char* const> reads{};  ///< what it sees beside the system's libraries, to read: files and folders
  /// Two filters: the first lets the loader load the program; the second, tighter, is loaded by the service's runtime
  /// before it reads its first packet.
  os::Filter loading{};
  os::Filter running{};
  /// In their places for a process that tells of each call that it is denied: what they say is the same.
  os::Filter loading_explained{};
  os::Filter running_explained{};

  /// Whether its root shows what stands at that absolute path. `groups_folder`: where those of app groups stand.
  bool shows(const std::string& path, const std::string& groups_folder) const;
};

/// Every preset there is, for people and for tests.
std::span<const Preset> all_presets();

const Preset* find_preset(std::string_view name);
const Preset* find_preset(std::uint32_t number);
/// Errors: invalid, with the names that there are.
Result<const Preset*> preset_named(const std::string& name);

}  // namespace reeve::sandbox
