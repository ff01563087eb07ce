#include "open_descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "memory.hpp"
#include "proc.hpp"

namespace reeve::os {
namespace {

constexpr std::string_view kSocket = "socket:[";

// The names in a folder of /proc that are numbers. False where it cannot be opened; errno tells why.
bool for_each_number(const std::string& path, const std::function<void(std::int32_t)>& call) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return false;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) call(number);
  }
  return true;
}

std::unexpected<Error> has_ended() {
  return fail(Kind::gone, code::kClosed, "the process has ended, or has no descriptor");
}

// One that has ended, and that nobody has waited for, is root's.
std::unexpected<Error> cannot_look(std::int32_t pid) {
  if (errno == ENOENT) return fail(Kind::gone, code::kClosed, "there is no such process");
  if (errno != EACCES) return system_failure("opendir /proc/PID/fd");
  const auto status = read_text(proc_path(pid, "status"));
  if (status && field_in(*status, "State:").starts_with('Z')) return has_ended();
  return fail(Kind::denied, code::kSystem, "the process may not be looked at",
              "ask as its own user, or as root; of what is confined root alone is told");
}

std::string descriptor_path(std::int32_t pid, const char* folder, std::int32_t number) {
  return proc_path(pid, folder) + "/" + std::to_string(number);
}

std::string target_of(const std::string& link) {
  std::array<char, PATH_MAX> room;
  const ssize_t size = ::readlink(link.c_str(), room.data(), room.size());
  return size < 0 ? std::string() : std::string(room.data(), static_cast<std::size_t>(size));
}

// What the kernel knows already, without asking whoever serves the file.
Result<struct statx> facts_of_file(const Fd& file) {
  struct statx facts{};
  if (::statx(file.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &facts) != 0) {
    return system_failure("statx");
  }
  return facts;
}

struct UnixRequest {
  nlmsghdr header{};
  unix_diag_req request{};
};

void take_socket(const nlmsghdr& message, std::map<std::uint64_t, UnixSocket>& sockets) {
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof(unix_diag_msg))) return;
  unix_diag_msg facts{};
  std::memcpy(&facts, NLMSG_DATA(&message), sizeof facts);
  UnixSocket socket;
  std::span<const std::byte> rest(static_cast<const std::byte*>(NLMSG_DATA(&message)) + NLMSG_ALIGN(sizeof facts),
                                  message.nlmsg_len - NLMSG_LENGTH(sizeof facts));
  while (rest.size() >= sizeof(nlattr)) {
    nlattr attribute{};
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > rest.size()) break;
    const auto value = rest.subspan(NLA_HDRLEN, attribute.nla_len - NLA_HDRLEN);
    std::uint32_t number = 0;  // Of both that are asked for the first field.
    if (value.size() >= sizeof number) std::memcpy(&number, value.data(), sizeof number);
    if (attribute.nla_type == UNIX_DIAG_PEER) socket.peer = number;
    if (attribute.nla_type == UNIX_DIAG_RQLEN) socket.waiting = number;
    rest = rest.subspan(std::min<std::size_t>(NLA_ALIGN(attribute.nla_len), rest.size()));
  }
  sockets[facts.udiag_ino] = socket;
}

}  // namespace

Result<std::vector<OpenDescriptor>> descriptors_of(std::int32_t pid) {
  std::vector<OpenDescriptor> all;
  const auto take = [&](std::int32_t number) {
    std::string target = target_of(descriptor_path(pid, "fd", number));
    if (!target.empty()) all.push_back({number, std::move(target)});
  };
  if (!for_each_number(proc_path(pid, "fd"), take)) return cannot_look(pid);
  if (all.empty()) return has_ended();
  return all;
}

