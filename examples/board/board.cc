// A board on which one process writes what others wait for: a method that answers later, and a caller that waits for
// several things at once.
//
//   board wait SECONDS     waits for the next note, no longer than that
//   board write TEXT       writes one; how many were waiting
//   board                  the service, as the broker starts it
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "board.hpp"

namespace {

constexpr const char* kName = "org.example.board";

int show(const reeve::Result<std::string>& note) {
  std::puts(note ? reeve::printable(*note).c_str() : reeve::printable(note.error().message).c_str());
  return note ? EXIT_SUCCESS : EXIT_FAILURE;
}

// Waits without blocking: a real program's loop has more to do meanwhile.
int wait(std::chrono::seconds timeout) {
  auto loop = reeve::Loop::make();
  if (!loop) return show(std::unexpected(loop.error()));
  auto board = reeve::connect<Board>(kName, {.loop = *loop});
  std::optional<int> status;
  board.call_then_with<&Board::next>({.timeout = timeout}, [&](const auto& note) { status = show(note); });
  while (!status && loop->run_once()) {
  }
  return status.value_or(EXIT_FAILURE);
}

int write(std::string note) {
  const auto heard = reeve::connect<Board>(kName).call<&Board::write>(std::move(note));
  if (!heard) return show(std::unexpected(heard.error()));
  std::printf("%u waited for it\n", *heard);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return reeve::serve<Board>(kName, Wall());
  const std::string_view what = argv[1];
  if (argc == 3 && what == "wait") return wait(std::chrono::seconds(std::atoi(argv[2])));
  if (argc == 3 && what == "write") return write(argv[2]);
  std::fputs("board wait SECONDS | board write TEXT\n", stderr);
  return 2;
}
