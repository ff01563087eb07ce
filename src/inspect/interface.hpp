// Interfaces: what a service looks like from outside, and what a new version of it breaks.
#pragma once

#include <chrono>
#include <string>

#include "../connection/connection.hpp"
#include "../object/interface.hpp"
#include "commands.hpp"

namespace reeve::inspect {

/// What the service of that name takes and gives. Errors: as a call's; unsupported where it does not show that.
Result<std::string> show_interface(const std::string& name, std::chrono::nanoseconds timeout, Form form);

/// The same, of whoever is connected to.
Result<object::InterfaceFacts> interface_of(Connection& connection, const std::string& name,
                                            std::chrono::nanoseconds timeout);

struct Comparison {
  std::string text;
  bool breaks_old_callers = false;
};

/// What became of an interface. Each version is a file, as `show` writes it with --json, or the name of a service that
/// has it. Errors: as those of show_interface; invalid for a file that describes no interface.
Result<Comparison> compare_interfaces(const std::string& before, const std::string& after,
                                      std::chrono::nanoseconds timeout, Form form);

}  // namespace reeve::inspect
