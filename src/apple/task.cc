#include "task.hpp"

#include <pthread.h>
#include <servers/bootstrap.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "../os/handed_on.hpp"
#include "../os/process.hpp"

mach_port_t mach_task_self_ = reeve::apple::kTaskPort;
mach_port_t bootstrap_port = reeve::apple::kBrokerPort;

namespace reeve::apple {
namespace {

constexpr const char* kVariable = "REEVE_APPLE_BOOTSTRAP_PORT";  // the number of a descriptor

// Never destroyed: what runs at the process's end may still send.
std::atomic<Task*> current{nullptr};

std::atomic<std::uint64_t> tasks{0};
constexpr std::chrono::milliseconds kNextTry{1};

// A send right's end within another, out of which one program takes it, once: an end is one process's.
os::Fd wrapped(const os::Fd& end) {
  auto pair = os::channel_pair();
  if (!pair || !end) return {};
  const int raw = end.raw();
  const auto word = std::as_bytes(std::span("end", 3));
  const auto sent = os::send_packet(pair->first, std::span(&word, 1), std::span(&raw, 1));
  return sent && *sent == os::Sent::whole ? std::move(pair->second) : os::Fd();
}
os::Fd unwrapped(const os::Fd& wrapping) {
  std::array<std::byte, 8> room;
  auto received = os::receive_packet(wrapping, room, os::Rights::accept);
  auto* const arrival = received ? std::get_if<os::Arrival>(&*received) : nullptr;
  if (arrival == nullptr || arrival->descriptors.size() != 1) return {};
  return os::is_channel_socket(arrival->descriptors.front()) ? std::move(arrival->descriptors.front()) : os::Fd();
}

}  // namespace

// What is done around a fork. The parent is held still in between, so that the child finds it whole.
struct Fork {
  static void prepare() {
    Task* const task = current;
    if (task == nullptr) return;
    task->mutex_.lock();
    task->given_ = end_for(*task);
    if (task->given_) task->for_program_ = wrapped(end_for(*task));
    // Whoever has what is offered may wait for the broker: nobody else is to wait for that.
    while (true) {
      task->space.hold();
      if (task->offered.try_hold()) return;
      task->space.let_go();
      os::wait_until(os::now() + kNextTry);
    }
  }
  // Another end for the bootstrap port; none where there is none to be had.
  static os::Fd end_for(Task& task) {
    if (!task.bootstrap_ || !task.space.copy_send(task.bootstrap_)) return {};
    auto end = task.space.give_out(task.bootstrap_);
    if (end) return std::move(*end);
    (void)task.space.release(task.bootstrap_, port::RightType::send);
    return {};
  }
  static void resume(Task& task) {
    task.offered.let_go();
    task.space.let_go();
    task.mutex_.unlock();
  }
  static void in_parent() {
    Task* const task = current;
    if (task == nullptr) return;
    task->given_.close();
    task->for_program_.close();
    resume(*task);
  }
  // Rights are the parent's; what the child has of them are descriptors, which it closes.
  static void in_child() {
    const std::unique_ptr<Task> parents(current.load());
    if (parents == nullptr) return;
    resume(*parents);
    parents->offered.forsake();
    parents->space.abandon();
    Task& own = *(current = make());
    own.kept_ = std::move(parents->kept_);
    own.offered.leave_line();
    ::bootstrap_port = kBrokerPort;
    if (!parents->bootstrap_ && !parents->has_lost_it_) return;
    if (own.kept_ && parents->for_program_) {
      os::keep_for_programs(parents->for_program_, own.kept_, os::Kept::yes);
    }
    inherit(own, std::move(parents->given_));
  }
  static Task* make() { return new Task; }

  // One that was to be inherited, and cannot be, is dead: whoever set it did not mean the broker. The variable and the
  // task have a reference each.
  static void inherit(Task& task, os::Fd end) {
    const auto name = end ? task.space.take_in(std::move(end)) : Result<port::Name>(port::Name());
    task.bootstrap_ = name.value_or(port::Name());
    task.has_lost_it_ = !task.bootstrap_;
    if (task.bootstrap_) (void)task.space.copy_send(task.bootstrap_);
    ::bootstrap_port = task.has_lost_it_ ? MACH_PORT_DEAD : task.bootstrap_.value;
  }

  // Of a program that was executed by a child.
  static void inherit_by_number(Task& task) {
    const auto text = os::trusted_variable(kVariable);
    if (!text) return;
    const int number = std::atoi(text->c_str());
    os::Fd wrapping(number > 2 ? number : -1);
    if (!os::is_channel_socket(wrapping)) (void)wrapping.release();  // It is somebody else's, whatever it is.
    if (wrapping) os::keep_for_programs(wrapping, wrapping, os::Kept::no);
    inherit(task, wrapping ? unwrapped(wrapping) : os::Fd());
    task.kept_ = std::move(wrapping);
  }
};

Task::Task() : number(++tasks) {}

Task& Task::own() {
  static const bool is_made = [] {
    current = Fork::make();
    Fork::inherit_by_number(*current);
    ::pthread_atfork(Fork::prepare, Fork::in_parent, Fork::in_child);
    return true;
  }();
  (void)is_made;
  return *current;
}

namespace {
// `bootstrap_port` is a variable, which is read before anything is called.
const bool is_inherited = os::trusted_variable(kVariable) && (Task::own(), true);
}  // namespace

Result<mach_port_t> Task::bootstrap_port() {
  const std::lock_guard lock(mutex_);
  if (!bootstrap_) return has_lost_it_ ? MACH_PORT_DEAD : kBrokerPort;
  return space.copy_send(bootstrap_) ? bootstrap_.value : MACH_PORT_DEAD;
}

// A program that is executed by a copy of this process finds an end of its own under a number that is kept free for it
// here: in this process nothing can be done with it.
Result<void> Task::set_bootstrap_port(mach_port_t port) {
  const std::lock_guard lock(mutex_);
  const bool is_broker = port == kBrokerPort;
  const bool is_right = !is_broker && port != MACH_PORT_NULL;
  os::Fd made = is_broker || kept_ ? os::Fd() : REEVE_TRY(os::place_holder());
  if (is_right) REEVE_TRY(space.copy_send(name_of(port)));
  if (made) kept_ = std::move(made);
  if (is_broker) {
    ::unsetenv(kVariable);
    kept_.close();
  } else {
    os::keep_for_programs(kept_, kept_, os::Kept::no);
    ::setenv(kVariable, std::to_string(kept_.raw()).c_str(), 1);
  }
  if (bootstrap_) (void)space.release(bootstrap_, port::RightType::send);
  bootstrap_ = is_right ? name_of(port) : port::Name();
  has_lost_it_ = !is_broker && !is_right;
  return {};
}

void end_by_guard(mach_port_t name, const char* what) {
  std::fprintf(stderr, "port 0x%x is guarded: %s\n", name, what);
  std::abort();
}

kern_return_t kern_of(const Error& error, mach_port_t name) {
  if (error.kind == Kind::busy) return KERN_RESOURCE_SHORTAGE;
  switch (error.code) {
    case code::kNoSuchRight:
      if (error.kind == Kind::unsupported) return KERN_INVALID_CAPABILITY;
      return space().standing(name_of(name)) ? KERN_INVALID_RIGHT : KERN_INVALID_NAME;
    case code::kDeadPort:
      return KERN_INVALID_RIGHT;
    case code::kReferences:
    case code::kTooLarge:
      return KERN_INVALID_VALUE;
    default:
      return KERN_FAILURE;
  }
}

}  // namespace reeve::apple
