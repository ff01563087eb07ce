// What is asked of an object beside the types of its fields, when it is read and when it is written.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "graph.hpp"

namespace reeve::archive {

inline constexpr std::size_t kClassNameMax = 256;  // bytes

/// What is no archive, or could be none.
std::unexpected<Error> bad(const std::string& what);

/// Ranges in ascending order that do not touch, none of them empty or beyond an int64.
bool is_index_set(const IndexSet& set);

/// Runs that are the text, one after the other; or none.
bool fits_its_runs(const AttributedText& text);

/// A letter of those that Numbers may have.
bool is_number_type(char type);

/// Numbers that C has room for in a value of that type.
bool are_of_their_type(const Numbers& numbers);

/// Whether what a URL is relative to is, in the end, relative to nothing. True of what is no URL.
bool ends_its_bases(const Graph& graph, Ref url);

/// Finds keys that stand twice, by what they are or by their text. Looks at each text once, however many maps share it.
class KeyCheck {
 public:
  explicit KeyCheck(const Graph& graph) : graph_(graph) {}
  bool has_twice(const Map& map);

 private:
  static constexpr std::uint32_t kUnknown = UINT32_MAX;
  std::optional<bool> has_twice_of_few(const Map& map);
  std::uint32_t id_of(Ref key);

  const Graph& graph_;
  std::vector<std::uint32_t> ids_;  // of each node: the first of the same text
  std::map<std::string_view, std::uint32_t> known_;
  std::vector<std::uint32_t> keys_;
};

}  // namespace reeve::archive
