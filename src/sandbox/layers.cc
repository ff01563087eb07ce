#include "layers.hpp"

#include "../os/confine.hpp"

namespace reeve::sandbox {

Layers lacking_here() {
  // Versions of Landlock's interface, with what each brought.
  constexpr long kPaths = 1;
  constexpr long kPorts = 4;
  constexpr long kScopes = 6;
  Layers lacking = 0;
  const auto note = [&](bool is_there, Layer layer) { lacking |= is_there ? 0 : static_cast<Layers>(layer); };
  const long landlock = os::landlock_version();
  note(landlock >= kPaths, Layer::landlock);
  note(landlock >= kPorts, Layer::landlock_ports);
  note(landlock >= kScopes, Layer::landlock_scopes);
  note(os::can_refuse_new_code(), Layer::no_new_code);
  return lacking;
}

}  // namespace reeve::sandbox