// A path leads to it without opening it: a device, or what somebody serves, is looked at and no more. All memory of
// this kind lies on one device that nobody can mount; whatever else is called so does not.
Result<OpenMemory> memory_in(std::int32_t pid, std::int32_t number) {
  const Fd place(::open(descriptor_path(pid, "fd", number).c_str(), O_PATH | O_CLOEXEC));
  if (!place) return system_failure("open /proc/PID/fd");
  const struct statx there = REEVE_TRY(facts_of_file(place));
  const struct statx own = REEVE_TRY(facts_of_file(REEVE_TRY(open_memory("reeve", 0))));
  const bool is_memory =
      S_ISREG(there.stx_mode) && there.stx_dev_major == own.stx_dev_major && there.stx_dev_minor == own.stx_dev_minor;
  if (!is_memory) return fail(Kind::invalid, code::kBadAttachment, "the descriptor is no memory");
  Fd memory(::open(("/proc/self/fd/" + std::to_string(place.raw())).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!memory) return system_failure("open /proc/self/fd");
  return OpenMemory{std::move(memory), there.stx_ino};
}

// Lines like "tfd:        8 events:       19 data:        1  pos:0 ino:2b71 sdev:9". Others speak of inodes too.
Result<std::vector<std::uint64_t>> watched_in(std::int32_t pid, std::int32_t number) {
  constexpr std::string_view kInode = " ino:";
  const std::string text = REEVE_TRY(read_text(descriptor_path(pid, "fdinfo", number)));
  std::vector<std::uint64_t> inodes;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    const std::size_t at = line.find(kInode);
    if (!line.starts_with("tfd:") || at == std::string_view::npos) continue;
    std::uint64_t inode = 0;
    std::from_chars(line.data() + at + kInode.size(), line.data() + line.size(), inode, 16);
    inodes.push_back(inode);
  }
  return inodes;
}

Result<std::int32_t> innermost_pid(std::int32_t pid) {
  const std::string status = REEVE_TRY(read_text(proc_path(pid, "status")));
  const std::string_view numbers = field_in(status, "NSpid:");
  std::int32_t innermost = 0;
  const std::size_t last = numbers.find_last_of(" \t") + 1;
  std::from_chars(numbers.data() + last, numbers.data() + numbers.size(), innermost);
  return innermost;
}

std::uint64_t socket_inode(const std::string& target) {
  if (!target.starts_with(kSocket)) return 0;
  std::uint64_t inode = 0;
  std::from_chars(&target[kSocket.size()], target.data() + target.size(), inode);
  return inode;
}

Result<std::map<std::uint64_t, UnixSocket>> unix_sockets() {
  const Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket) return system_failure("socket(NETLINK_SOCK_DIAG)");
  UnixRequest ask;
  ask.header.nlmsg_len = sizeof ask;
  ask.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  ask.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  ask.request.sdiag_family = AF_UNIX;
  ask.request.udiag_states = UINT32_MAX;
  ask.request.udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
  if (::send(socket.raw(), &ask, sizeof ask, 0) < 0) return system_failure("send(NETLINK_SOCK_DIAG)");
  std::map<std::uint64_t, UnixSocket> sockets;
  alignas(nlmsghdr) std::array<std::byte, 64 * 1024> room;
  while (true) {
    sockaddr_nl from{};
    socklen_t size_of_from = sizeof from;
    const ssize_t got =
        ::recvfrom(socket.raw(), room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&from), &size_of_from);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_failure("recv(NETLINK_SOCK_DIAG)");
    if (from.nl_pid != 0) continue;  // Not the kernel.
    auto left = static_cast<std::uint32_t>(got);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(room.data()); NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return sockets;
      if (message->nlmsg_type == NLMSG_ERROR) {
        return fail(Kind::unsupported, code::kSystem, "the kernel does not tell of Unix sockets (CONFIG_UNIX_DIAG)");
      }
      take_socket(*message, sockets);
    }
  }
}

Result<std::multimap<std::uint64_t, std::int32_t>> socket_holders() {
  std::multimap<std::uint64_t, std::int32_t> holders;
  const auto take = [&](std::int32_t pid) {
    const auto open = descriptors_of(pid);
    if (!open) return;  // It has ended, or may not be looked at.
    for (const OpenDescriptor& descriptor : *open) {
      if (const std::uint64_t inode = socket_inode(descriptor.target)) holders.emplace(inode, pid);
    }
  };
  if (!for_each_number("/proc", take)) return system_failure("opendir /proc");
  return holders;
}

std::string name_of_process(std::int32_t pid) {
  auto text = read_text(proc_path(pid, "comm"));
  if (!text) return {};
  if (text->ends_with('\n')) text->pop_back();
  return *text;
}

}  // namespace reeve::os
