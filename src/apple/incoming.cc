// What a space has received, made into a C program's message.
#include <algorithm>
#include <cstring>

#include "../os/memory.hpp"
#include "../os/pages.hpp"
#include "message.hpp"
#include "task.hpp"

namespace reeve::apple {
namespace {

using port::ItemKind;
using port::NotificationKind;
using port::Place;
using port::RightType;
using port::Thing;

std::size_t size_of_notice(NotificationKind kind) {
  if (kind == NotificationKind::send_once) return sizeof(mach_msg_header_t);
  if (kind == NotificationKind::port_destroyed) return sizeof(mach_msg_base_t) + sizeof(mach_msg_port_descriptor_t);
  return sizeof(mach_msg_header_t) + sizeof(NDR_record_t) + sizeof(natural_t);
}

mach_msg_type_name_t type_of(ItemKind kind) {
  return kind == ItemKind::receive     ? MACH_MSG_TYPE_PORT_RECEIVE
         : kind == ItemKind::send_once ? MACH_MSG_TYPE_PORT_SEND_ONCE
                                       : MACH_MSG_TYPE_PORT_SEND;
}

bool is_memory(ItemKind kind, ItemKind as) {
  return kind == ItemKind::memory || (kind < ItemKind::send && as == ItemKind::memory);
}

mach_port_t name_in(const Thing& thing) { return thing.kind == ItemKind::dead ? MACH_PORT_DEAD : thing.name.value; }
mach_msg_type_name_t type_in(const Thing& thing) { return type_of(thing.name ? thing.kind : thing.as); }

void release(const Thing& thing) {
  if (!thing.name) return;
  const RightType type = thing.kind == ItemKind::receive     ? RightType::receive
                         : thing.kind == ItemKind::send_once ? RightType::send_once
                                                             : RightType::send;
  (void)space().release(thing.name, type);
}

// Bytes written one after the other to where the caller has room for all of them.
class Writer {
 public:
  explicit Writer(mach_msg_header_t* to) : to_(reinterpret_cast<std::byte*>(to)) {}
  template <class Value>
  void put(const Value& value) {
    put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  void put_bytes(std::span<const std::byte> bytes) {
    if (!bytes.empty()) std::memcpy(to_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void pad() {
    while (size_ % 4 != 0) to_[size_++] = std::byte{0};
  }
  std::size_t size() const { return size_; }

 private:
  std::byte* to_;
  std::size_t size_ = 0;
};

// A message as it stands in front of the caller.
class Incoming {
 public:
  Incoming(const Into& into, const port::Taken& taken)
      : into_(into), taken_(taken), writer_(into.message), trailer_bytes_(REQUESTED_TRAILER_SIZE(into.option)) {}

  mach_msg_return_t write(port::Incoming& incoming);
  mach_msg_return_t write(const port::Told& told);
  mach_msg_return_t write(const port::TooLarge& large);

 private:
  bool has_room(std::size_t size) const { return size + trailer_bytes_ <= into_.size; }
  mach_msg_return_t too_large(std::size_t size, mach_msg_id_t id);
  void put_header(mach_msg_bits_t bits, std::size_t size, mach_port_t remote, mach_msg_id_t id);
  void put_descriptors(std::span<Thing> things);
  void put_memory(const Thing& thing);
  void put_array(const Thing& array, std::span<const Thing> elements);
  void put_trailer(const std::optional<os::Credentials>& sender);

  const Into& into_;
  const port::Taken& taken_;
  Writer writer_;
  std::size_t trailer_bytes_;
  mach_msg_return_t fault_ = MACH_MSG_SUCCESS;  // of memory that could not be held
};

void Incoming::put_header(mach_msg_bits_t bits, std::size_t size, mach_port_t remote, mach_msg_id_t id) {
  writer_.put(
      mach_msg_header_t{bits, static_cast<mach_msg_size_t>(size), remote, taken_.port.value, MACH_PORT_NULL, id});
}

mach_msg_return_t Incoming::too_large(std::size_t size, mach_msg_id_t id) {
  if (into_.size >= sizeof(mach_msg_header_t)) put_header(0, size, MACH_PORT_NULL, id);
  return MACH_RCV_TOO_LARGE;
}

void Incoming::put_memory(const Thing& thing) {
  mach_msg_ool_descriptor_t memory{};
  memory.type = MACH_MSG_OOL_DESCRIPTOR;
  memory.copy = MACH_MSG_VIRTUAL_COPY;
  memory.deallocate = TRUE;
  if (thing.kind == ItemKind::memory) {
    const auto mapped = os::map_copy(*thing.memory.shared(), thing.memory.size());
    if (mapped) memory.address = *mapped;
    if (mapped) memory.size = thing.memory.size();
  }
  if (thing.kind != ItemKind::none && memory.size == 0) fault_ = MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE;
  writer_.put(memory);
}

void Incoming::put_array(const Thing& array, std::span<const Thing> elements) {
  mach_msg_ool_ports_descriptor_t ports{};
  ports.type = MACH_MSG_OOL_PORTS_DESCRIPTOR;
  ports.copy = MACH_MSG_VIRTUAL_COPY;
  ports.deallocate = TRUE;
  ports.disposition = type_of(array.as) & 0xffU;
  const auto mapped = elements.empty() ? Result<void*>(nullptr) : os::map_pages(elements.size() * sizeof(mach_port_t));
  if (mapped && *mapped != nullptr) {
    ports.address = *mapped;
    ports.count = static_cast<mach_msg_size_t>(elements.size());
    std::transform(elements.begin(), elements.end(), static_cast<mach_port_t*>(*mapped), name_in);
  }
  if (!mapped) {
    std::for_each(elements.begin(), elements.end(), release);
    fault_ = MACH_RCV_BODY_ERROR | MACH_MSG_VM_SPACE;
  }
  writer_.put(ports);
}

void Incoming::put_descriptors(std::span<Thing> things) {
  for (std::size_t i = 0; i < things.size(); ++i) {
    const Thing& thing = things[i];
    if (thing.kind == ItemKind::array) {
      put_array(thing, things.subspan(i + 1, thing.count));
      i += thing.count;
    } else if (is_memory(thing.kind, thing.as)) {
      put_memory(thing);
    } else {
      mach_msg_port_descriptor_t port{};
      port.type = MACH_MSG_PORT_DESCRIPTOR;
      port.name = name_in(thing);
      port.disposition = type_in(thing) & 0xffU;
      writer_.put(port);
    }
  }
}

// Without a sender it is the space's own word. A process that this one's pid namespace does not show is not process 0.
void Incoming::put_trailer(const std::optional<os::Credentials>& sender) {
  mach_msg_max_trailer_t trailer{};
  trailer.msgh_trailer_type = MACH_MSG_TRAILER_FORMAT_0;
  trailer.msgh_trailer_size = static_cast<mach_msg_trailer_size_t>(trailer_bytes_);
  trailer.msgh_seqno = taken_.sequence;
  trailer.msgh_sender = {{0, 1}};
  if (sender) {
    const auto pid = static_cast<unsigned>(sender->pid > 0 ? sender->pid : -1);
    trailer.msgh_sender = {{sender->uid, sender->gid}};
    trailer.msgh_audit = {{~0U, sender->uid, sender->gid, sender->uid, sender->gid, pid, 0, 0}};
  }
  if (trailer_bytes_ >= sizeof(mach_msg_context_trailer_t)) trailer.msgh_context = space().context(taken_.port);
  writer_.put_bytes(std::as_bytes(std::span(&trailer, 1)).first(trailer_bytes_));
}

// An array is one, with all its elements.
std::size_t count_descriptors(std::span<const Thing> things) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < things.size(); ++i) {
    ++count;
    if (things[i].kind == ItemKind::array) i += things[i].count;
  }
  return count;
}

std::size_t bytes_of(std::span<const Thing> things, std::size_t data_size) {
  std::vector<port::Item> items(things.size());
  std::transform(things.begin(), things.end(), items.begin(), [](const Thing& thing) {
    port::Item item;
    item.kind = thing.kind;
    item.place = thing.place;
    item.as = thing.as;
    item.size = thing.count;
    return item;
  });
  return size_of(items, data_size);
}

mach_msg_return_t Incoming::write(port::Incoming& incoming) {
  const std::size_t size = bytes_of(incoming.things, incoming.data.size());
  if (!has_room(size)) {
    std::for_each(incoming.things.begin(), incoming.things.end(), release);
    return too_large(size, incoming.id);
  }
  std::span<Thing> things(incoming.things);
  mach_msg_bits_t bits = incoming.by == port::LineKind::send_once ? MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE)
                                                                  : MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND);
  mach_port_t remote = MACH_PORT_NULL;
  if (!things.empty() && things.front().place == Place::reply) {
    remote = name_in(things.front());
    bits |= type_in(things.front());
    things = things.subspan(1);
  }
  if (!things.empty()) bits |= MACH_MSGH_BITS_COMPLEX;
  put_header(bits, size, remote, incoming.id);
  if (!things.empty()) {
    writer_.put(mach_msg_body_t{static_cast<mach_msg_size_t>(count_descriptors(things))});
    put_descriptors(things);
  }
  writer_.put_bytes(incoming.data.bytes());
  writer_.pad();
  put_trailer(incoming.sender);
  return fault_;
}

// Of this space's own.
mach_msg_return_t Incoming::write(const port::Told& told) {
  const bool has_port = told.kind == NotificationKind::port_destroyed;
  const bool has_number = told.kind != NotificationKind::send_once && !has_port;
  const auto id = static_cast<mach_msg_id_t>(told.kind);
  const std::size_t size = size_of_notice(told.kind);
  if (!has_room(size)) {
    if (has_port) (void)space().release(told.destroyed, RightType::receive);
    return too_large(size, id);
  }
  put_header(MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND_ONCE) | (has_port ? MACH_MSGH_BITS_COMPLEX : 0), size,
             MACH_PORT_NULL, id);
  if (has_port) {
    mach_msg_port_descriptor_t port{};
    port.type = MACH_MSG_PORT_DESCRIPTOR;
    port.name = told.destroyed.value;
    port.disposition = MACH_MSG_TYPE_PORT_RECEIVE;
    writer_.put(mach_msg_body_t{1});
    writer_.put(port);
  }
  if (has_number) {
    writer_.put(NDR_record);
    writer_.put(static_cast<natural_t>(told.kind == NotificationKind::no_senders ? told.count : told.name.value));
  }
  put_trailer(told.giver);
  return MACH_MSG_SUCCESS;
}

