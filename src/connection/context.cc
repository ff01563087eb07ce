#include "context.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "../os/random.hpp"

namespace reeve::connection {
namespace {

constinit thread_local Context at_hand;

constexpr std::byte kDeepest{255};  // From there on nobody counts.

// Randomness that a thread has drawn, for some chains to come. A copy of the process draws its own.
constinit std::atomic<std::uint64_t> copies = 1;

struct Stock {
  std::array<channel::Chain, 16> chains{};
  std::size_t left = 0;
  std::uint64_t drawn_in = 0;
};
constinit thread_local Stock stock;

void draw() {
  [[maybe_unused]] static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++copies; });
  os::fill_randomly(std::as_writable_bytes(std::span(stock.chains)));
  stock.left = stock.chains.size();
  stock.drawn_in = copies;
}

}  // namespace

const Context& Context::current() { return at_hand; }

OnBehalf::OnBehalf(const Context& of) : before_(std::exchange(at_hand, of)) {}
OnBehalf::~OnBehalf() { at_hand = before_; }

channel::Chain fresh_chain() {
  if (stock.left == 0 || stock.drawn_in != copies.load(std::memory_order_relaxed)) draw();
  channel::Chain chain = stock.chains[--stock.left];
  chain.back() = std::byte{0};
  return chain;
}

channel::Chain deeper(channel::Chain chain) {
  if (chain.back() != kDeepest) chain.back() = std::byte(std::to_integer<unsigned>(chain.back()) + 1);
  return chain;
}

bool is_behind(const channel::Chain& request, const channel::Chain& other) {
  return std::equal(request.begin(), request.end() - 1, other.begin()) && request.back() >= other.back();
}

}  // namespace reeve::connection
