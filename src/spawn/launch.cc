#include "launch.hpp"

#include <array>
#include <csignal>
#include <iterator>

#include "../contract/inherited.hpp"
#include "../identity/signature.hpp"
#include "../os/files.hpp"
#include "../os/filter.hpp"
#include "../os/memory.hpp"
#include "../os/path.hpp"
#include "../os/socket.hpp"

namespace reeve::spawn {
namespace {

// The child's only word, over the status channel, if it cannot become the program.
[[noreturn]] void give_up(const os::Fd& status, const Error& error) {
  const std::string text = text_of(error);
  const std::array parts{std::as_bytes(std::span(text))};
  (void)os::send_packet(status, parts, {});
  os::leave(1);
}

Result<void> put_in_place(const Nursery& nursery, const LaunchPlan& plan) {
  if (plan.image == nullptr) return {};
  static_assert(contract::kControlNumber == 3 && contract::kFilterNumber == 4 && contract::kDenialsNumber == 5,
                "the order below");
  std::vector<int> in_order{plan.input->raw(), plan.output->raw(), plan.error->raw()};
  if (plan.control != nullptr) in_order.push_back(plan.control->raw());
  if (plan.control != nullptr && nursery.preset->confined) {
    in_order.push_back((plan.denials == nullptr ? nursery.running_filter : nursery.explained_filter).raw());
    if (plan.denials != nullptr) in_order.push_back(plan.denials->raw());
  }
  return os::arrange_descriptors(in_order);
}

constexpr os::Limit kLimits[] = {os::Limit::cpu,       os::Limit::core,          os::Limit::data,
                                 os::Limit::file_size, os::Limit::locked_memory, os::Limit::descriptors,
                                 os::Limit::processes, os::Limit::resident_set,  os::Limit::stack};
static_assert(std::size(kLimits) == std::size(contract::kLimitNames));

// Within what the preset leaves.
Result<void> set_limits(const contract::Setup& setup) {
  const auto value = [](std::uint64_t limit) {
    return limit == contract::kLimitUnset ? std::nullopt : std::optional(limit);
  };
  for (std::size_t i = 0; i < std::size(kLimits); ++i) {
    REEVE_TRY(os::narrow_limit(kLimits[i], value(setup.limits[i].soft), value(setup.limits[i].hard)));
  }
  return {};
}

// While the process still has its own user's rights to it.
Result<void> set_priority(const contract::Setup& setup) {
  os::be_ended_first();
  if (setup.nice != 0) return os::set_nice(setup.nice);
  return {};
}

// A change of user clears it: it comes after that.
Result<void> end_with_supervisor(const Nursery& nursery) {
  os::die_with_parent();
  if (!REEVE_TRY(os::wait_for(nursery.supervisor, os::Readiness::readable, os::now()))) return {};
  return fail(Kind::gone, code::kLaunchFailed, "the supervisor has ended");
}

Result<void> prepare_child(const Nursery& nursery, const LaunchPlan& plan) {
  plan.on_layer("own namespaces");
  REEVE_TRY(put_in_place(nursery, plan));
  plan.on_layer("descriptors");
  if (nursery.preset->confined) {
    REEVE_TRY(sandbox::confine({*nursery.preset, nursery.root, plan.user, plan.on_layer}));
  } else {
    REEVE_TRY(set_priority(plan.setup));
    // Not wherever the broker happens to have been started.
    REEVE_TRY(os::go_to_folder(plan.texts.folder.empty() ? "/" : plan.texts.folder));
    REEVE_TRY(os::refuse_privileges_by_exec());
    // What it leaves behind stays below it for as long as it runs, and is ended after it.
    os::adopt_orphans();
  }
  if (plan.setup.is_background != 0) os::give_way();
  REEVE_TRY(set_limits(plan.setup));
  os::set_umask(plan.setup.umask);
  REEVE_TRY(end_with_supervisor(nursery));
  plan.on_layer("the job's setup");
  if (!nursery.preset->confined) return {};
  REEVE_TRY(os::load_filter(plan.denials == nullptr ? nursery.preset->loading : nursery.preset->loading_explained));
  plan.on_layer("first filter");
  return {};
}

// Of several values of one variable the last counts: what the job says, over what every job is given.
std::vector<std::string> environment_of(const contract::LaunchTexts& texts) {
  std::vector<std::string> environment;
  for (const std::string& assignment : texts.environment) {
    const std::string name = assignment.substr(0, assignment.find('=') + 1);
    std::erase_if(environment, [&](const std::string& earlier) { return earlier.starts_with(name); });
    environment.push_back(assignment);
  }
  return environment;
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
  give_up(*safe_status, os::execute(image, std::move(arguments), environment_of(plan.texts)));
}

Result<std::int32_t> enter_and_fork(const Nursery& nursery, const LaunchPlan& plan) {
  REEVE_TRY(set_priority(plan.setup));
  // Groups first: once inside the user namespace, which maps none, they can no longer be left.
  if (plan.user) REEVE_TRY(os::become_group(*plan.user));
  REEVE_TRY(sandbox::at_step("the preset's shared namespaces could not be joined", os::join(nursery.namespaces)));
  plan.on_layer("shared namespaces");
  auto born = os::fork_into_new_pids();
  if (!born) born.error().message = "a pid namespace could not be made: " + born.error().message;
  return born;
}

// In a process in between, which joins the shared namespaces, makes the program's own, and is gone.
Result<std::int32_t> give_birth(const Nursery& nursery, const LaunchPlan& plan, const os::Fd& status) {
  Result<std::int32_t> born = fail(Kind::gone, code::kLaunchFailed, "a child ended before it could report");
  REEVE_TRY(os::run_beside([&] {
    born = enter_and_fork(nursery, plan);
    if (born && *born == 0) become_program(nursery, plan, status);
    if (!born) born = fail(Kind::unsupported, code::kMissingLayer, text_of(born.error()));
  }));
  return born;
}

// The next word over `status`; an empty one where the last process that could say something has ended, or has become
// the program.
Result<std::string> next_word(const os::Fd& status) {
  const os::Time give_up = os::now() + kStopGrace;
  std::array<std::byte, 1024> room;
  while (true) {
    if (!REEVE_TRY(os::wait_for(status, os::Readiness::readable, give_up))) {
      return fail(Kind::timeout, code::kLaunchFailed, "it took too long");
    }
    const auto received = os::receive_packet(status, room, os::Rights::refuse);
    // A child of which nobody knows the pid could not be watched: what the kernel lacks is waited for.
    if (!received && received.error().kind == Kind::busy) {
      os::wait_until(os::now() + kAcceptPause);
      continue;
    }
    if (!received) return std::unexpected(received.error());
    if (std::holds_alternative<os::NothingYet>(*received)) continue;
    const auto* arrival = std::get_if<os::Arrival>(&*received);
    const std::size_t size = arrival == nullptr ? 0 : arrival->size;
    return std::string(reinterpret_cast<const char*>(room.data()), size);
  }
}

// Those whom services may run as.
os::UserRange mapped_users() { return os::is_root() ? kServiceUsers : os::UserRange{os::own_user(), 1}; }

}  // namespace

Result<sandbox::Container> open_container(const std::string& base, const std::string& group) {
  const std::string path = base + "/" + group;
  const os::Place place = REEVE_TRY(os::find(path));  // Nobody else may be waited for.
  if (!place.missing.empty()) REEVE_TRY(os::make_private_folders(base));
  const std::uint32_t owner = os::is_root() ? kGroupFilesUser : os::own_user();
  os::Fd folder = REEVE_TRY(os::private_folder_of(path, owner));
  sandbox::Container container{path, std::move(folder)};
  for (const char* within : {"/Library", "/Library/Caches", "/Library/Preferences"}) {
    REEVE_TRY(os::private_folder_of(path + within, owner));
  }
  return container;
}

namespace {

// A tree of their own for those who see the same folders.
std::string mark_of(std::span<const sandbox::Container> containers) {
  if (containers.empty()) return {};
  identity::Hasher hasher;
  for (const sandbox::Container& container : containers) {
    hasher.add(std::as_bytes(std::span(container.path.c_str(), container.path.size() + 1)));
  }
  return "." + identity::hexadecimal(hasher.finish());
}

}  // namespace

Result<Nursery> make_nursery(const sandbox::Preset& preset, const std::string& runtime_folder,
                             std::vector<sandbox::Container> containers, sandbox::Layers may_lack) {
  Nursery nursery;
  nursery.preset = &preset;
  nursery.supervisor = REEVE_TRY(os::out_of_the_way(REEVE_TRY(os::parent_process())));
  if (!preset.confined) return nursery;
  const auto network = preset.internet ? os::Network::of_the_host : os::Network::empty;
  const std::string path = runtime_folder + "/root/" + std::string(preset.name) + mark_of(containers);
  nursery.root = REEVE_TRY(sandbox::Root::prepare(path, preset, std::move(containers), may_lack));
  nursery.namespaces =
      REEVE_TRY(os::make_shared_namespaces(mapped_users(), network, [&] { return nursery.root.enter(); }));
  nursery.running_filter = REEVE_TRY(os::sealed_memory("reeve-filter", std::as_bytes(preset.running)));
  nursery.explained_filter = REEVE_TRY(os::sealed_memory("reeve-filter", std::as_bytes(preset.running_explained)));
  return nursery;
}

Result<StandardFiles> open_standard_files(const contract::LaunchTexts& texts) {
  StandardFiles files;
  const auto open = [](os::Fd& out, const std::string& path,
                       Result<os::Fd> (*how)(const std::string&)) -> Result<void> {
    if (path.empty()) return {};
    auto file = how(path);
    if (!file) return fail(file.error().kind, code::kLaunchFailed, path + ": " + file.error().message);
    out = std::move(*file);
    return {};
  };
  REEVE_TRY(open(files.input, texts.input.empty() ? "/dev/null" : texts.input, os::open_input));
  REEVE_TRY(open(files.output, texts.output, os::open_output));
  REEVE_TRY(open(files.error, texts.error, os::open_output));
  return files;
}

Result<os::Child> launch(const Nursery& nursery, const LaunchPlan& plan) {
  // The child goes there by itself; it is not to wait there for ever.
  if (!plan.texts.folder.empty()) REEVE_TRY(os::find(plan.texts.folder));
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  const std::int32_t pid = REEVE_TRY(nursery.preset->confined ? give_birth(nursery, plan, theirs) : os::fork_beside());
  if (pid == 0) become_program(nursery, plan, theirs);
  theirs.close();
  os::Child child = REEVE_TRY(os::child_of(pid));
  const auto word = next_word(ours);
  if (word && word->empty()) return child;
  (void)os::send_signal(child.pidfd, SIGKILL);
  if (!word) return std::unexpected(word.error());
  return fail(Kind::unsupported, code::kMissingLayer, *word);
}

Result<void> try_out(const Nursery& nursery, std::optional<std::uint32_t> user) {
  LaunchPlan plan;
  plan.user = user;
  REEVE_TRY(launch(nursery, plan));
  return {};
}

}  // namespace reeve::spawn
