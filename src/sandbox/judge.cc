#include "judge.hpp"

#include <iterator>

#include "filters.hpp"  // made at build time by generate_filters

namespace reeve::sandbox {

std::string name_of_call(std::int32_t number) {
  const bool is_known = number >= 0 && number < static_cast<std::int32_t>(std::size(kCallNames));
  const std::string name = is_known ? kCallNames[number] : "";
  return name.empty() ? "call " + std::to_string(number) : name;
}

os::FilteredCall call_here(std::int32_t number, const std::array<std::uint64_t, 6>& arguments) {
  return {number, kArchitecture, 0, arguments};
}

Judgement judge(os::Filter filter, std::int32_t number) {
  Judgement judgement{os::evaluate(filter, call_here(number, {})), false};
  const auto tell_apart = [&](const std::array<std::uint64_t, 6>& arguments) {
    judgement.depends = judgement.depends || os::evaluate(filter, call_here(number, arguments)) != judgement.with_zeros;
  };
  // Each bit, and each small value, of each argument alone; all bits of it, and of all.
  constexpr std::uint64_t kSmall = 128;
  for (std::size_t which = 0; which < 6; ++which) {
    std::array<std::uint64_t, 6> arguments{};
    for (unsigned bit = 0; bit < 64; ++bit) {
      arguments[which] = std::uint64_t{1} << bit;
      tell_apart(arguments);
    }
    for (arguments[which] = 0; arguments[which] < kSmall; ++arguments[which]) tell_apart(arguments);
    arguments[which] = ~std::uint64_t{0};
    tell_apart(arguments);
  }
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  tell_apart({kAll, kAll, kAll, kAll, kAll, kAll});
  return judgement;
}

}  // namespace reeve::sandbox
