#include "sandboxed.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "../src/os/files.hpp"
#include "../src/os/memory.hpp"
#include "../src/os/pipe.hpp"
#include "../src/os/socket.hpp"
#include "../src/spawn/images.hpp"
#include "../src/spawn/launch.hpp"
#include "row.hpp"

namespace bench {
namespace {

namespace os = reeve::os;
namespace spawn = reeve::spawn;

template <class T>
T need(reeve::Result<T> result) {
  if (!result) die(result.error().message);
  return std::move(*result);
}

// Launches as the spawner does. Its children are its parent's, which reaps them.
void launch_each(const std::string& program, const std::string& preset, int times, const os::Fd& writer) {
  char folder[] = "/tmp/reeve-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) die("no folder");
  const auto nursery = need(spawn::make_nursery(*reeve::sandbox::find_preset(preset), folder));
  spawn::Images images(spawn::image_mode());
  const os::Fd nothing = need(os::open_device_null());
  const auto ends = need(os::channel_pair());
  spawn::LaunchPlan plan;
  plan.image = &need(images.image_of(program))->copy;
  plan.control = &ends.first;
  plan.input = plan.output = plan.error = &nothing;
  if (os::is_root()) plan.user = spawn::kServiceUsers.first;
  plan.texts.program = program;
  for (int i = 0; i < times; ++i) {
    const double start = now_us();
    const os::Child child = need(spawn::launch(nursery, plan));
    if (!need(os::wait_for(child.pidfd, os::Readiness::readable, os::now() + std::chrono::seconds(10))))
      die("it stays");
    const double took = now_us() - start;
    if (::write(writer.raw(), &took, sizeof took) != sizeof took) die("nobody listens");
  }
  ::execl("/bin/rm", "rm", "-r", folder, nullptr);
}

}  // namespace

std::vector<double> sandboxed_starts(const std::string& program, const std::string& preset, int times) {
  auto [reader, writer] = need(os::make_pipe());
  const pid_t launcher = ::fork();
  if (launcher < 0) die("no process");
  if (launcher == 0) {
    reader.close();
    launch_each(program, preset, times, writer);
    ::_exit(1);
  }
  writer.close();
  std::vector<double> took;
  std::size_t reaped = 0;
  while (need(os::wait_for(reader, os::Readiness::readable, os::now() + std::chrono::seconds(20)))) {
    double one = 0;
    if (::read(reader.raw(), &one, sizeof one) != sizeof one) break;  // The launcher has closed its end.
    took.push_back(one);
    // Each counts against its user's processes until it is reaped; the next may have ended before the launcher has its
    // pidfd, and is left alone until then.
    while (reaped < took.size() && ::waitpid(-1, nullptr, WNOHANG) > 0) ++reaped;
  }
  return took;
}

}  // namespace bench
