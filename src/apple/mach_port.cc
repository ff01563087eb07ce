// mach/mach_port.h.
#include <mach/mach.h>

#include <algorithm>
#include <cstring>

#include "../os/pages.hpp"
#include "message.hpp"
#include "task.hpp"

namespace {

using namespace reeve;
using apple::is_own_port;
using apple::kern_of;
using apple::name_of;
using apple::space;
using port::Name;
using port::RightType;
using port::Standing;

std::optional<RightType> right_of(mach_port_right_t right) {
  switch (right) {
    case MACH_PORT_RIGHT_SEND:
      return RightType::send;
    case MACH_PORT_RIGHT_RECEIVE:
      return RightType::receive;
    case MACH_PORT_RIGHT_SEND_ONCE:
      return RightType::send_once;
    case MACH_PORT_RIGHT_PORT_SET:
      return RightType::port_set;
    case MACH_PORT_RIGHT_DEAD_NAME:
      return RightType::dead_name;
    default:
      return std::nullopt;
  }
}

kern_return_t kern_of(const Result<void>& outcome, mach_port_t name) {
  return outcome ? KERN_SUCCESS : kern_of(outcome.error(), name);
}

bool is_task(ipc_space_t task) { return task == mach_task_self_; }

std::uint32_t references(const Standing& standing, RightType type) {
  switch (type) {
    case RightType::send:
      return standing.send;
    case RightType::dead_name:
      return standing.dead;
    case RightType::receive:
      return standing.is_receive;
    case RightType::send_once:
      return standing.is_once;
    case RightType::port_set:
      return standing.is_set;
  }
  return 0;
}

mach_port_type_t type_of(const Standing& standing) {
  return (standing.send > 0 ? MACH_PORT_TYPE_SEND : 0) | (standing.is_receive ? MACH_PORT_TYPE_RECEIVE : 0) |
         (standing.is_once ? MACH_PORT_TYPE_SEND_ONCE : 0) | (standing.is_set ? MACH_PORT_TYPE_PORT_SET : 0) |
         (standing.dead > 0 ? MACH_PORT_TYPE_DEAD_NAME : 0) | (standing.is_told ? MACH_PORT_TYPE_DNREQUEST : 0) |
         (standing.is_told_room ? MACH_PORT_TYPE_SPREQUEST : 0);
}

bool can_move(const Standing& standing, mach_msg_type_name_t how) {
  if (how == MACH_MSG_TYPE_MOVE_RECEIVE) return standing.is_receive;
  return how == MACH_MSG_TYPE_MOVE_SEND_ONCE ? standing.is_once : standing.send > 0;
}

// What is wrong with a name that is to be a receive right; nothing where it is one.
std::optional<kern_return_t> no_receive_right(mach_port_t name) {
  const auto standing = space().standing(name_of(name));
  if (!standing) return is_own_port(name) ? KERN_INVALID_RIGHT : KERN_INVALID_NAME;
  if (!standing->is_receive) return KERN_INVALID_RIGHT;
  return std::nullopt;
}

kern_return_t allocate(mach_port_right_t right, Name wanted, mach_port_name_t& name) {
  Result<Name> made = Name();
  switch (right) {
    case MACH_PORT_RIGHT_RECEIVE:
      made = space().make_port({}, wanted);
      break;
    case MACH_PORT_RIGHT_PORT_SET:
      made = space().make_set(wanted);
      break;
    case MACH_PORT_RIGHT_DEAD_NAME:
      made = space().make_dead(wanted);
      break;
    default:
      return KERN_INVALID_VALUE;
  }
  if (made) return name = made->value, KERN_SUCCESS;
  if (made.error().code != code::kReferences) return KERN_RESOURCE_SHORTAGE;
  return space().standing(wanted) ? KERN_NAME_EXISTS : KERN_NO_SPACE;
}

// A list in memory that the caller gives up by vm_deallocate.
template <class Item>
kern_return_t give_list(const std::vector<Item>& items, Item** list, mach_msg_type_number_t* count) {
  *list = nullptr;
  *count = 0;
  if (items.empty()) return KERN_SUCCESS;
  const auto pages = os::map_pages(items.size() * sizeof(Item));
  if (!pages) return KERN_RESOURCE_SHORTAGE;
  std::copy(items.begin(), items.end(), static_cast<Item*>(*pages));
  *list = static_cast<Item*>(*pages);
  *count = static_cast<mach_msg_type_number_t>(items.size());
  return KERN_SUCCESS;
}

// Where what has no guard of its own was to be destroyed.
kern_return_t destroyed(const Result<void>& outcome, mach_port_t name, const char* what) {
  if (!outcome && outcome.error().code == code::kGuarded) apple::end_by_guard(name, what);
  return kern_of(outcome, name);
}

kern_return_t change_by(mach_port_name_t name, RightType type, mach_port_delta_t delta, const Standing& standing) {
  if (references(standing, type) == 0) return KERN_INVALID_RIGHT;
  if (type == RightType::send || type == RightType::dead_name) {
    const auto changed = space().change(name_of(name), type, delta);
    if (changed) return KERN_SUCCESS;
    if (changed.error().code != code::kReferences) return kern_of(changed.error(), name);
    return delta > 0 ? KERN_UREFS_OVERFLOW : KERN_INVALID_VALUE;
  }
  if (delta == 0) return KERN_SUCCESS;
  if (delta != -1) return KERN_INVALID_VALUE;
  return destroyed(space().release(name_of(name), type), name, "its receive right was to be destroyed");
}

Result<Name> request(Name name, mach_msg_id_t what, mach_port_mscount_t sync, Name once) {
  switch (what) {
    case MACH_NOTIFY_DEAD_NAME:
      return space().tell_dead(name, once);
    case MACH_NOTIFY_SEND_POSSIBLE:
      return space().tell_possible(name, once, sync != 0);
    case MACH_NOTIFY_NO_SENDERS:
      return space().tell_no_senders(name, once, sync);
    default:
      return space().tell_destroyed(name, once);
  }
}

}  // namespace

kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_name_t* name) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (name == nullptr) return KERN_INVALID_ARGUMENT;
  return allocate(right, {}, *name);
}

kern_return_t mach_port_allocate_name(ipc_space_t task, mach_port_right_t right, mach_port_name_t name) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (!MACH_PORT_VALID(name) || !name_of(name)) return KERN_INVALID_VALUE;
  mach_port_name_t made = MACH_PORT_NULL;
  return allocate(right, name_of(name), made);
}

kern_return_t mach_port_construct(ipc_space_t task, mach_port_options_ptr_t options, mach_port_context_t context,
                                  mach_port_name_t* name) {
  constexpr std::uint32_t kKnown =
      MPO_CONTEXT_AS_GUARD | MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_STRICT | MPO_IMMOVABLE_RECEIVE |
      // What these ask for is so here for every port, or for none.
      MPO_TEMPOWNER | MPO_IMPORTANCE_RECEIVER | MPO_DENAP_RECEIVER | MPO_TG_BLOCK_TRACKING | MPO_REPLY_PORT;
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (options == nullptr || name == nullptr || (options->flags & ~kKnown) != 0) return KERN_INVALID_ARGUMENT;
  const std::uint32_t flags = options->flags;
  const bool is_guarded = (flags & MPO_CONTEXT_AS_GUARD) != 0;
  if ((flags & MPO_STRICT) != 0 && !is_guarded) return KERN_INVALID_ARGUMENT;
  port::PortOptions how;
  if ((flags & MPO_QLIMIT) != 0) how.queue_limit = options->mpl.mpl_qlimit;
  const auto port = space().make_port(how);
  if (!port) return port.error().kind == Kind::busy ? KERN_RESOURCE_SHORTAGE : KERN_INVALID_VALUE;
  (void)space().set_context(*port, context);
  (void)space().guard(*port, {context, is_guarded, (flags & MPO_STRICT) != 0, (flags & MPO_IMMOVABLE_RECEIVE) != 0});
  if ((flags & MPO_INSERT_SEND_RIGHT) != 0) (void)space().make_send(*port);
  *name = port->value;
  return KERN_SUCCESS;
}

