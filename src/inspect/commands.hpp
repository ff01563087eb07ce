// What the tool's commands do: ask, and show the answer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "../bootstrap/broker.hpp"
#include "../contract/broker.hpp"
#include "../vocab/result.hpp"

namespace reeve::inspect {

struct CallCommand {
  std::string name;
  std::optional<std::string> method;
  std::string json;
  std::vector<std::string> files;  ///< KEY=PATH: opened here, and sent as descriptors under these keys
  std::chrono::nanoseconds timeout{};
};

/// The reply as one line of JSON; nothing where the method is one way. The items of a stream are shown as they come, a
/// line each. Which of these a method is, its service says, where it shows its interface. Errors: the service's own;
/// invalid for arguments that make no message.
Result<std::string> call(const CallCommand& command, const std::function<void(const std::string&)>& show);

enum class Form { text, json };
/// The jobs that the broker knows.
Result<std::string> list(Form form, bootstrap::Domain domain);
/// All that is known of a job, by its label or by one of its names.
Result<std::string> print(const std::string& what, Form form, bootstrap::Domain domain);

/// Loads the jobs that property lists describe, and tells their labels. Errors: of the first that is refused, with its
/// path; those before it are loaded.
Result<std::string> load(const std::vector<std::string>& paths, Form form, bootstrap::Domain domain);

/// Unload, Start, Stop, KillJob or Replace.
Result<std::string> manage(const contract::Request& request, bootstrap::Domain domain);

/// "KILL", "SIGKILL" or "9". Errors: invalid.
Result<std::int32_t> parse_signal(const std::string& text);

/// "250ms", "2s", "1.5", "3m"; a bare number is seconds. Errors: invalid.
Result<std::chrono::nanoseconds> parse_duration(const std::string& text);

}  // namespace reeve::inspect
