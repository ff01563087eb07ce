// A new project: a service, its client, their interface, job file and test.
#pragma once

#include <string>

#include "../vocab/result.hpp"

namespace reeve::inspect {

struct NewServiceCommand {
  std::string name;   ///< of the folder that is made here, the programs and the files
  std::string label;  ///< of the service; empty: org.example.NAME
};

/// Writes it, and tells what to do next. Errors: invalid for a name that is none, or where the folder is there;
/// gone where the templates are not installed. Nothing is left of what could not be written whole.
Result<std::string> new_service(const NewServiceCommand& command);

}  // namespace reeve::inspect
