// A right copied forty times over, while the receiving end moves from process to process: causal order holds.
//
// A round: this process holds a channel to a receiver. It sends, introduces, sends on; on the channel so made it does
// the same, and so on, forty deep, before anything is read: each receiving end lies in the queue of the one before. The
// last sending end moves to another process, which sends the last message. The first receiving end goes to one of two
// readers, which reads a few channels down and hands the next receiving end on, with all that is queued in it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include "../src/channel/channel.hpp"

namespace reeve::test {
namespace {

using channel::Channel;
using channel::Delivered;
using channel::Inbox;
using channel::PacketKind;
using channel::Parcel;

constexpr std::uint32_t kDepth = 40;

int rounds() { return std::getenv("REEVE_LONG") != nullptr ? 100'000 : 1'000; }

// Every message of the story.
struct Note {
  enum class What : std::uint32_t { before, after, last, read_on, done, fault, census } what = What::before;
  std::uint32_t depth = 0;
  std::uint64_t round = 0;
  std::uint64_t count = 0;  ///< how many this process had sent before it; of a census, descriptors
  std::uint32_t seed = 0;
  std::uint32_t line = 0;  ///< of the source, where a fault was seen
};

// A channel and its reader, one step at a time. What must not fail ends the process that sees it fail.
class Line {
 public:
  explicit Line(os::Fd end) : channel_(std::move(end)) {}

  void send(const Note& note, std::optional<os::Fd> end = {}) {
    Parcel parcel;
    parcel.kind = PacketKind::message;
    const auto bytes = std::as_bytes(std::span(&note, 1));
    parcel.body.bytes.assign(bytes.begin(), bytes.end());
    if (end) {
      parcel.attachments.emplace_back(object::Descriptor{std::make_shared<const os::Fd>(std::move(*end)),
                                                         os::DescriptorKind::channel, os::Access::read_write});
    }
    // While the kernel carries as many descriptors as it may (before 6.10, as deep as it may) it says so: try again.
    for (int i = 0; i < 1000; ++i) {
      const auto sent = channel_.send(parcel);
      if (sent) return;
      if (sent.error().kind != Kind::busy) break;
      (void)os::wait_for(channel_.socket(), os::Readiness::writable, os::now() + std::chrono::milliseconds(10));
    }
    ::_exit(10);
  }
  os::Fd introduce() {
    auto introduction = channel::make_introduction();
    if (!introduction || !channel_.send(introduction->parcel)) ::_exit(11);
    return std::move(introduction->end);
  }
  // The next message, or nothing at the end of the channel. Nobody waits longer than a minute.
  std::optional<Delivered> next(Inbox& inbox) {
    const os::Deadline deadline = os::now() + std::chrono::seconds(60);
    while (true) {
      auto incoming = channel_.receive(inbox);
      if (!incoming) ::_exit(12);
      if (auto* delivered = std::get_if<Delivered>(&*incoming)) return std::move(*delivered);
      if (std::holds_alternative<channel::Ended>(*incoming)) return std::nullopt;
      if (!os::wait_for(channel_.socket(), os::Readiness::readable, deadline).value_or(false)) ::_exit(13);
    }
  }

 private:
  Channel channel_;
};

Note note_of(const Delivered& delivered) {
  Note note;
  if (delivered.body.size() != sizeof note) ::_exit(14);
  std::memcpy(&note, delivered.body.bytes().data(), sizeof note);
  return note;
}

os::Fd end_of(const Delivered& delivered) {
  return *std::get<object::Descriptor>(delivered.attachments.at(0)).fd->duplicate();
}

std::size_t census() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// Reads one channel to its end: what was sent before the introduction, the introduction, what was sent after it.
// Returns the introduced end; at the bottom there is none, and the message comes from another process.
std::optional<os::Fd> read_channel(os::Fd end, Note& state, Inbox& inbox) {
  const auto fault = [&](std::uint32_t line) -> std::optional<os::Fd> {
    state.what = Note::What::fault;
    state.line = line;
    return std::nullopt;
  };
  Line line(std::move(end));
  std::optional<os::Fd> introduced;
  std::vector<Note::What> seen;
  while (const auto delivered = line.next(inbox)) {
    if (delivered->header.kind == PacketKind::introduce) {
      if (seen != std::vector{Note::What::before}) return fault(__LINE__);
      introduced = end_of(*delivered);
      continue;
    }
    const Note note = note_of(*delivered);
    if (note.round != state.round || note.depth != state.depth) return fault(__LINE__);
    // Causal order: everything that its sender had sent before has been seen, here or by whoever read before.
    if (note.what == Note::What::before && note.count != state.count) return fault(__LINE__);
    if (note.what == Note::What::before) ++state.count;
    seen.push_back(note.what);
  }
  const auto expected =
      state.depth == kDepth ? std::vector{Note::What::last} : std::vector{Note::What::before, Note::What::after};
  if (seen != expected) return fault(__LINE__);
  if (introduced.has_value() == (state.depth == kDepth)) return fault(__LINE__);
  ++state.depth;
  if (!introduced) state.what = Note::What::done;
  return introduced;
}

// A reader: takes a receiving end, reads some channels down from there, hands the next one on.
[[noreturn]] void run_reader(os::Fd hub_end) {
  Inbox inbox;
  Line hub(std::move(hub_end));
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  while (const auto task = hub.next(inbox)) {
    Note state = note_of(*task);
    if (state.what == Note::What::census) {
      state.count = census();
      hub.send(state);
      continue;
    }
    std::optional<os::Fd> end = end_of(*task);
    for (auto steps = 1 + random() % 20; steps > 0 && end; --steps) {
      end = read_channel(std::move(*end), state, inbox);
    }
    hub.send(state, std::move(end));
  }
  ::_exit(0);
}

// The process to which the last sending end of each round moves.
[[noreturn]] void run_last_sender(os::Fd hub_end) {
  Inbox inbox;
  Line hub(std::move(hub_end));
  while (const auto task = hub.next(inbox)) {
    Note note = note_of(*task);
    if (note.what == Note::What::census) {
      note.count = census();
      hub.send(note);
      continue;
    }
    Line(end_of(*task)).send(note);
  }
  ::_exit(0);
}

struct Child {
  Line hub;
  pid_t pid;

