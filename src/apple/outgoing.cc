// A C program's message, made into what a space sends.
#include <array>

#include "../object/memory.hpp"
#include "descriptors.hpp"
#include "message.hpp"
#include "task.hpp"

namespace reeve::apple {
namespace {

using port::ItemKind;
using port::Place;
using port::RightType;
using port::Thing;
using port::Use;

// What a disposition says of a right that is carried; nothing where it says nothing.
struct Disposition {
  ItemKind kind;
  Use use;
};
std::optional<Disposition> disposition_of(mach_msg_type_name_t type) {
  switch (type) {
    case MACH_MSG_TYPE_MOVE_RECEIVE:
      return Disposition{ItemKind::receive, Use::move};
    case MACH_MSG_TYPE_MOVE_SEND:
      return Disposition{ItemKind::send, Use::move};
    case MACH_MSG_TYPE_COPY_SEND:
      return Disposition{ItemKind::send, Use::copy};
    case MACH_MSG_TYPE_MAKE_SEND:
      return Disposition{ItemKind::send, Use::make};
    case MACH_MSG_TYPE_MOVE_SEND_ONCE:
      return Disposition{ItemKind::send_once, Use::move};
    case MACH_MSG_TYPE_MAKE_SEND_ONCE:
      return Disposition{ItemKind::send_once, Use::make};
    default:
      return std::nullopt;
  }
}

class Outgoing {
 public:
  Outgoing(const mach_msg_header_t& message, std::size_t size) : message_(message), size_(size) {}
  mach_msg_return_t send(const os::Deadline& deadline);

 private:
  mach_msg_return_t check_header() const;
  mach_msg_return_t add_reply();
  mach_msg_return_t add_descriptors();
  mach_msg_return_t add(const mach_msg_port_descriptor_t& port);
  mach_msg_return_t add(const mach_msg_guarded_port_descriptor_t& port);
  mach_msg_return_t add(const mach_msg_ool_descriptor_t& memory);
  mach_msg_return_t add(const mach_msg_ool_ports_descriptor_t& ports);
  mach_msg_return_t add_right(mach_port_t name, mach_msg_type_name_t type, Place place);
  mach_msg_return_t deliver(const os::Deadline& deadline);
  mach_msg_return_t deliver_to_itself_once(const os::Deadline& deadline);
  mach_msg_return_t status_of(const Error& error, RightType type) const;
  bool lacks_reply() const;
  // By value: what stands in a descriptor need not be aligned.
  void give(void* address, std::size_t size) { given_.emplace_back(address, size); }
  void give_up_memory() const;

