// A name server that hands out rights, and takes them back.
//
// Whoever has a right has it for good: so nobody gets the right itself. For each that is asked for the name server
// makes a gate, a port of its own whose messages it sends on, with the rights to answer by that are in them. To revoke
// a right is to destroy its gate, which its holder is told of; whoever was given another gate notices nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <reeve/port.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace {

using reeve::port::Message;
using reeve::port::Name;
using reeve::port::Received;

constexpr int kInherited = 3;
constexpr int kClients = 2;
enum : std::int32_t { kOffer = 1, kLookUp = 2, kDone = 3, kSay = 10 };

Message message_of(std::int32_t id, std::string_view text) {
  Message message;
  message.id = id;
  message.data = reeve::Data::copy_of(std::as_bytes(std::span(text)));
  return message;
}
std::string text_of(const Message& message) {
  return {reinterpret_cast<const char*>(message.data.bytes().data()), message.data.size()};
}

class NameServer {
 public:
  static reeve::Result<NameServer> make() {
    reeve::PortSpace space = reeve::PortSpace::make();
    reeve::ReceiveRight port = REEVE_TRY(space.make_port());
    reeve::PortSet all = REEVE_TRY(space.make_set());
    REEVE_TRY(all.insert(port));
    return NameServer(std::move(space), std::move(port), std::move(all));
  }

  // The right to ask here, for a process to inherit.
  reeve::Result<reeve::os::Fd> for_a_child() const { return space_.give_out(REEVE_TRY(port_.make_send())); }

  // Until somebody has offered something.
  reeve::Result<void> wait_for_an_offer() {
    while (offers_.empty()) {
      auto delivery = REEVE_TRY(port_.receive());
      if (auto* received = std::get_if<Received>(&delivery)) REEVE_TRY(take(*received));
    }
    return {};
  }

  // Until so many clients have said that they are done.
  reeve::Result<void> run(int clients) {
    while (clients > 0) {
      auto delivery = REEVE_TRY(all_.receive());
      auto* received = std::get_if<Received>(&delivery);
      if (received == nullptr) continue;
      if (const auto gate = gates_.find(received->port); gate != gates_.end()) {
        send_on(gate->second, *received);
      } else {
        clients -= received->id == kDone ? 1 : 0;
        REEVE_TRY(take(*received));
      }
    }
    std::printf("%d gates made, %d revoked\n", made_, revoked_);
    return {};
  }

 private:
  struct Gate {
    reeve::ReceiveRight port;
    std::string leads_to;
    int left;  // messages, until it is closed
  };

  NameServer(reeve::PortSpace space, reeve::ReceiveRight port, reeve::PortSet all)
      : space_(std::move(space)), port_(std::move(port)), all_(std::move(all)) {}

  reeve::Result<void> take(Received& received) {
    if (received.id == kOffer)
      offers_[text_of(received)] = std::get<reeve::SendRight>(std::move(received.carried.at(0)));
    if (received.id != kLookUp) return {};
    // The first who asks may say one thing, and is then shut out; the others may say what they like.
    Gate gate{REEVE_TRY(space_.make_port()), text_of(received), made_ == 0 ? 1 : 100};
    Message answer;
    answer.carried.emplace_back(REEVE_TRY(gate.port.make_send()));
    REEVE_TRY(all_.insert(gate.port));
    gates_.emplace(gate.port.name(), std::move(gate));
    ++made_;
    return std::get<reeve::SendOnceRight>(received.reply).send(answer);
  }

  void send_on(Gate& gate, Message& message) {
    const auto offer = offers_.find(gate.leads_to);
    if (offer != offers_.end()) (void)offer->second.send(message);
    if (--gate.left > 0) return;
    ++revoked_;
    gates_.erase(gate.port.name());
  }

  reeve::PortSpace space_;
  reeve::ReceiveRight port_;
  reeve::PortSet all_;
  std::map<std::string, reeve::SendRight> offers_;
  std::map<Name, Gate> gates_;
  int made_ = 0;
  int revoked_ = 0;
};

// Offers itself, and answers each message with what it says.
reeve::Result<void> serve(const reeve::SendRight& names, const reeve::PortSpace& space) {
  const reeve::ReceiveRight port = REEVE_TRY(space.make_port());
  Message offer = message_of(kOffer, "echo");
  offer.carried.emplace_back(REEVE_TRY(port.make_send()));
  REEVE_TRY(port.notify_when_no_senders(REEVE_TRY(port.make_send_once()), 1));
  REEVE_TRY(names.send(offer));
  while (true) {
    auto delivery = REEVE_TRY(port.receive());
    auto* received = std::get_if<Received>(&delivery);
    if (received == nullptr) return {};  // The name server has gone, and with it everybody who could ask.
    Message answer = message_of(kSay, text_of(*received));
    REEVE_TRY(std::get<reeve::SendOnceRight>(received->reply).send(answer));
  }
}

reeve::Result<Received> ask(const reeve::SendRight& whom, Message question, const reeve::ReceiveRight& port) {
  question.reply = REEVE_TRY(port.make_send_once());
  REEVE_TRY(whom.send(question));
  auto delivery = REEVE_TRY(port.receive());
  if (auto* received = std::get_if<Received>(&delivery)) return std::move(*received);
  return std::unexpected(reeve::Error{reeve::Kind::gone, 0, "the right was revoked", "look the name up again"});
}

// Says two things through the gate that it is given: is it heard?
reeve::Result<void> use(const reeve::SendRight& names, const reeve::PortSpace& space) {
  const reeve::ReceiveRight port = REEVE_TRY(space.make_port());
  Received found = REEVE_TRY(ask(names, message_of(kLookUp, "echo"), port));
  const auto gate = std::get<reeve::SendRight>(std::move(found.carried.at(0)));
  int heard = 0;
  for (const char* word : {"one", "two"}) {
    const auto answer = ask(gate, message_of(kSay, word), port);
    heard += answer && text_of(*answer) == word ? 1 : 0;
  }
  std::printf("heard %d times\n", heard);
  std::fflush(stdout);
  Message done = message_of(kDone, "");
  return names.send(done);
}

// A program of its own, since a mere fork would have a copy of every end that is open here.
pid_t start(const char* role, const reeve::os::Fd& right) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (::dup2(right.raw(), kInherited) == kInherited) ::execl("/proc/self/exe", "gatekeeper", role, nullptr);
  ::_exit(127);
}

reeve::Result<void> take_part(std::string_view role) {
  const reeve::PortSpace space = reeve::PortSpace::make();
  const reeve::SendRight names = REEVE_TRY(space.take_in(reeve::os::Fd(kInherited)));
  return role == "service" ? serve(names, space) : use(names, space);
}

reeve::Result<void> be_name_server() {
  NameServer names = REEVE_TRY(NameServer::make());
  start("service", REEVE_TRY(names.for_a_child()));
  REEVE_TRY(names.wait_for_an_offer());
  for (int i = 0; i < kClients; ++i) start("client", REEVE_TRY(names.for_a_child()));
  return names.run(kClients);
}

}  // namespace

int main(int argc, char** argv) {
  const auto done = argc > 1 ? take_part(argv[1]) : be_name_server();
  while (::wait(nullptr) > 0) {
  }
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "gatekeeper: %s\n", reeve::text_of(done.error()).c_str());
  return EXIT_FAILURE;
}
