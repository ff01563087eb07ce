// A keyed archive's objects as lines of text.
#pragma once

#include <string>

#include "../archive/graph.hpp"

namespace reeve::inspect {

/// One line for each object and each value in its place, the inner ones indented. An object that several refer to has a
/// number behind a # where it is shown, and is that number alone where it is met again.
std::string text_of(const archive::Graph& graph);

}  // namespace reeve::inspect
