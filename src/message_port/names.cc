#include "names.hpp"

#include <algorithm>

#include "../bootstrap/inherited_line.hpp"
#include "../connection/message.hpp"
#include "../vocab/name.hpp"

namespace reeve::message_port {
namespace {

constexpr std::size_t kEarlyMax = 64;  // Of one name; a broker's clients may be anybody.

}  // namespace

Result<std::shared_ptr<Names>> Names::on(const os::Loop& loop) {
  static thread_local std::vector<std::weak_ptr<Names>> all;
  static thread_local std::shared_ptr<Names> of_job;  // Its line cannot be had again.
  std::erase_if(all, [](const auto& known) { return known.expired(); });
  for (const auto& known : all) {
    if (auto names = known.lock(); names->loop_ == loop && !names->control_->over()) return names;
  }
  auto names = std::make_shared<Names>(loop);
  REEVE_TRY(names->begin());
  if (names->is_job_) of_job = names;
  all.push_back(names);
  return names;
}

// The process's sandbox is closed for good here: what it opens later it must have been allowed.
Result<void> Names::begin() {
  auto [line, is_job] = REEVE_TRY(bootstrap::enter(true));
  is_job_ = is_job;
  REEVE_TRY(bootstrap::close_sandbox());
  control_.emplace(channel::Channel(std::move(line)),
                   [this](const contract::Handover& handover, bool has_room) { take_in(handover, has_room); });
  if (is_job) only_line_.emplace(*control_);
  const auto ask = [this](const contract::Request& what) { return control_->ask_and_wait(what); };
  if (is_job) {
    const auto reply = REEVE_TRY(ask(contract::CheckIn{}));
    declared_ = REEVE_TRY(contract::decode_reply<contract::CheckedIn>(reply)).names;
  }
  has_checked_in_ = true;
  REEVE_TRY(find_out_who());
  watch_ =
      REEVE_TRY(loop_.watch(control_->socket(), {.readable = true}, [this](os::Ready) { read(); }, os::Attends::yes));
  return {};
}

Result<void> Names::find_out_who() {
  own_ = REEVE_TRY(
      bootstrap::prove([this](const contract::Request& what) { return control_->ask_and_wait(what); }, is_job_));
  return {};
}

// What has ended stays readable. Whoever is told may do what it likes with its names.
void Names::read() {
  if (control_->read_what_came()) return;
  if (loop_.is_attending()) return loop_.leave_alone();
  watch_.drop();
  const auto owners = std::exchange(owners_, {});
  for (const auto& [name, owner] : owners) owner.lost();
}

void Names::take_in(const contract::Handover& handover, bool has_room) {
  auto arrival = bootstrap::arrival_of(handover);
  if (!arrival) return;  // Whoever looked the name up sees its channel end.
  if (!has_room) return connection::end_with(arrival->channel, bootstrap::no_room());
  const std::string& name = arrival->name;
  if (const auto owner = owners_.find(name); owner != owners_.end()) {
    return owner->second.arrived(std::move(*arrival));
  }
  // Before it has checked in a job does not know which names are its own.
  const bool is_to_come = !given_up_.contains(name) && (has_checked_in_ ? is_declared(name) : is_job_);
  if (is_to_come && early_[name].size() < kEarlyMax) {
    early_[name].push_back(std::move(*arrival));
  } else {
    connection::end_with(arrival->channel, {Kind::gone, code::kPortEnded, "the message port was invalidated", ""});
  }
}

bool Names::is_declared(const std::string& name) const { return std::ranges::find(declared_, name) != declared_.end(); }

// Of the groups of this process's that the name lies in, and its team where the name begins with that.
std::string Names::members_of(const std::string& name) const {
  std::string members;
  const auto add = [&](const char* fact, const std::string& id) {
    if (id.empty() || !contract::is_in_group(name, id)) return;
    members += (members.empty() ? "" : " or ") + (fact + id);
  };
  add("team:", own_.team);
  for (const std::string& group : own_.groups) add("group:", group);
  return members;
}

// Whoever has become a member of its group since it was asked is found out to be one now.
Result<void> Names::enter_name(const std::string& name, const std::string& callers) {
  std::string admitted = callers.empty() ? members_of(name) : callers;
  if (admitted.empty()) {
    REEVE_TRY(find_out_who());
    admitted = members_of(name);
  }
  if (admitted.empty()) {
    return fail(Kind::denied, code::kNotPrivileged,
                "the name " + name + " lies in no app group of this process's, and is not its team's",
                "take one that does: of its signature, or Reeve.Groups of its job");
  }
  REEVE_TRY(control_->ask_and_wait(contract::Register{name, contract::Scope::everybody, std::move(admitted)}));
  return {};
}

Result<void> Names::take(const std::string& name, const std::string& callers, Owner owner) {
  REEVE_TRY(vocab::check_name(name));
  if (is_declared(name) && !callers.empty()) {
    return fail(Kind::unsupported, code::kServiceActive,
                "who may send to " + name + ", which the job declares, its file says",
                "say it in AllowedCallers of the job");
  }
  if (!owners_.emplace(name, std::move(owner)).second) {
    return fail(Kind::busy, code::kServiceActive, "the name " + name + " is a port's already", "invalidate that first");
  }
  if (!is_declared(name)) {
    if (const auto done = enter_name(name, callers); !done) {
      owners_.erase(name);
      return done;
    }
  }
  given_up_.erase(name);
  for (auto& arrival : std::exchange(early_[name], {})) owners_.at(name).arrived(std::move(arrival));
  early_.erase(name);
  return {};
}

void Names::give_up(const std::string& name) {
  owners_.erase(name);
  if (is_declared(name)) given_up_.insert(name);  // It stays the job's.
  if (is_declared(name) || control_->over()) return;
  (void)control_->ask(contract::Unregister{name, contract::Scope::everybody}, [](const Result<Dictionary>&) {});
}

}  // namespace reeve::message_port
