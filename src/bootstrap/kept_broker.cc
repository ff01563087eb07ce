#include "kept_broker.hpp"

#include <atomic>

#include "../os/process.hpp"
#include "control.hpp"
#include "runtime_folder.hpp"

namespace reeve::bootstrap {
namespace {

// A copy of this process, and one that became another user, makes its own, and so does one that is told of another
// folder.
struct Whose {
  std::int32_t pid = os::own_pid();
  std::uint32_t user = os::own_user();
  std::string folder = runtime_path();
  friend bool operator==(const Whose&, const Whose&) = default;
};

struct Kept {
  Whose whose;
  Broker broker;
};

// Never destroyed: what runs at the process's end may still look up.
std::atomic<Kept*> kept{nullptr};
std::atomic<Kept*> lost{nullptr};

std::unique_ptr<Kept> take() {
  std::unique_ptr<Kept> mine(kept.exchange(nullptr));
  if (!mine || mine->broker.has_its_socket()) return mine;
  // Somebody closed every descriptor there was, and the number may be theirs by now: it is not ours to close.
  lost = mine.release();
  return nullptr;
}

// A signed program is proven anew each time, by a connection of its own. Of a program that has its file's user beside
// its own the kernel tells now the one and now the other.
bool may_keep() { return !is_signed() && os::has_one_user(); }

}  // namespace

Result<contract::Found> ask_over_kept(int unknown, const std::function<Result<contract::Found>(Broker&)>& ask) {
  if (const auto line = only_line(); !line || *line != nullptr) {  // A service has that, and may ask for little else.
    Broker broker;
    return ask(broker);
  }
  std::unique_ptr<Kept> mine = take();
  Whose whose;
  if (mine && mine->whose != whose) mine.reset();
  const bool is_used = mine != nullptr;
  if (!is_used) mine = std::make_unique<Kept>(whose);
  auto found = ask(mine->broker);
  if (is_used && !found && found.error().kind == Kind::invalid) {
    // It was somebody else's connection all the same: one who has this process's number, in another namespace.
    mine = std::make_unique<Kept>(std::move(whose));
    found = ask(mine->broker);
  }
  if ((found || found.error().code == unknown) && may_keep()) delete kept.exchange(mine.release());
  return found;
}

void leave_broker() { take().reset(); }

}  // namespace reeve::bootstrap
