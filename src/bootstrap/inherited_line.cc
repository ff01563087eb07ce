#include "inherited_line.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "../contract/inherited.hpp"
#include "../os/denial.hpp"
#include "../os/filter.hpp"
#include "../os/memory.hpp"
#include "../os/process.hpp"
#include "../os/socket.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::bootstrap {
namespace {

// The number in a variable that the broker sets for what it starts.
std::optional<int> number_in(const char* variable) {
  const auto text = os::trusted_variable(variable);
  if (!text || text->size() != 1 || !std::isdigit(static_cast<unsigned char>(text->front()))) return std::nullopt;
  return text->front() - '0';
}

std::optional<os::Fd> inherited_by(const char* variable) {
  const auto number = number_in(variable);
  return number ? os::inherited(*number) : std::nullopt;
}

}  // namespace

// Whoever is started by this process has the variable too, and whatever stands there by then is its own.
std::optional<os::Fd> control_channel() {
  const auto number = number_in(contract::kControlVariable);
  if (!number) return std::nullopt;
  os::Fd looked_at(*number);
  const bool is_line = os::is_channel_socket(looked_at);
  (void)looked_at.release();
  if (!is_line) return std::nullopt;
  ::unsetenv(contract::kControlVariable);
  return os::inherited(*number);
}

// The second of the two. The broker checks from outside that it is in force. What it denies is told to whoever started
// the process.
Result<void> close_sandbox() {
  const auto memory = inherited_by(contract::kFilterVariable);
  if (!memory) return {};
  const std::size_t size = REEVE_TRY(os::memory_size(*memory));
  if (size > kFilterBytesMax) return fail(Kind::invalid, code::kTooLarge, "the sandbox's filter is larger than agreed");
  const auto bytes = REEVE_TRY(os::read_memory(*memory, size));
  std::vector<os::FilterInstruction> filter(bytes.size() / sizeof(os::FilterInstruction));
  std::copy_n(bytes.begin(), filter.size() * sizeof(os::FilterInstruction),
              std::as_writable_bytes(std::span(filter)).begin());
  if (auto line = inherited_by(contract::kDenialsVariable)) REEVE_TRY(os::tell_denials(std::move(*line)));
  return os::load_filter(filter);
}

}  // namespace reeve::bootstrap
