#include "address.hpp"

#include "../group/group.hpp"
#include "../os/files.hpp"
#include "../os/other_process.hpp"
#include "../os/process.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"

namespace reeve::bsd {
namespace {

constexpr std::chrono::seconds kConnectTime{1};  // While others wait in line.

// A folder into which nobody else can put anything, and a name in it that plain sockets have room for.
Result<os::Fd> folder_of(const SocketAddress& address) {
  if (address.path().size() > kSocketPathBytesMax) {
    return fail(Kind::invalid, code::kTooLarge,
                "the path " + address.path() + " is longer than the " + std::to_string(kSocketPathBytesMax) +
                    " bytes that a socket's may have",
                "have the group's folder nearer to the root (XDG_DATA_HOME)");
  }
  return os::shared_folder(address.folder);
}

std::unexpected<Error> somebody_listens(const SocketAddress& address, const std::string& who) {
  return fail(Kind::busy, code::kServiceActive, who + " listens at " + address.path() + " already",
              "take another number, or wait until it ends");
}

std::unexpected<Error> not_trusted(const SocketAddress& address, const std::string& why) {
  return fail(Kind::denied, code::kNotTrusted, "the socket at " + address.path() + " " + why,
              "find out who has put it there, and take it away");
}

}  // namespace

Result<SocketAddress> SocketAddress::in_group(const std::string& group, std::uint8_t number) {
  return SocketAddress{REEVE_TRY(group::container(group)), number};
}

// Not every file's name is text that an archive can hold.
ProcessInfo own_process() { return {printable(os::own_program_name()), os::own_pid(), os::own_user(), 0}; }

Result<ProcessInfo> process_at_other_end(const os::Fd& socket) {
  const os::Credentials by = REEVE_TRY(os::connected_by(socket));
  const auto process = os::process_that_connected(socket);
  if (!process && process.error().kind == Kind::busy) return std::unexpected(process.error());
  const std::uint64_t number = process ? os::process_number(*process) : 0;
  return ProcessInfo{by.pid > 0 ? os::program_name(by.pid) : std::string(), by.pid, by.uid, number};
}

// The socket at the address of one that has died is there still, and refuses; one of a plain program's is alive
// although it has no lock.
Result<Place> Place::take(const SocketAddress& address) {
  os::Fd folder = REEVE_TRY(folder_of(address));
  const std::string name = std::to_string(address.number);
  for (const char* beside : {".lock", ".new"}) {
    const auto there = os::entry_in(folder, name + beside);
    const bool is_ours = !there || (there->owner == os::own_user() && there->is_socket == (beside[1] == 'n'));
    if (!is_ours) return not_trusted(address, std::string("has ") + beside + " beside it that is none of a server's");
  }
  auto lock = REEVE_TRY(os::take_lock(folder, (name + ".lock").c_str()));
  if (!lock) return somebody_listens(address, "a server");
  const auto there = os::entry_in(folder, name);
  if (there && !there->is_socket) return not_trusted(address, "is none: something else has its name");
  const auto tried = REEVE_TRY(os::connect_in(folder, name.c_str(), {}, os::SocketKind::stream));
  if (!std::holds_alternative<os::NobodyListens>(tried)) return somebody_listens(address, "a program of another's");
  os::Fd listener = REEVE_TRY(os::listen_in(folder, name.c_str(), os::Reach::own_user, os::SocketKind::stream));
  return Place(std::move(folder), std::move(*lock), std::move(listener), name);
}

// By now it may be another's, who asked nobody.
Place::~Place() {
  if (!listener_ || os::own_pid() != owner_) return;
  if (os::entry_in(folder_, name_) == socket_) os::remove_in(folder_, name_);
  os::release_lock(lock_);  // Copies of the process have it too.
}

void Place::tell(const std::vector<std::string>& classes) const {
  std::string text = std::to_string(os::own_pid()) + "\n";
  for (const std::string& name : classes) text += name + "\n";
  (void)os::rewrite(lock_, text);  // For people.
}

Result<os::Fd> connect_to(const SocketAddress& address) {
  const os::Fd folder = REEVE_TRY(folder_of(address));
  const std::string name = std::to_string(address.number);
  const auto there = os::entry_in(folder, name);
  if (!there) return fail(Kind::gone, code::kClosed, "nobody listens at " + address.path(), "start the server first");
  const std::uint32_t owner = REEVE_TRY(os::entry_of(folder)).owner;
  if (!there->is_socket) return not_trusted(address, "is none");
  if (there->owner != owner) return not_trusted(address, "is not its folder's owner's");
  auto connected = REEVE_TRY(os::connect_in(folder, name.c_str(), os::now() + kConnectTime, os::SocketKind::stream));
  auto* socket = std::get_if<os::Fd>(&connected);
  if (socket == nullptr) {
    const bool is_full = std::holds_alternative<os::BacklogFull>(connected);
    if (is_full)
      return fail(Kind::busy, code::kQueueFull, "the server does not take those who connect", "call again later");
    return fail(Kind::gone, code::kClosed, "nobody listens at " + address.path(), "start the server first");
  }
  const os::Credentials server = REEVE_TRY(os::connected_by(*socket));
  if (server.uid != owner) return not_trusted(address, "is listened at by user " + std::to_string(server.uid));
  (void)os::refuse_rights(*socket);
  return std::move(*socket);
}

}  // namespace reeve::bsd
