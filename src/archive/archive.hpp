// Keyed archives as graphs, and graphs as keyed archives.
//
// Reading takes two steps. First all objects that the root leads to are read, and each is checked: its class is one of
// those that are allowed, exactly; its fields are those of that class, and of their types. Only a graph that is whole
// and good is handed out; nothing of a user's runs before that, and reading changes nothing.
//
// Owns:    nothing.
// Trust:   archives come from strangers. What is read takes time and memory by the archive's size alone.
// Threads: any.
// Errors:  bad-archive, class-not-allowed, with the path of what refers to it: "$objects[7].userInfo: class NSURL not
//          allowed here"; bad-property-list, too-large.
#pragma once

#include "allowed.hpp"
#include "graph.hpp"

namespace reeve::archive {

Result<Graph> read(const plist::PropertyList& list, const Allowed& allowed);
/// In its binary form.
Result<Graph> read(Data bytes, const Allowed& allowed);

/// What the root leads to, in its binary form. Classes of `Record`s are said to be kin of NSObject alone. Errors:
/// bad-archive for what cannot be read again; too-large. What many objects share may be too large for `read` all the
/// same.
Result<std::vector<std::byte>> write(const Graph& graph);

}  // namespace reeve::archive