kern_return_t mach_port_destruct(ipc_space_t task, mach_port_name_t name, mach_port_delta_t srdelta,
                                 mach_port_context_t guard) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(name)) return *fault;
  if (srdelta > 0) return KERN_INVALID_VALUE;
  const auto status = space().status(name_of(name));
  if (!status) return kern_of(status.error(), name);
  const auto sends = space().references(name_of(name), RightType::send);
  if (-static_cast<std::int64_t>(srdelta) > static_cast<std::int64_t>(sends)) return KERN_INVALID_VALUE;
  if (status->guard.is_set && status->guard.value != guard) {
    apple::end_by_guard(name, "it was to be destroyed with another guard");
  }
  if (srdelta < 0) {
    if (const auto changed = mach_port_mod_refs(task, name, MACH_PORT_RIGHT_SEND, srdelta)) return changed;
  }
  if (status->guard.is_set) (void)space().unguard(name_of(name), guard);
  return kern_of(space().release(name_of(name), RightType::receive), name);
}

kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_name_t name) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (is_own_port(name)) return KERN_SUCCESS;
  const auto standing = space().standing(name_of(name));
  if (!standing) return KERN_INVALID_NAME;
  if (standing->send > 0) return kern_of(space().release(name_of(name), RightType::send), name);
  if (standing->is_once) return kern_of(space().release(name_of(name), RightType::send_once), name);
  if (standing->dead > 0) return kern_of(space().release(name_of(name), RightType::dead_name), name);
  return KERN_INVALID_RIGHT;
}

kern_return_t mach_port_destroy(ipc_space_t task, mach_port_name_t name) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (!MACH_PORT_VALID(name) || is_own_port(name)) return KERN_SUCCESS;
  return destroyed(space().destroy(name_of(name)), name, "it was to be destroyed");
}

kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_delta_t delta) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  const auto type = right_of(right);
  if (!type) return KERN_INVALID_VALUE;
  const bool is_sending = *type == RightType::send || *type == RightType::send_once;
  if (!MACH_PORT_VALID(name)) return is_sending ? KERN_SUCCESS : KERN_INVALID_NAME;
  if (is_own_port(name)) return *type == RightType::send ? KERN_SUCCESS : KERN_INVALID_RIGHT;
  const auto standing = space().standing(name_of(name));
  return standing ? change_by(name, *type, delta, *standing) : KERN_INVALID_NAME;
}

kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_urefs_t* refs) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  const auto type = right_of(right);
  if (!type) return KERN_INVALID_VALUE;
  if (refs == nullptr) return KERN_INVALID_ARGUMENT;
  const bool is_sending = *type == RightType::send || *type == RightType::send_once;
  if (!MACH_PORT_VALID(name)) return is_sending ? (*refs = 1, KERN_SUCCESS) : KERN_INVALID_NAME;
  if (is_own_port(name)) return *refs = *type == RightType::send ? 1 : 0, KERN_SUCCESS;
  const auto standing = space().standing(name_of(name));
  if (!standing) return KERN_INVALID_NAME;
  *refs = references(*standing, *type);
  return KERN_SUCCESS;
}

kern_return_t mach_port_rename(ipc_space_t task, mach_port_name_t, mach_port_name_t) {
  return is_task(task) ? KERN_NOT_SUPPORTED : KERN_INVALID_TASK;
}

kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_name_t name, mach_port_t poly,
                                     mach_msg_type_name_t polyPoly) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (!MACH_PORT_VALID(name) || !MACH_MSG_TYPE_PORT_ANY(polyPoly)) return KERN_INVALID_VALUE;
  if (!MACH_PORT_VALID(poly)) return KERN_INVALID_CAPABILITY;
  const auto standing = space().standing(name_of(poly));
  if (!standing) return KERN_INVALID_NAME;
  // All rights of a space to one port have one name, but send-once rights.
  const bool is_once = polyPoly == MACH_MSG_TYPE_MAKE_SEND_ONCE || polyPoly == MACH_MSG_TYPE_MOVE_SEND_ONCE;
  if (name != poly && !is_once) return KERN_RIGHT_EXISTS;
  switch (polyPoly) {
    case MACH_MSG_TYPE_MAKE_SEND: {
      const auto made = space().make_send(name_of(poly));
      return !made && made.error().code == code::kReferences ? KERN_UREFS_OVERFLOW : kern_of(made, poly);
    }
    case MACH_MSG_TYPE_COPY_SEND: {
      const auto copied = space().copy_send(name_of(poly));
      return !copied && copied.error().code == code::kReferences ? KERN_UREFS_OVERFLOW : kern_of(copied, poly);
    }
    case MACH_MSG_TYPE_MAKE_SEND_ONCE: {
      if (!standing->is_receive) return KERN_INVALID_RIGHT;
      if (!name_of(name)) return KERN_NO_SPACE;
      if (space().standing(name_of(name))) return name == poly ? KERN_RIGHT_EXISTS : KERN_NAME_EXISTS;
      const auto made = space().make_send_once(name_of(poly), name_of(name));
      return made ? KERN_SUCCESS : made.error().kind == Kind::busy ? KERN_RESOURCE_SHORTAGE : KERN_NO_SPACE;
    }
    default:  // It is moved to where it is.
      if (!can_move(*standing, polyPoly)) return KERN_INVALID_RIGHT;
      return name == poly ? KERN_SUCCESS : KERN_RIGHT_EXISTS;
  }
}

kern_return_t mach_port_extract_right(ipc_space_t task, mach_port_name_t name, mach_msg_type_name_t msgt_name,
                                      mach_port_t* poly, mach_msg_type_name_t* polyPoly) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (!MACH_MSG_TYPE_PORT_ANY(msgt_name)) return KERN_INVALID_VALUE;
  if (poly == nullptr || polyPoly == nullptr) return KERN_INVALID_ARGUMENT;
  *poly = name;
  if (msgt_name == MACH_MSG_TYPE_MAKE_SEND_ONCE) {
    if (const auto fault = no_receive_right(name)) return *fault;
    const auto made = space().make_send_once(name_of(name));
    if (!made) return kern_of(made.error(), name);
    *poly = made->value;
    *polyPoly = MACH_MSG_TYPE_PORT_SEND_ONCE;
    return KERN_SUCCESS;
  }
  const auto standing = space().standing(name_of(name));
  if (!standing) return KERN_INVALID_NAME;
  *polyPoly = msgt_name == MACH_MSG_TYPE_MOVE_RECEIVE     ? MACH_MSG_TYPE_PORT_RECEIVE
              : msgt_name == MACH_MSG_TYPE_MOVE_SEND_ONCE ? MACH_MSG_TYPE_PORT_SEND_ONCE
                                                          : MACH_MSG_TYPE_PORT_SEND;
  const bool is_new = msgt_name == MACH_MSG_TYPE_MAKE_SEND || msgt_name == MACH_MSG_TYPE_COPY_SEND;
  if (is_new) return mach_port_insert_right(task, name, name, msgt_name);
  return can_move(*standing, msgt_name) ? KERN_SUCCESS : KERN_INVALID_RIGHT;
}

kern_return_t mach_port_names(ipc_space_t task, mach_port_name_array_t* names, mach_msg_type_number_t* namesCnt,
                              mach_port_type_array_t* types, mach_msg_type_number_t* typesCnt) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (names == nullptr || namesCnt == nullptr || types == nullptr || typesCnt == nullptr) return KERN_INVALID_ARGUMENT;
  std::vector<mach_port_name_t> all;
  std::vector<mach_port_type_t> what;
  for (const Name name : space().names()) {
    const auto standing = space().standing(name);
    if (!standing) continue;  // It has gone meanwhile.
    all.push_back(name.value);
    what.push_back(type_of(*standing));
  }
  if (const auto fault = give_list(all, names, namesCnt)) return fault;
  const auto fault = give_list(what, types, typesCnt);
  if (fault != KERN_SUCCESS)
    (void)vm_deallocate(task, reinterpret_cast<vm_address_t>(*names), *namesCnt * sizeof **names);
  return fault;
}

