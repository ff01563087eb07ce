// A supervisor that never loses a request: when a worker ends, its port goes to the next one, with all that waits
// there.
//
// The clients have a right to the port and notice nothing. The worker asks for its port to be handed back where it
// would be destroyed; it is, whatever takes the worker down in order. (Of a process that is killed the kernel closes
// all: its clients are told that the port is no more.)
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <reeve/port.hpp>
#include <string>
#include <string_view>

namespace {

using reeve::port::Message;
using reeve::port::Notification;
using reeve::port::Received;

constexpr int kRequests = 12;
constexpr int kEach = 5;  // What one worker does before it gives up.
constexpr int kInherited = 3;
constexpr std::int32_t kPortDestroyed = 69;

reeve::Data data_of(int value) { return reeve::Data::copy_of(std::as_bytes(std::span(&value, 1))); }
int value_of(const Received& received) {
  int value = 0;
  if (received.data.size() == sizeof value) std::memcpy(&value, received.data.bytes().data(), sizeof value);
  return value;
}

// The next message; an error where something else comes.
reeve::Result<Received> message_at(const reeve::ReceiveRight& port) {
  auto delivery = REEVE_TRY(port.receive());
  if (auto* received = std::get_if<Received>(&delivery)) return std::move(*received);
  return std::unexpected(reeve::Error{reeve::Kind::gone, 0, "whoever was asked has ended", ""});
}

// Told to whoever started it, a worker has a port to serve, and the right by which that goes back.
reeve::Result<void> work(const reeve::SendRight& supervisor, const reeve::PortSpace& space) {
  const reeve::ReceiveRight own = REEVE_TRY(space.make_port());
  Message ask;
  ask.reply = REEVE_TRY(own.make_send_once());
  REEVE_TRY(supervisor.send(ask));
  Received order = REEVE_TRY(message_at(own));
  const auto port = std::get<reeve::ReceiveRight>(std::move(order.carried.at(0)));
  REEVE_TRY(port.notify_when_destroyed(std::get<reeve::SendOnceRight>(std::move(order.reply))));
  REEVE_TRY(port.notify_when_no_senders(REEVE_TRY(port.make_send_once())));
  for (int done = 0; done < kEach;) {
    auto delivery = REEVE_TRY(port.receive());
    const auto* told = std::get_if<Notification>(&delivery);
    if (told != nullptr && told->kind == reeve::port::NotificationKind::no_senders) break;
    auto* request = std::get_if<Received>(&delivery);
    if (request == nullptr) continue;  // What the worker before was to be told.
    Message answer;
    answer.data = data_of(value_of(*request) * value_of(*request));
    REEVE_TRY(std::get<reeve::SendOnceRight>(request->reply).send(answer));
    ++done;
  }
  return {};  // Its port is destroyed here, and is not.
}

// Sends all its requests at once, far more than one worker does, and takes the answers as they come.
reeve::Result<void> ask_all(const reeve::SendRight& service, const reeve::PortSpace& space) {
  const reeve::ReceiveRight answers = REEVE_TRY(space.make_port());
  for (int number = 1; number <= kRequests; ++number) {
    Message request;
    request.data = data_of(number);
    request.reply = REEVE_TRY(answers.make_send_once());
    REEVE_TRY(service.send(request));
  }
  int sum = 0;
  for (int i = 0; i < kRequests; ++i) sum += value_of(REEVE_TRY(message_at(answers)));
  std::printf("%d requests answered, sum %d\n", kRequests, sum);
  return {};
}

reeve::Result<void> take_part(std::string_view role) {
  const reeve::PortSpace space = reeve::PortSpace::make();
  const reeve::SendRight right = REEVE_TRY(space.take_in(reeve::os::Fd(kInherited)));
  return role == "client" ? ask_all(right, space) : work(right, space);
}

// A program of its own, since a mere fork would have a copy of every end that is open here.
reeve::Result<void> start(const char* role, reeve::os::Fd right) {
  if (::fork() != 0) return {};
  if (::dup2(right.raw(), kInherited) == kInherited) ::execl("/proc/self/exe", "successor", role, nullptr);
  ::_exit(127);
}

reeve::Result<void> supervise() {
  const reeve::PortSpace space = reeve::PortSpace::make();
  const reeve::ReceiveRight own = REEVE_TRY(space.make_port());
  reeve::ReceiveRight service = REEVE_TRY(space.make_port({.queue_limit = kRequests}));
  REEVE_TRY(start("client", REEVE_TRY(space.give_out(REEVE_TRY(service.make_send())))));
  int workers = 0;
  for (; workers * kEach < kRequests; ++workers) {
    REEVE_TRY(start("worker", REEVE_TRY(space.give_out(REEVE_TRY(own.make_send())))));
    Received worker = REEVE_TRY(message_at(own));
    Message order;
    order.carried.emplace_back(std::move(service));
    order.reply = REEVE_TRY(own.make_send_once());
    REEVE_TRY(std::get<reeve::SendOnceRight>(worker.reply).send(order));
    if ((workers + 1) * kEach >= kRequests) continue;  // The last one needs no successor.
    Received back = REEVE_TRY(message_at(own));
    if (back.id != kPortDestroyed) break;
    service = std::get<reeve::ReceiveRight>(std::move(back.carried.at(0)));
  }
  std::printf("%d workers, one after the other\n", workers);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto done = argc > 1 ? take_part(argv[1]) : supervise();
  while (::wait(nullptr) > 0) {
  }
  if (done) return EXIT_SUCCESS;
  std::fprintf(stderr, "successor: %s\n", reeve::text_of(done.error()).c_str());
  return EXIT_FAILURE;
}
