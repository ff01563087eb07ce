// A program that says who it is, or does what only some may, and prints how that went: "ok …" or the error's code.
//
//   citizen who                     the class, and why it is in no higher one
//   citizen call NAME               asks an onlooker who this is, and prints class and identifier
//   citizen call NAME REQUIREMENT   ... of a service that meets that
//   citizen register NAME           registers a name for everybody
//   citizen container GROUP
//   citizen serve NAME              serves NAME, which lies in a group of this program's
//   citizen hold                    does nothing, until its standard input ends
//   citizen become PROGRAM SOCKET   has the broker look at this program, over the connection SOCKET, and becomes
//   PROGRAM citizen answer SOCKET NONCE     goes on with that, and prints the class that came of it
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <reeve/reeve.hpp>
#include <string>

#include "speaker.hpp"

namespace {

using namespace reeve;

int told(const Error& error) {
  std::printf("%d %s\n", error.code, error.message.c_str());
  return 1;
}
int told(const std::string& text) {
  std::printf("ok %s\n", text.c_str());
  return 0;
}
const char* name_of(PeerClass trust) {
  static constexpr const char* kNames[] = {"introduced", "uid_only", "verified", "bound"};
  return kNames[static_cast<std::size_t>(trust)];
}

int who() {
  std::string text = "unsigned";
  bootstrap::Broker broker;
  Result<Dictionary> last = Dictionary{};
  const auto asked = bootstrap::prove([&](const contract::Request& what) { return last = broker.ask_for_reply(what); });
  if (!asked) return told(asked.error());
  if (last->count() == 0) return told(text);
  const auto proof = contract::decode_reply<contract::Proof>(*last);
  if (!proof) return told(proof.error());
  return told(std::string(name_of(proof->who.trust)) + " " + proof->why_not);
}

int call(const std::string& name, const std::string& required) {
  auto connection = open_connection(name, {.required = required});
  const auto reply = connection.call({}, {.timeout = std::chrono::seconds(20)});
  if (!reply) return told(reply.error());
  const auto trust = static_cast<PeerClass>(*reply->find("class")->get<std::uint64_t>());
  return told(name_of(trust) + (" " + *reply->find("identifier")->get<std::string>()));
}

int register_name(const std::string& name) {
  const auto reply = bootstrap::Broker().ask_for_reply(contract::Register{name});
  return reply ? told("registered") : told(reply.error());
}

int container(const std::string& id) {
  const auto path = group::container(id);
  return path ? told(*path) : told(path.error());
}

int serve(const std::string& name) {
  return serve_messages(name, [](const Peer&, const Dictionary&) -> Result<Dictionary> { return Dictionary{}; });
}

int hold() {
  char byte = 0;
  std::puts("ok holding");
  std::fflush(stdout);
  while (::read(0, &byte, 1) > 0) continue;
  return 0;
}

int become(const char* program, const char* number) {
  test::Speaker speaker{os::Fd(std::atoi(number))};
  const auto proof = speaker.prove({});
  if (!proof) return told(proof.error());
  std::string nonce;
  for (const std::byte byte : proof->nonce.bytes()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte));
    nonce += digits;
  }
  ::fcntl(speaker.socket().raw(), F_SETFD, 0);
  ::execl(program, "citizen", "answer", number, nonce.c_str(), nullptr);
  return 127;
}

int answer(const char* number, const std::string& nonce) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < nonce.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(nonce.substr(i, 2), nullptr, 16)));
  }
  test::Speaker speaker(os::Fd(std::atoi(number)), 2);
  const auto proof = speaker.prove(Data(std::move(bytes)));
  return proof ? told(name_of(proof->who.trust) + (" " + proof->why_not)) : told(proof.error());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "who") return who();
  if (what == "hold") return hold();
  if (what == "call" && argc > 2) return call(argv[2], argc > 3 ? argv[3] : "");
  if (what == "register" && argc > 2) return register_name(argv[2]);
  if (what == "container" && argc > 2) return container(argv[2]);
  if (what == "serve" && argc > 2) return serve(argv[2]);
  if (what == "become" && argc > 3) return become(argv[2], argv[3]);
  if (what == "answer" && argc > 3) return answer(argv[2], argv[3]);
  return 2;
}
