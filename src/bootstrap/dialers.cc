// How a connection to a service comes to its channels: by a name, or by an endpoint.
#include <algorithm>

#include "../connection/task.hpp"
#include "../vocab/name.hpp"
#include "broker.hpp"
#include "control.hpp"
#include "kept_broker.hpp"
#include "runtime_folder.hpp"

namespace reeve::bootstrap {
namespace {

using connection::Dialed;
using connection::Task;
using contract::Found;

Result<Dialed> dialed(const Found& found) {
  Peer peer;
  static_cast<contract::Identity&>(peer) = found.service;
  return Dialed{channel::Channel(REEVE_TRY(found.end.shared()->duplicate())), std::move(peer)};
}

// What is asked of brokers, and the code by which one says that it knows of none.
struct Question {
  std::variant<contract::LookUp, contract::Redeem> what;
  int unknown;

  Result<void> check() const {
    const auto* look_up = std::get_if<contract::LookUp>(&what);
    return look_up != nullptr ? vocab::check_name(look_up->name) : Result<void>();
  }
  Result<Found> ask(Broker& broker, const os::Deadline& deadline) const {
    if (const auto* look_up = std::get_if<contract::LookUp>(&what)) return broker.look_up(*look_up, deadline);
    return broker.redeem(std::get<contract::Redeem>(what), deadline);
  }
  // Whoever waits asks first whether it has to: a broker that knows the name already may be the machine's.
  bool waits() const {
    const auto* look_up = std::get_if<contract::LookUp>(&what);
    return look_up != nullptr && look_up->wait_ms > 0;
  }
  // No longer than whoever asks does.
  Question until(const os::Deadline& deadline) const {
    Question question = *this;
    auto* look_up = std::get_if<contract::LookUp>(&question.what);
    const auto left = os::left_until(deadline);
    if (look_up == nullptr || !left) return question;
    const auto ms = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(*left).count());
    look_up->wait_ms = std::clamp<std::uint64_t>(ms, 1, look_up->wait_ms);
    return question;
  }
  Question now() const {
    Question question = *this;
    if (auto* look_up = std::get_if<contract::LookUp>(&question.what)) look_up->wait_ms = 0;
    return question;
  }
  bool has_to_wait(const Result<Found>& found) const { return waits() && !found && found.error().code == unknown; }
  contract::Request request() const {
    return std::visit([](const auto& each) -> contract::Request { return each; }, what);
  }
  // What the user's own broker does not know, the machine's may.
  bool is_for_another(const Result<Found>& found) const {
    return !found && found.error().code == unknown && open_system_folder();
  }
};

bool is_answer(const Result<Found>& found) { return found || found.error().code != code::kNoBroker; }

// Blocking.
Result<Found> ask_in_turn(const Question& question, const os::Deadline& deadline) {
  REEVE_TRY(question.check());
  if (question.waits()) {
    auto found = ask_in_turn(question.now(), deadline);
    if (!question.has_to_wait(found)) return found;
  }
  const Question wanted = question.waits() ? question.until(deadline) : question;
  const auto ask = [&](Broker& broker) { return wanted.ask(broker, deadline); };
  auto found = ask_over_kept(question.unknown, ask);
  if (!question.is_for_another(found)) return found;
  Broker machines(WhenAbsent::fail, Domain::system);
  auto elsewhere = ask(machines);
  return is_answer(elsewhere) ? std::move(elsewhere) : std::move(found);
}

// Without blocking.

Task<Found> ask_over(Control& line, const Question& question) {
  const auto given = std::make_shared<connection::Promise<Dictionary>>();
  const auto asked = line.ask(question.request(), [given](Result<Dictionary> answer) { (void)given->set(answer); });
  if (!asked) co_return std::unexpected(asked.error());
  const auto answer = co_await given->value();
  if (!answer) co_return std::unexpected(answer.error());
  co_return contract::decode_reply<Found>(*answer);
}

// As Broker does, over a connection of its own.
Task<Found> ask_broker(os::Loop::Reference loop, const Question& question, WhenAbsent when_absent, Domain domain) {
  for (int attempt = 1;; ++attempt) {
    connection::Connection broker(dialer_to_broker(when_absent, domain), loop);
    if (is_signed()) {
      const auto proof = co_await broker.async(contract::encode(contract::Prove{}));
      auto nonce = proof ? contract::decode_reply<contract::Proof>(proof->root().object())
                         : Result<contract::Proof>(std::unexpected(proof.error()));
      // Without a proof it is asked all the same, by one of whom nothing is known.
      if (nonce && nonce->nonce.size() > 0) {
        (void)co_await broker.async(contract::encode(contract::Prove{std::move(nonce->nonce)}));
      }
    }
    Dictionary request = contract::encode(question.request());
    const auto answer = co_await broker.async(std::move(request));
    if (answer) co_return contract::decode_reply<Found>(answer->root().object());
    if (answer.error().kind != Kind::interrupted || attempt == kBrokersMax) co_return std::unexpected(answer.error());
  }
}

Task<Found> ask_all(os::Loop::Reference loop, const Question& question) {
  if (const auto valid = question.check(); !valid) co_return std::unexpected(valid.error());
  const auto line = only_line();
  if (!line) co_return std::unexpected(line.error());
  if (*line != nullptr) co_return co_await ask_over(**line, question);
  if (question.waits()) {
    auto found = co_await ask_all(loop, question.now());
    if (!question.has_to_wait(found)) co_return found;
  }
  auto found = co_await ask_broker(loop, question, WhenAbsent::start, Domain::user);
  if (!question.is_for_another(found)) co_return found;
  auto elsewhere = co_await ask_broker(loop, question, WhenAbsent::fail, Domain::system);
  co_return is_answer(elsewhere) ? std::move(elsewhere) : std::move(found);
}

class Asking final : public connection::Dialing {
 public:
  Asking(os::Loop::Reference loop, const Question& question, std::function<void(Result<Dialed>)> then)
      : loop_(std::move(loop)), then_(std::move(then)), task_(run(question)) {
    task_.start();
  }

