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

constexpr std::size_t kWay = 8;       // where the way begins
constexpr std::size_t kWayMax = 7;    // Beyond so many requests their number alone is known,
constexpr unsigned kDepthMost = 255;  // ... and beyond so many not even that.

// The way that was taken last, by whichever thread: several may be at work for one request.
constinit std::atomic<std::uint8_t> branch = 0;

std::size_t depth_of(const channel::Chain& chain) { return std::to_integer<std::size_t>(chain.back()); }

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
  std::fill(chain.begin() + kWay, chain.end(), std::byte{0});
  return chain;
}

channel::Chain deeper(channel::Chain chain) {
  const std::size_t depth = depth_of(chain);
  if (depth < kWayMax) chain[kWay + depth] = static_cast<std::byte>(branch.fetch_add(1, std::memory_order_relaxed));
  if (depth < kDepthMost) chain.back() = static_cast<std::byte>(depth + 1);
  return chain;
}

bool is_behind(const channel::Chain& request, const channel::Chain& other) {
  const auto way = static_cast<std::ptrdiff_t>(kWay + std::min(depth_of(other), kWayMax));
  return depth_of(request) >= depth_of(other) && std::equal(other.begin(), other.begin() + way, request.begin());
}

}  // namespace reeve::connection