mach_msg_return_t Incoming::write(const port::TooLarge& large) { return too_large(large.size, 0); }

mach_msg_return_t status_of(const Error& error) {
  switch (error.code) {
    case code::kTimedOut:
      return MACH_RCV_TIMED_OUT;
    case code::kDeadPort:
      return MACH_RCV_PORT_DIED;
    case code::kNoSuchRight:
      return MACH_RCV_INVALID_NAME;
    default:
      return MACH_RCV_HEADER_ERROR | MACH_MSG_IPC_SPACE;  // Out of names or descriptors: it is still there.
  }
}

}  // namespace

std::size_t size_of(std::span<const port::Item> items, std::size_t data_size) {
  std::size_t size = sizeof(mach_msg_header_t) + (data_size + 3) / 4 * 4;
  bool is_complex = false;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].place == Place::reply) continue;
    is_complex = true;
    const bool is_array = items[i].kind == ItemKind::array;
    size += is_array                                ? sizeof(mach_msg_ool_ports_descriptor_t)
            : is_memory(items[i].kind, items[i].as) ? sizeof(mach_msg_ool_descriptor_t)
                                                    : sizeof(mach_msg_port_descriptor_t);
    if (is_array) i += std::min<std::size_t>(items[i].size, items.size());
  }
  return size + (is_complex ? sizeof(mach_msg_body_t) : 0);
}

mach_msg_return_t receive(mach_port_name_t from, const Into& into, const os::Deadline& deadline) {
  port::Room room;
  room.size_of = size_of;
  room.size_of_notice = size_of_notice;
  // One that is not to stay in the queue is taken out of it whatever its size.
  const std::size_t trailer = REQUESTED_TRAILER_SIZE(into.option);
  if ((into.option & MACH_RCV_LARGE) != 0) room.size_max = into.size < trailer ? 0 : into.size - trailer;
  auto taken = space().receive(name_of(from), room, deadline);
  if (!taken) return status_of(taken.error());
  Incoming incoming(into, *taken);
  return std::visit([&](auto& what) { return incoming.write(what); }, taken->what);
}

}  // namespace reeve::apple
