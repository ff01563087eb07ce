#include "ports.hpp"

#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <thread>

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

constexpr std::size_t kListingsMax = 64;    // Spaces of one process. Most have one.
constexpr std::size_t kShownMax = 1 << 17;  // Names, and peers of them, in all.
constexpr int kReadsAtOnce = 512;           // Of which one may fall between two changes, however fast they come.
constexpr std::chrono::milliseconds kBetweenReads{1};  // Nothing tells of a change: it is another process's memory.
constexpr std::chrono::seconds kReadingMax{1};         // Of a listing that changes all the while.

std::unexpected<Error> not_listed() {
  return fail(Kind::unsupported, code::kNoSuchRight, "the process does not show its ports",
              "start it with REEVE_PORTS=listed in its environment, or have it call PortSpace::allow_listing");
}
std::unexpected<Error> too_many() {
  return fail(Kind::invalid, code::kTooLarge, "the process shows more than 131072 rights and holders of them");
}

struct Listed {
  std::uint64_t inode = 0;  // of the memory
  os::Fd memory;
  std::vector<ListedName> names;
};

// What was there at one time.
Result<std::vector<ListedName>> read_names(const os::Fd& memory, std::int32_t pid, os::Time until) {
  int reads = 0;
  do {
    ListingHeader before;
    ListingHeader after;
    REEVE_TRY(os::read_at(memory, 0, std::as_writable_bytes(std::span(&before, 1))));
    if (before.magic != after.magic || before.version != after.version || before.count > kPortNamesMax) {
      return fail(Kind::invalid, code::kBadPacket, "what the process shows is no listing of ports",
                  "it was written by another version, or by somebody else");
    }
    if (before.pid != pid) {
      return fail(Kind::unsupported, code::kNoSuchRight, "the process shows nothing but what its parent had",
                  "ask for its parent; have it execute a program, or make a space of its own");
    }
    if (before.sequence % 2 == 0) {
      std::vector<ListedName> names(before.count);
      REEVE_TRY(os::read_at(memory, sizeof before, std::as_writable_bytes(std::span(names))));
      REEVE_TRY(os::read_at(memory, 0, std::as_writable_bytes(std::span(&after, 1))));
      if (before.sequence == after.sequence) {
        std::erase_if(names, [](const ListedName& name) { return name.name == 0; });
        if (names.size() > kShownMax) return too_many();
        return names;
      }
    }
    if (++reads % kReadsAtOnce == 0) std::this_thread::sleep_for(kBetweenReads);
  } while (os::now() < until);
  return fail(Kind::busy, code::kQueueFull, "the process's rights change all the while, or it was stopped in a change",
              "try again");
}

// All that the process shows and that can be read; an error where nothing can.
Result<std::vector<Listed>> read_listings(std::int32_t pid, std::int32_t own_number,
                                          const std::vector<os::OpenDescriptor>& descriptors) {
  const std::string wanted = std::string("/memfd:") + port::kListingName + " (deleted)";
  const os::Time until = os::now() + kReadingMax;
  std::vector<Listed> all;
  std::optional<Error> fault;
  std::size_t count = 0;
  for (const os::OpenDescriptor& descriptor : descriptors) {
    if (descriptor.target != wanted || all.size() == kListingsMax) continue;
    auto memory = os::memory_in(pid, descriptor.number);
    if (memory && std::ranges::find(all, memory->inode, &Listed::inode) != all.end()) continue;
    auto names = memory ? read_names(memory->fd, own_number, until) : std::unexpected(memory.error());
    if (names) {
      count += names->size();
      if (count > kShownMax) return too_many();
      all.push_back({memory->inode, std::move(memory->fd), std::move(*names)});
    } else {
      fault = std::move(names).error();
    }
  }
  if (!all.empty()) return all;
  if (fault) return std::unexpected(std::move(*fault));
  return not_listed();
}

