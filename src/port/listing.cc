#include "listing.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "../os/process.hpp"
#include "space.hpp"

namespace reeve::port {
namespace {

constexpr std::size_t kBytes = sizeof(ListingHeader) + std::size_t{kPortNamesMax} * sizeof(ListedName);

ListedName listed(Name name, const Entry* entry) {
  if (entry == nullptr) return {};
  ListedName listed{.name = name.value, .send = entry->send, .dead = entry->dead};
  listed.rights = (entry->send > 0 ? kListedSend : 0U) | (entry->is_once ? kListedOnce : 0U) |
                  (entry->dead > 0 ? kListedDead : 0U) | (entry->port != nullptr ? kListedReceive : 0U) |
                  (entry->set != nullptr ? kListedSet : 0U) | (entry->dead_to != nullptr ? kListedWatched : 0U);
  if (entry->line != nullptr) listed.line = entry->line->end.raw();
  if (entry->port != nullptr) {
    listed.queue_limit = entry->port->queue_limit();
    listed.ready = entry->port->ready().descriptor().raw();
    if (entry->port->inlet != nullptr) listed.inlet = entry->port->inlet->descriptor().raw();
  }
  return listed;
}

}  // namespace

Result<Listing> Listing::make() {
  os::Fd memory = REEVE_TRY(os::open_memory(kListingName, kBytes));
  // Nobody who opens it can take away what is written to.
  REEVE_TRY(os::seal_memory(memory, os::Sealing::size));
  os::Mapping mapping = REEVE_TRY(os::Mapping::of(memory, kBytes, os::Access::read_write));
  ListingHeader header;
  header.pid = os::own_pid();
  std::memcpy(mapping.bytes().data(), &header, sizeof header);
  return Listing(std::move(memory), std::move(mapping));
}

ListingHeader& Listing::header() const { return *reinterpret_cast<ListingHeader*>(mapping_.bytes().data()); }

bool Listing::is_own() const { return header().pid == os::own_pid(); }

// Odd now, whatever it was: a copy of the process may have ended in the middle.
void Listing::begin() {
  std::atomic_ref(header().sequence).fetch_or(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

void Listing::put(std::uint32_t slot, const ListedName& name) {
  header().count = std::max(header().count, slot + 1);
  std::memcpy(&mapping_.bytes()[sizeof(ListingHeader) + slot * sizeof name], &name, sizeof name);
}

void Listing::end() { std::atomic_ref(header().sequence).fetch_add(1, std::memory_order_release); }

Result<void> Space::allow_listing() {
  const Lock lock(mutex_);
  if (listing_) return {};
  listing_ = REEVE_TRY(Listing::make());
  table_.begin_telling();
  return {};
}

void Space::show() {
  const auto told = table_.told();
  if (told.empty() || !listing_->is_own()) return;
  listing_->begin();
  for (const auto& [slot, name, entry] : told) listing_->put(slot, listed(name, entry));
  listing_->end();
}

}  // namespace reeve::port
