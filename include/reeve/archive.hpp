/// Keyed archives: archive::Graph, archive::Allowed, archive::read, archive::write; archive::decode and archive::encode
/// of structs.
#pragma once

#include <reeve/rooms/archive/typed.hpp>
