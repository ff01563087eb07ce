#include "ports.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "../src/os/descriptor.hpp"
#include "../src/os/process.hpp"
#include "bare.hpp"

namespace bench {
namespace {

using reeve::PortSpace;
using reeve::ReceiveRight;
using reeve::SendOnceRight;
using reeve::SendRight;
using reeve::port::Message;
using reeve::port::Received;

constexpr std::size_t kBytes = 24;  // What Mach's shortest message has: its header.
constexpr std::int32_t kDropped = -1;

Received received_from(const ReceiveRight& port) { return std::get<Received>(need(port.receive())); }

/// Answers each message: by the right to answer by that it brings, or else by the one that its sender brought before.
/// Messages with the id kDropped are dropped.
[[noreturn]] void serve(reeve::os::Fd to_parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const PortSpace space = PortSpace::make();
  const ReceiveRight port = need(space.make_port({.queue_limit = 1024}));
  Message hello;
  hello.reply = need(port.make_send());
  need(need(space.take_in(std::move(to_parent))).send(hello));
  std::vector<SendRight> clients;
  while (true) {
    Received received = received_from(port);
    if (received.id == kDropped) continue;
    Message answer;
    answer.data = std::move(received.data);
    if (auto* once = std::get_if<SendOnceRight>(&received.reply)) {
      need(once->send(answer));
      continue;
    }
    const auto client = static_cast<std::size_t>(received.id);
    if (auto* right = std::get_if<SendRight>(&received.reply)) {
      if (clients.size() <= client) clients.resize(client + 1);
      clients[client] = std::move(*right);
    }
    need(clients.at(client).send(answer));
  }
}

class PortServer {
 public:
  PortServer() {
    const ReceiveRight own = need(space_.make_port());
    reeve::os::Fd end = need(space_.give_out(need(own.make_send())));
    pid_ = ::fork();
    if (pid_ == 0) serve(std::move(end));
    right_ = std::get<SendRight>(std::move(received_from(own).reply));
  }
  PortServer(const PortServer&) = delete;
  PortServer& operator=(const PortServer&) = delete;
  ~PortServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  /// For another space.
  reeve::os::Fd line() const { return need(space_.give_out(need(right_.copy()))); }
  int pid() const { return pid_; }

 private:
  PortSpace space_ = PortSpace::make();
  SendRight right_;
  int pid_ = -1;
};

/// A task with a port of its own, which the server answers to.
class PortClient {
 public:
  explicit PortClient(const PortServer& server, std::int32_t number = 0)
      : right_(need(space_.take_in(server.line()))), number_(number) {
    Message hello = message();
    hello.reply = need(port_.make_send());
    need(right_.send(hello));
    received_from(port_);
  }

  void call() {
    Message request = message();
    need(right_.send(request));
    if (received_from(port_).data.size() != kBytes) die("no echo");
  }
  void call_once() {
    Message request = message();
    request.reply = need(port_.make_send_once());
    need(right_.send(request));
    if (received_from(port_).data.size() != kBytes) die("no echo");
  }
  void tell() {
    Message request = message();
    request.id = kDropped;
    need(right_.send(request));
  }

 private:
  Message message() const {
    Message message;
    message.id = number_;
    message.data = data_;
    return message;
  }
  PortSpace space_ = PortSpace::make();
  ReceiveRight port_ = need(space_.make_port());
  SendRight right_;
  std::int32_t number_;
  reeve::Data data_{std::vector<std::byte>(kBytes, std::byte{'x'})};
};

/// Where theirs are to stand; this process stands where ours are then, and sleeps when it waits.
class Servers {
  struct Standing {
    explicit Standing(int core) { stand_on(core); }
  } theirs_;

