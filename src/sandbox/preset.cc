#include "preset.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "filters.hpp"  // made at build time by generate_filters

namespace reeve::sandbox {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

// In a user's session all services are one user's, and the kernel counts the threads of those of one preset together.
constexpr std::uint64_t kThreads = 512;

// What it takes to find a server by its name, and to know that it is the one.
constexpr std::array kInternetFiles{
    "/etc/resolv.conf", "/etc/hosts",    "/etc/host.conf", "/etc/nsswitch.conf",
    "/etc/gai.conf",    "/etc/services", "/etc/ssl/certs", "/usr/share/ca-certificates"};

constexpr std::array kPresets{
    // Written out by whoever wants it.
    Preset{.name = "none", .number = 1, .purpose = "no sandbox: all that its user may do"},
    // One descriptor for each client, and no thread, process or file beside its own.
    Preset{.name = "parser",
           .number = 2,
           .purpose = "takes apart what strangers send, in one thread",
           .confined = true,
           .limits = {256, 1, 1024 * kMiB, 256 * kMiB},
           .loading = kParserLoading,
           .running = kParserRunning,
           .loading_explained = kParserLoadingExplained,
           .running_explained = kParserRunningExplained},
    Preset{.name = "compute",
           .number = 3,
           .purpose = "reckons in many threads",
           .confined = true,
           .limits = {256, kThreads, 4096 * kMiB, 256 * kMiB},
           .loading = kComputeLoading,
           .running = kComputeRunning,
           .loading_explained = kComputeLoadingExplained,
           .running_explained = kComputeRunningExplained},
    Preset{.name = "network-client",
           .number = 4,
           .purpose = "connects to TCP and UDP servers, in many threads",
           .confined = true,
           .limits = {256, kThreads, 4096 * kMiB, 256 * kMiB},
           .internet = true,
           .reads = kInternetFiles,
           .loading = kNetworkClientLoading,
           .running = kNetworkClientRunning,
           .loading_explained = kNetworkClientLoadingExplained,
           .running_explained = kNetworkClientRunningExplained},
    Preset{.name = "group-files",
           .number = 5,
           .purpose = "keeps files in the folders of its app groups, in many threads",
           .confined = true,
           .limits = {256, kThreads, 4096 * kMiB, 1024 * kMiB},
           .containers = true,
           .loading = kGroupFilesLoading,
           .running = kGroupFilesRunning,
           .loading_explained = kGroupFilesLoadingExplained,
           .running_explained = kGroupFilesRunningExplained},
};

}  // namespace

bool Preset::shows(const std::string& path, const std::string& groups_folder) const {
  const std::string plain = std::filesystem::path(path).lexically_normal();
  const auto is_below = [&](std::string_view folder) {
    return plain.starts_with(folder) && (plain.size() == folder.size() || plain[folder.size()] == '/');
  };
  return std::any_of(kLibraryFolders.begin(), kLibraryFolders.end(), is_below) ||
         std::any_of(reads.begin(), reads.end(), is_below) || (containers && is_below(groups_folder));
}

std::span<const Preset> all_presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

const Preset* find_preset(std::uint32_t number) {
  for (const Preset& preset : kPresets) {
    if (preset.number == number) return &preset;
  }
  return nullptr;
}

Result<const Preset*> preset_named(const std::string& name) {
  if (const Preset* preset = find_preset(name)) return preset;
  std::string known = "known are:";
  for (const Preset& preset : kPresets) known += " " + std::string(preset.name);
  return fail(Kind::invalid, code::kBadBody, "no preset is called \"" + name + "\"", known);
}

}  // namespace reeve::sandbox
