// mach/mach_init.h, mach/mach_traps.h, mach/task.h, mach/mig.h, mach/mach_voucher.h.
#include <mach/mach.h>
#include <mach/mach_voucher.h>
#include <mach/mig.h>

#include <utility>

#include "../os/process.hpp"
#include "task.hpp"

namespace {

using namespace reeve;

bool is_task(task_t task) { return task == mach_task_self_; }

// Each thread's own, for as long as its process is no copy of another.
class ReplyPort {
 public:
  ReplyPort() = default;
  ReplyPort(const ReplyPort&) = delete;
  ReplyPort& operator=(const ReplyPort&) = delete;
  ~ReplyPort() { give_up(); }

  mach_port_t get() {
    const std::uint64_t task = apple::Task::own().number;
    if (std::exchange(task_, task) != task) port_ = MACH_PORT_NULL;
    if (port_ == MACH_PORT_NULL) port_ = mach_reply_port();
    return port_;
  }
  void give_up() {
    if (port_ == MACH_PORT_NULL || task_ != apple::Task::own().number) return;
    (void)mach_port_mod_refs(mach_task_self(), std::exchange(port_, MACH_PORT_NULL), MACH_PORT_RIGHT_RECEIVE, -1);
  }

 private:
  std::uint64_t task_ = 0;
  mach_port_t port_ = MACH_PORT_NULL;
};
thread_local ReplyPort reply_port;

}  // namespace

mach_port_t mach_host_self() { return apple::kHostPort; }
mach_port_t mach_thread_self() { return apple::kThreadPort; }

mach_port_t mach_reply_port() {
  const auto port = apple::space().make_port({});
  return port ? port->value : MACH_PORT_NULL;
}

mach_port_t mig_get_reply_port() { return reply_port.get(); }
void mig_dealloc_reply_port(mach_port_t) { reply_port.give_up(); }
void mig_put_reply_port(mach_port_t) {}

kern_return_t task_get_special_port(task_t task, int which, mach_port_t* port) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (port == nullptr) return KERN_INVALID_ARGUMENT;
  if (which != TASK_BOOTSTRAP_PORT) return KERN_NOT_SUPPORTED;
  const auto got = apple::Task::own().bootstrap_port();
  if (!got) return apple::kern_of(got.error(), MACH_PORT_NULL);
  *port = *got;
  return KERN_SUCCESS;
}

kern_return_t task_set_special_port(task_t task, int which, mach_port_t port) {
  if (!is_task(task)) return KERN_INVALID_TASK;
  if (which != TASK_BOOTSTRAP_PORT) return KERN_NOT_SUPPORTED;
  const auto set = apple::Task::own().set_bootstrap_port(port);
  return set ? KERN_SUCCESS : KERN_INVALID_ARGUMENT;
}

kern_return_t task_for_pid(mach_port_name_t target, int pid, mach_port_name_t* task) {
  if (!is_task(target) || task == nullptr) return KERN_INVALID_ARGUMENT;
  if (pid != os::own_pid()) return KERN_FAILURE;
  *task = mach_task_self_;
  return KERN_SUCCESS;
}
kern_return_t pid_for_task(mach_port_name_t task, int* pid) {
  if (pid == nullptr) return KERN_INVALID_ARGUMENT;
  if (!is_task(task)) return KERN_FAILURE;
  *pid = os::own_pid();
  return KERN_SUCCESS;
}

kern_return_t task_suspend(task_t) { return KERN_NOT_SUPPORTED; }
kern_return_t task_resume(task_t) { return KERN_NOT_SUPPORTED; }
kern_return_t task_terminate(task_t) { return KERN_NOT_SUPPORTED; }
kern_return_t task_threads(task_t, mach_port_array_t*, mach_msg_type_number_t*) { return KERN_NOT_SUPPORTED; }
kern_return_t task_info(task_name_t, unsigned int, integer_t*, mach_msg_type_number_t*) { return KERN_NOT_SUPPORTED; }
kern_return_t task_set_exception_ports(task_t, exception_mask_t, mach_port_t, exception_behavior_t,
                                       thread_state_flavor_t) {
  return KERN_NOT_SUPPORTED;
}
kern_return_t mach_ports_register(task_t, mach_port_array_t, mach_msg_type_number_t) { return KERN_NOT_SUPPORTED; }
kern_return_t mach_ports_lookup(task_t, mach_port_array_t*, mach_msg_type_number_t*) { return KERN_NOT_SUPPORTED; }
kern_return_t host_create_mach_voucher(host_t, mach_voucher_attr_raw_recipe_array_t, mach_msg_type_number_t,
                                       ipc_voucher_t*) {
  return KERN_NOT_SUPPORTED;
}
kern_return_t mach_voucher_extract_attr_content(ipc_voucher_t, mach_voucher_attr_key_t, mach_voucher_attr_content_t,
                                                mach_msg_type_number_t*) {
  return KERN_NOT_SUPPORTED;
}
