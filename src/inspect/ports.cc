#include "ports.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "../os/memory.hpp"
#include "../os/open_descriptors.hpp"
#include "../os/other_process.hpp"
#include "../port/listing.hpp"
#include "../vocab/text.hpp"
#include "json.hpp"

namespace reeve::inspect {
namespace {

using port::ListedName;
using port::ListingHeader;

constexpr int kReadsMax = 100;  // Of a listing that changes all the while.

std::unexpected<Error> not_listed() {
  return fail(Kind::unsupported, code::kNoSuchRight, "the process does not show its ports",
              "start it with REEVE_PORTS=listed in its environment, or have it call PortSpace::allow_listing");
}

// What was there at one time.
Result<std::vector<ListedName>> read_names(const os::Fd& memory) {
  for (int i = 0; i < kReadsMax; ++i) {
    ListingHeader before;
    ListingHeader after;
    REEVE_TRY(os::read_at(memory, 0, std::as_writable_bytes(std::span(&before, 1))));
    if (before.magic != after.magic || before.version != after.version || before.count > kPortNamesMax) {
      return fail(Kind::invalid, code::kBadPacket, "what the process shows is no listing of ports",
                  "it was written by another version, or by somebody else");
    }
    std::vector<ListedName> names(before.count);
    REEVE_TRY(os::read_at(memory, sizeof before, std::as_writable_bytes(std::span(names))));
    REEVE_TRY(os::read_at(memory, 0, std::as_writable_bytes(std::span(&after, 1))));
    if (before.sequence != after.sequence || before.sequence % 2 != 0) continue;
    std::erase_if(names, [](const ListedName& name) { return name.name == 0; });
    return names;
  }
  return fail(Kind::busy, code::kQueueFull, "the process's rights change faster than they can be read", "try again");
}

// Who is at the other end of a line.
struct Peer {
  std::uint32_t waiting = 0;  // bytes, that nobody has received yet
  std::vector<std::int32_t> pids;
  bool is_gone = false;
};

// What stands behind one name.
struct Shown {
  ListedName name;
  std::vector<Peer> peers;
};

// All that is needed of the kernel, asked once.
class Kernel {
 public:
  static Result<Kernel> look_at(std::int32_t pid) {
    Kernel kernel(pid);
    kernel.descriptors_ = REEVE_TRY(os::descriptors_of(pid));
    kernel.sockets_ = REEVE_TRY(os::unix_sockets());
    kernel.holders_ = REEVE_TRY(os::socket_holders());
    return kernel;
  }

  const std::vector<os::OpenDescriptor>& descriptors() const { return descriptors_; }

  std::uint64_t inode_of(std::int32_t descriptor) const {
    const auto found = std::ranges::find(descriptors_, descriptor, &os::OpenDescriptor::number);
    return found == descriptors_.end() ? 0 : os::socket_inode(found->target);
  }

  // Nothing is known of a socket of another network namespace.
  std::optional<os::UnixSocket> socket(std::uint64_t inode) const {
    const auto found = sockets_.find(inode);
    return found == sockets_.end() ? std::nullopt : std::optional(found->second);
  }

  // What waits at which of its two ends is the question, too.
  Peer peer_of(std::uint64_t inode, bool is_receiver) const {
    Peer peer;
    const auto own = socket(inode);
    if (!own) return peer;
    peer.is_gone = own->peer == 0;
    const auto other = socket(own->peer);
    peer.waiting = is_receiver ? own->waiting : other ? other->waiting : 0;
    const auto [begin, end] = holders_.equal_range(own->peer);
    for (auto holder = begin; holder != end; ++holder) peer.pids.push_back(holder->second);
    std::ranges::sort(peer.pids);
    peer.pids.erase(std::unique(peer.pids.begin(), peer.pids.end()), peer.pids.end());
    return peer;
  }

  // The lines of a port are the sockets in its epoll, but for those that lead to other ports and are watched there.
  std::vector<Peer> peers_of_port(std::int32_t ready, const std::set<std::uint64_t>& lines_out) const {
    std::vector<Peer> peers;
    const auto inodes = os::watched_in(pid_, ready);
    if (!inodes) return peers;
    for (const std::uint64_t inode : *inodes) {
      if (socket(inode) && !lines_out.contains(inode)) peers.push_back(peer_of(inode, true));
    }
    std::ranges::sort(peers, {}, &Peer::pids);  // The kernel has them in no order.
    return peers;
  }

