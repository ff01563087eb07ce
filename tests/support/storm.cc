#include "storm.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "../../src/bootstrap/broker.hpp"
#include "../../src/connection/server.hpp"

namespace reeve::test {
namespace {

constexpr std::size_t kFailuresShown = 20;
bool is_active(const std::string& name) {
  const auto reply = ask_broker(contract::Status{name});
  const auto status = reply ? contract::decode_reply<contract::NameStatus>(*reply) : Result<contract::NameStatus>();
  return status && status->state == contract::NameState::active;
}

std::string name_of_process(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

// One connection of an Offerer's to the broker, for as long as that lasts.
class Offer {
 public:
  Offer(os::Loop& loop, connection::Server& server, connection::SharedHandler handler, os::Fd socket,
        std::function<std::string(int)> name, int count)
      : loop_(loop),
        server_(server),
        handler_(std::move(handler)),
        channel_(std::move(socket)),
        name_(std::move(name)),
        count_(count) {
    channel_.let_peer_be_replaced();
  }

  Result<void> begin() {
    watch_ = REEVE_TRY(loop_.watch(channel_.socket(), {.readable = true}, [this](os::Ready) { on_ready(); }));
    return ask();
  }
  bool is_over() const { return over_; }
  int registered() const { return registered_; }

 private:
  Result<void> send(channel::PacketKind kind, const contract::Request& what, std::uint64_t id) {
    connection::Parcel parcel = REEVE_TRY(connection::make_parcel(kind, contract::encode(what)));
    parcel.id = id;
    return channel_.send(parcel);
  }
  Result<void> ask() {
    if (registered_ == count_) return {};
    return send(channel::PacketKind::request, contract::Register{name_(registered_), contract::Scope::process},
                static_cast<std::uint64_t>(registered_) + 1);
  }
  void on_ready() {
    while (!over_) {
      auto incoming = channel_.receive(inbox_);
      if (incoming && std::holds_alternative<channel::NothingYet>(*incoming)) return;
      auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
      if (packet == nullptr || !take(*packet)) over_ = true;
    }
  }
  Result<void> take(channel::Delivered& packet) {
    using channel::PacketKind;
    if (packet.header.kind == PacketKind::hello) return {};
    const auto body = REEVE_TRY(connection::open_packet(packet));
    const Dictionary message = body.root().object();
    if (packet.header.kind == PacketKind::message) {
      return std::visit([this](const auto& told) { return take(told); }, REEVE_TRY(contract::decode_told(message)));
    }
    const bool is_mine = packet.header.reply_to == static_cast<std::uint64_t>(registered_) + 1;
    if (!is_mine) return {};
    if (packet.header.kind == PacketKind::reply) {
      ++registered_;
      return ask();
    }
    // Somebody has it who has left, and was not seen to leave yet.
    retry_ = loop_.at(os::now() + 10ms, [this] { over_ = over_ || !ask(); });
    return {};
  }
  // A broker that has just begun knows neither what was taken nor what was asked of the one before.
  Result<void> take(const contract::Succession& succession) {
    broker_ = succession.broker;
    REEVE_TRY(send(channel::PacketKind::message, contract::Taken{taken_, broker_}, 0));
    return ask();
  }
  Result<void> take(const contract::Handover& handover) {
    taken_ = handover.number;
    REEVE_TRY(send(channel::PacketKind::message, contract::Taken{taken_, broker_}, 0));
    auto end = REEVE_TRY(handover.end.shared()->duplicate());
    return server_.add(channel::Channel(std::move(end)), {}, {handover.pid, handover.process}, handler_);
  }

  os::Loop& loop_;
  connection::Server& server_;
  connection::SharedHandler handler_;
  channel::Inbox inbox_;
  channel::Channel channel_;
  std::function<std::string(int)> name_;
  int count_;
  int registered_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t broker_ = 0;
  bool over_ = false;
  os::Loop::Watch watch_;
  os::Loop::Timer retry_;
};

}  // namespace

int in_full_or(int full, int brief) { return std::getenv("REEVE_LONG") != nullptr ? full : brief; }

// Processes.

std::vector<int> children_of(int parent) {
  const std::string id = std::to_string(parent);
  std::ifstream file("/proc/" + id + "/task/" + id + "/children");
  std::vector<int> children;
  for (int pid = 0; file >> pid;) children.push_back(pid);
  return children;
}

int child_named(int parent, const std::string& name) {
  for (const int child : children_of(parent)) {
    if (name_of_process(child) == name) return child;
  }
  return 0;
}

bool kill_child(int parent, int child) {
  const os::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  const auto children = children_of(parent);
  if (!pidfd || std::find(children.begin(), children.end(), child) == children.end()) return false;
  return ::syscall(SYS_pidfd_send_signal, pidfd.raw(), SIGKILL, nullptr, 0) == 0;
}

std::chrono::microseconds up_to(std::chrono::microseconds most, std::mt19937& random) {
  return std::chrono::microseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(random));
}

bool kill_part(const Session& session, const Kill& kill, std::mt19937& random) {
  int last = 0;
  for (int i = 0; i < kill.times; ++i) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    int next = child_named(session.supervisor(), kill.name);
    while ((next == 0 || next == last) && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(200us);
      next = child_named(session.supervisor(), kill.name);
    }
    if (next == 0 || next == last) return false;
    if (i > 0) std::this_thread::sleep_for(up_to(kill.most, random));
    if (!kill_child(session.supervisor(), next)) return false;
    last = next;
  }
  return true;
}

