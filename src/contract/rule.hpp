// A table of requests: what may be asked, in which phase, how often, and with what. What is not in it is refused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../vocab/result.hpp"

namespace reeve::contract {

enum class Text : std::uint8_t { none, some, any };

/// A phase is a bit, so that a rule can name several.
enum class Phase : std::uint32_t { starting = 1, serving = 2, leaving = 4 };
constexpr std::uint32_t operator|(Phase a, Phase b) {
  return static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b);
}

struct Rule {
  std::uint32_t op = 0;
  std::uint32_t phases = 0;  ///< bits of Phase
  std::uint32_t times = 0;   ///< how often in the asker's life; 0 is any number
  std::size_t descriptors_min = 0;
  std::size_t descriptors_max = 0;
  Text text = Text::none;
};

/// What came, as far as a rule looks at it.
struct Asked {
  std::uint32_t op = 0;
  std::size_t descriptor_count = 0;
  bool has_text = false;
};

/// Holds one asker to a table.
class Gate {
 public:
  static constexpr std::size_t kRulesMax = 16;

  explicit constexpr Gate(std::span<const Rule> rules) : rules_(rules) {}

  /// Counts a request that may be answered. Errors: bad-packet, with what is wrong with one that may not.
  Result<void> admit(const Asked& asked, Phase phase) {
    const auto refuse = [&](const char* why) {
      return fail(Kind::invalid, code::kBadPacket, "request " + std::to_string(asked.op) + ": " + why);
    };
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      const Rule& rule = rules_[i];
      if (rule.op != asked.op) continue;
      if ((rule.phases & static_cast<std::uint32_t>(phase)) == 0) return refuse("not in this phase");
      if (rule.times != 0 && counts_[i] == rule.times) return refuse("asked too often");
      if (asked.descriptor_count < rule.descriptors_min || asked.descriptor_count > rule.descriptors_max) {
        return refuse("another number of descriptors");
      }
      if (rule.text == Text::none && asked.has_text) return refuse("a text where none belongs");
      if (rule.text == Text::some && !asked.has_text) return refuse("no text");
      if (rule.times != 0) ++counts_[i];
      return {};
    }
    return refuse("unknown");
  }

 private:
  std::span<const Rule> rules_;
  std::array<std::uint32_t, kRulesMax> counts_{};
};

}  // namespace reeve::contract
