/// Keyed archives: archive::Graph, archive::Allowed, archive::read, archive::write.
#pragma once

#include <reeve/rooms/archive/archive.hpp>