  const mach_msg_header_t& message_;
  std::size_t size_;
  port::Outgoing out_;
  std::vector<std::pair<void*, std::size_t>> given_;  // memory that is the receiver's when it is sent
};

mach_msg_return_t Outgoing::check_header() const {
  if (size_ < sizeof message_ || size_ % 4 != 0) return MACH_SEND_MSG_TOO_SMALL;
  const mach_msg_bits_t bits = message_.msgh_bits;
  if ((bits & ~MACH_MSGH_BITS_USER) != 0) return MACH_SEND_INVALID_HEADER;
  const mach_msg_type_name_t remote = MACH_MSGH_BITS_REMOTE(bits);
  const mach_msg_type_name_t local = MACH_MSGH_BITS_LOCAL(bits);
  if (!MACH_MSG_TYPE_PORT_ANY_SEND(remote)) return MACH_SEND_INVALID_HEADER;
  if (local == 0 ? message_.msgh_local_port != MACH_PORT_NULL : !MACH_MSG_TYPE_PORT_ANY_SEND(local)) {
    return MACH_SEND_INVALID_HEADER;
  }
  if (MACH_MSGH_BITS_VOUCHER(bits) != 0 && message_.msgh_voucher_port != MACH_PORT_NULL) {
    return MACH_SEND_INVALID_VOUCHER;
  }
  if (!MACH_PORT_VALID(message_.msgh_remote_port) || is_own_port(message_.msgh_remote_port)) {
    return MACH_SEND_INVALID_DEST;
  }
  return MACH_MSG_SUCCESS;
}

mach_msg_return_t Outgoing::add_right(mach_port_t name, mach_msg_type_name_t type, Place place) {
  const auto disposition = disposition_of(type);
  if (!disposition) return MACH_SEND_INVALID_TYPE;
  Thing thing{disposition->kind, place, name_of(name)};
  thing.use = disposition->use;
  if (!MACH_PORT_VALID(name)) {
    thing = {name == MACH_PORT_DEAD ? ItemKind::dead : ItemKind::none, place, {}};
    thing.as = disposition->kind;
  } else if (!thing.name) {
    return MACH_SEND_INVALID_RIGHT;
  }
  out_.things.push_back(std::move(thing));
  return MACH_MSG_SUCCESS;
}

mach_msg_return_t Outgoing::add_reply() {
  const mach_msg_type_name_t type = MACH_MSGH_BITS_LOCAL(message_.msgh_bits);
  if (type == 0 || message_.msgh_local_port == MACH_PORT_NULL) return MACH_MSG_SUCCESS;
  return add_right(message_.msgh_local_port, type, Place::reply) == MACH_MSG_SUCCESS ? MACH_MSG_SUCCESS
                                                                                     : MACH_SEND_INVALID_REPLY;
}

mach_msg_return_t Outgoing::add(const mach_msg_port_descriptor_t& port) {
  return add_right(port.name, port.disposition, Place::carried);
}

// The guard stays behind.
mach_msg_return_t Outgoing::add(const mach_msg_guarded_port_descriptor_t& port) {
  if ((port.flags & ~MACH_MSG_GUARD_FLAGS_MASK) != 0 || port.disposition != MACH_MSG_TYPE_MOVE_RECEIVE) {
    return MACH_SEND_INVALID_TYPE;
  }
  return add_right(port.name, port.disposition, Place::carried);
}

mach_msg_return_t Outgoing::add(const mach_msg_ool_descriptor_t& memory) {
  if (memory.copy != MACH_MSG_VIRTUAL_COPY && memory.copy != MACH_MSG_PHYSICAL_COPY) return MACH_SEND_INVALID_TYPE;
  Thing thing{ItemKind::none, Place::carried, {}};
  thing.as = ItemKind::memory;
  if (memory.size > kMemoryBytesMax) return MACH_SEND_TOO_LARGE;
  if (memory.size > 0) {
    const std::span bytes(static_cast<const std::byte*>(memory.address), memory.size);
    auto sealed = os::sealed_memory("reeve-apple", bytes);  // The kernel reads them, and says where it cannot.
    if (!sealed) return sealed.error().kind == Kind::busy ? MACH_SEND_NO_BUFFER : MACH_SEND_INVALID_MEMORY;
    thing.kind = ItemKind::memory;
    thing.as = ItemKind::none;
    thing.memory =
        object::Memory(std::make_shared<const os::Fd>(std::move(*sealed)), os::DescriptorKind::memory, memory.size);
    if (memory.deallocate) give(memory.address, memory.size);
  }
  out_.things.push_back(std::move(thing));
  return MACH_MSG_SUCCESS;
}

mach_msg_return_t Outgoing::add(const mach_msg_ool_ports_descriptor_t& ports) {
  const auto disposition = disposition_of(ports.disposition);
  if (!disposition || (ports.copy != MACH_MSG_VIRTUAL_COPY && ports.copy != MACH_MSG_PHYSICAL_COPY)) {
    return MACH_SEND_INVALID_TYPE;
  }
  if (ports.count > kAttachmentCountMax) return MACH_SEND_TOO_LARGE;
  Thing array{ItemKind::array, Place::carried, {}};
  array.as = disposition->kind;
  array.count = ports.count;
  out_.things.push_back(std::move(array));
  std::array<mach_port_t, kAttachmentCountMax> names{};
  const std::size_t size = ports.count * sizeof(mach_port_t);
  if (size > 0) {
    const auto sealed = os::sealed_memory("reeve-apple", {static_cast<const std::byte*>(ports.address), size});
    if (!sealed || !os::read_memory_into(*sealed, std::as_writable_bytes(std::span(names)).first(size))) {
      return MACH_SEND_INVALID_MEMORY;
    }
  }
  for (const mach_port_t name : std::span(names).first(ports.count)) {
    if (const auto fault = add_right(name, ports.disposition, Place::carried)) return fault;
  }
  if (ports.deallocate && size > 0) give(ports.address, size);
  return MACH_MSG_SUCCESS;
}

mach_msg_return_t Outgoing::add_descriptors() {
  const std::span bytes(reinterpret_cast<const std::byte*>(&message_), size_);
  Descriptors descriptors(bytes);
  Descriptor descriptor;
  while (descriptors.next(descriptor)) {
    const auto fault = std::visit([this](const auto& each) { return add(each); }, descriptor);
    if (fault != MACH_MSG_SUCCESS) return fault;
    if (out_.things.size() > kAttachmentCountMax) return MACH_SEND_TOO_LARGE;
  }
  if (descriptors.fault() != MACH_MSG_SUCCESS) return descriptors.fault();
  out_.data = bytes.subspan(descriptors.end());
  return MACH_MSG_SUCCESS;
}

bool has_right(port::Name name, RightType type) {
  const auto standing = space().standing(name);
  if (!standing) return false;
  if (type == RightType::receive) return standing->is_receive;
  return type == RightType::send ? standing->send > 0 : standing->is_once;
}

bool Outgoing::lacks_reply() const {
  if (out_.things.empty() || out_.things.front().place != Place::reply) return false;
  const Thing& reply = out_.things.front();
  const RightType type = reply.use == Use::make              ? RightType::receive
                         : reply.kind == ItemKind::send_once ? RightType::send_once
                                                             : RightType::send;
  return reply.name && !has_right(reply.name, type) && space().references(reply.name, RightType::dead_name) == 0;
}

mach_msg_return_t Outgoing::status_of(const Error& error, RightType type) const {
  switch (error.code) {
    case code::kTimedOut:
      return MACH_SEND_TIMED_OUT;
    case code::kDeadPort:
      return MACH_SEND_INVALID_DEST;
    case code::kTooLarge:
      return MACH_SEND_TOO_LARGE;
    case code::kGuarded:
      return MACH_SEND_INVALID_RIGHT;
    case code::kBadAttachment:
      return MACH_SEND_INVALID_MEMORY;
    case code::kNoSuchRight:
      if (!has_right(name_of(message_.msgh_remote_port), type)) return MACH_SEND_INVALID_DEST;
      return lacks_reply() ? MACH_SEND_INVALID_REPLY : MACH_SEND_INVALID_RIGHT;
    default:
      return MACH_SEND_NO_BUFFER;
  }
}

// To a send-once right that is made for this message.
mach_msg_return_t Outgoing::deliver_to_itself_once(const os::Deadline& deadline) {
  const auto once = space().make_send_once(name_of(message_.msgh_remote_port));
  if (!once) return MACH_SEND_INVALID_DEST;
  const auto sent = space().send(*once, RightType::send_once, out_, deadline);
  if (sent) return MACH_MSG_SUCCESS;
  space().unmake_once(*once);
  return status_of(sent.error(), RightType::receive);
}

mach_msg_return_t Outgoing::deliver(const os::Deadline& deadline) {
  const mach_msg_type_name_t remote = MACH_MSGH_BITS_REMOTE(message_.msgh_bits);
  if (remote == MACH_MSG_TYPE_MAKE_SEND_ONCE) return deliver_to_itself_once(deadline);
  const RightType type = remote == MACH_MSG_TYPE_MOVE_SEND_ONCE ? RightType::send_once
                         : remote == MACH_MSG_TYPE_MAKE_SEND    ? RightType::receive
                                                                : RightType::send;
  const port::Name to = name_of(message_.msgh_remote_port);
  const Use use = remote == MACH_MSG_TYPE_MOVE_SEND ? Use::move : Use::copy;
  const auto sent = space().send(to, type, out_, deadline, use);
  return sent ? MACH_MSG_SUCCESS : status_of(sent.error(), type);
}

void Outgoing::give_up_memory() const {
  for (const auto& [address, size] : given_) {
    (void)vm_deallocate(mach_task_self(), reinterpret_cast<vm_address_t>(address), size);
  }
}

mach_msg_return_t Outgoing::send(const os::Deadline& deadline) {
  if (const auto fault = check_header()) return fault;
  if (const auto fault = add_reply()) return fault;
  if (const auto fault = add_descriptors()) return fault;
  out_.id = message_.msgh_id;
  const auto status = deliver(deadline);
  if (status == MACH_MSG_SUCCESS) give_up_memory();
  return status;
}

}  // namespace

mach_msg_return_t send(const mach_msg_header_t& message, mach_msg_size_t size, const os::Deadline& deadline) {
  return Outgoing(message, size).send(deadline);
}

}  // namespace reeve::apple
