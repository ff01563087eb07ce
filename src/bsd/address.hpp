// Where a server listens: a socket in the folder of an app group, called by a number, as its clients know it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../os/entry.hpp"
#include "../os/process.hpp"
#include "../os/socket.hpp"
#include "../vocab/result.hpp"

namespace reeve::bsd {

/// FOLDER/NUMBER.
struct SocketAddress {
  std::string folder;       ///< that belongs to this user or root, and that nobody else can write to
  std::uint8_t number = 0;  ///< of the server, among those of the folder

  /// In the folder of the group, of which this process is a member. Blocks while the broker is asked.
  /// Errors: those of group::container.
  static Result<SocketAddress> in_group(const std::string& group, std::uint8_t number);

  /// Of its socket.
  std::string path() const { return folder + "/" + std::to_string(number); }
};

/// The process that made a connection, by the kernel's word; it may have handed it on since, and executed something
/// else. Its name is for people: any program may be called so. Beside it peers tell their name and pid themselves,
/// which nobody believes.
struct ProcessInfo {
  std::string name;           ///< of its program's file; empty where that cannot be seen, as of the broker's jobs
  std::int32_t pid = 0;       ///< when it connected, as this process counts; 0 where its pid namespace does not show it
  std::uint32_t uid = 65534;  ///< likewise
  std::uint64_t process = 0;  ///< its number in the kernel, never used again; 0 where that has none (before Linux 6.9)
  friend bool operator==(const ProcessInfo&, const ProcessInfo&) = default;
};

/// @cond
ProcessInfo own_process();
Result<ProcessInfo> process_at_other_end(const os::Fd& socket);

/// A server's place at an address: while it lives nobody else's is made there.
class Place {
 public:
  /// Errors: service-active where somebody listens there; too-large for a path that plain sockets have no room for;
  /// runtime-folder for a folder that others can write to; denied where something else stands there.
  static Result<Place> take(const SocketAddress& address);
  Place(Place&& other) noexcept = default;
  Place& operator=(Place&&) = delete;
  /// Nobody finds the socket any more.
  ~Place();

  const os::Fd& listener() const { return listener_; }
  /// Tells people what classes it takes.
  void tell(const std::vector<std::string>& classes) const;

 private:
  Place(os::Fd folder, os::Fd lock, os::Fd listener, std::string name)
      : folder_(std::move(folder)),
        lock_(std::move(lock)),
        listener_(std::move(listener)),
        name_(std::move(name)),
        socket_(os::entry_in(folder_, name_).value_or(os::Entry())),
        owner_(os::own_pid()) {}
  os::Fd folder_;
  os::Fd lock_;
  os::Fd listener_;
  std::string name_;
  os::Entry socket_;
  std::int32_t owner_;  // A copy of its process has nothing to do with it.
};

/// Connects to whoever listens there, which must be the folder's owner.
/// Errors: gone where nobody does; busy; denied (not-trusted) where it is another's.
Result<os::Fd> connect_to(const SocketAddress& address);
/// @endcond

}  // namespace reeve::bsd

namespace reeve {
using bsd::ProcessInfo;
using bsd::SocketAddress;
}  // namespace reeve
