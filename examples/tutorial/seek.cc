// The client: seeks in several files at once.   seek [-c] [-i] [-m MOST] [-t MS] [-r REQUIRED] PATTERN FILE...
#include "seek.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

namespace {

struct Options {
  bool counts = false;
  std::uint32_t most = 0;  // matches of each file; all where this is 0
  reeve::CallOptions call;
  std::string required;  // what the service must be
  Query query;
  std::vector<std::string> paths;
};

struct Search {
  std::string path;
  std::uint32_t printed = 0;
  std::uint32_t last_line = 0;  // that was printed
  std::optional<reeve::Result<void>> outcome{};

  bool was_interrupted() const { return outcome && !*outcome && outcome->error().kind == reeve::Kind::interrupted; }
};

class Client {
 public:
  Client(const Options& options, reeve::Loop loop)
      : options_(options),
        loop_(std::move(loop)),
        seeker_(reeve::connect<Seeker>(kSeekName, {.required = options.required, .loop = loop_})) {}

  // A file that was interrupted ended the service, or another one did: each of those is tried once more, alone.
  void seek_in(std::span<Search> searches) {
    for (std::size_t i = 0; i < searches.size(); i += kAtOnce) {
      run(searches.subspan(i, std::min(kAtOnce, searches.size() - i)));
    }
    for (Search& search : searches) {
      if (search.was_interrupted()) run({&search, 1});
    }
  }

 private:
  static constexpr std::size_t kAtOnce = 16;  // A service has 64 requests of one caller in hand, and no more.

  void run(std::span<Search> searches) {
    std::vector<reeve::Task<void>> tasks;
    for (Search& search : searches) {
      search.outcome.reset();
      tasks.push_back(finish(search));
      tasks.back().start();
    }
    const auto is_over = [](const Search& search) { return search.outcome.has_value(); };
    while (!std::ranges::all_of(searches, is_over) && loop_.run_once()) {
    }
  }

  reeve::Task<void> finish(Search& search) {
    if (options_.counts) {
      search.outcome = co_await count(search);
    } else {
      search.outcome = co_await list(search);
    }
    co_return {};
  }

  reeve::Task<void> count(const Search& search) {
    const auto file = reeve::File::open(search.path);
    if (!file) co_return std::unexpected(file.error());
    const auto count = co_await seeker_.async_with<&Seeker::count>(options_.call, options_.query, *file);
    if (!count) co_return std::unexpected(count.error());
    std::printf("%s: %u\n", search.path.c_str(), *count);
    co_return {};
  }

  reeve::Task<void> list(Search& search) {
    const auto file = reeve::File::open(search.path);
    if (!file) co_return std::unexpected(file.error());
    auto matches = seeker_.stream_with<&Seeker::search>(options_.call, options_.query, *file);
    while (true) {
      const auto match = co_await matches.async_next();
      if (!match) co_return std::unexpected(match.error());
      if (!*match) co_return {};
      if ((*match)->line <= search.last_line) continue;  // It was printed before the service ended.
      print(search, **match);
      if (search.printed == options_.most) co_return {};
    }
  }

  // The service may have been taken over: what it calls printable is made so here.
  static void print(Search& search, const Match& match) {
    std::printf("%s:%u:%u: %s\n", search.path.c_str(), match.line, match.column, reeve::printable(match.text).c_str());
    search.last_line = match.line;
    ++search.printed;
  }

  const Options& options_;
  reeve::Loop loop_;
  reeve::Proxy<Seeker> seeker_;
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int letter = 0; (letter = ::getopt(argc, argv, "cim:t:r:")) != -1;) {
    if (letter == 'c') options.counts = true;
    if (letter == 'i') options.query.ignores_case = true;
    if (letter == 'm') options.most = static_cast<std::uint32_t>(std::atoi(optarg));
    if (letter == 't') options.call.timeout = std::chrono::milliseconds(std::atoi(optarg));
    if (letter == 'r') options.required = optarg;
    if (letter == '?') return std::nullopt;
  }
  if (argc - optind < 2) return std::nullopt;
  options.query.pattern = argv[optind];
  options.paths.assign(argv + optind + 1, argv + argc);
  return options;
}

// Whose move it is, what happened, and what to do.
std::string told(const reeve::Error& error) {
  return std::string(reeve::name_of(error.kind)) + ": " + reeve::text_of(error);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  auto loop = reeve::Loop::make();
  if (!options || !loop) {
    std::fputs("seek [-c] [-i] [-m MOST] [-t MS] [-r REQUIRED] PATTERN FILE...\n", stderr);
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  std::vector<Search> searches;
  for (const std::string& path : options->paths) searches.push_back({.path = path});
  Client(*options, *loop).seek_in(searches);
  int status = 0;
  for (const Search& search : searches) {
    if (search.outcome && *search.outcome) continue;
    const std::string why = search.outcome ? told(search.outcome->error()) : "the loop has ended";
    std::printf("%s: %s\n", search.path.c_str(), reeve::printable(why).c_str());
    status = 1;
  }
  return status;
}
