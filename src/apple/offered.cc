#include "offered.hpp"

#include <algorithm>

#include "../bootstrap/inherited_line.hpp"
#include "../contract/inherited.hpp"
#include "../os/process.hpp"
#include "../vocab/name.hpp"

namespace reeve::apple {
namespace {

constexpr std::size_t kEarlyMax = 64;               // Ends of one name; a broker's clients may be anybody.
constexpr std::chrono::milliseconds kNextLook{50};  // Another thread may have read what is waited for.

bool is_confined() { return os::trusted_variable(contract::kFilterVariable).has_value(); }

}  // namespace

// By which a port hears of those who have looked it up.
class Offered::Door final : public port::Inlet {
 public:
  Door(Offered& offered, port::Name port) : offered_(offered), port_(port) {}
  ~Door() override { offered_.close(port_); }
  const os::Fd& descriptor() const override { return offered_.control_->socket(); }
  Result<std::vector<Holder>> take() override {
    const std::lock_guard lock(offered_.mutex_);
    const auto read = offered_.control_->read_what_came();
    auto arrived = std::exchange(offered_.arrived_, {});
    if (!read && arrived.empty()) return std::unexpected(read.error());
    return arrived;
  }

 private:
  Offered& offered_;
  port::Name port_;
};

Result<void> Offered::begin() {
  const std::lock_guard lock(mutex_);
  if (!control_) {
    auto begun = begin_once();
    if (!begun) only_line_.reset();
    if (!begun) control_.reset();
    if (!begun) return begun;
  }
  if (control_->over()) return std::unexpected(*control_->over());
  return {};
}

// The process's sandbox is closed for good here: what it opens later it must have been allowed.
Result<void> Offered::begin_once() {
  auto [line, is_job] = REEVE_TRY(bootstrap::enter(true, own_line_));
  REEVE_TRY(bootstrap::close_sandbox());
  control_.emplace(channel::Channel(std::move(line)),
                   [this](const contract::Handover& handover, bool has_room) { take(handover, has_room); });
  only_line_.emplace(*control_);
  if (!is_job) {
    REEVE_TRY(bootstrap::prove([this](const contract::Request& what) { return control_->ask_and_wait(what); }));
    return {};
  }
  const auto reply = control_->ask_and_wait(contract::CheckIn{});
  declared_ = REEVE_TRY(contract::decode_reply<contract::CheckedIn>(REEVE_TRY(reply))).names;
  return {};
}

// The lock is given up while this waits: who waits for a port takes it too, and may read the answer.
Result<Dictionary> Offered::ask(contract::Request request) {
  const auto answer = std::make_shared<std::optional<Result<Dictionary>>>();
  {
    const std::lock_guard lock(mutex_);
    REEVE_TRY(control_->ask(std::move(request), [answer](Result<Dictionary> came) { *answer = std::move(came); }));
  }
  while (true) {
    std::unique_lock lock(mutex_);
    const auto read = control_->read_what_came();
    auto arrived = std::exchange(arrived_, {});
    const bool is_answered = answer->has_value();
    lock.unlock();
    for (auto& holder : arrived) space_.admit(std::move(holder));
    if (is_answered) return std::move(**answer);
    if (!read) return std::unexpected(read.error());
    REEVE_TRY(os::wait_for(control_->socket(), os::Readiness::readable, os::now() + kNextLook));
  }
}

bool Offered::is_offered(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return ports_.contains(name);
}

bool Offered::is_declared(const std::string& name) const {
  return std::find(declared_.begin(), declared_.end(), name) != declared_.end();
}

void Offered::take(const contract::Handover& handover, bool has_room) {
  auto end = has_room ? handover.end.shared()->duplicate() : Result<os::Fd>(os::Fd());
  if (!end || !*end) return;  // Whoever looked the name up finds the port dead.
  if (const auto port = ports_.find(handover.name); port != ports_.end()) {
    arrived_.push_back({port->second, std::move(*end)});
  } else if (auto& early = early_[handover.name]; early.size() < kEarlyMax) {
    early.push_back(std::move(*end));
  }
}

Result<void> Offered::offer(const std::string& name, port::Name port) {
  REEVE_TRY(vocab::check_name(name));
  REEVE_TRY(begin());
  bool has_door = false;
  bool is_registered = false;
  std::vector<os::Fd> early;
  {
    const std::lock_guard lock(mutex_);
    has_door = doors_.contains(port);
    if (!ports_.emplace(name, port).second) {
      return fail(Kind::busy, code::kServiceActive, "the name " + name + " is offered already", "withdraw it first");
    }
    is_registered = !is_declared(name);
    early = take_early(name);
  }
  auto done = has_door ? Result<void>() : space_.attend(port, std::make_shared<Door>(*this, port));
  if (done && !has_door) {
    const std::lock_guard lock(mutex_);
    doors_.insert(port);
  }
  if (done && is_registered) {
    const auto answer = ask(contract::Register{name, contract::Scope::everybody, {}});
    if (!answer) done = std::unexpected(answer.error());
  }
  if (!done) {
    const std::lock_guard lock(mutex_);
    ports_.erase(name);
    return done;
  }
  if (!is_offered(name)) {  // Its port has ended while the broker was asked.
    if (is_registered) (void)ask(contract::Unregister{name, contract::Scope::everybody});
    return fail(Kind::gone, code::kDeadPort, "the port has ended", "make another");
  }
  for (os::Fd& end : early) space_.admit({port, std::move(end)});
  return {};
}

Result<void> Offered::withdraw(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (ports_.erase(name) == 0) {
      return fail(Kind::denied, code::kUnknownService, "this process does not offer the name", "offer it first");
    }
    if (is_declared(name)) return {};
  }
  REEVE_TRY(ask(contract::Unregister{name, contract::Scope::everybody}));
  return {};
}

// Those who came before the name had a port; whoever came by a name that is none of ours finds the port dead.
std::vector<os::Fd> Offered::take_early(const std::string& name) {
  std::vector<os::Fd> early = std::exchange(early_[name], {});
  std::erase_if(early_, [this](const auto& known) { return known.second.empty() || !is_declared(known.first); });
  return early;
}

// Its port has gone elsewhere, or ended. Called with the space's lock held: nobody waits for the answers.
void Offered::close(port::Name port) {
  if (is_forsaken_) return;
  const std::lock_guard lock(mutex_);
  doors_.erase(port);
  std::erase_if(ports_, [&](const auto& known) {
    if (known.second != port) return false;
    const contract::Unregister unregister{known.first, contract::Scope::everybody};
    if (!is_declared(known.first)) (void)control_->ask(unregister, [](const Result<Dictionary>&) {});
    return true;
  });
}

Result<os::Fd> Offered::look_up(const std::string& name) {
  const contract::LookUp what{name};
  if (!is_confined()) return REEVE_TRY(bootstrap::find(what, {})).end.shared()->duplicate();
  REEVE_TRY(vocab::check_name(name));
  REEVE_TRY(begin());
  return REEVE_TRY(contract::decode_reply<contract::Found>(REEVE_TRY(ask(what)))).end.shared()->duplicate();
}

Result<contract::NameState> Offered::status(const std::string& name) {
  REEVE_TRY(vocab::check_name(name));
  if (!is_confined()) return bootstrap::Broker().status(name);
  REEVE_TRY(begin());
  return REEVE_TRY(contract::decode_reply<contract::NameStatus>(REEVE_TRY(ask(contract::Status{name})))).state;
}

}  // namespace reeve::apple
