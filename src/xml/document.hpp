// XML property lists as objects. Parsed by expat.
//
// Trust:   files may come from anybody. No entity is ever declared or expanded, nothing is fetched, and depth, count
//          and size are bounded.
// Errors:  bad-property-list, with the line.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "../object/object.hpp"

namespace reeve::xml {

struct Document {
  Dictionary root;
  std::map<std::string, int, std::less<>> lines;  ///< where each key's value begins, by its path: "KeepAlive.Crashed"

  /// The line of a key, or of what stands above it.
  int line_of(std::string_view path) const;
};

/// The dictionary that an XML property list of at most kJobFileBytesMax bytes holds.
Result<Document> parse_document(std::string_view text);

}  // namespace reeve::xml
