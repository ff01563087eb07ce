// What a keyed archive holds: objects of known classes that refer to each other, each there once, in circles where they
// are so.
//
// Owns:    all that it holds; data may share the archive's bytes.
// Threads: one owner; const access from many.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../object/object.hpp"
#include "../plist/property_list.hpp"

namespace reeve::archive {

/// One of a graph's nodes, by its place among them.
enum class Ref : std::uint32_t {};

/// NSNull. That there is nothing at all is an absent Ref.
struct Null {
  friend bool operator==(const Null&, const Null&) = default;
};

/// NSDate: seconds since 2001-01-01T00:00:00Z.
struct Date {
  double seconds = 0;
  friend bool operator==(const Date&, const Date&) = default;
};

/// NSURL. Both as they were written; nobody looks whether they are URLs.
struct Url {
  std::string relative;
  std::optional<Ref> base;  ///< another Url
  friend bool operator==(const Url&, const Url&) = default;
};

/// NSArray, NSSet and NSOrderedSet, and their mutable kin.
struct List {
  std::vector<Ref> items;
  friend bool operator==(const List&, const List&) = default;
};

/// NSCountedSet.
struct CountedSet {
  std::vector<std::pair<Ref, std::uint64_t>> items;
  friend bool operator==(const CountedSet&, const CountedSet&) = default;
};

/// NSDictionary and NSMutableDictionary.
struct Map {
  std::vector<std::pair<Ref, Ref>> entries;
  friend bool operator==(const Map&, const Map&) = default;
};

struct Range {
  std::uint64_t location = 0;
  std::uint64_t length = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// NSIndexSet and NSMutableIndexSet: ranges that do not touch, in ascending order.
struct IndexSet {
  std::vector<Range> ranges;
  friend bool operator==(const IndexSet&, const IndexSet&) = default;
};

/// NSIndexPath.
struct IndexPath {
  std::vector<std::uint64_t> indices;
  friend bool operator==(const IndexPath&, const IndexPath&) = default;
};

/// NSAttributedString: a text, and runs of it one after the other, each with a dictionary of attributes.
struct AttributedText {
  struct Run {
    std::uint64_t length = 0;  ///< in units of UTF-16
    Ref attributes{};          ///< a Map
    friend bool operator==(const Run&, const Run&) = default;
  };
  std::string text;
  std::vector<Run> runs;
  friend bool operator==(const AttributedText&, const AttributedText&) = default;
};

/// What an NSValue holds.
/// @{
struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Size {
  double width = 0;
  double height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};
struct Rect {
  Point origin;
  Size size;
  friend bool operator==(const Rect&, const Rect&) = default;
};
struct EdgeInsets {
  double top = 0;
  double left = 0;
  double bottom = 0;
  double right = 0;
  friend bool operator==(const EdgeInsets&, const EdgeInsets&) = default;
};
/// Numbers as C has them: "[3i]".
struct Numbers {
  char type = 'i';  ///< of Objective-C's encoding: one of cCsSiIlLqQfd
  std::vector<std::variant<std::int64_t, std::uint64_t, double>> numbers;
  friend bool operator==(const Numbers&, const Numbers&) = default;
};
/// @}

/// NSError.
struct Failure {
  std::string domain;
  std::int64_t code = 0;
  std::optional<Ref> details;  ///< a Map
  friend bool operator==(const Failure&, const Failure&) = default;
};

/// NSNotification.
struct Notification {
  std::string name;
  std::optional<Ref> object;
  std::optional<Ref> details;  ///< a Map
  friend bool operator==(const Notification&, const Notification&) = default;
};

/// What stands in a field of a record: a plain value in its place, an object, or nothing.
using Field = std::variant<std::monostate, bool, plist::Integer, double, std::string, Data, Ref>;

/// An object of a class of a user's.
struct Record {
  std::vector<std::pair<std::string, Field>> fields;  ///< in the order in which they were written

  const Field* find(std::string_view name) const {
    for (const auto& [known, field] : fields) {
      if (known == name) return &field;
    }
    return nullptr;
  }
  friend bool operator==(const Record&, const Record&) = default;
};

/// What an object holds. NSNumber is a bool, an Integer or a double; NSString is text, NSData is Data.
using Value = std::variant<Null, bool, plist::Integer, double, std::string, Data, Date, Uuid, Url, List, CountedSet,
                           Map, IndexSet, IndexPath, AttributedText, Range, Point, Size, Rect, EdgeInsets, Numbers,
                           Failure, Notification, Record>;

/// An object: its class, which is exactly that one, and what it holds.
struct Node {
  std::string class_name;
  Value value;
  friend bool operator==(const Node&, const Node&) = default;
};

class Graph {
 public:
  /// A further node. What it refers to may be added after it.
  Ref add(std::string class_name, Value value) {
    nodes_.push_back({std::move(class_name), std::move(value)});
    return static_cast<Ref>(nodes_.size() - 1);
  }
  /// Of the class that such a value has: of those with mutable kin, the one that is not mutable.
  Ref add(Value value);

  /// Room for so many.
  void reserve(std::size_t count) { nodes_.reserve(count); }

  /// The object that the archive is of; nothing where that is nil.
  std::optional<Ref> root;

  std::size_t count() const { return nodes_.size(); }
  const Node& at(Ref ref) const { return nodes_[static_cast<std::size_t>(ref)]; }
  Node& at(Ref ref) { return nodes_[static_cast<std::size_t>(ref)]; }
  /// What it holds, if that is a T; else null.
  template <class T>
  const T* get(Ref ref) const {
    return std::get_if<T>(&at(ref).value);
  }
  /// The value that a text stands for in a Map; nothing where there is none.
  std::optional<Ref> find(const Map& map, std::string_view key) const;

 private:
  std::vector<Node> nodes_;
};

}  // namespace reeve::archive
