#include "context.hpp"

#include <pthread.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "../os/random.hpp"

namespace reeve::connection {
namespace {

constinit thread_local Context at_hand;

// What is a thread's own in each chain that it begins. A copy of the process draws its own.
constinit std::atomic<std::uint64_t> copies = 1;

struct Origin {
  channel::Chain token{};
  std::uint64_t drawn_in = 0;
  std::uint64_t count = 0;
};
constinit thread_local Origin origin;

void draw() {
  [[maybe_unused]] static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++copies; });
  origin.token = os::random_token();
  origin.drawn_in = copies;
}

}  // namespace

const Context& Context::current() { return at_hand; }

OnBehalf::OnBehalf(const Context& of) : before_(std::exchange(at_hand, of)) {}
OnBehalf::~OnBehalf() { at_hand = before_; }

channel::Chain fresh_chain() {
  if (origin.drawn_in != copies.load(std::memory_order_relaxed)) draw();
  channel::Chain chain = origin.token;
  const std::uint64_t number = origin.count++;
  std::memcpy(chain.data() + chain.size() - sizeof number, &number, sizeof number);
  return chain;
}

}  // namespace reeve::connection
