#include "introducer.hpp"

#include <array>
#include <csignal>
#include <map>
#include <optional>
#include <span>

#include "../src/os/loop.hpp"
#include "row.hpp"

namespace bench {
namespace {

namespace os = reeve::os;

constexpr std::array<std::byte, 64> kPacket{std::byte{'x'}};
constexpr std::array<std::byte, 64> kGreeting{std::byte{'h'}};

void send(const os::Fd& socket, std::span<const std::byte> packet, std::span<const int> descriptors = {}) {
  if (need(os::send_packet(socket, std::span(&packet, 1), descriptors)) != os::Sent::whole) die("a bare line is full");
}

// Nothing where there is nothing, and at the end.
std::optional<os::Arrival> receive(const os::Fd& socket, std::span<std::byte> room) {
  auto received = need(os::receive_packet(socket, room, os::Rights::accept));
  auto* arrival = std::get_if<os::Arrival>(&received);
  if (arrival == nullptr) return std::nullopt;
  return std::move(*arrival);
}

os::Arrival wait_and_receive(const os::Fd& socket, std::span<std::byte> room) {
  while (true) {
    if (auto arrival = receive(socket, room)) return std::move(*arrival);
    (void)os::wait_for(socket, os::Readiness::readable, {});
  }
}

void introduce(const os::Fd& clients, const os::Fd& server) {
  os::Loop loop = need(os::Loop::make());
  std::array<std::byte, 64> room;
  const auto made = loop.watch(clients, {.readable = true}, [&](os::Ready) {
    if (!receive(clients, room)) return;
    const auto pair = need(os::channel_pair());
    for (const auto& [line, end] : {std::pair(&server, &pair.first), std::pair(&clients, &pair.second)}) {
      const int raw = end->raw();
      send(*line, kPacket, std::span(&raw, 1));
    }
  });
  const auto taken = loop.watch(server, {.readable = true}, [&](os::Ready) { (void)receive(server, room); });
  while (true) (void)loop.run_once();
}

struct Peer {
  os::Fd socket;
  os::Loop::Watch watch;
};

void serve(const os::Fd& line) {
  os::Loop loop = need(os::Loop::make());
  std::map<int, Peer> peers;
  std::array<std::byte, 64> room;
  const auto on_packet = [&](int number) {
    const os::Fd& socket = peers.at(number).socket;
    const auto arrival = receive(socket, room);
    if (!arrival) {
      peers.erase(number);
    } else if (room[0] == kPacket[0]) {
      send(socket, room);
    }
  };
  const auto taken = loop.watch(line, {.readable = true}, [&](os::Ready) {
    auto arrival = receive(line, room);
    if (!arrival || arrival->descriptors.empty()) return;
    send(line, kPacket);
    Peer peer{std::move(arrival->descriptors.front()), {}};
    const int number = peer.socket.raw();
    send(peer.socket, kGreeting);
    peer.watch = need(loop.watch(peer.socket, {.readable = true}, [&, number](os::Ready) { on_packet(number); }));
    peers.insert_or_assign(number, std::move(peer));
  });
  while (true) (void)loop.run_once();
}

}  // namespace

BareIntroducer::BareIntroducer() {
  auto [ours, theirs] = need(os::channel_pair());
  auto [broker, server] = need(os::channel_pair());
  introducer_ = need(os::run_in_copy([&] { return introduce(theirs, broker), 0; }));
  server_ = need(os::run_in_copy([&] { return serve(server), 0; }));
  line_ = std::move(ours);
}

BareIntroducer::~BareIntroducer() {
  for (const os::Child* child : {&introducer_, &server_}) {
    (void)os::send_signal(child->pidfd, SIGKILL);
    (void)os::wait_for_exit(*child, {});
  }
}

double BareIntroducer::cpu() const { return cpu_of(introducer_.pid) + cpu_of(server_.pid); }

void BareIntroducer::connect_and_call() const {
  std::array<std::byte, 64> room;
  send(line_, kPacket);
  const os::Arrival found = wait_and_receive(line_, room);
  const os::Fd& end = found.descriptors.at(0);
  send(end, kGreeting);
  send(end, kPacket);
  do {
    (void)wait_and_receive(end, room);
  } while (room[0] == kGreeting[0]);
  if (room != kPacket) die("the bare introduction lost something");
}

}  // namespace bench