// Calls.

void Tally::wrong(const char* what, const std::string& why) {
  ++wrong_;
  const std::lock_guard guard(lock_);
  if (failures_.size() < kFailuresShown) ++failures_[std::string(what) + " had a wrong answer: " + why];
}

void Tally::count(const char* what, const Error* error) {
  ++calls_;
  if (error == nullptr) return void(++answered_);
  const std::lock_guard guard(lock_);
  if (failures_.size() < kFailuresShown) ++failures_[std::string(what) + ": " + error->message];
}

std::string Tally::text() const {
  std::ostringstream out;
  out << calls_ << " calls, " << answered_ << " answered, " << wrong_ << " wrong";
  const std::lock_guard guard(lock_);
  for (const auto& [what, times] : failures_) out << "; " << times << " x " << what;
  return out.str();
}

Connection open_registered(const contract::Found& found) {
  return Connection(connection::dialer_over(object::Right{found.end.shared(), object::RightKind::send}));
}

Result<Dictionary> call_registered(const std::string& name, int pid) {
  const Dictionary reply = REEVE_TRY(ask_broker(contract::LookUp{name, pid}));
  const auto found = REEVE_TRY(contract::decode_reply<contract::Found>(reply));
  return open_registered(found).call({}, kStormCall);
}

Offerer::Offerer(std::string prefix, int count)
    : prefix_(std::move(prefix)), count_(count), thread_([this] { run(); }) {}

Offerer::~Offerer() {
  over_ = true;
  thread_.join();
}

