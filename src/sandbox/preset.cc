#include "preset.hpp"

#include <array>

#include "filters.hpp"  // made at build time by generate_filters

namespace reeve::sandbox {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

constexpr std::array kPresets{
    // Written out by whoever wants it: the program runs with all that its user may do.
    Preset{"none", 1, false, {}, {}, {}},
    // Parses what strangers send. One descriptor for each client, and no thread, process or file beside its own.
    Preset{"parser", 2, true, {256, 1, 1024 * kMiB, 256 * kMiB}, kParserLoading, kParserRunning},
};

}  // namespace

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

}  // namespace reeve::sandbox
