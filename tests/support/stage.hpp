// Where a story is told: in memory, where a seed says who goes on next, or across processes. A story is a coroutine and
// does not know which.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "session.hpp"
#include "talker.hpp"

namespace reeve::test {

class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  /// A client of the talker of that name, who starts when he is first called.
  virtual Proxy<Talker> connect(const std::string& name) = 0;
  /// He ends, wherever he is; there is another one for whoever calls next.
  virtual void end(const std::string& name) = 0;
  /// Somebody goes on.
  virtual void turn() = 0;

  /// The clients'.
  os::Loop loop = *os::Loop::make();
};

using Story = Task<void> (*)(Stage& stage);

/// From its beginning to its end, which comes within 60 seconds.
void tell(Stage& stage, Story story);

/// One thread and nothing else: each talker has a loop and a server of his own.
class InMemory final : public Stage {
 public:
  explicit InMemory(std::uint64_t seed);
  ~InMemory() override;

  Proxy<Talker> connect(const std::string& name) override;
  void end(const std::string& name) override;
  void turn() override;

  /// How often somebody has gone on who had something to do.
  std::uint64_t turns() const { return turns_; }

 private:
  struct Performer;
  struct PerformersDialer;
  Performer& performer(const std::string& name);

  std::mt19937_64 random_;
  std::uint64_t turns_ = 0;
  std::map<std::string, std::unique_ptr<Performer>> talkers_;
};

/// A broker, and each talker a confined process of his own.
class AcrossProcesses final : public Stage {
 public:
  Proxy<Talker> connect(const std::string& name) override;
  void end(const std::string& name) override;
  void turn() override;

 private:
  Session session_;
};

}  // namespace reeve::test
