// servers/bootstrap.h.
#include <servers/bootstrap.h>

#include <cstring>

#include "task.hpp"

namespace {

using namespace reeve;
using namespace reeve::apple;

// A name as it stands in an array of 128 characters; nothing where that has no end.
std::optional<std::string> text_of(const char* name) {
  if (name == nullptr) return std::nullopt;
  const std::size_t size = ::strnlen(name, BOOTSTRAP_MAX_NAME_LEN);
  if (size == 0 || size == BOOTSTRAP_MAX_NAME_LEN) return std::nullopt;
  return std::string(name, size);
}

kern_return_t status_of(const Error& error) {
  if (error.code == code::kUnknownService) return BOOTSTRAP_UNKNOWN_SERVICE;
  if (error.code == code::kServiceActive) return BOOTSTRAP_SERVICE_ACTIVE;
  if (error.code == code::kNotPrivileged || error.kind == Kind::denied) return BOOTSTRAP_NOT_PRIVILEGED;
  if (error.code == code::kNoBroker) return MACH_SEND_INVALID_DEST;
  if (error.kind == Kind::busy) return BOOTSTRAP_NO_MEMORY;
  return BOOTSTRAP_UNKNOWN_SERVICE;
}

bool is_broker(mach_port_t bp) { return bp == kBrokerPort; }

}  // namespace

kern_return_t bootstrap_check_in(mach_port_t bp, const char* service_name, mach_port_t* sp) {
  const auto name = text_of(service_name);
  if (!is_broker(bp)) return BOOTSTRAP_NOT_PRIVILEGED;
  if (!name || sp == nullptr) return BOOTSTRAP_UNKNOWN_SERVICE;
  const auto port = space().make_port({});
  if (!port) return BOOTSTRAP_NO_MEMORY;
  const auto offered = apple::Task::own().offered.offer(*name, *port);
  if (!offered) {
    (void)space().release(*port, port::RightType::receive);
    return status_of(offered.error());
  }
  *sp = port->value;
  return BOOTSTRAP_SUCCESS;
}

kern_return_t bootstrap_register(mach_port_t bp, const char* service_name, mach_port_t sp) {
  const auto name = text_of(service_name);
  if (!is_broker(bp)) return BOOTSTRAP_NOT_PRIVILEGED;
  if (!name) return BOOTSTRAP_UNKNOWN_SERVICE;
  Offered& offered = apple::Task::own().offered;
  if (sp == MACH_PORT_NULL) {
    const auto withdrawn = offered.withdraw(*name);
    return withdrawn ? BOOTSTRAP_SUCCESS : status_of(withdrawn.error());
  }
  const auto standing = space().standing(name_of(sp));
  if (standing && standing->dead > 0) return BOOTSTRAP_NO_MEMORY;
  if (!standing || !standing->is_receive) return BOOTSTRAP_NOT_PRIVILEGED;
  const auto done = offered.offer(*name, name_of(sp));
  return done ? BOOTSTRAP_SUCCESS : status_of(done.error());
}

kern_return_t bootstrap_look_up(mach_port_t bp, const char* service_name, mach_port_t* sp) {
  const auto name = text_of(service_name);
  if (!is_broker(bp)) return BOOTSTRAP_NOT_PRIVILEGED;
  if (!name || sp == nullptr) return BOOTSTRAP_UNKNOWN_SERVICE;
  auto end = apple::Task::own().offered.look_up(*name);
  if (!end) return status_of(end.error());
  const auto port = space().take_in(std::move(*end));
  if (!port) return BOOTSTRAP_NO_MEMORY;
  *sp = port->value;
  return BOOTSTRAP_SUCCESS;
}

kern_return_t bootstrap_status(mach_port_t bp, const char* service_name, bootstrap_status_t* service_active) {
  const auto name = text_of(service_name);
  if (!is_broker(bp)) return BOOTSTRAP_NOT_PRIVILEGED;
  if (!name || service_active == nullptr) return BOOTSTRAP_UNKNOWN_SERVICE;
  const auto state = apple::Task::own().offered.status(*name);
  if (!state) return status_of(state.error());
  *service_active = *state == contract::NameState::active      ? BOOTSTRAP_STATUS_ACTIVE
                    : *state == contract::NameState::on_demand ? BOOTSTRAP_STATUS_ON_DEMAND
                                                               : BOOTSTRAP_STATUS_INACTIVE;
  return BOOTSTRAP_SUCCESS;
}

kern_return_t bootstrap_create_server(mach_port_t, cmd_t, uid_t, boolean_t, mach_port_t*) {
  return BOOTSTRAP_NOT_PRIVILEGED;
}
kern_return_t bootstrap_create_service(mach_port_t, const char*, mach_port_t*) { return BOOTSTRAP_NOT_PRIVILEGED; }
kern_return_t bootstrap_subset(mach_port_t, mach_port_t, mach_port_t*) { return BOOTSTRAP_NOT_PRIVILEGED; }
kern_return_t bootstrap_parent(mach_port_t, mach_port_t*) { return BOOTSTRAP_NOT_PRIVILEGED; }
kern_return_t bootstrap_unprivileged(mach_port_t, mach_port_t*) { return BOOTSTRAP_NOT_PRIVILEGED; }

const char* bootstrap_strerror(kern_return_t r) {
  switch (r) {
    case BOOTSTRAP_SUCCESS:
      return "Success";
    case BOOTSTRAP_NOT_PRIVILEGED:
      return "Permission denied";
    case BOOTSTRAP_NAME_IN_USE:
    case BOOTSTRAP_SERVICE_ACTIVE:
      return "Service name already exists";
    case BOOTSTRAP_UNKNOWN_SERVICE:
      return "Unknown service name";
    case BOOTSTRAP_BAD_COUNT:
      return "Too many names at once";
    case BOOTSTRAP_NO_MEMORY:
      return "No memory, or no descriptors, left";
    case BOOTSTRAP_NO_CHILDREN:
      return "No children";
    default:
      return mach_error_string(r);
  }
}
