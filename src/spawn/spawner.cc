#include "spawner.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "../os/files.hpp"
#include "../os/pipe.hpp"
#include "../os/socket.hpp"

namespace reeve::spawn {
namespace {

using contract::SpawnerEvent;
using contract::SpawnerEventKind;
using contract::SpawnerOp;

// Users for the services of a session that root started: one each, from a range that Debian leaves to such uses.
constexpr os::UserRange kServiceUsers{61184, 4336};

os::UserRange mapped_users() { return os::is_root() ? kServiceUsers : os::UserRange{os::own_user(), 1}; }

os::ImageMode image_mode() { return {os::is_root() ? 0511U : 0111U}; }

std::unexpected<Error> bad_request(const char* what) {
  return fail(Kind::invalid, code::kBadPacket, std::string("the broker broke the contract: ") + what);
}

}  // namespace

// All that the broker can ask for. A request that is not in it, or not as it says, ends the spawner.
struct Spawner::Row {
  SpawnerOp op;
  std::size_t descriptor_count;
  bool has_text;
  Result<void> (Spawner::*answer)(const Request&, std::vector<os::Fd>);
};
constexpr Spawner::Row Spawner::kTable[] = {
    {SpawnerOp::scan, 0, false, &Spawner::scan},
    {SpawnerOp::launch, 1, true, &Spawner::launch},
    {SpawnerOp::signal, 0, false, &Spawner::signal},
    {SpawnerOp::confirm, 0, false, &Spawner::confirm},
};

Spawner::Spawner(os::Loop& loop, os::Fd broker, SpawnerOptions options)
    : loop_(loop), broker_(std::move(broker)), options_(std::move(options)), images_(image_mode()) {}

Result<std::unique_ptr<Spawner>> Spawner::make(os::Loop& loop, os::Fd broker, SpawnerOptions options) {
  std::unique_ptr<Spawner> spawner(new Spawner(loop, std::move(broker), std::move(options)));
  if (auto prepared = spawner->prepare(); !prepared) {
    spawner->tell({.kind = SpawnerEventKind::not_ready}, text_of(prepared.error()));
    return std::unexpected(prepared.error());
  }
  spawner->tell({.kind = SpawnerEventKind::ready});
  return spawner;
}

Result<void> Spawner::prepare() {
  nursery_ = std::make_unique<Nursery>();
  nursery_->namespaces = REEVE_TRY(os::make_shared_namespaces(mapped_users()));
  nursery_->root = REEVE_TRY(sandbox::Root::prepare(options_.runtime_folder + "/root"));
  for (const sandbox::Preset& preset : sandbox::all_presets()) {
    if (!preset.confined) continue;
    running_filters_.emplace(preset.number,
                             REEVE_TRY(os::sealed_memory("reeve-filter", std::as_bytes(preset.running))));
    REEVE_TRY(try_out(*nursery_, preset, free_user()));
  }
  // Before it says that it is ready: from then on the broker counts on it.
  watch_ = REEVE_TRY(loop_.watch(broker_, {.readable = true}, [this](os::Ready) { on_broker(); }));
  return {};
}

std::optional<std::uint32_t> Spawner::free_user() {
  if (!os::is_root()) return std::nullopt;
  const auto taken = [&](std::uint32_t user) {
    return std::any_of(running_.begin(), running_.end(), [&](const auto& r) { return r.second.user == user; });
  };
  std::uint32_t user = 0;
  do {
    user = kServiceUsers.first + next_user_++ % kServiceUsers.count;
  } while (taken(user));
  return user;
}

void Spawner::tell(SpawnerEvent event, std::string_view text) {
  event.text_size = static_cast<std::uint32_t>(text.size());
  const std::array parts{std::as_bytes(std::span(&event, 1)), std::as_bytes(std::span(text))};
  while (true) {
    const auto sent = os::send_packet(broker_, parts, {});
    if (sent && *sent == os::Sent::not_now) {
      // The broker is busy with what was told before; it alone is waited for.
      (void)os::wait_for(broker_, os::Readiness::writable, std::nullopt);
      continue;
    }
    if (!sent && sent.error().kind == Kind::busy) {
      // The kernel has no memory for it just now; what is not told would be waited for for ever.
      os::wait_until(os::now() + kAcceptPause);
      continue;
    }
    if (!sent) over_ = true;
    return;
  }
}

void Spawner::on_broker() {
  static_assert(contract::kSpawnerPacketBytesMax < 212'960, "one packet at the kernel's default buffers");
  std::vector<std::byte> room(contract::kSpawnerPacketBytesMax);
  auto received = os::receive_packet(broker_, room, os::Rights::accept);
  if (!received && received.error().kind == Kind::busy) return;  // It is still there for the next turn.
  if (!received || std::holds_alternative<os::EndOfChannel>(*received)) {
    over_ = true;
    return;
  }
  auto* arrival = std::get_if<os::Arrival>(&*received);
  if (arrival == nullptr) return;
  const auto answered = arrival->truncated
                            ? bad_request("a packet too large")
                            : answer(std::span(room).first(arrival->size), std::move(arrival->descriptors));
  if (!answered) {
    os::show_line("reeve spawner: " + answered.error().message);
    over_ = true;
  }
}

Result<void> Spawner::answer(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  const Request request = REEVE_TRY(contract::decode_request(bytes));
  for (const Row& row : kTable) {
    if (row.op != request.head.op) continue;
    if (row.descriptor_count != descriptors.size()) return bad_request("another number of descriptors");
    if (row.has_text != !request.text.empty()) return bad_request("a text where none belongs, or none");
    return (this->*row.answer)(request, std::move(descriptors));
  }
  return bad_request("an unknown request");
}

Result<void> Spawner::scan(const Request&, std::vector<os::Fd>) {
  for (const std::string& folder : options_.job_folders) scan_folder(folder);
  tell({.kind = SpawnerEventKind::scan_done});
  return {};
}

void Spawner::scan_folder(const std::string& path) {
  const auto folder = os::open_folder(path);
  if (!folder) return;  // A folder that is not there holds no jobs.
  const auto names = os::names_in(*folder, ".plist", kJobFileCountMax);
  if (!names) return tell({.kind = SpawnerEventKind::job_problem}, path + '\0' + names.error().message);
  for (const std::string& name : *names) {
    const std::string full = path + "/" + name;
    const auto text = os::read_trusted_file(*folder, name, kJobFileBytesMax);
    if (text) {
      tell({.kind = SpawnerEventKind::job_file}, full + '\0' + *text);
    } else {
      tell({.kind = SpawnerEventKind::job_problem}, full + '\0' + text.error().message);
    }
  }
}

Result<void> Spawner::launch(const Request& request, std::vector<os::Fd> descriptors) {
  const std::uint64_t instance = request.head.instance;
  if (running_.contains(instance)) return bad_request("an instance that already runs");
  if (!os::is_channel_socket(descriptors[0])) return bad_request("a control channel that is none");
  const auto started = start(request, descriptors[0]);
  if (!started) {
    running_.erase(instance);
    tell({.kind = SpawnerEventKind::launch_failed, .instance = instance}, started.error().message);
  }
  return {};
}

Result<void> Spawner::start(const Request& request, const os::Fd& control) {
  LaunchPlan plan;
  plan.texts = REEVE_TRY(contract::decode_launch(request));
  plan.preset = sandbox::find_preset(request.head.preset);
  if (plan.preset == nullptr) return bad_request("an unknown preset");
  auto image = images_.image_of(plan.texts.program);
  if (!image) {
    return fail(image.error().kind, code::kLaunchFailed, plan.texts.program + ": " + image.error().message);
  }
  Running running;
  running.instance = request.head.instance;
  running.log = REEVE_TRY(Log::make(loop_, plan.texts.label));
  if (plan.preset->confined) {
    running.user = free_user();
    plan.running_filter = &running_filters_.at(plan.preset->number);
  }
  plan.image = *image;
  plan.control = &control;
  plan.output = &running.log->writer();
  plan.user = running.user;
  Launched launched = REEVE_TRY(spawn::launch(*nursery_, plan));
  running.child = std::move(launched.child);
  running.status = std::move(launched.status);
  running.log->service_has_writer();
  tell({.kind = SpawnerEventKind::launched, .instance = running.instance, .number = running.child.pid});
  const auto [place, ignored] = running_.emplace(running.instance, std::move(running));
  auto watched = watch(place->second);
  if (!watched) {
    // Nobody would hear of its end: it must not live.
    (void)os::send_signal(place->second.child.pidfd, SIGKILL);
    (void)os::wait_for_exit(place->second.child, os::now() + kStopGrace);
  }
  return watched;
}

Result<void> Spawner::watch(Running& running) {
  const std::uint64_t instance = running.instance;
  running.exit_watch = REEVE_TRY(
      loop_.watch(running.child.pidfd, {.readable = true}, [this, instance](os::Ready) { on_exit(instance); }));
  running.status_watch =
      REEVE_TRY(loop_.watch(running.status, {.readable = true}, [this, instance](os::Ready) { on_status(instance); }));
  return {};
}

void Spawner::on_status(std::uint64_t instance) {
  Running& running = running_.at(instance);
  const auto outcome = launch_outcome(running.status);
  if (outcome && !*outcome) return;
  running.status_watch.drop();
  running.status.close();
  if (outcome && !(*outcome)->empty()) {
    tell({.kind = SpawnerEventKind::launch_failed, .instance = instance}, **outcome);
  }
}

void Spawner::on_exit(std::uint64_t instance) {
  Running& running = running_.at(instance);
  const auto ended = os::wait_for_exit(running.child, os::now());
  if (!ended || !*ended) return;
  // The reason of a failed launch is told before the exit that it led to.
  if (running.status) on_status(instance);
  tell({.kind = SpawnerEventKind::exited,
        .by_signal = (*ended)->by_signal ? 1U : 0U,
        .instance = instance,
        .number = (*ended)->value});
  running_.erase(instance);
}

Result<void> Spawner::signal(const Request& request, std::vector<os::Fd>) {
  const auto found = running_.find(request.head.instance);
  // It may have ended while the request was on its way.
  if (found != running_.end()) (void)os::send_signal(found->second.child.pidfd, request.head.signal);
  return {};
}

Result<void> Spawner::confirm(const Request& request, std::vector<os::Fd>) {
  const auto found = running_.find(request.head.instance);
  std::optional<int> count;
  if (found != running_.end()) count = os::seccomp_filter_count(found->second.child.pid);
  // Those under which the whole session runs (a container's, say) came with the fork, and say nothing of the preset's.
  const auto inherited = os::seccomp_filter_count(os::own_pid());
  const int number = count && inherited ? *count - *inherited : -1;
  tell({.kind = SpawnerEventKind::confirmed, .instance = request.head.instance, .number = number});
  return {};
}

void Spawner::end_children() {
  for (auto& [instance, running] : running_) {
    const bool listens = os::listens_for(running.child.pid, SIGTERM);
    (void)os::send_signal(running.child.pidfd, listens ? SIGTERM : SIGKILL);
  }
  const os::Time deadline = os::now() + kStopGrace;
  for (auto& [instance, running] : running_) {
    const auto ended = os::wait_for_exit(running.child, deadline);
    if (ended && *ended) continue;
    (void)os::send_signal(running.child.pidfd, SIGKILL);
    (void)os::wait_for_exit(running.child, os::now() + kStopGrace);
  }
  running_.clear();
}

}  // namespace reeve::spawn
