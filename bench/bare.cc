#include "bare.hpp"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "../src/os/confine.hpp"
#include "../src/os/files.hpp"
#include "../src/os/filter.hpp"
#include "../src/vocab/bounds.hpp"
#include "row.hpp"

namespace bench {
namespace {

namespace os = reeve::os;
constexpr const char* kName = "bare.socket";

void send_all(const os::Fd& socket, std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto packet = bytes.subspan(at, std::min(bytes.size() - at, reeve::kFragmentBytes));
    const auto sent = os::send_packet(socket, std::span(&packet, 1), {});
    if (!sent) die(sent.error().message);
    if (*sent == os::Sent::whole) {
      at += packet.size();
    } else {
      (void)os::wait_for(socket, os::Readiness::writable, {});
    }
  }
}

struct Peer {
  os::Fd socket;
  std::vector<std::byte> room;
  std::size_t received = 0;
};

// False at the end.
bool serve(Peer& peer) {
  const auto room = std::span(peer.room).subspan(peer.received);
  const auto received = os::receive_packet(peer.socket, room, os::Rights::accept);
  const auto* arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
  if (arrival == nullptr) return received && std::holds_alternative<os::NothingYet>(*received);
  peer.received += arrival->size;
  if (peer.received < peer.room.size()) return true;
  peer.received = 0;
  if (peer.room[0] != std::byte{'d'}) send_all(peer.socket, peer.room);
  return true;
}

// As a service is once it runs.
void stand_behind(const reeve::sandbox::Preset& preset) {
  need(os::refuse_privileges_by_exec());
  need(os::load_filter(preset.loading));
  need(os::load_filter(preset.running));
}

// A preset has none accept: the first client is the only one then.
void serve_all(const os::Fd& listener, std::size_t bytes, const reeve::sandbox::Preset* preset) {
  const int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener.raw(), &event);
  std::map<int, Peer> peers;
  os::Awake awake;
  while (true) {
    epoll_event events[16];
    int count = awake.is_worth_it() ? ::epoll_wait(epoll, events, 16, 0) : 0;
    while (count == 0 && awake.look_again({})) count = ::epoll_wait(epoll, events, 16, 0);
    if (count == 0) count = ::epoll_wait(epoll, events, 16, -1);
    awake.done();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == 0) {
        auto socket = os::accept_from(listener);
        if (!socket || !*socket) continue;
        const int raw = (*socket)->raw();
        if (bytes > reeve::kFragmentBytes) os::widen(**socket);
        peers[raw] = {std::move(**socket), std::vector<std::byte>(bytes), 0};
        event.data.fd = raw;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, raw, &event);
        if (preset != nullptr) stand_behind(*preset);
      } else if (!serve(peers.at(events[i].data.fd))) {
        peers.erase(events[i].data.fd);
      }
    }
  }
}

}  // namespace

BareServer::BareServer(const std::string& folder, std::size_t bytes, Waits waits,
                       const reeve::sandbox::Preset* preset) {
  const auto place = os::private_folder(folder);
  if (!place) die(place.error().message);
  auto listener = os::listen_in(*place, kName);
  if (!listener) die(listener.error().message);
  pid_ = ::fork();
  if (pid_ == 0) {
    os::set_awake(waits == Waits::awake);
    serve_all(*listener, bytes, preset);
    ::_exit(0);
  }
}

BareServer::~BareServer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

BareClient::BareClient(const std::string& folder, std::size_t bytes) : sent_(bytes, std::byte{'x'}), room_(bytes) {
  const auto place = os::private_folder(folder);
  if (!place) die(place.error().message);
  auto connected = os::connect_in(*place, kName, os::now() + std::chrono::seconds(10));
  if (!connected || !std::holds_alternative<os::Fd>(*connected)) die("nobody listens for the bare pair");
  socket_ = std::move(std::get<os::Fd>(*connected));
  if (bytes > reeve::kFragmentBytes) os::widen(socket_);
}

void BareClient::send() { send_all(socket_, sent_); }

void BareClient::tell() {
  sent_[0] = std::byte{'d'};
  send();
  sent_[0] = std::byte{'x'};
}

void BareClient::call() {
  send();
  for (std::size_t at = 0; at < room_.size();) {
    const auto received = os::receive_packet(socket_, std::span(room_).subspan(at), os::Rights::accept);
    if (!received) die(received.error().message);
    if (const auto* arrival = std::get_if<os::Arrival>(&*received)) {
      at += arrival->size;
    } else if (!awake_.look_again({})) {
      (void)os::wait_for(socket_, os::Readiness::readable, {});
    }
  }
  awake_.done();
  if (std::memcmp(room_.data(), sent_.data(), sent_.size()) != 0) die("the bare pair lost something");
}

}  // namespace bench
