#include "table.hpp"

namespace reeve::port {
namespace {

constexpr std::uint32_t kChosenMax = 1 << 16;  // Names that may be chosen: all below them are made with one.
constexpr std::size_t kFreeBeforeReuse = 64;   // As many frees as a name lies idle, where there is room for more names.

Name name_of(std::uint32_t index, std::uint8_t generation) { return Name{(index + 1) << 8 | generation}; }

}  // namespace

Result<std::uint32_t> Table::free_index() {
  auto index = static_cast<std::uint32_t>(slots_.size());
  if (free_.size() <= kFreeBeforeReuse && index < kPortNamesMax) return slots_.emplace_back(), index;
  if (free_.empty()) {
    return fail(Kind::busy, code::kQueueFull, "a space has as many names as it can have", "give some rights up");
  }
  index = free_.front();
  free_.pop_front();
  return index;
}

Result<std::uint32_t> Table::claim_index(Name wanted) {
  const std::uint32_t index = (wanted.value >> 8) - 1;
  if (index >= kChosenMax) {
    return fail(Kind::invalid, code::kReferences, "a name that no right of a space can have", "let it choose");
  }
  for (auto next = static_cast<std::uint32_t>(slots_.size()); next <= index; ++next) {
    slots_.emplace_back();
    free_.push_back(next);
  }
  if (slots_[index].entry)
    return fail(Kind::invalid, code::kReferences, "the name stands for a right", "choose another");
  std::erase(free_, index);
  slots_[index].generation = static_cast<std::uint8_t>(wanted.value);
  return index;
}

Result<Name> Table::add(Entry entry, Name wanted) {
  const std::uint32_t index = REEVE_TRY(wanted ? claim_index(wanted) : free_index());
  slots_[index].entry = std::move(entry);
  look_at(index);
  return name_of(index, slots_[index].generation);
}

Table::Slot* Table::slot(Name name) {
  const std::uint32_t index = (name.value >> 8) - 1;  // Of the name 0 it is beyond all.
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.entry && slot.generation == (name.value & 0xff) ? &slot : nullptr;
}

Entry* Table::find(Name name) {
  Slot* const found = slot(name);
  if (found != nullptr) look_at((name.value >> 8) - 1);
  return found == nullptr ? nullptr : &*found->entry;
}

Entry Table::take(Name name) {
  Slot* const found = slot(name);
  REEVE_INVARIANT(found != nullptr);
  look_at((name.value >> 8) - 1);
  Entry entry = std::move(*found->entry);
  found->entry.reset();
  ++found->generation;
  free_.push_back((name.value >> 8) - 1);
  return entry;
}

std::vector<Name> Table::names() const {
  std::vector<Name> names;
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].entry) names.push_back(name_of(i, slots_[i].generation));
  }
  return names;
}

void Table::begin_telling() {
  is_telling_ = true;
  looked_at_.clear();
  for (std::uint32_t i = 0; i < slots_.size(); ++i) looked_at_.push_back(i);
}

void Table::stop_telling() {
  is_telling_ = false;
  looked_at_.clear();
}

std::vector<Table::Told> Table::told() {
  std::vector<Told> told;
  for (const std::uint32_t i : looked_at_) {
    const Slot& slot = slots_[i];
    told.push_back({i, slot.entry ? name_of(i, slot.generation) : Name(), slot.entry ? &*slot.entry : nullptr});
  }
  looked_at_.clear();
  return told;
}

}  // namespace reeve::port