 public:
  Servers(const Placement& where, const Broker& broker)
      : theirs_(where.theirs), bare(broker.bare(kBytes), kBytes, Waits::asleep) {
    stand_on(where.ours);
  }
  const BareServer bare;
  const PortServer ports;
  const Waiting waiting{Waits::asleep};
};

struct Many {
  double us_each = 0;
  double bytes_each = 0;
};

// In a process of its own, which may have so many descriptors.
Many ten_thousand_ports() {
  constexpr int kPorts = 10'000;
  auto [reader, writer] = need(reeve::os::pipe_pair());
  const pid_t child = ::fork();
  if (child == 0) {
    reeve::os::raise_descriptor_limit();
    const PortSpace space = PortSpace::make();
    std::vector<ReceiveRight> ports;
    ports.reserve(kPorts);
    const double before = resident_kib(::getpid());
    const double start = now_us();
    while (ports.size() < kPorts) ports.push_back(need(space.make_port()));
    const double us = now_us() - start;
    const Many many{us / kPorts, (resident_kib(::getpid()) - before) * 1024 / kPorts};
    ::_exit(::write(writer.raw(), &many, sizeof many) == sizeof many ? 0 : 1);
  }
  writer.close();
  Many many;
  if (::read(reader.raw(), &many, sizeof many) != sizeof many) die("10,000 ports could not be made");
  ::waitpid(child, nullptr, 0);
  return many;
}

}  // namespace

std::vector<Row> port_round_trips(const Placement& where, const Broker& broker) {
  const Servers servers(where, broker);
  BareClient bare(broker.bare(kBytes), kBytes);
  PortClient client(servers.ports);
  const Side base{[&] { bare.call(); }, [&] { return cpu_with(servers.bare.pid()); }};
  const auto cpu = [&] { return cpu_with(servers.ports.pid()); };
  return {compare(std::string("port, round trip, ") + where.name, kBytes, 20'000, {[&] { client.call(); }, cpu}, base),
          compare(std::string("port, answered once, ") + where.name, kBytes, 20'000, {[&] { client.call_once(); }, cpu},
                  base)};
}

Row port_one_way(const Placement& where, const Broker& broker) {
  constexpr int kBatch = 2000;
  const Servers servers(where, broker);
  BareClient bare(broker.bare(kBytes), kBytes);
  PortClient client(servers.ports);
  const auto ours = [&] {
    for (int i = 1; i < kBatch; ++i) client.tell();
    client.call();
  };
  const auto theirs = [&] {
    for (int i = 1; i < kBatch; ++i) bare.tell();
    bare.call();
  };
  return as_rate(compare(std::string("port, one way, ") + where.name, kBytes, 50, {ours, {}}, {theirs, {}}), kBatch);
}

Row port_fan_in(const Placement& where, const Broker& broker) {
  constexpr int kClients = 8;
  constexpr int kCalls = 2000;
  const Servers servers(where, broker);
  const auto at_once = [&](auto make) {
    return [=, &where] {
      std::vector<std::jthread> threads;
      for (int i = 0; i < kClients; ++i) {
        threads.emplace_back([&where, make, i] {
          stand_on(where.ours);
          auto client = make(i);
          for (int n = 0; n < kCalls; ++n) client->call();
        });
      }
    };
  };
  const auto ours = at_once([&](int i) { return std::make_shared<PortClient>(servers.ports, i); });
  const auto theirs = at_once([&](int) { return std::make_shared<BareClient>(broker.bare(kBytes), kBytes); });
  return as_rate(compare(std::string("port, 8 senders, ") + where.name, kBytes, 5, {ours, {}}, {theirs, {}}),
                 kClients * kCalls);
}

std::vector<Row> port_rights(const Placement& where) {
  stand_on(where.ours);
  const PortSpace here = PortSpace::make();
  const PortSpace there = PortSpace::make();
  const ReceiveRight port = need(there.make_port());
  const SendRight to_port = need(here.take_in(need(there.give_out(need(port.make_send())))));
  const ReceiveRight third = need(there.make_port());
  const SendRight to_third = need(here.take_in(need(there.give_out(need(third.make_send())))));
  std::vector<double> copies;
  for (int i = 0; i < 5000; ++i) {
    const double start = now_us();
    Message message;
    message.carried.emplace_back(need(to_third.copy()));
    need(to_port.send(message));
    const Received received = received_from(port);
    copies.push_back(now_us() - start);
    (void)third.receive({.timeout = std::chrono::seconds(0)});  // The introduction.
  }
  std::vector<double> moves;
  for (int i = 0; i < 50; ++i) {
    ReceiveRight moved = need(here.make_port());
    std::vector<SendRight> senders;
    for (int j = 0; j < 100; ++j) {
      senders.push_back(need(there.take_in(need(here.give_out(need(moved.make_send()))))));
    }
    Message message;
    message.carried.emplace_back(std::move(moved));
    const double start = now_us();
    need(to_port.send(message));
    const Received received = received_from(port);
    moves.push_back(now_us() - start);
  }
  const Many many = ten_thousand_ports();
  return {Row{"port, a copied send right", 0, "us", figures_of(copies), {}, 0, 0},
          Row{"port, a receive right with 100 senders", 0, "us", figures_of(moves), {}, 0, 0},
          Row{"port, one of 10,000", 0, "us", {many.us_each, many.us_each}, {}, 0, 0},
          Row{"port, memory of one of 10,000", 0, "B", {many.bytes_each, many.bytes_each}, {}, 0, 0}};
}

}  // namespace bench