kern_return_t mach_port_type(ipc_space_t task, mach_port_name_t name, mach_port_type_t* ptype) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (ptype == nullptr) return KERN_INVALID_ARGUMENT;
  if (name == MACH_PORT_DEAD) return *ptype = MACH_PORT_TYPE_DEAD_NAME, KERN_SUCCESS;
  if (is_own_port(name)) return *ptype = MACH_PORT_TYPE_SEND, KERN_SUCCESS;
  const auto standing = space().standing(name_of(name));
  if (!standing) return KERN_INVALID_NAME;
  *ptype = type_of(*standing);
  return KERN_SUCCESS;
}

kern_return_t mach_port_get_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t info, mach_msg_type_number_t* count) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (info == nullptr || count == nullptr) return KERN_INVALID_ARGUMENT;
  if (flavor == MACH_PORT_DNREQUESTS_SIZE) {
    const auto standing = space().standing(name_of(name));
    if (!standing) return KERN_INVALID_NAME;
    if (*count < MACH_PORT_DNREQUESTS_SIZE_COUNT) return KERN_FAILURE;
    *info = standing->is_told ? 1 : 0;
    return *count = MACH_PORT_DNREQUESTS_SIZE_COUNT, KERN_SUCCESS;
  }
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto known = space().status(name_of(name));
  if (!known) return kern_of(known.error(), name);
  if (flavor == MACH_PORT_LIMITS_INFO) {
    if (*count < MACH_PORT_LIMITS_INFO_COUNT) return KERN_FAILURE;
    const mach_port_limits_t limits{known->queue_limit};
    std::memcpy(info, &limits, sizeof limits);
    return *count = MACH_PORT_LIMITS_INFO_COUNT, KERN_SUCCESS;
  }
  if (flavor != MACH_PORT_RECEIVE_STATUS) return KERN_INVALID_ARGUMENT;
  if (*count < MACH_PORT_RECEIVE_STATUS_COUNT) return KERN_FAILURE;
  mach_port_status_t status{};
  status.mps_pset = static_cast<mach_port_rights_t>(known->sets);
  status.mps_seqno = known->sequence;
  status.mps_mscount = known->make_send_count;
  status.mps_qlimit = known->queue_limit;
  status.mps_msgcount = static_cast<mach_port_msgcount_t>(known->waiting);
  status.mps_sorights = static_cast<mach_port_rights_t>(known->send_once);
  status.mps_srights = known->has_senders;
  status.mps_pdrequest = known->is_told_destroyed;
  status.mps_nsrequest = known->is_told_no_senders;
  status.mps_flags = (known->guard.is_set ? MACH_PORT_STATUS_FLAG_GUARDED : 0) |
                     (known->guard.is_strict ? MACH_PORT_STATUS_FLAG_STRICT_GUARD : 0) |
                     (known->guard.is_immovable ? MACH_PORT_STATUS_FLAG_GUARD_IMMOVABLE_RECEIVE : 0);
  std::memcpy(info, &status, sizeof status);
  return *count = MACH_PORT_RECEIVE_STATUS_COUNT, KERN_SUCCESS;
}

kern_return_t mach_port_set_attributes(ipc_space_t task, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t info, mach_msg_type_number_t count) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (flavor != MACH_PORT_LIMITS_INFO || info == nullptr) return KERN_INVALID_ARGUMENT;
  if (count < MACH_PORT_LIMITS_INFO_COUNT) return KERN_FAILURE;
  if (const auto fault = no_receive_right(name)) return *fault;
  mach_port_limits_t limits;
  std::memcpy(&limits, info, sizeof limits);
  return kern_of(space().set_queue_limit(name_of(name), limits.mpl_qlimit), name);
}

