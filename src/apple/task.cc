#include "task.hpp"

#include <pthread.h>
#include <servers/bootstrap.h>

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

}  // namespace

// What is done around a fork. The parent is held still in between, so that the child finds it whole.
struct Fork {
  static void prepare() {
    Task* const task = current;
    if (task == nullptr) return;
    task->mutex_.lock();
    if (task->bootstrap_ && task->space.copy_send(task->bootstrap_)) {
      auto end = task->space.give_out(task->bootstrap_);
      if (end) task->given_ = std::move(*end);
      if (!end) (void)task->space.release(task->bootstrap_, port::RightType::send);
    }
    task->space.hold();
    task->offered.hold();
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
    resume(*task);
  }
  // Rights are the parent's; what the child has of them are descriptors, which it closes.
  static void in_child() {
    const std::unique_ptr<Task> parents(current.load());
    if (parents == nullptr) return;
    resume(*parents);
    parents->offered.forsake();
    Task& own = *(current = make());
    own.kept_ = std::move(parents->kept_);
    own.offered.forsake();  // What the broker has left open was for the parent.
    ::bootstrap_port = kBrokerPort;
    if (parents->bootstrap_ || parents->has_lost_it_) inherit(own, std::move(parents->given_));
  }
  static Task* make() { return new Task; }

  // One that was to be inherited, and cannot be, is dead: whoever set it did not mean the broker.
  static void inherit(Task& task, os::Fd end) {
    if (end && task.kept_) os::keep_for_programs(end, task.kept_, os::Kept::yes);
    const auto name = end ? task.space.take_in(std::move(end)) : Result<port::Name>(port::Name());
    task.bootstrap_ = name.value_or(port::Name());
    task.has_lost_it_ = !task.bootstrap_;
    ::bootstrap_port = task.has_lost_it_ ? MACH_PORT_DEAD : task.bootstrap_.value;
  }

  // Of a program that was executed by a child.
  static void inherit_by_number(Task& task) {
    const auto text = os::trusted_variable(kVariable);
    if (!text) return;
    const int number = std::atoi(text->c_str());
    os::Fd end(number > 2 ? number : -1);
    if (!os::is_channel_socket(end)) (void)end.release();  // It is somebody else's, whatever it is.
    auto own = end ? end.duplicate() : Result<os::Fd>(os::Fd());
    if (end) os::keep_for_programs(end, end, os::Kept::no);
    task.kept_ = std::move(end);
    inherit(task, own ? std::move(*own) : os::Fd());
  }
};

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
  const bool is_broker = port == kBrokerPort || port == MACH_PORT_NULL;
  if (!is_broker) {
    REEVE_TRY(space.copy_send(name_of(port)));
    if (!kept_) kept_ = REEVE_TRY(os::place_holder());
    os::keep_for_programs(kept_, kept_, os::Kept::no);
    ::setenv(kVariable, std::to_string(kept_.raw()).c_str(), 1);
  } else if (kept_) {
    ::unsetenv(kVariable);
    kept_.close();
  }
  if (bootstrap_) (void)space.release(bootstrap_, port::RightType::send);
  bootstrap_ = is_broker ? port::Name() : name_of(port);
  has_lost_it_ = false;
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