// Who is at the other end of a line.
struct Peer {
  bool is_known = false;  // it is a socket that the kernel has told of
  bool is_gone = false;
  std::uint32_t waiting = 0;  // bytes, that nobody has received yet
  std::vector<std::int32_t> pids;
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
    for (const os::OpenDescriptor& descriptor : REEVE_TRY(os::descriptors_of(pid))) {
      const std::uint64_t inode = os::socket_inode(descriptor.target);
      if (inode != 0) kernel.inodes_.emplace(descriptor.number, inode);
      if (inode != 0) kernel.own_.insert(inode);
      if (descriptor.target == "anon_inode:[eventpoll]") kernel.epolls_.insert(descriptor.number);
    }
    kernel.sockets_ = REEVE_TRY(os::unix_sockets());
    kernel.holders_ = REEVE_TRY(os::socket_holders());
    return kernel;
  }

  // 0 of what is no socket.
  std::uint64_t inode_of(std::int32_t descriptor) const {
    const auto found = inodes_.find(descriptor);
    return found == inodes_.end() ? 0 : found->second;
  }

  // What waits at which of its two ends is the question, too. Nothing is known of a socket of another network
  // namespace.
  Peer peer_of(std::uint64_t inode, bool is_receiver) const {
    const auto own = sockets_.find(inode);
    if (own == sockets_.end()) return {};
    Peer peer{.is_known = true, .is_gone = own->second.peer == 0, .waiting = 0, .pids = {}};
    const auto other = sockets_.find(own->second.peer);
    peer.waiting = is_receiver ? own->second.waiting : other != sockets_.end() ? other->second.waiting : 0;
    const auto [begin, end] = holders_.equal_range(own->second.peer);
    for (auto holder = begin; holder != end; ++holder) peer.pids.push_back(holder->second);
    std::ranges::sort(peer.pids);
    peer.pids.erase(std::unique(peer.pids.begin(), peer.pids.end()), peer.pids.end());
    return peer;
  }

  // The lines of a port are the sockets in its epoll, but for those that lead elsewhere and are watched there. What is
  // in an epoll and no descriptor of the process's is somebody else's, whatever number it has.
  std::vector<Peer> peers_of_port(std::int32_t ready, const std::set<std::uint64_t>& others) {
    std::vector<Peer> peers;
    for (const std::uint64_t inode : watched(ready)) {
      if (own_.contains(inode) && !others.contains(inode)) peers.push_back(peer_of(inode, true));
    }
    std::ranges::sort(peers, {}, &Peer::pids);  // The kernel has them in no order.
    return peers;
  }

 private:
  explicit Kernel(std::int32_t pid) : pid_(pid) {}

  // Each epoll is asked once, and is one port's.
  std::vector<std::uint64_t> watched(std::int32_t epoll) {
    const auto found = epolls_.find(epoll);
    if (found == epolls_.end()) return {};
    epolls_.erase(found);
    return os::watched_in(pid_, epoll).value_or(std::vector<std::uint64_t>());
  }

  std::int32_t pid_;
  std::map<std::int32_t, std::uint64_t> inodes_;  // of sockets, by their descriptors
  std::set<std::uint64_t> own_;
  std::set<std::int32_t> epolls_;
  std::map<std::uint64_t, os::UnixSocket> sockets_;
  std::multimap<std::uint64_t, std::int32_t> holders_;
};

// Of a name that has changed since, descriptors may be others by now: nothing is said of who has their other ends.
Result<std::vector<Shown>> shown(Kernel& kernel, const std::vector<ListedName>& before,
                                 const std::vector<ListedName>& after) {
  std::set<std::uint64_t> others;
  for (const ListedName& name : after) others.insert({kernel.inode_of(name.line), kernel.inode_of(name.inlet)});
  std::map<std::uint32_t, ListedName> known;
  for (const ListedName& name : before) known.emplace(name.name, name);
  std::vector<Shown> all;
  std::size_t count = 0;
  for (const ListedName& name : after) {
    Shown each{name, {}};
    const auto earlier = known.find(name.name);
    const bool is_same = earlier != known.end() && std::memcmp(&earlier->second, &name, sizeof name) == 0;
    const bool is_port = (name.rights & port::kListedReceive) != 0;
    if (is_same && is_port) each.peers = kernel.peers_of_port(name.ready, others);
    if (is_same && !is_port && name.line >= 0) each.peers.push_back(kernel.peer_of(kernel.inode_of(name.line), false));
    if (!is_same) each.peers.emplace_back();
    count += 1 + each.peers.size();
    if (count > kShownMax) return too_many();
    all.push_back(std::move(each));
  }
  return all;
}

struct Right {
  port::ListedRight bit;
  const char* word;
};
constexpr std::array kRights{Right{port::kListedReceive, "receive"}, Right{port::kListedSend, "send"},
                             Right{port::kListedOnce, "send-once"},  Right{port::kListedDead, "dead-name"},
                             Right{port::kListedSet, "port-set"},    Right{port::kListedWatched, "watched"}};

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
  if (out.empty()) out = !peer.is_known ? "not known" : peer.is_gone ? "gone" : "nobody who can be seen";
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
                                    {"is_known", Object(peer.is_known)},
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

// What the process shows is read before and after the kernel is asked who has what.
Result<std::string> ports(std::int32_t pid, Form form) {
  const auto descriptors = REEVE_TRY(os::descriptors_of(pid));
  const std::int32_t own_number = REEVE_TRY(os::innermost_pid(pid));
  const auto listings = REEVE_TRY(read_listings(pid, own_number, descriptors));
  Kernel kernel = REEVE_TRY(Kernel::look_at(pid));
  const os::Time until = os::now() + kReadingMax;
  std::vector<Shown> all;
  for (const Listed& listing : listings) {
    const auto after = REEVE_TRY(read_names(listing.memory, own_number, until));
    std::ranges::move(REEVE_TRY(shown(kernel, listing.names, after)), std::back_inserter(all));
    if (all.size() > kShownMax) return too_many();
  }
  return form == Form::json ? json_of(pid, all) : text_of(all);
}

}  // namespace reeve::inspect
