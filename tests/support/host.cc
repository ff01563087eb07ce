// host NAME: serves NAME with a room for each client, and NAME.closed, which lets nobody in. Says on standard error
// what it is told of its own end.
#include "host.hpp"

#include <algorithm>
#include <cstdio>

namespace {

using namespace reeve;
using namespace reeve::test;

std::vector<Promise<std::string>*> waiting_for_words;  // for the host's last words, each in its coroutine

class Counted {
 public:
  Counted() { ++count_; }
  Counted(Counted&&) noexcept { ++count_; }
  ~Counted() { --count_; }
  static std::uint32_t count() { return count_; }

 private:
  static inline std::uint32_t count_ = 0;
};

class Guest final : public Room {
 public:
  explicit Guest(const Peer& peer) : user_(peer.uid) {}
  void note(std::string what) override { notes_.push_back(std::move(what)); }
  Result<std::vector<std::string>> notes() override { return notes_; }
  Result<std::uint32_t> user() override { return user_; }
  Result<std::uint32_t> rooms() override { return Counted::count(); }
  Result<std::uint32_t> waiting() override { return static_cast<std::uint32_t>(waiting_for_words.size()); }
  Task<std::string> ring(const Caller& caller, Right bell, std::string what) override {
    Proxy<Bell> client(open_connection(bell, caller.loop()));
    co_return co_await client.async<&Bell::ring>(std::move(what));
  }
  Task<std::string> last_words() override {
    Promise<std::string> words;
    waiting_for_words.push_back(&words);
    auto said = co_await words.value();
    std::erase(waiting_for_words, &words);
    // Its client may have left by now, and this room is there still.
    co_return said ? *said + " to the user " + std::to_string(user_) : said;
  }

 private:
  Counted counted_;
  std::uint32_t user_;
  std::vector<std::string> notes_;
};

struct Closed final : Namesake {
  Result<std::string> name() override { return "nobody hears this"; }
};

struct Desk : Namesake {
  Result<std::string> name() override { return "the desk"; }
  void stopping() {
    std::fprintf(stderr, "the host is stopping, %u rooms\n", Counted::count());
    for (Promise<std::string>* words : std::vector(waiting_for_words)) (void)words->set("farewell");
  }
};

Result<void> run(const std::string& name) {
  Service service;
  REEVE_TRY(service.offer_each<Room>(name, [](const Peer& peer) -> Result<Guest> { return Guest(peer); }));
  REEVE_TRY(service.offer_each<Namesake>(name + ".closed", [](const Peer&) -> Result<Closed> {
    return fail(Kind::denied, 10001, "members only", "become one");
  }));
  REEVE_TRY(service.offer<Namesake>(name + ".desk", Desk()));
  return service.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto outcome = run(argv[1]);
  if (!outcome) std::fprintf(stderr, "%s\n", text_of(outcome.error()).c_str());
  return outcome ? 0 : 1;
}
