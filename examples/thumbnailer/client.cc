// The safe half: finds pictures, has them shrunk by the service, and writes a contact sheet and a table.
//
//   thumbnails [--out SHEET.png] [--interrupt] PATH…
//
// --interrupt kills the service while it works on the first picture, and goes on.
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "contact_sheet.hpp"
#include "thumbnailer.hpp"

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string out = "contact-sheet.png";
  bool interrupt = false;
  std::vector<fs::path> paths;
};

struct Row {
  std::string file;
  std::string size;
  std::chrono::milliseconds time{};
  std::string outcome;
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--out" && i + 1 < argc) {
      options.out = argv[++i];
    } else if (argument == "--interrupt") {
      options.interrupt = true;
    } else if (argument.starts_with("--")) {
      return std::nullopt;
    } else {
      options.paths.emplace_back(argument);
    }
  }
  if (options.paths.empty()) return std::nullopt;
  return options;
}

bool looks_like_a_picture(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// A file is taken as it is, whatever its name; of a folder, what is named like a picture.
std::vector<fs::path> find_pictures(const std::vector<fs::path>& paths) {
  std::vector<fs::path> pictures;
  for (const fs::path& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      pictures.push_back(path);
      continue;
    }
    std::vector<fs::path> found;
    for (const auto& entry :
         fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error)) {
      if (looks_like_a_picture(entry.path())) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    pictures.insert(pictures.end(), found.begin(), found.end());
  }
  return pictures;
}

void show_progress(std::size_t done, std::size_t count) {
  constexpr std::size_t kWidth = 40;
  const std::size_t filled = kWidth * done / std::max<std::size_t>(1, count);
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  // On a terminal the bar moves; in a file it stands there once.
  if (is_terminal || done == count)
    std::fprintf(stderr, "%s[%s] %zu/%zu", is_terminal ? "\r" : "", bar.c_str(), done, count);
  if (done == count) std::fprintf(stderr, "\n");
}

// The processor time that a process has used, in the kernel's ticks of 10 ms; nothing where it is gone.
std::optional<long> ticks_of(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return std::nullopt;
  // Behind the name in parentheses: the state, ten numbers, then user and system time.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return user + system;
}

// Kills the service once it has worked for 50 ms.
void kill_at_work(int pid) {
  const auto before = ticks_of(pid);
  const auto give_up = Clock::now() + 5s;
  while (Clock::now() < give_up) {
    const auto now = ticks_of(pid);
    if (!before || !now) return;
    if (*now >= *before + 5) break;
    std::this_thread::sleep_for(1ms);
  }
  ::kill(pid, SIGKILL);
}

std::string size_text(const fs::path& path) {
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) return "-";
  return bytes < 1024 * 1024 ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes / 1024 / 1024) + " MiB";
}

std::string describe(const reeve::Result<Thumbnail>& outcome) {
  if (!outcome)
    return std::string(reeve::name_of(outcome.error().kind)) + ": " + reeve::printable(outcome.error().message);
  return "done, of " + std::to_string(outcome->original_width) + " x " + std::to_string(outcome->original_height);
}

reeve::Result<Thumbnail> shrink(reeve::Proxy<Thumbnailer>& thumbnailer, const fs::path& path) {
  const reeve::File file = REEVE_TRY(reeve::File::open(path.string()));
  return thumbnailer.call_with<&Thumbnailer::thumbnail>({.timeout = 30s}, file, kCell);
}

void print_table(const std::vector<Row>& rows) {
  std::printf("%-44s %9s %8s  %s\n", "FILE", "SIZE", "TIME", "OUTCOME");
  for (const Row& row : rows) {
    std::printf("%-44s %9s %5lld ms  %s\n", row.file.c_str(), row.size.c_str(),
                static_cast<long long>(row.time.count()), row.outcome.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: thumbnails [--out SHEET.png] [--interrupt] PATH...\n");
    return 2;
  }
  auto thumbnailer = reeve::connect<Thumbnailer>(kThumbnailerName);
  const std::vector<fs::path> pictures = find_pictures(options->paths);
  std::vector<Row> rows;
  std::vector<Thumbnail> thumbnails;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    show_progress(i, pictures.size());
    std::thread killer;
    if (options->interrupt && i == 0) {
      const auto peer = thumbnailer.peer({.timeout = 30s});
      if (peer && peer->pid) killer = std::thread(kill_at_work, *peer->pid);
    }
    const auto start = Clock::now();
    auto outcome = shrink(thumbnailer, pictures[i]);
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    if (killer.joinable()) killer.join();
    rows.push_back({pictures[i].filename().string(), size_text(pictures[i]), time, describe(outcome)});
    if (outcome) thumbnails.push_back(std::move(*outcome));
  }
  show_progress(pictures.size(), pictures.size());
  print_table(rows);
  std::printf("%zu of %zu done\n", thumbnails.size(), pictures.size());
  if (const auto written = write_contact_sheet(options->out, thumbnails); !written) {
    std::fprintf(stderr, "%s\n", written.error().message.c_str());
    return EXIT_FAILURE;
  }
  std::printf("contact sheet: %s\n", fs::absolute(options->out).c_str());
  return thumbnails.size() == pictures.size() ? EXIT_SUCCESS : EXIT_FAILURE;
}
