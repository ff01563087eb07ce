#include "denials.hpp"

#include "../os/socket.hpp"
#include "../sandbox/denial.hpp"

namespace reeve::spawn {

Denials::Denials(os::Fd line, const sandbox::Preset& preset, std::string groups_folder, Explained explained)
    : line_(std::move(line)),
      preset_(preset),
      groups_folder_(std::move(groups_folder)),
      explained_(std::move(explained)) {}

Denials::~Denials() { read_all(); }

Result<std::unique_ptr<Denials>> Denials::read(os::Loop& loop, os::Fd line, const sandbox::Preset& preset,
                                               std::string groups_folder, Explained explained) {
  std::unique_ptr<Denials> denials(
      new Denials(std::move(line), preset, std::move(groups_folder), std::move(explained)));
  const auto read = [reads = denials.get()](os::Ready) { reads->read_all(); };
  denials->watch_ = REEVE_TRY(loop.watch(denials->line_, {.readable = true}, read));
  return denials;
}

// What is said beyond the bound stays in the line, where there is room for so much and no more.
void Denials::read_all() {
  while (left_ > 0) {
    os::DeniedCall call;
    const auto got = os::receive_packet(line_, std::as_writable_bytes(std::span(&call, 1)), os::Rights::refuse);
    if (got && std::holds_alternative<os::NothingYet>(*got)) return;
    const auto* arrival = got ? std::get_if<os::Arrival>(&*got) : nullptr;
    if (arrival == nullptr) break;
    --left_;
    if (arrival->size != sizeof call || arrival->truncated) continue;
    if (const auto denial = sandbox::explain(preset_, call, groups_folder_)) explained_(denial->text, denial->is_end);
  }
  watch_.drop();
}

}  // namespace reeve::spawn
