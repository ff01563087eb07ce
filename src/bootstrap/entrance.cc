#include "entrance.hpp"

#include "broker.hpp"
#include "inherited_line.hpp"

namespace reeve::bootstrap {

Result<Entrance> enter(bool is_for_job, OwnLine own_line) {
  if (own_line == OwnLine::take) {
    if (auto line = control_channel()) return Entrance{std::move(*line), true};
  }
  // A signed program may offer names of its team, and of its groups, whoever started it.
  if (is_for_job && !is_signed()) {
    return fail(Kind::denied, code::kNotPrivileged,
                "this process is no service: the broker did not start it, nor is it signed",
                "put a job file with the name under MachServices into the jobs folder (the first call then starts it), "
                "or sign the program");
  }
  auto line = REEVE_TRY(connect_to_broker(WhenAbsent::start));
  return Entrance{std::move(line), false};
}

Result<Arrival> arrival_of(const contract::Handover& handover) {
  auto end = REEVE_TRY(handover.end.shared()->duplicate());
  Arrival arrival{handover.name, channel::Channel(std::move(end)), {}, {handover.pid, handover.process}};
  static_cast<contract::Identity&>(arrival.peer) = handover.client.value_or(contract::Identity());
  arrival.peer.uid = handover.uid;
  return arrival;
}

Error no_room() {
  return {Kind::busy, code::kQueueFull, "the service has no descriptors left", "call again when others have left"};
}

}  // namespace reeve::bootstrap