kern_return_t mach_port_set_mscount(ipc_space_t task, mach_port_name_t name, mach_port_mscount_t mscount) {
  return is_task(task) ? kern_of(space().set_make_send_count(name_of(name), mscount), name) : KERN_INVALID_TASK;
}

kern_return_t mach_port_set_seqno(ipc_space_t task, mach_port_name_t name, mach_port_seqno_t seqno) {
  return is_task(task) ? kern_of(space().set_sequence(name_of(name), seqno), name) : KERN_INVALID_TASK;
}

kern_return_t mach_port_get_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t* context) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (context == nullptr) return KERN_INVALID_ARGUMENT;
  const auto status = space().status(name_of(name));
  if (!status) return kern_of(status.error(), name);
  *context = status->guard.is_strict ? 0 : status->context;  // Nobody learns a strict guard by asking.
  return KERN_SUCCESS;
}

kern_return_t mach_port_set_context(ipc_space_t task, mach_port_name_t name, mach_port_context_t context) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  const auto status = space().status(name_of(name));
  if (!status) return kern_of(status.error(), name);
  if (status->guard.is_strict) apple::end_by_guard(name, "its context was to be changed");
  return kern_of(space().set_context(name_of(name), context), name);
}

kern_return_t mach_port_request_notification(ipc_space_t task, mach_port_name_t name, mach_msg_id_t msgid,
                                             mach_port_mscount_t sync, mach_port_t notify,
                                             mach_msg_type_name_t notifyPoly, mach_port_t* previous) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (previous == nullptr) return KERN_INVALID_ARGUMENT;
  const bool is_of_port = msgid == MACH_NOTIFY_NO_SENDERS || msgid == MACH_NOTIFY_PORT_DESTROYED;
  if (!is_of_port && msgid != MACH_NOTIFY_DEAD_NAME && msgid != MACH_NOTIFY_SEND_POSSIBLE) return KERN_INVALID_VALUE;
  if (msgid == MACH_NOTIFY_PORT_DESTROYED && sync != 0) return KERN_INVALID_VALUE;
  if (is_of_port) {
    if (const auto fault = no_receive_right(name)) return *fault;
  } else if (sync == 0 && space().references(name_of(name), RightType::dead_name) > 0) {
    return KERN_INVALID_ARGUMENT;  // It is told at once, or never.
  }
  const bool is_made = notifyPoly == MACH_MSG_TYPE_MAKE_SEND_ONCE;
  if (!is_made && notifyPoly != MACH_MSG_TYPE_MOVE_SEND_ONCE) return KERN_INVALID_VALUE;
  Name once = name_of(notify);
  if (MACH_PORT_VALID(notify) && is_made) {
    const auto made = space().make_send_once(once);
    if (!made) return KERN_INVALID_CAPABILITY;
    once = *made;
  } else if (notify != MACH_PORT_NULL && space().references(once, RightType::send_once) == 0) {
    return KERN_INVALID_CAPABILITY;
  }
  const auto before = request(name_of(name), msgid, sync, once);
  if (before) return *previous = before->value, KERN_SUCCESS;
  if (is_made && once) space().unmake_once(once);
  if (msgid == MACH_NOTIFY_PORT_DESTROYED) return KERN_INVALID_CAPABILITY;  // Of its own end no port can be told.
  return kern_of(before.error(), name);
}

kern_return_t mach_port_move_member(ipc_space_t task, mach_port_name_t member, mach_port_name_t after) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(member)) return *fault;
  if (after != MACH_PORT_NULL && !name_of(after)) return KERN_INVALID_NAME;
  const auto moved = space().move_to_set(name_of(member), name_of(after));
  if (moved) return KERN_SUCCESS;
  return moved.error().code == code::kReferences ? KERN_NOT_IN_SET : kern_of(moved.error(), after);
}

