#include "transaction.hpp"

#include <mutex>

namespace reeve::bootstrap {
namespace {

struct Open {
  std::mutex mutex;
  std::size_t count = 0;
  const os::Bell* bell = nullptr;
};
Open& open() {
  static Open transactions;
  return transactions;
}

}  // namespace

Transaction::Transaction() {
  const std::scoped_lock lock(open().mutex);
  ++open().count;
}

Transaction::~Transaction() {
  const std::scoped_lock lock(open().mutex);
  if (--open().count == 0 && open().bell != nullptr) open().bell->ring();
}

bool has_transactions() {
  const std::scoped_lock lock(open().mutex);
  return open().count > 0;
}

void ring_after_transactions(const os::Bell* bell) {
  const std::scoped_lock lock(open().mutex);
  open().bell = bell;
}

}  // namespace reeve::bootstrap