bool Offerer::has_registered_all() const {
  const auto give_up = std::chrono::steady_clock::now() + 60s;
  while (registered_ < count_ && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(1ms);
  return registered_ == count_;
}

void Offerer::run() {
  auto loop = os::Loop::make();
  if (!loop) return;
  const Dictionary answer{{"offerer", Object(prefix_)}};
  connection::Server server(*loop);
  const auto handler = std::make_shared<const connection::Handler>(
      [&](const wire::DictionaryView&, Request request) { (void)request.answer(answer); });
  while (!over_) {
    auto socket = bootstrap::connect_to_broker(bootstrap::WhenAbsent::fail);
    if (!socket) return;
    Offer offer(*loop, server, handler, std::move(*socket), [this](int index) { return name(index); }, count_);
    bool goes_on = offer.begin().has_value();
    while (goes_on && !over_ && !offer.is_over()) {
      (void)loop->run_once(os::now() + 20ms);
      registered_ = offer.registered();
    }
    if (!over_ && offer.registered() > 0) ++losses_;
    registered_ = 0;
  }
}

// Clients.

Clients::Clients(const Session& session, int count) : session_(session), count_(count) {
  write_job(session.jobs(), actor_job(kSteady));
  for (int i = 0; i < count; ++i) write_job(session.jobs(), actor_job(fleeting(i)));
  auto steady = connect<Actor>(kSteady);
  EXPECT_TRUE(steady.call_with<&Actor::sleep>(kStormCall, 0U));
  steady_pid_ = steady.peer()->pid.value_or(0);
  before_ = quiet_census();
}

Clients::~Clients() { end(); }

// With every fleeting service down, and its image in the spawner's cache.
Census Clients::quiet_census() {
  for (int i = 0; i < count_; ++i) {
    auto service = connect<Actor>(fleeting(i));
    EXPECT_TRUE(service.call_with<&Actor::sleep>(kStormCall, 0U));
    (void)service.call_with<&Actor::crash>(kStormCall);
    EXPECT_TRUE(wait_for_state(fleeting(i), "idle"));
  }
  return session_.settled_census();
}

void Clients::begin() {
  over_ = false;
  offerer_ = std::make_unique<Offerer>("org.example.storm", 10);
  EXPECT_TRUE(offerer_->has_registered_all());
  for (int i = 0; i < count_; ++i) threads_.emplace_back([this, i] { run(i); });
}

void Clients::end() {
  over_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Clients::launch(int client) {
  auto service = connect<Actor>(fleeting(client));
  if (!tally_.take("a first call to a service that has to be started",
                   service.call_with<&Actor::sleep>(kStormCall, 0U))) {
    return;
  }
  ++launches_;
  const auto crashed = service.call_with<&Actor::crash>(kStormCall);
  if (crashed || crashed.error().kind != Kind::interrupted) {
    tally_.wrong("a crash", crashed ? "answered" : crashed.error().message);
  }
  // Whoever is handed to an instance that has ended, by a broker that ends before it hears of that, is interrupted: the
  // service died with that call in its queue. Here only brokers and spawners are to be at fault.
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (is_active(fleeting(client)) && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(200us);
}

void Clients::run(int client) {
  auto held = connect<Actor>(kSteady);
  std::optional<Connection> held_name;
  for (std::int32_t i = 0; !over_; ++i) {
    Everything what;
    what.list = {client, i};
    const auto repeated = held.call_with<&Actor::repeat>(kStormCall, what);
    if (tally_.take("a call over an open connection", repeated) && *repeated != what) {
      tally_.wrong("a call over an open connection", "another's");
    }
    auto fresh = connect<Actor>(kSteady);
    (void)tally_.take("a first call", fresh.call_with<&Actor::sleep>(kStormCall, 0U));
    (void)tally_.take("a look-up", bootstrap::Broker().look_up({kSteady}, os::now() + 60s));
    const std::string name = offerer_->name(i % offerer_->count());
    (void)tally_.take("a call to a registered name", call_registered(name, ::getpid()));
    if (!held_name) {
      const auto reply = ask_broker(contract::LookUp{name, ::getpid()});
      const auto found = reply ? contract::decode_reply<contract::Found>(*reply) : Result<contract::Found>();
      if (reply && found) held_name.emplace(open_registered(*found));
    }
    if (held_name) (void)tally_.take("a call over an open connection to a name", held_name->call({}, kStormCall));
    launch(client);
  }
}

void Clients::expect_nothing_lost() {
  EXPECT_EQ(tally_.failed(), 0U) << tally_.text();
  EXPECT_EQ(tally_.wrong(), 0U) << tally_.text();
  EXPECT_TRUE(offerer_->has_registered_all());
  EXPECT_EQ(offerer_->losses(), 0) << "a connection that had names was cut off: " << session_.printed();
  for (int i = 0; i < offerer_->count(); ++i) {
    EXPECT_TRUE(call_registered(offerer_->name(i), ::getpid())) << offerer_->name(i) << " is lost";
  }
  offerer_.reset();
  EXPECT_EQ(*steady().peer()->pid, steady_pid_) << "the service was restarted";
  Census after = quiet_census();
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (after != before_ && std::chrono::steady_clock::now() < give_up) after = session_.settled_census();
  EXPECT_EQ(after, before_);
}

}  // namespace reeve::test
