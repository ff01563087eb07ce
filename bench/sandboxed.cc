#include "sandboxed.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "../src/contract/inherited.hpp"
#include "../src/os/files.hpp"
#include "../src/os/socket.hpp"
#include "../src/spawn/images.hpp"
#include "../src/spawn/launch.hpp"

namespace bench {
namespace {

namespace os = reeve::os;
namespace contract = reeve::contract;
namespace spawn = reeve::spawn;

// The moments of one start, in memory that the launcher, its children and who asked share.
struct Moments {
  static constexpr std::size_t kMost = 32;
  std::size_t count = 0;
  std::array<std::pair<const char*, double>, kMost> all;  // Literals of this program: all are copies of one process.
};
Moments* moments = nullptr;

void mark(const char* layer) {
  if (moments->count == Moments::kMost) os::leave(1);
  moments->all[moments->count++] = {layer, now_us()};
}

void wait_for(const os::Fd& what) {
  if (!need(os::wait_for(what, os::Readiness::readable, os::now() + std::chrono::seconds(10))))
    die("it does not go on");
}

// As the spawner does, for a broker that lets the program check in, and then is gone.
void start_once(const spawn::Nursery& nursery, spawn::LaunchPlan& plan) {
  auto [control, theirs] = need(os::channel_pair());
  plan.control = &theirs;
  moments->count = 0;
  mark("start");
  const os::Child child = need(spawn::launch(nursery, plan));
  theirs.close();
  mark("exec");
  wait_for(control);
  mark("loader, second filter");
  control.close();
  wait_for(child.pidfd);
  mark("its end");
}

// The children of a launcher are its parent's, which has to reap each before the next: it counts against its user's
// processes until then.
[[noreturn]] void launch_each(const std::string& program, const reeve::sandbox::Preset& preset, const os::Fd& line) {
  char folder[] = "/tmp/reeve-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) die("no folder");
  const auto nursery = need(spawn::make_nursery(preset, folder));
  spawn::Images images(spawn::image_mode());
  const os::Fd nothing = need(os::open_device_null());
  spawn::LaunchPlan plan;
  plan.image = &need(images.image_of(program))->copy;
  plan.input = plan.output = plan.error = &nothing;
  if (os::is_root()) plan.user = spawn::kServiceUsers.first;
  plan.texts.program = program;
  plan.texts.environment = {std::string(contract::kControlVariable) + "=" + std::to_string(contract::kControlNumber),
                            std::string(contract::kFilterVariable) + "=" + std::to_string(contract::kFilterNumber)};
  plan.on_layer = mark;
  char word = 0;
  while (::read(line.raw(), &word, 1) == 1) {
    start_once(nursery, plan);
    if (::write(line.raw(), &word, 1) != 1) die("nobody listens");
  }
  ::execl("/bin/rm", "rm", "-r", folder, nullptr);
  die("no rm");
}

void note(Starts& starts) {
  const auto since_start = [](std::size_t moment) { return moments->all[moment].second - moments->all[0].second; };
  starts.first_word.push_back(since_start(moments->count - 2));
  starts.whole.push_back(since_start(moments->count - 1));
  for (std::size_t i = 1; i < moments->count; ++i) {
    if (starts.layers.size() < i) starts.layers.push_back({moments->all[i].first, {}});
    starts.layers[i - 1].second.push_back(moments->all[i].second - moments->all[i - 1].second);
  }
}

}  // namespace

Starts sandboxed_starts(const std::string& program, const reeve::sandbox::Preset& preset, int times) {
  void* shared = ::mmap(nullptr, sizeof(Moments), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) die("no memory");
  moments = new (shared) Moments;
  auto [ours, theirs] = need(os::channel_pair());
  const pid_t launcher = ::fork();
  if (launcher < 0) die("no process");
  if (launcher == 0) {
    ours.close();
    launch_each(program, preset, theirs);
  }
  theirs.close();
  Starts starts;
  char word = 0;
  for (int i = 0; i < times; ++i) {
    if (::write(ours.raw(), &word, 1) != 1 || ::read(ours.raw(), &word, 1) != 1) die("the sandbox could not be made");
    note(starts);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
  ours.close();
  ::waitpid(launcher, nullptr, 0);
  ::munmap(shared, sizeof(Moments));
  return starts;
}

void LayerTable::add(const std::string& column, const Starts& starts, const std::vector<double>& bare) {
  std::size_t line = 0;
  const auto put = [&](const std::string& name, const std::vector<double>& samples) {
    if (lines_.size() == line) lines_.push_back({name, {}});
    lines_[line++].second.push_back(figures_of(samples));
  };
  columns_.push_back(column);
  for (const auto& [name, samples] : starts.layers) put(name, samples);
  put("from the start to its first word", starts.first_word);
  put("from the start to its end", starts.whole);
  put("the same program, started and ended bare", bare);
}

void LayerTable::print() const {
  if (columns_.empty()) return;
  std::printf("\nthe sandbox, layer by layer, one core, us: p50 (p99)\n%-42s", "");
  for (const std::string& column : columns_) std::printf("%24s", column.c_str());
  for (const auto& [name, figures] : lines_) {
    std::printf("\n%-42s", name.c_str());
    for (const Figures& f : figures) std::printf("%15.0f (%6.0f)", f.p50, f.p99);
  }
  std::printf("\n");
}

}  // namespace bench
