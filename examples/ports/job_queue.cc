// A queue of jobs and the processes that do them, with nothing between them but rights.
//
// Who has no job asks for one, with a right to be answered once. A job comes with a right to tell its result, once. Of
// a worker that dies with a job in hand the kernel closes that right, the queue is told, and gives the job to another.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <reeve/port.hpp>

namespace {

using reeve::port::Message;
using reeve::port::Notification;
using reeve::port::Received;

constexpr int kJobs = 20;
constexpr int kWorkers = 3;
constexpr int kDeadly = 7;  // The first who does this one does not survive it.

struct Job {
  int number = 0;
  int tries = 0;
};

template <class T>
Message message_of(const T& value) {
  Message message;
  message.data = reeve::Data::copy_of(std::as_bytes(std::span(&value, 1)));
  return message;
}
template <class T>
T value_of(const Received& received) {
  T value{};
  if (received.data.size() == sizeof value) std::memcpy(&value, received.data.bytes().data(), sizeof value);
  return value;
}

reeve::Result<void> work(reeve::os::Fd inherited) {
  const reeve::PortSpace space = reeve::PortSpace::make();
  const reeve::SendRight queue = REEVE_TRY(space.take_in(std::move(inherited)));
  const reeve::ReceiveRight port = REEVE_TRY(space.make_port());
  while (true) {
    Message ask;
    ask.reply = REEVE_TRY(port.make_send_once());
    if (!queue.send(ask)) return {};
    auto delivery = REEVE_TRY(port.receive());
    auto* received = std::get_if<Received>(&delivery);
    if (received == nullptr) return {};  // The queue is no more, and the right to answer went with it.
    const Job job = value_of<Job>(*received);
    if (job.number == kDeadly && job.tries == 1) ::_exit(1);
    Message result = message_of(job.number * job.number);
    REEVE_TRY(std::get<reeve::SendOnceRight>(received->reply).send(result));
  }
}

class Queue {
 public:
  static reeve::Result<Queue> make() {
    reeve::PortSpace space = reeve::PortSpace::make();
    reeve::ReceiveRight port = REEVE_TRY(space.make_port());
    reeve::PortSet all = REEVE_TRY(space.make_set());
    return Queue(std::move(space), std::move(port), std::move(all));
  }

  // A right to ask here, for a process to inherit.
  reeve::Result<reeve::os::Fd> for_a_worker() const { return space_.give_out(REEVE_TRY(port_.make_send())); }

  reeve::Result<void> run() {
    for (int number = 1; number <= kJobs; ++number) todo_.push_back({number, 0});
    REEVE_TRY(all_.insert(port_));
    while (done_ < kJobs) {
      auto delivery = REEVE_TRY(all_.receive());
      if (auto* notification = std::get_if<Notification>(&delivery)) missed(notification->port);
      if (auto* received = std::get_if<Received>(&delivery)) REEVE_TRY(take(*received));
    }
    std::printf("%d jobs done, sum %d; given out again: %d\n", done_, sum_, again_);
    return {};
  }

 private:
  // A job that is in a worker's hands, and where its result comes in.
  struct InHand {
    Job job;
    reeve::ReceiveRight result;
  };

  Queue(reeve::PortSpace space, reeve::ReceiveRight port, reeve::PortSet all)
      : space_(std::move(space)), port_(std::move(port)), all_(std::move(all)) {}

  reeve::Result<void> take(Received& received) {
    if (received.port == port_.name()) {
      if (auto* worker = std::get_if<reeve::SendOnceRight>(&received.reply)) idle_.push_back(std::move(*worker));
    } else {
      sum_ += value_of<int>(received);
      ++done_;
      in_hand_.erase(received.port);
    }
    while (!idle_.empty() && !todo_.empty()) REEVE_TRY(give_out());
    return {};
  }

  reeve::Result<void> give_out() {
    Job job = todo_.front();
    todo_.pop_front();
    ++job.tries;
    InHand in_hand{job, REEVE_TRY(space_.make_port())};
    REEVE_TRY(all_.insert(in_hand.result));
    Message order = message_of(job);
    order.reply = REEVE_TRY(in_hand.result.make_send_once());
    reeve::SendOnceRight worker = std::move(idle_.front());
    idle_.pop_front();
    if (worker.send(order)) {
      in_hand_.emplace(in_hand.result.name(), std::move(in_hand));
    } else {
      todo_.push_front(job);  // It has died since it asked.
    }
    return {};
  }

  void missed(reeve::port::Name port) {
    const auto found = in_hand_.find(port);
    if (found == in_hand_.end()) return;
    todo_.push_back(found->second.job);
    in_hand_.erase(found);
    ++again_;
  }

  reeve::PortSpace space_;
  reeve::ReceiveRight port_;
  reeve::PortSet all_;
  std::deque<Job> todo_;
  std::deque<reeve::SendOnceRight> idle_;
  std::map<reeve::port::Name, InHand> in_hand_;
  int done_ = 0;
  int again_ = 0;
  int sum_ = 0;
};

int complain(const reeve::Error& error) {
  std::fprintf(stderr, "job_queue: %s\n", reeve::text_of(error).c_str());
  return 1;
}

constexpr int kInherited = 3;

// A program of its own, since a mere fork would have a copy of every end that is open here, and keep the queue alive.
[[noreturn]] void become_a_worker(const reeve::os::Fd& right) {
  if (::dup2(right.raw(), kInherited) == kInherited) ::execl("/proc/self/exe", "job_queue", "worker", nullptr);
  ::_exit(127);
}

// The queue ends with this, and whoever still asks there is told.
reeve::Result<void> do_all() {
  Queue queue = REEVE_TRY(Queue::make());
  for (int i = 0; i < kWorkers; ++i) {
    const reeve::os::Fd right = REEVE_TRY(queue.for_a_worker());
    if (::fork() == 0) become_a_worker(right);
  }
  return queue.run();
}

}  // namespace

int main(int argc, char**) {
  const auto done = argc > 1 ? work(reeve::os::Fd(kInherited)) : do_all();
  while (::wait(nullptr) > 0) {
  }
  return done ? 0 : complain(done.error());
}
