// Work that goes on between requests.
#pragma once

#include "../os/bell.hpp"

namespace reeve::bootstrap {

/// While one of these lives the process is at work, although no request may be in hand: it does not stop for being
/// idle, and when it is told to stop it goes on until the last one has gone, or the job's ExitTimeOut has passed.
/// Hold one while there is something that a fresh instance would not know: what a client has entered and will ask for,
/// an endpoint given out, a file half written.
/// Threads: any. Errors: none.
class Transaction {
 public:
  Transaction();
  Transaction(const Transaction&) : Transaction() {}
  Transaction& operator=(const Transaction&) = default;
  ~Transaction();
};

/// Whether the process is at work between requests.
bool has_transactions();

/// Has the bell rung whenever the last transaction ends; null has none rung. The bell must live until that is called.
void ring_after_transactions(const os::Bell* bell);

}  // namespace reeve::bootstrap

namespace reeve {
using bootstrap::Transaction;
}  // namespace reeve