 private:
  Task<void> run(Question question) {
    auto found = co_await ask_all(loop_, question);
    tell(std::move(found));
    co_return {};
  }
  // By a timer: whoever is told may destroy this.
  void tell(Result<Found> found) {
    found_ = std::move(found);
    auto loop = loop_.get();
    if (!loop) return;
    timer_ = loop->at(os::now(), [this] {
      const auto then = std::move(then_);
      then(found_ ? dialed(*found_) : std::unexpected(found_.error()));
    });
  }

  os::Loop::Reference loop_;
  std::function<void(Result<Dialed>)> then_;
  Result<Found> found_;
  os::Loop::Timer timer_;
  Task<void> task_;
};

class ServiceDialer : public connection::Dialer {
 public:
  explicit ServiceDialer(Question question) : question_(std::move(question)) {}

  Result<Dialed> dial(const os::Deadline& deadline) override {
    return dialed(REEVE_TRY(ask_in_turn(question_, deadline)));
  }

  std::unique_ptr<connection::Dialing> dial_later(const os::Loop::Reference& loop,
                                                  std::function<void(Result<Dialed>)> then) override {
    return std::make_unique<Asking>(loop, question_, std::move(then));
  }

 private:
  Question question_;
};

}  // namespace

Result<Found> find(const contract::LookUp& what, const os::Deadline& deadline) {
  return ask_in_turn(Question{what, code::kUnknownService}, deadline);
}

std::unique_ptr<connection::Dialer> dialer_to(contract::LookUp what) {
  return std::make_unique<ServiceDialer>(Question{std::move(what), code::kUnknownService});
}

std::unique_ptr<connection::Dialer> dialer_to(contract::Redeem what) {
  return std::make_unique<ServiceDialer>(Question{std::move(what), code::kClosed});
}

}  // namespace reeve::bootstrap
