#include "launch.hpp"

#include <array>
#include <cstring>

#include "../contract/inherited.hpp"
#include "../os/files.hpp"
#include "../os/socket.hpp"

namespace reeve::spawn {
namespace {

// What the children report over the status channel: first the pid of the one that will become the program.
struct PidReport {
  std::int32_t pid = 0;
};

void report(const os::Fd& status, std::span<const std::byte> bytes) {
  const std::array parts{bytes};
  (void)os::send_packet(status, parts, {});
}

[[noreturn]] void give_up(const os::Fd& status, const Error& error) {
  const std::string text = text_of(error);
  report(status, std::as_bytes(std::span(text)));
  os::leave(1);
}

Result<void> put_in_place(const LaunchPlan& plan, const os::Fd& nothing) {
  if (plan.image == nullptr) return {};
  static_assert(contract::kControlNumber == 3 && contract::kFilterNumber == 4, "the order below");
  std::vector<int> in_order{nothing.raw(), plan.output->raw(), plan.output->raw(), plan.control->raw()};
  if (plan.running_filter != nullptr) in_order.push_back(plan.running_filter->raw());
  return os::arrange_descriptors(in_order);
}

Result<void> prepare_child(const Nursery& nursery, const LaunchPlan& plan) {
  const os::Fd nothing = REEVE_TRY(os::open_device_null());
  REEVE_TRY(put_in_place(plan, nothing));
  if (plan.preset->confined) {
    REEVE_TRY(sandbox::confine({*plan.preset, nursery.root, plan.user}));
  } else {
    REEVE_TRY(os::refuse_privileges_by_exec());
  }
  // Last: a change of user clears it. Nothing that the spawner started outlives the spawner.
  (void)os::die_with_parent();
  if (!plan.preset->confined) return {};
  return os::load_filter(plan.preset->loading);
}

// Never returns: becomes the program, or tells why not.
[[noreturn]] void become_program(const Nursery& nursery, const LaunchPlan& plan, const os::Fd& status) {
  os::begin_child("reeve-launch");
  auto safe_status = os::out_of_the_way(status);
  if (!safe_status) os::leave(1);
  os::Fd image;
  if (plan.image != nullptr) {
    auto copy = os::out_of_the_way(*plan.image);
    if (!copy) give_up(*safe_status, copy.error());
    image = std::move(*copy);
  }
  if (auto ready = prepare_child(nursery, plan); !ready) give_up(*safe_status, ready.error());
  if (plan.image == nullptr) os::leave(0);
  std::vector<std::string> arguments{plan.texts.program};
  arguments.insert(arguments.end(), plan.texts.arguments.begin(), plan.texts.arguments.end());
  give_up(*safe_status, os::execute(image, std::move(arguments), plan.texts.environment));
}

Result<void> enter_nursery(const Nursery& nursery, const LaunchPlan& plan) {
  // Groups first: once inside the user namespace, which maps none, they can no longer be left.
  if (plan.user) REEVE_TRY(os::become_group(*plan.user));
  return os::join(nursery.namespaces);
}

// The process in between: joins the shared namespaces, makes the program's own, and is gone.
[[noreturn]] void give_birth(const Nursery& nursery, const LaunchPlan& plan, const os::Fd& status) {
  if (auto entered = enter_nursery(nursery, plan); !entered) give_up(status, entered.error());
  const auto pid = os::fork_into_new_namespaces();
  if (!pid) give_up(status, pid.error());
  if (*pid == 0) become_program(nursery, plan, status);
  const PidReport first{*pid};
  report(status, std::as_bytes(std::span(&first, 1)));
  os::leave(0);
}

Result<os::Child> await_birth(std::int32_t midwife, const os::Fd& status) {
  REEVE_TRY(os::reap(midwife));
  std::array<std::byte, 1024> room;
  auto received = os::receive_packet(status, room, os::Rights::refuse);
  // A child of which nobody knows the pid could be neither watched nor reaped.
  while (!received && received.error().kind == Kind::busy) {
    os::wait_until(os::now() + kAcceptPause);
    received = os::receive_packet(status, room, os::Rights::refuse);
  }
  if (!received) return std::unexpected(std::move(received).error());
  const auto* arrival = std::get_if<os::Arrival>(&*received);
  if (arrival == nullptr) return fail(Kind::invalid, code::kLaunchFailed, "a child ended before it could report");
  PidReport report;
  if (arrival->size != sizeof report) {
    return fail(Kind::unsupported, code::kMissingLayer,
                std::string(reinterpret_cast<const char*>(room.data()), arrival->size));
  }
  std::memcpy(&report, room.data(), sizeof report);
  return os::child_of(report.pid);
}

}  // namespace

Result<Launched> launch(const Nursery& nursery, const LaunchPlan& plan) {
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  const std::int32_t pid = REEVE_TRY(os::fork_plain());
  if (pid == 0) {
    if (plan.preset->confined) give_birth(nursery, plan, theirs);
    become_program(nursery, plan, theirs);
  }
  theirs.close();
  os::Child child = REEVE_TRY(plan.preset->confined ? await_birth(pid, ours) : os::child_of(pid));
  return Launched{std::move(child), std::move(ours)};
}

Result<std::optional<std::string>> launch_outcome(const os::Fd& status) {
  std::array<std::byte, 1024> room;
  auto received = REEVE_TRY(os::receive_packet(status, room, os::Rights::refuse));
  if (std::holds_alternative<os::NothingYet>(received)) return std::nullopt;
  const auto* arrival = std::get_if<os::Arrival>(&received);
  if (arrival == nullptr) return std::string();
  return std::string(reinterpret_cast<const char*>(room.data()), arrival->size);
}

Result<void> try_out(const Nursery& nursery, const sandbox::Preset& preset, std::optional<std::uint32_t> user) {
  LaunchPlan plan;
  plan.preset = &preset;
  plan.user = user;
  const Launched trial = REEVE_TRY(launch(nursery, plan));
  REEVE_TRY(os::wait_for_exit(trial.child, std::nullopt));
  const auto outcome = REEVE_TRY(launch_outcome(trial.status));
  if (!outcome || outcome->empty()) return {};
  return fail(Kind::unsupported, code::kMissingLayer, *outcome);
}

}  // namespace reeve::spawn
