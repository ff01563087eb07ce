#include "quota.hpp"

#include <cstdio>
#include <string>

namespace reeve::quota {
namespace {

constexpr std::size_t kResources = 3;
constexpr std::array<const char*, kResources> kNames{"bytes", "descriptors", "objects"};

std::array<std::uint64_t, kResources> numbers_of(const Amount& amount) {
  return {amount.bytes, amount.descriptors, amount.objects};
}

// Believed, not proven: a counter that is off is a fault of ours, and ends a test but never a broker.
void believe_zero(const std::array<std::uint64_t, kResources>& counters, const char* whose) {
  for (std::size_t i = 0; i < kResources; ++i) {
    if (counters[i] == 0) continue;
    std::fprintf(stderr, "reeve: fault: %s ends while %llu %s are charged\n", whose,
                 static_cast<unsigned long long>(counters[i]), kNames[i]);
#ifndef NDEBUG
    std::abort();
#endif
  }
}

}  // namespace

struct Books {
  std::array<std::uint64_t, kResources> limit{};
  std::array<std::uint64_t, kResources> used{};
  std::array<std::uint64_t, kResources> users{};
};

struct Share {
  explicit Share(std::shared_ptr<Books> b) : books(std::move(b)) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { believe_zero(held, "an account"); }

  bool admits(std::size_t resource, std::uint64_t charge) const {
    if (charge == 0) return true;
    const std::uint64_t share = held[resource];
    const std::uint64_t users = books->users[resource] + (share == 0 ? 1 : 0);
    const std::uint64_t remaining = books->limit[resource] - books->used[resource];
    const std::uint64_t most = (remaining + share) / (users + 1);
    return share <= most && charge <= most - share;
  }
  void take(std::size_t resource, std::uint64_t charge) {
    if (charge == 0) return;
    if (held[resource] == 0) ++books->users[resource];
    held[resource] += charge;
    books->used[resource] += charge;
  }
  void give_back(std::size_t resource, std::uint64_t charge) {
    if (charge == 0) return;
    held[resource] -= charge;
    books->used[resource] -= charge;
    if (held[resource] == 0) --books->users[resource];
  }

  std::shared_ptr<Books> books;
  std::array<std::uint64_t, kResources> held{};
};

Charge& Charge::operator=(Charge&& other) noexcept {
  std::swap(share_, other.share_);
  std::swap(amount_, other.amount_);
  return *this;
}

void Charge::give_back() {
  const auto charged = numbers_of(amount_);
  for (std::size_t i = 0; i < kResources; ++i) share_->give_back(i, charged[i]);
}

Result<Charge> Account::charge(const Amount& amount) const {
  const auto wanted = numbers_of(amount);
  for (std::size_t i = 0; i < kResources; ++i) {
    if (share_->admits(i, wanted[i])) continue;
    return fail(Kind::busy, code::kQueueFull,
                "the receiver holds too much of this sender already: " + std::to_string(wanted[i]) + " more " +
                    kNames[i] + " exceed its share",
                "wait until what was sent before has been taken");
  }
  for (std::size_t i = 0; i < kResources; ++i) share_->take(i, wanted[i]);
  return Charge(share_, amount);
}

Amount Account::share() const { return {share_->held[0], share_->held[1], share_->held[2]}; }

Ledger::Ledger(const Amount& limit) : books_(std::make_shared<Books>()) { books_->limit = numbers_of(limit); }

Ledger::~Ledger() {
  if (books_) believe_zero(books_->used, "a ledger");
}

Account Ledger::account_of(std::uint64_t principal) {
  auto& known = shares_[principal];
  auto share = known.lock();
  if (!share) {
    std::erase_if(shares_, [](const auto& entry) { return entry.second.expired(); });
    share = std::make_shared<Share>(books_);
    shares_[principal] = share;
  }
  return Account(std::move(share));
}

Amount Ledger::used() const { return {books_->used[0], books_->used[1], books_->used[2]}; }

}  // namespace reeve::quota