kern_return_t mach_port_insert_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto members = space().members(name_of(pset));
  if (!members) return kern_of(members.error(), pset);
  if (std::find(members->begin(), members->end(), name_of(name)) != members->end()) return KERN_ALREADY_IN_SET;
  return kern_of(space().insert(name_of(pset), name_of(name)), pset);
}

kern_return_t mach_port_extract_member(ipc_space_t task, mach_port_name_t name, mach_port_name_t pset) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto members = space().members(name_of(pset));
  if (!members) return kern_of(members.error(), pset);
  return space().remove(name_of(pset), name_of(name)) ? KERN_SUCCESS : KERN_NOT_IN_SET;
}

kern_return_t mach_port_get_set_status(ipc_space_t task, mach_port_name_t name, mach_port_name_array_t* members,
                                       mach_msg_type_number_t* membersCnt) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (members == nullptr || membersCnt == nullptr) return KERN_INVALID_ARGUMENT;
  const auto known = space().members(name_of(name));
  if (!known) return kern_of(known.error(), name);
  std::vector<mach_port_name_t> names(known->size());
  std::transform(known->begin(), known->end(), names.begin(), [](Name member) { return member.value; });
  return give_list(names, members, membersCnt);
}

kern_return_t mach_port_peek(ipc_space_t task, mach_port_name_t name, mach_msg_trailer_type_t trailer_type,
                             mach_port_seqno_t* request_seqnop, mach_msg_size_t* msg_sizep, mach_msg_id_t* msg_idp,
                             mach_msg_trailer_info_t, mach_msg_type_number_t* trailer_infopCnt) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (trailer_type != 0) return KERN_INVALID_VALUE;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto peeked = space().peek(name_of(name), {.size_of = apple::size_of});
  if (!peeked) return KERN_FAILURE;
  if (request_seqnop != nullptr) *request_seqnop = peeked->sequence;
  if (msg_sizep != nullptr) *msg_sizep = static_cast<mach_msg_size_t>(peeked->size);
  if (msg_idp != nullptr) *msg_idp = peeked->id;
  if (trailer_infopCnt != nullptr) *trailer_infopCnt = 0;  // Who sent it is known when it is received.
  return KERN_SUCCESS;
}

kern_return_t mach_port_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard, boolean_t strict) {
  return mach_port_guard_with_flags(task, name, guard, strict ? MPG_STRICT : MPG_FLAGS_NONE);
}

kern_return_t mach_port_guard_with_flags(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard,
                                         uint64_t flags) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if ((flags & ~std::uint64_t{MPG_STRICT | MPG_IMMOVABLE_RECEIVE}) != 0) return KERN_INVALID_ARGUMENT;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto status = space().status(name_of(name));
  if (status && status->context != 0) return KERN_INVALID_ARGUMENT;  // It is somebody's already.
  const auto done =
      space().guard(name_of(name), {guard, true, (flags & MPG_STRICT) != 0, (flags & MPG_IMMOVABLE_RECEIVE) != 0});
  if (!done && done.error().code == code::kReferences) return KERN_INVALID_ARGUMENT;
  if (done) (void)space().set_context(name_of(name), guard);
  return kern_of(done, name);
}

kern_return_t mach_port_unguard(ipc_space_t task, mach_port_name_t name, mach_port_context_t guard) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto status = space().status(name_of(name));
  if (status && !status->guard.is_set) return KERN_INVALID_ARGUMENT;
  if (!space().unguard(name_of(name), guard)) apple::end_by_guard(name, "it was to be taken off by another");
  return kern_of(space().set_context(name_of(name), 0), name);
}

kern_return_t mach_port_swap_guard(ipc_space_t task, mach_port_name_t name, mach_port_context_t old_guard,
                                   mach_port_context_t new_guard) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (const auto fault = no_receive_right(name)) return *fault;
  const auto status = space().status(name_of(name));
  const std::uint64_t flags = status && status->guard.is_strict ? MPG_STRICT : MPG_FLAGS_NONE;
  if (const auto fault = mach_port_unguard(task, name, old_guard)) return fault;
  return mach_port_guard_with_flags(task, name, new_guard, flags);
}
