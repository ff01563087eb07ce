#include "spawner.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "../os/files.hpp"
#include "../os/other_process.hpp"
#include "../os/pipe.hpp"
#include "../os/socket.hpp"
#include "rules.hpp"

namespace reeve::spawn {
namespace {

using contract::SpawnerEvent;
using contract::SpawnerEventKind;
using contract::SpawnerOp;
using contract::SupervisorEventKind;
using contract::SupervisorOp;

std::unexpected<Error> bad_request(const char* what) {
  return fail(Kind::invalid, code::kBadPacket, std::string("the broker broke the contract: ") + what);
}

std::vector<std::string> all_folders(const SpawnerOptions& options) {
  std::vector<std::string> all = options.job_folders;
  all.insert(all.end(), options.trust_folders.begin(), options.trust_folders.end());
  return all;
}

// What the next spawner needs to know of a service: its process, its user, its preset, and the label for its output.
std::string text_to_keep(std::int32_t pid, std::optional<std::uint32_t> user, std::uint32_t preset,
                         const std::string& label) {
  return std::to_string(pid) + " " + std::to_string(user.value_or(0)) + " " + std::to_string(preset) + " " + label;
}

}  // namespace

Spawner::Spawner(os::Loop& loop, os::Fd supervisor, SpawnerOptions options)
    : loop_(loop),
      supervisor_(loop, std::move(supervisor), os::Rights::accept, line::WhenFull::wait),
      supervisor_gate_(kSupervisorRules),
      broker_gate_(kBrokerRules),
      options_(std::move(options)),
      images_(image_mode()),
      watches_(
          loop, all_folders(options_), [this] { tell({.kind = SpawnerEventKind::folders_changed}); },
          [this](std::uint32_t watch, std::size_t index, std::uint32_t bits) {
            tell({.kind = SpawnerEventKind::path_is,
                  .bits = bits,
                  .instance = index,
                  .number = static_cast<std::int32_t>(watch)});
          }) {}

Result<void> Spawner::begin() {
  while (phase_ == contract::Phase::starting && !over_) {
    REEVE_TRY(supervisor_.take_next([this](auto bytes, auto along) { hear(bytes, std::move(along)); }, {}));
  }
  if (const auto prepared = prepare(); !prepared) {
    tell_supervisor(SupervisorOp::not_ready, 0, text_of(prepared.error()));
    return prepared;
  }
  tell_supervisor(SupervisorOp::ready);
  return {};
}

Result<void> Spawner::prepare() {
  REEVE_TRY(try_out_sandbox());
  watches_.begin();
  // Before it says that it is ready: from then on the others count on it.
  supervisor_.open([this](auto bytes, auto along) { hear(bytes, std::move(along)); }, [this] { over_ = true; });
  return {};
}

// A machine that cannot do what the strictest preset needs has no broker.
Result<void> Spawner::try_out_sandbox() {
  const Nursery* nursery = REEVE_TRY(nursery_of(*sandbox::find_preset("parser")));
  const auto user = REEVE_TRY(free_user());
  tell_supervisor(SupervisorOp::birth);
  const auto outcome = try_out(*nursery, user);
  tell_supervisor(SupervisorOp::unborn);
  return outcome;
}

// Made when the preset is first used.
Result<const Nursery*> Spawner::nursery_of(const sandbox::Preset& preset, const std::vector<std::string>& groups) {
  const NurseryKey key{preset.number, groups};
  const auto found = nurseries_.find(key);
  if (found != nurseries_.end()) return &found->second;
  std::vector<sandbox::Container> containers;
  for (const std::string& group : groups) {
    containers.push_back(REEVE_TRY(open_container(options_.groups_folder, group)));
  }
  auto nursery = make_nursery(preset, options_.runtime_folder, std::move(containers), options_.may_lack);
  if (!nursery) {
    Error why = std::move(nursery).error();
    why.message = "preset " + std::string(preset.name) + ": " + why.message;
    return std::unexpected(std::move(why));
  }
  return &nurseries_.emplace(key, std::move(*nursery)).first->second;
}

// One of its own, where there are users to give.
Result<std::optional<std::uint32_t>> Spawner::free_user() {
  if (!os::is_root()) return std::nullopt;
  const auto taken = [&](std::uint32_t user) {
    return std::any_of(running_.begin(), running_.end(), [&](const auto& r) { return r.second.user == user; });
  };
  for (std::uint32_t i = 1; i < kServiceUsers.count; ++i) {
    const std::uint32_t user = kServiceUsers.first + 1 + next_user_++ % (kServiceUsers.count - 1);
    if (!taken(user)) return user;
  }
  return fail(Kind::busy, code::kLaunchFailed, std::to_string(kServiceUsers.count) + " confined services run already",
              "stop some of them");
}

void Spawner::tell(SpawnerEvent event, std::string_view text) {
  if (broker_) broker_->send(event, text);
}

void Spawner::tell_supervisor(SupervisorOp op, std::uint64_t id, std::string_view text) {
  supervisor_.send(contract::SupervisorRequest{.op = op, .id = id}, text);
}

void Spawner::break_off(const Error& why) {
  os::show_line("reeve spawner: " + why.message);
  over_ = true;
}

// From the supervisor.

void Spawner::hear(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  if (const auto taken = take_told(bytes, std::move(descriptors)); !taken) break_off(taken.error());
}

Result<void> Spawner::take_told(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  const Told told = REEVE_TRY(contract::decode_line<contract::SupervisorEvent>(bytes));
  REEVE_TRY(supervisor_gate_.admit({static_cast<std::uint32_t>(told.head.kind), descriptors.size(), !told.text.empty()},
                                   phase_));
  if (told.head.kind == SupervisorEventKind::go) {
    phase_ = contract::Phase::serving;
    return {};
  }
  if (told.head.kind == SupervisorEventKind::line) {
    connect(std::move(descriptors.front()));
    return {};
  }
  return take_over(told, std::move(descriptors));
}

// A service that the spawner before this one started: its pidfd, and where its output and its denials come out.
Result<void> Spawner::take_over(const Told& told, std::vector<os::Fd> descriptors) {
  if (descriptors.empty()) return {};  // The supervisor was short of descriptors.
  Running running;
  char* rest = nullptr;
  running.child.pid = static_cast<std::int32_t>(std::strtol(told.text.c_str(), &rest, 10));
  const auto user = static_cast<std::uint32_t>(std::strtoul(rest, &rest, 10));
  if (user != 0) running.user = user;
  const auto* preset = sandbox::find_preset(static_cast<std::uint32_t>(std::strtoul(rest, &rest, 10)));
  if (*rest != ' ' || preset == nullptr)
    return fail(Kind::invalid, code::kBadPacket, "a kept text that is none of ours");
  running.child.pidfd = std::move(descriptors.front());
  if (descriptors.size() > 1) running.log = REEVE_TRY(Log::resume(loop_, rest + 1, std::move(descriptors[1])));
  if (descriptors.size() > 2) {
    running.denials = REEVE_TRY(read_denials(told.head.id, std::move(descriptors[2]), *preset, rest + 1));
  }
  REEVE_TRY(watch(told.head.id, std::move(running)));
  return {};
}

void Spawner::connect(os::Fd broker) {
  // All that the broker before asked for, up to its end, comes first.
  if (broker_) broker_->drain();
  broker_ = std::make_unique<line::Line>(loop_, std::move(broker), os::Rights::accept, line::WhenFull::wait);
  broker_gate_ = contract::Gate(kBrokerRules);
  const auto take = [this](auto bytes, auto along) {
    if (const auto answered = answer(bytes, std::move(along)); !answered) break_off(answered.error());
  };
  broker_->open(take, [] {});  // Its end is followed by the next one's line.
}

// From the broker.

Result<void> Spawner::answer(std::span<const std::byte> bytes, std::vector<os::Fd> descriptors) {
  const Request request = REEVE_TRY(contract::decode_line<contract::SpawnerRequest>(bytes));
  REEVE_TRY(broker_gate_.admit({static_cast<std::uint32_t>(request.head.op), descriptors.size(), !request.text.empty()},
                               phase_));
  switch (request.head.op) {
    case SpawnerOp::scan:
      return scan();
    case SpawnerOp::launch:
      return launch(request, descriptors[0]);
    case SpawnerOp::confirm:
      return confirm(request.head.instance);
    case SpawnerOp::watch:
      watches_.watch(request.head.number, REEVE_TRY(contract::decode_watch(request)));
      return {};
    case SpawnerOp::identify:
      return identify(request, descriptors), Result<void>();
  }
  return {};
}

Result<void> Spawner::scan() {
  for (const std::string& folder : options_.trust_folders) {
    scan_folder(folder, SpawnerEventKind::trust_file, kTrustFileCountMax);
  }
  for (const std::string& folder : options_.job_folders) {
    scan_folder(folder, SpawnerEventKind::job_file, kJobFileCountMax);
  }
  tell({.kind = SpawnerEventKind::scan_done});
  return {};
}

void Spawner::scan_folder(const std::string& path, SpawnerEventKind each, std::size_t most) {
  const auto report = [&](const std::string& what, const Error& error) {
    tell({.kind = SpawnerEventKind::job_problem, .bits = static_cast<std::uint32_t>(each)},
         what + '\0' + text_of(error));
  };
  const auto folder = os::open_folder(path);
  if (!folder) {
    // One that is not there holds nothing; one that cannot be read may hold what takes something away.
    if (os::what_is_at(path) != os::AtPath::nothing) report(path, folder.error());
    return;
  }
  // Whoever can write to it could take a file away and put another in its place.
  if (const auto trusted = os::check_trusted(*folder); !trusted) return report(path, trusted.error());
  auto names = os::names_in(*folder, ".plist", most + 1);
  if (!names) return report(path, names.error());
  if (names->size() > most) {
    names->pop_back();
    report(path, Error{Kind::invalid, code::kBadJob,
                       "holds more than " + std::to_string(most) + " files; others are not read",
                       "put them into another folder"});
  }
  for (const std::string& name : *names) {
    const std::string full = path + "/" + name;
    const auto text = os::read_trusted_file(*folder, name, kJobFileBytesMax);
    if (text) {
      tell({.kind = each}, full + '\0' + *text);
    } else {
      report(full, text.error());
    }
  }
}

// A broker that was replaced asks again for what the one before may have asked for: what runs already is not started
// twice, and the supervisor has told of it.
Result<void> Spawner::launch(const Request& request, const os::Fd& control) {
  const std::uint64_t instance = request.head.instance;
  if (running_.contains(instance)) return {};
  if (!os::is_channel_socket(control)) return bad_request("a control channel that is none");
  const contract::LaunchTexts texts = REEVE_TRY(contract::decode_launch(request));
  const auto failed = [&](const std::string& why) {
    tell({.kind = SpawnerEventKind::launch_failed, .instance = instance}, why);
  };
  const auto image = images_.image_of(texts.program);
  if (!image) return failed(texts.program + ": " + image.error().message), Result<void>();
  if ((*image)->id != request.head.image) {
    tell({.kind = SpawnerEventKind::image_is, .instance = instance},
         contract::encode_manifest_of((*image)->id, (*image)->manifest));
    return {};
  }
  tell_supervisor(SupervisorOp::birth, instance);
  const auto started = start(request, control, (*image)->copy);
  if (!started) {
    tell_supervisor(SupervisorOp::unborn, instance);
    failed(started.error().message);
  }
  return {};
}

Result<void> Spawner::start(const Request& request, const os::Fd& control, const os::Fd& image) {
  LaunchPlan plan;
  plan.texts = REEVE_TRY(contract::decode_launch(request));
  plan.setup = request.head.setup;
  const sandbox::Preset* preset = sandbox::find_preset(request.head.preset);
  if (preset == nullptr) return bad_request("an unknown preset");
  const Nursery* nursery = REEVE_TRY(nursery_of(*preset, plan.texts.groups));
  Running running;
  running.log = REEVE_TRY(Log::make(loop_, plan.texts.label));
  if (preset->confined) running.user = REEVE_TRY(free_user());
  // What they keep they share, whichever of them made it.
  if (preset->containers && running.user) running.user = kGroupFilesUser;
  os::Fd tells;
  if (preset->confined && plan.setup.explains_denials != 0) {
    auto [ours, theirs] = REEVE_TRY(os::channel_pair());
    tells = std::move(theirs);
    running.denials = REEVE_TRY(read_denials(request.head.instance, std::move(ours), *preset, plan.texts.label));
    plan.denials = &tells;
  }
  plan.image = &image;
  plan.control = &control;
  plan.user = running.user;
  const StandardFiles files = REEVE_TRY(open_standard_files(plan.texts));
  plan.input = &files.input;
  plan.output = files.output ? &files.output : &running.log->writer();
  plan.error = files.error ? &files.error : &running.log->writer();
  auto launched = spawn::launch(*nursery, plan);
  if (!launched) {
    // Perhaps somebody took the root's folder away, and with it what was mounted there: the next launch makes it anew.
    nurseries_.erase({preset->number, plan.texts.groups});
    return std::unexpected(std::move(launched).error());
  }
  running.child = std::move(*launched);
  running.log->service_has_writer();
  contract::SupervisorRequest adopt{.op = SupervisorOp::adopt, .number = running.child.pid};
  adopt.id = request.head.instance;
  adopt.grace_s = plan.setup.grace_s;
  const std::string text = text_to_keep(running.child.pid, running.user, preset->number, plan.texts.label);
  const Running& started = *REEVE_TRY(watch(request.head.instance, std::move(running)));
  std::vector<const os::Fd*> along{&started.child.pidfd, &started.log->reader()};
  if (started.denials) along.push_back(&started.denials->line());
  supervisor_.lend(adopt, text, std::move(along));
  return {};
}

Result<std::unique_ptr<Denials>> Spawner::read_denials(std::uint64_t instance, os::Fd line,
                                                       const sandbox::Preset& preset, const std::string& label) {
  return Denials::read(loop_, std::move(line), preset, options_.groups_folder,
                       [this, instance, label](const std::string& text, bool is_end) {
                         os::show_line(label + ": denied: " + text);
                         tell({.kind = SpawnerEventKind::denied, .instance = instance, .number = is_end ? 1 : 0}, text);
                       });
}

Result<const Spawner::Running*> Spawner::watch(std::uint64_t instance, Running running) {
  running.exit_watch = REEVE_TRY(
      loop_.watch(running.child.pidfd, {.readable = true}, [this, instance](os::Ready) { on_exit(instance); }));
  return &running_.emplace(instance, std::move(running)).first->second;
}

// How it ended is the supervisor's to find out. What it printed last is shown, and there is nothing left to keep.
void Spawner::on_exit(std::uint64_t instance) {
  running_.erase(instance);
  tell_supervisor(SupervisorOp::drop, instance);
}

// By a descriptor that the kernel made for the broker, or by a pid that a person has given.
void Spawner::identify(const Request& request, const std::vector<os::Fd>& descriptors) {
  const auto found = [&]() -> Result<Evidence::Found> {
    if (!descriptors.empty()) return evidence_.of(descriptors.front());
    return evidence_.of(REEVE_TRY(os::process_with(static_cast<std::int32_t>(request.head.number))));
  }();
  const SpawnerEvent event{
      .kind = SpawnerEventKind::identified, .instance = request.head.instance, .number = found ? 1 : 0};
  tell(event, found ? contract::encode_manifest_of(found->version, found->manifest) : text_of(found.error()));
}

Result<void> Spawner::confirm(std::uint64_t instance) {
  const auto found = running_.find(instance);
  std::optional<int> count;
  if (found != running_.end()) count = os::seccomp_filter_count(found->second.child.pid);
  // Those under which the whole session runs (a container's, say) come with the fork, and say nothing of the preset's.
  if (!own_filters_) own_filters_ = os::seccomp_filter_count(os::own_pid());
  const int number = count && own_filters_ ? *count - *own_filters_ : -1;
  tell({.kind = SpawnerEventKind::confirmed, .instance = instance, .number = number});
  return {};
}

}  // namespace reeve::spawn
