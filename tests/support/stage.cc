#include "stage.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "../../src/connection/connection.hpp"
#include "../../src/connection/server.hpp"

namespace reeve::test {

void tell(Stage& stage, Story story) {
  const os::Time give_up = os::now() + 60s;
  Task<void> task = story(stage);
  task.start();
  while (!task.is_over() && os::now() < give_up) stage.turn();
  EXPECT_TRUE(task.is_over()) << "the story does not come to its end";
}

struct InMemory::Performer {
  os::Loop loop = *os::Loop::make();
  connection::Server server{loop};
  connection::SharedHandler handler = std::make_shared<const connection::Handler>(
      connection::handler_keeping<Talker>(connection::keep(Chatter()), connection::Shows::no));
};

struct InMemory::PerformersDialer final : connection::Dialer {
  PerformersDialer(InMemory& s, std::string n) : stage(s), name(std::move(n)) {}
  Result<connection::Dialed> dial(const os::Deadline&) override {
    auto [ours, theirs] = REEVE_TRY(os::channel_pair());
    Performer& talker = stage.performer(name);
    REEVE_TRY(talker.server.add(channel::Channel(std::move(theirs)), {}, {}, talker.handler));
    return connection::Dialed{channel::Channel(std::move(ours)), {}};
  }
  InMemory& stage;
  std::string name;
};

InMemory::InMemory(std::uint64_t seed) : random_(seed) {}
InMemory::~InMemory() = default;
void InMemory::end(const std::string& name) { talkers_.erase(name); }

InMemory::Performer& InMemory::performer(const std::string& name) {
  auto& talker = talkers_[name];
  if (!talker) talker = std::make_unique<Performer>();
  return *talker;
}

Proxy<Talker> InMemory::connect(const std::string& name) {
  return Proxy<Talker>(Connection(std::make_unique<PerformersDialer>(*this, name), loop));
}

void InMemory::turn() {
  std::vector<os::Loop*> all{&loop};
  for (const auto& [name, talker] : talkers_) all.push_back(&talker->loop);
  std::vector<pollfd> states;
  for (os::Loop* one : all) states.push_back({(*one->descriptor())->raw(), POLLIN, 0});
  if (::poll(states.data(), states.size(), 1000) <= 0) return;
  std::vector<os::Loop*> ready;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (states[i].revents != 0) ready.push_back(all[i]);
  }
  ++turns_;
  ASSERT_TRUE(ready[random_() % ready.size()]->dispatch());
}

Proxy<Talker> AcrossProcesses::connect(const std::string& name) {
  JobFile job = actor_job(name);
  job.program = build_folder() + "/tests/talker";
  write_job(session_.jobs(), job);
  return reeve::connect<Talker>(name, {.loop = loop});
}

void AcrossProcesses::end(const std::string& name) { EXPECT_EQ(reeve_tool({"kill", "KILL", name}).exit_code, 0); }

void AcrossProcesses::turn() { ASSERT_TRUE(loop.run_once(os::now() + 100ms)); }

}  // namespace reeve::test