 private:
  explicit Kernel(std::int32_t pid) : pid_(pid) {}
  std::int32_t pid_;
  std::vector<os::OpenDescriptor> descriptors_;
  std::map<std::uint64_t, os::UnixSocket> sockets_;
  std::multimap<std::uint64_t, std::int32_t> holders_;
};

std::vector<Shown> shown(const Kernel& kernel, const std::vector<ListedName>& names) {
  std::set<std::uint64_t> lines_out;
  for (const ListedName& name : names) {
    if (name.line >= 0) lines_out.insert(kernel.inode_of(name.line));
  }
  std::vector<Shown> all;
  for (const ListedName& name : names) {
    Shown each{name, {}};
    if ((name.rights & port::kListedReceive) != 0) {
      each.peers = kernel.peers_of_port(name.ready, lines_out);
    } else if (name.line >= 0) {
      each.peers.push_back(kernel.peer_of(kernel.inode_of(name.line), false));
    }
    all.push_back(std::move(each));
  }
  return all;
}

struct Right {
  port::ListedRight bit;
  const char* word;
};
constexpr std::array kRights{Right{port::kListedReceive, "receive"}, Right{port::kListedSend, "send"},
                             Right{port::kListedOnce, "send-once"}, Right{port::kListedDead, "dead-name"},
                             Right{port::kListedSet, "port-set"}};

std::vector<std::string> rights_of(const ListedName& name) {
  std::vector<std::string> rights;
  for (const Right& right : kRights) {
    if ((name.rights & right.bit) != 0) rights.emplace_back(right.word);
  }
  return rights;
}

// With how many references there are to those that are counted.
std::string counted_rights_of(const ListedName& name) {
  std::string out;
  for (const Right& right : kRights) {
    if ((name.rights & right.bit) == 0) continue;
    out += (out.empty() ? "" : ", ") + std::string(right.word);
    if (right.bit == port::kListedSend) out += " " + std::to_string(name.send);
    if (right.bit == port::kListedDead) out += " " + std::to_string(name.dead);
  }
  return out;
}

std::string text_of(const Peer& peer) {
  std::string out;
  for (const std::int32_t pid : peer.pids) {
    out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", pid, printable(os::name_of_process(pid)));
  }
  // In the queue of a socket, or with somebody who may not be looked at.
  if (out.empty()) out = peer.is_gone ? "gone" : "nobody who can be seen";
  if (peer.waiting > 0) out += fmt::format(", {} bytes waiting", peer.waiting);
  return out;
}

std::string text_of(const std::vector<Shown>& names) {
  std::string out = fmt::format("{:<12} {:<28} {:>5}  {}", "NAME", "RIGHTS", "LIMIT", "AT THE OTHER END");
  for (const Shown& each : names) {
    const std::string limit = each.name.queue_limit > 0 ? std::to_string(each.name.queue_limit) : "-";
    std::string line = fmt::format("\n{:<12} {:<28} {:>5}  ", fmt::format("{:#x}", each.name.name),
                                   counted_rights_of(each.name), limit);
    if (each.peers.empty()) line += "-";
    for (std::size_t i = 0; i < each.peers.size(); ++i) {
      if (i > 0) line += fmt::format("\n{:49}", "");
      line += text_of(each.peers[i]);
    }
    out += line;
  }
  return out;
}

std::string json_of(std::int32_t pid, const std::vector<Shown>& names) {
  Array all;
  for (const Shown& each : names) {
    Array peers;
    for (const Peer& peer : each.peers) {
      Array pids;
      for (const std::int32_t number : peer.pids) pids.emplace_back(std::int64_t{number});
      peers.emplace_back(Dictionary{{"is_gone", Object(peer.is_gone)},
                                    {"pids", Object(std::move(pids))},
                                    {"waiting_bytes", Object(std::int64_t{peer.waiting})}});
    }
    Array rights;
    for (const std::string& right : rights_of(each.name)) rights.emplace_back(right);
    const auto number = [](std::uint32_t value) { return Object(std::int64_t{value}); };
    all.emplace_back(Dictionary{{"dead_references", number(each.name.dead)},
                                {"name", number(each.name.name)},
                                {"peers", Object(std::move(peers))},
                                {"queue_limit", number(each.name.queue_limit)},
                                {"rights", Object(std::move(rights))},
                                {"send_references", number(each.name.send)}});
  }
  return to_json(Object(Dictionary{{"pid", Object(std::int64_t{pid})}, {"ports", Object(std::move(all))}}));
}

}  // namespace

Result<std::string> ports(std::int32_t pid, Form form) {
  const Kernel kernel = REEVE_TRY(Kernel::look_at(pid));
  const std::string wanted = std::string("/memfd:") + port::kListingName + " (deleted)";
  std::vector<Shown> all;
  bool is_listed = false;
  for (const os::OpenDescriptor& descriptor : kernel.descriptors()) {
    if (descriptor.target != wanted) continue;
    is_listed = true;
    const auto memory = REEVE_TRY(os::memory_in(pid, descriptor.number));
    std::ranges::move(shown(kernel, REEVE_TRY(read_names(memory))), std::back_inserter(all));
  }
  if (!is_listed) return not_listed();
  return form == Form::json ? json_of(pid, all) : text_of(all);
}

}  // namespace reeve::inspect
