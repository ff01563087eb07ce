// What the tool's commands do: ask, and show the answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "../vocab/result.hpp"

namespace reeve::inspect {

struct CallCommand {
  std::string name;
  std::optional<std::string> method;
  std::string json;
  std::vector<std::string> files;  ///< KEY=PATH: opened here, and sent as descriptors under these keys
  std::chrono::nanoseconds timeout{};
};

/// The reply as one line of JSON. Errors: the service's own; invalid for arguments that make no message.
Result<std::string> call(const CallCommand& command);

enum class Form { text, json };
/// The jobs that the broker knows.
Result<std::string> list(Form form);

/// "250ms", "2s", "1.5", "3m"; a bare number is seconds. Errors: invalid.
Result<std::chrono::nanoseconds> parse_duration(const std::string& text);

}  // namespace reeve::inspect
