// Compiled with exceptions: it looks at what users' code throws.
#include "task.hpp"

namespace reeve::connection {

Error thrown() {
  const auto error = [](std::string message) {
    return Error{Kind::invalid, code::kHandlerThrew, std::move(message), ""};
  };
  try {
    throw;
  } catch (const std::exception& e) {
    return error(std::string("the service threw: ") + e.what());
  } catch (...) {
    return error("the service threw something");
  }
}

}  // namespace reeve::connection