  template <class Run>
  static Child start(Run run) {
    auto [ours, theirs] = *os::channel_pair();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ours.close();
      run(std::move(theirs));
    }
    return {Line(std::move(ours)), pid};
  }
  std::size_t census(Inbox& inbox) {
    hub.send({.what = Note::What::census});
    return note_of(*hub.next(inbox)).count;
  }
};

// The sending side of one round; what it sends is all queued, one channel within the other, when it returns.
os::Fd send_nested(std::uint64_t round, Child& last_sender) {
  auto [receiving, sending] = *os::channel_pair();
  std::vector<Line> senders;
  senders.emplace_back(std::move(sending));
  for (std::uint32_t depth = 0; depth < kDepth; ++depth) {
    senders.back().send({.what = Note::What::before, .depth = depth, .round = round, .count = depth});
    os::Fd next = senders.back().introduce();
    senders.back().send({.what = Note::What::after, .depth = depth, .round = round});
    if (depth + 1 < kDepth) {
      senders.emplace_back(std::move(next));
    } else {
      last_sender.hub.send({.what = Note::What::last, .depth = kDepth, .round = round}, std::move(next));
    }
  }
  return std::move(receiving);
}

TEST(Introduction, FortyDeepWithReceiversThatMoveKeepsCausalOrder) {
  Inbox inbox;
  Child readers[] = {Child::start(run_reader), Child::start(run_reader)};
  Child last_sender = Child::start(run_last_sender);
  const auto count_all = [&] {
    return std::vector{census(), readers[0].census(inbox), readers[1].census(inbox), last_sender.census(inbox)};
  };
  std::uint64_t moves = 0;
  const auto run_round = [&](std::uint64_t round) {
    os::Fd end = send_nested(round, last_sender);
    Note state{.what = Note::What::read_on, .round = round};
    for (std::size_t turn = round;; ++turn) {
      Child& reader = readers[turn % 2];
      reader.hub.send(state, std::move(end));
      const auto answer = reader.hub.next(inbox);
      ASSERT_TRUE(answer);
      state = note_of(*answer);
      ASSERT_NE(state.what, Note::What::fault)
          << "round " << round << ", depth " << state.depth << ", line " << state.line;
      if (state.what == Note::What::done) break;
      ++moves;
      end = end_of(*answer);
    }
    ASSERT_EQ(state.depth, kDepth + 1);
  };
  run_round(0);
  const auto before = count_all();
  for (int round = 1; round <= rounds() && !HasFatalFailure(); ++round) run_round(static_cast<std::uint64_t>(round));
  EXPECT_EQ(count_all(), before);
  std::printf("%d rounds, %u deep, receivers moved %llu times between readers\n", rounds(), kDepth,
              static_cast<unsigned long long>(moves));
  for (const Child* child : {&readers[0], &readers[1], &last_sender}) {
    int status = 0;
    ::kill(child->pid, SIGTERM);
    ASSERT_EQ(::waitpid(child->pid, &status, 0), child->pid);
    EXPECT_EQ(WTERMSIG(status), SIGTERM) << "it had ended with " << WEXITSTATUS(status);
  }
}

}  // namespace
}  // namespace reeve::test
