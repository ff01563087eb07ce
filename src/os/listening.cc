#include "listening.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "files.hpp"
#include "process.hpp"
#include "socket.hpp"

namespace reeve::os {
namespace {

constexpr std::size_t kBesideMax = 64 * 1024;

// What a stranger's program would see: nothing is sent, and the connection ends at once.
void look_who_listens(const Fd& folder, const std::string& name, NamedSocket& socket) {
  const auto connected = connect_in(folder, name.c_str(), {}, SocketKind::stream);
  socket.is_live = connected && !std::holds_alternative<NobodyListens>(*connected);
  if (!connected || !std::holds_alternative<Fd>(*connected)) return;
  if (const auto by = connected_by(std::get<Fd>(*connected))) socket.pid = by->pid;
}

}  // namespace

Result<std::vector<NamedSocket>> sockets_in(const std::string& path, std::size_t most) {
  const Fd folder = REEVE_TRY(open_folder(path));
  struct stat around{};
  if (::fstat(folder.raw(), &around) != 0) return system_failure("fstat");
  std::vector<NamedSocket> all;
  for (const std::string& name : REEVE_TRY(names_in(folder, "", most))) {
    struct stat facts{};
    const bool is_there = ::fstatat(folder.raw(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there || !S_ISSOCK(facts.st_mode)) continue;
    NamedSocket socket{path + "/" + name, facts.st_uid, facts.st_mode & 07777, around.st_mode & 07777, false, 0, {}};
    look_who_listens(folder, name, socket);
    socket.beside = read_trusted_file(folder, name + ".lock", kBesideMax).value_or(std::string());
    all.push_back(std::move(socket));
  }
  return all;
}

}  // namespace reeve::os
