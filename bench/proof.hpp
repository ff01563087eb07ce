// What it takes to know who connects: a signature, and the whole proof.
#pragma once

#include "session.hpp"

namespace bench {

/// The trailer of a signed file: its manifest, and whether its key made it. Without the digest of the file.
Row signature_check();

/// A signed program proves to the broker who it is, over a connection that is there, when its file is known. The base
/// is any other request to the broker. Only root can make a program that may be verified: no row without it.
bool can_prove();
Row proof(const Placement& where);

/// The program that proves: prints what each time took. Returns what main does.
int prove_for(int times);

}  // namespace bench
