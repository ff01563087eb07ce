// A board on which one process writes what others wait for: a method that answers later, and a caller that waits for
// several things at once.
//
//   board wait SECONDS     waits for the next note, no longer than that
//   board write TEXT       writes one; how many were waiting
//   board                  the service, as the broker starts it
#include <cstdio>
#include <cstdlib>
#include <reeve/reeve.hpp>
#include <string_view>

namespace {

constexpr const char* kName = "org.example.board";

struct Board {
  virtual reeve::Task<std::string> next(const reeve::Caller& caller) = 0;
  virtual reeve::Result<std::uint32_t> write(std::string note) = 0;
};
BOOST_DESCRIBE_STRUCT(Board, (), (next, write))

class Wall : public Board {
 public:
  // Answered when somebody writes; not at all once its caller has given up.
  reeve::Task<std::string> next(const reeve::Caller& caller) override {
    reeve::Promise<std::string> note;
    const std::stop_callback given_up(caller.stop_token(), [&] {
      (void)note.set(reeve::fail(reeve::Kind::timeout, 1, "nobody waits for this note any more"));
    });
    waiting_.push_back(&note);
    auto written = co_await note.value();
    std::erase(waiting_, &note);
    co_return written;
  }
  reeve::Result<std::uint32_t> write(std::string note) override {
    const auto waiting = waiting_;
    for (reeve::Promise<std::string>* each : waiting) (void)each->set(note);
    return static_cast<std::uint32_t>(waiting.size());
  }

 private:
  std::vector<reeve::Promise<std::string>*> waiting_;  // each lives in its coroutine
};

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
