// Accounts and charges: who pays for what is held on somebody's behalf.
//
// A Ledger is what one holder has to give: so many bytes, descriptors and objects. Each principal it holds things for
// has an Account there, and whatever it holds contains the Charge that pays for it. A charge is admitted while the
// account's share stays within
//
//     charge <= (remaining + share) / (users + 1) - share
//
// where `users` counts the accounts that hold anything, this one included: dbus-broker's rule. Why it is fair: whatever
// n users have taken, and in whatever order they came, at least R/(n+1) of R remains. (Take the one among them who was
// granted last: the others held no less then than now, so its share is at most (R - others)/(n+1), and what remains at
// least n/(n+1) of R - others; by induction over the others that is at least R/(n+1).) So each of n users can always
// have R/(n(n+1)) and never more than R/(n+1): with N = n+1, between 1/N^2 and 1/N. No one can take it all, and no one
// who comes late is left with nothing.
//
// Threads: one owner of a ledger with all its accounts and charges.
// Errors:  busy (queue-full) for a charge that is not admitted. Nothing of it is kept.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "../vocab/result.hpp"

namespace reeve::quota {

struct Amount {
  std::uint64_t bytes = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t objects = 0;
  friend bool operator==(const Amount&, const Amount&) = default;
};

class Account;
struct Share;  // one account's part of the books
struct Books;  // a ledger's

/// What was charged; gives it back when it is destroyed.
class Charge {
 public:
  Charge() = default;
  Charge(Charge&& other) noexcept : share_(std::move(other.share_)), amount_(std::exchange(other.amount_, {})) {}
  Charge& operator=(Charge&& other) noexcept;
  ~Charge() {
    if (share_) give_back();
  }
  const Amount& amount() const { return amount_; }
  /// Whose account pays it; of a charge that was made.
  Account account() const;

 private:
  friend class Account;

  void give_back();
  Charge(std::shared_ptr<Share> share, const Amount& amount) : share_(std::move(share)), amount_(amount) {}
  std::shared_ptr<Share> share_;
  Amount amount_;
};

/// One principal's share of a ledger. Copies are the same account; it lasts until nothing is charged to it any more.
class Account {
 public:
  Result<Charge> charge(const Amount& amount) const;
  /// What it holds now.
  Amount share() const;

 private:
  friend class Charge;
  friend class Ledger;
  explicit Account(std::shared_ptr<Share> share) : share_(std::move(share)) {}
  std::shared_ptr<Share> share_;
};

inline Account Charge::account() const { return Account(share_); }

class Ledger {
 public:
  explicit Ledger(const Amount& limit);
  /// Everything charged must have been given back.
  ~Ledger();
  Ledger(Ledger&&) noexcept = default;
  Ledger& operator=(Ledger&&) noexcept = default;

  /// The account of a principal, whatever number stands for it.
  Account account_of(std::uint64_t principal);

  /// What all its accounts hold.
  Amount used() const;

 private:
  friend class Charge;

  std::shared_ptr<Books> books_;
  std::map<std::uint64_t, std::weak_ptr<Share>> shares_;
};

}  // namespace reeve::quota
