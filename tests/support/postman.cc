// A program with a message port, which does what it is asked to (postman.hpp).
//
//   postman serve NAME            as a job does that is started when somebody sends
//   postman loop NAME [CALLERS]   on a loop of its own, under a name of its groups, or its job's

#include <cstdio>
#include <cstdlib>
#include <map>
#include <reeve/message_port.hpp>
#include <reeve/reeve.hpp>
#include <sstream>
#include <stop_token>
#include <vector>

#include "postman.hpp"

namespace reeve::test {
namespace {

Data data_of(const std::string& text) { return Data::copy_of(std::as_bytes(std::span(text))); }
std::string text_of(const Data& data) { return {reinterpret_cast<const char*>(data.bytes().data()), data.size()}; }

class Postman {
 public:
  void take(PortMessage message) {
    const std::string said = text_of(message.data());
    switch (message.id()) {
      case kEcho:
        return (void)message.reply(message.data());
      case kWho:
        return (void)message.reply(data_of(who(message.peer())));
      case kKeep:
        return kept_.push_back(std::move(message));
      case kReplyToKept: {
        const std::size_t count = kept_.size();
        for (PortMessage& each : kept_) (void)each.reply(message.data());
        kept_.clear();
        return (void)message.reply(data_of(std::to_string(count)));
      }
      case kInvalidate:
        port->invalidate();
        return kept_.push_back(std::move(message));
      case kCrash:
        std::abort();  // A service is process 1 of its namespace: it cannot kill itself.
      case kCallBack: {
        auto sender = message.sender();
        const auto sent = sender ? sender->send(kEcho, message.data()) : std::unexpected(sender.error());
        return (void)message.reply(data_of(sent ? "sent" : sent.error().message));
      }
      case kCount:
        return (void)message.reply(data_of(std::to_string(counted_)));
      case kNothing:
        ++counted_;
        return;
      case kMakeLocal:
        return (void)message.reply(data_of(make_local(said)));
      case kDropLocal:
        further_.erase(said);
        return (void)message.reply({});
      case kEndWithSender:
        left_.emplace(message.caller().stop_token(), [this] { port->invalidate(); });
        return kept_.push_back(std::move(message));
      case kAsk:
        return (void)message.reply(data_of(ask(said)));
      default:
        return;
    }
  }
  std::optional<Loop> loop;
  std::optional<LocalPort> port;

 private:
  static std::string who(const Peer& peer) {
    std::string text = boost::describe::enum_to_string(peer.trust, "?") + (" " + peer.label);
    for (const std::string& group : peer.groups) text += " " + group;
    return text + " " + std::to_string(peer.pid.value_or(0));
  }
  std::string make_local(const std::string& name) {
    const auto made = LocalPort::make(*loop, name, [this](PortMessage message) { take(std::move(message)); },
                                      {.callers = name.starts_with("org.example.") ? "" : "user"});
    if (!made) return std::to_string(made.error().code) + " " + made.error().message;
    if (!made->took_handler()) return *made == *port ? "shared" : "shared with another";
    further_.emplace(name, *made);
    return "new";
  }
  static std::string ask(const std::string& what) {
    std::istringstream lines(what);
    std::string name;
    std::string required;
    std::string said;
    std::getline(lines, name);
    std::getline(lines, required);
    std::getline(lines, said);
    auto remote = RemotePort::make(name, {.required = required});
    if (!remote) return std::to_string(remote.error().code) + " " + remote.error().message;
    const auto reply = remote->request(kEcho, data_of(said), {.receive = std::chrono::seconds(20)});
    if (!reply) {
      const auto status = static_cast<int>(port_status(reply));
      return std::to_string(status) + " " + std::to_string(reply.error().code) + " " + reply.error().message;
    }
    return "0 " + text_of(*reply);
  }

  std::vector<PortMessage> kept_;
  std::uint64_t counted_ = 0;
  std::optional<std::stop_callback<std::function<void()>>> left_;
  std::map<std::string, LocalPort> further_;
};

int run_on_a_loop(const std::string& name, const std::string& callers) {
  Postman postman;
  postman.loop = *Loop::make();
  bool is_over = false;
  const auto take = [&](PortMessage message) { postman.take(std::move(message)); };
  auto port = LocalPort::make(*postman.loop, name, take, {.callers = callers});
  if (!port) {
    std::printf("%d %s\n", port.error().code, port.error().message.c_str());
    return 1;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  postman.port = *port;
  port->on_invalidation([&] { is_over = true; });
  while (!is_over && postman.loop->run_once()) {
  }
  std::printf("invalid\n");
  return 0;
}

}  // namespace
}  // namespace reeve::test

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() == 3 && words[1] == "serve") {
    reeve::test::Postman postman;
    return reeve::serve_port(words[2], [&](reeve::PortMessage message) { postman.take(std::move(message)); });
  }
  if (words.size() >= 3 && words[1] == "loop") {
    return reeve::test::run_on_a_loop(words[2], words.size() > 3 ? words[3] : "");
  }
  std::fprintf(stderr, "usage: postman serve NAME | postman loop NAME [CALLERS]\n");
  return 2;
}
