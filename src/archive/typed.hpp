// Plain structs as keyed archives, and back. A struct is described once, by BOOST_DESCRIBE_STRUCT, and says which class
// its objects are of: `static constexpr const char* kArchiveClass = "LLBSDProcessInfo";`. What a struct is made of is
// what its archives may hold, field by field, and nothing else.
//
//   bool, integers, double      NSNumber; an integer has to fit
//   std::string                 NSString, NSMutableString
//   Data                        NSData, NSMutableData
//   archive::Date               NSDate
//   Uuid                        NSUUID
//   std::vector<T>              NSArray, NSMutableArray
//   std::map<std::string, T>    NSDictionary, NSMutableDictionary
//   std::optional<T>            nil or absent, or T
//   described struct            an object of its class; fields that are missing are refused unless they are optional
//
// Owns:    nothing.
// Trust:   archives come from strangers. What is shared counts as often as it is met, for 262,144 values, 64 levels and
//          128 MiB of text.
// Threads: any.
// Errors:  those of archive::read; bad-archive for a value of another type than its field: "root.sender.pid: expected
//          int32, got NSString".
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "../object/typed.hpp"
#include "../vocab/bounds.hpp"
#include "archive.hpp"

namespace reeve::archive {

/// A struct that is described, and names its class.
template <class T>
concept Archived = boost::describe::has_describe_members<T>::value && requires {
  { T::kArchiveClass } -> std::convertible_to<const char*>;
};

/// @cond
template <class T>
struct Form;

// A graph on its way into values: what is left of its bounds.
class Decoding {
 public:
  explicit Decoding(const Graph& graph) : graph_(graph) {}

  // What it is, wherever it stands; null of nil, and of what a graph that was made by hand does not have.
  const Node* node(const Field& field) const {
    const auto* ref = std::get_if<Ref>(&field);
    const bool is_there = ref != nullptr && static_cast<std::size_t>(*ref) < graph_.count();
    return is_there ? &graph_.at(*ref) : nullptr;
  }
  // A plain value, in its place or as an object of its own.
  template <class T>
  const T* plain(const Field& field) const {
    const Node* const object = node(field);
    return object != nullptr ? std::get_if<T>(&object->value) : std::get_if<T>(&field);
  }
  const Graph& graph() const { return graph_; }

  // Of a text that is copied, and may be shared by many.
  Result<void> spend(std::size_t bytes);
  std::unexpected<Error> mismatch(const object::Path& path, std::string_view expected, const Field& got) const;
  static std::unexpected<Error> missing(const object::Path& path, std::string_view field);

  // One value more, and one level deeper for as long as this lives.
  class Level {
   public:
    explicit Level(Decoding& decoding) : decoding_(decoding) { ++decoding_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    ~Level() { --decoding_.depth_; }
    Result<void> check();

   private:
    Decoding& decoding_;
  };

 private:
  const Graph& graph_;
  std::size_t values_ = 0;
  std::size_t depth_ = 0;
  std::size_t text_bytes_ = 0;
};

template <class T>
struct PlainForm {
  static void allow_all(Allowed& allowed, std::initializer_list<const char*> names) {
    for (const char* name : names) allowed.add(name);
  }
  static Result<T> value(Decoding& decoding, const Field& field, const object::Path& path, std::string_view expected) {
    if (const auto* value = decoding.plain<T>(field)) return *value;
    return decoding.mismatch(path, expected, field);
  }
  static Ref put(Graph& graph, const T& value) { return graph.add(value); }
};

template <>
struct Form<bool> : PlainForm<bool> {
  static void allow(Allowed& allowed) { allow_all(allowed, {"NSNumber"}); }
  static Result<bool> get(Decoding& decoding, const Field& field, const object::Path& path) {
    return value(decoding, field, path, "bool");
  }
};
template <>
struct Form<std::string> : PlainForm<std::string> {
  static void allow(Allowed& allowed) { allow_all(allowed, {"NSString", "NSMutableString"}); }
  static Result<std::string> get(Decoding& decoding, const Field& field, const object::Path& path) {
    if (const auto* text = decoding.plain<std::string>(field)) REEVE_TRY(decoding.spend(text->size()));
    return value(decoding, field, path, "NSString");
  }
};
template <>
struct Form<Data> : PlainForm<Data> {
  static void allow(Allowed& allowed) { allow_all(allowed, {"NSData", "NSMutableData"}); }
  static Result<Data> get(Decoding& decoding, const Field& field, const object::Path& path) {
    return value(decoding, field, path, "NSData");
  }
};

template <class T>
struct ObjectForm {
  static Result<T> value(Decoding& decoding, const Field& field, const object::Path& path, std::string_view expected) {
    const Node* const node = decoding.node(field);
    const auto* value = node != nullptr ? std::get_if<T>(&node->value) : nullptr;
    if (value == nullptr) return decoding.mismatch(path, expected, field);
    return *value;
  }
  static Ref put(Graph& graph, const T& value) { return graph.add(value); }
};
template <>
struct Form<Date> : ObjectForm<Date> {
  static void allow(Allowed& allowed) { allowed.add("NSDate"); }
  static Result<Date> get(Decoding& decoding, const Field& field, const object::Path& path) {
    return value(decoding, field, path, "NSDate");
  }
};
template <>
struct Form<Uuid> : ObjectForm<Uuid> {
  static void allow(Allowed& allowed) { allowed.add("NSUUID"); }
  static Result<Uuid> get(Decoding& decoding, const Field& field, const object::Path& path) {
    return value(decoding, field, path, "NSUUID");
  }
};

template <std::integral T>
struct Form<T> {
  static void allow(Allowed& allowed) { allowed.add("NSNumber"); }
  static Result<T> get(Decoding& decoding, const Field& field, const object::Path& path) {
    constexpr bool kIsSigned = std::is_signed_v<T>;
    const auto* value = decoding.plain<plist::Integer>(field);
    const bool fits =
        value != nullptr && (value->is_large ? std::in_range<T>(value->bits) : std::in_range<T>(value->value()));
    if (fits) return value->is_large ? static_cast<T>(value->bits) : static_cast<T>(value->value());
    return decoding.mismatch(path, (kIsSigned ? "int" : "uint") + std::to_string(8 * sizeof(T)), field);
  }
  static Ref put(Graph& graph, T value) {
    return graph.add(plist::Integer{static_cast<std::uint64_t>(value), !std::in_range<std::int64_t>(value)});
  }
};

template <>
struct Form<double> : PlainForm<double> {
  static void allow(Allowed& allowed) { allow_all(allowed, {"NSNumber"}); }
  static Result<double> get(Decoding& decoding, const Field& field, const object::Path& path) {
    const auto* integer = decoding.plain<plist::Integer>(field);
    if (integer == nullptr) return value(decoding, field, path, "double");
    return integer->is_large ? static_cast<double>(integer->bits) : static_cast<double>(integer->value());
  }
};

template <class T>
struct Form<std::optional<T>> {
  static void allow(Allowed& allowed) { Form<T>::allow(allowed); }
  static Result<std::optional<T>> get(Decoding& decoding, const Field& field, const object::Path& path) {
    if (std::holds_alternative<std::monostate>(field)) return std::nullopt;
    return REEVE_TRY(Form<T>::get(decoding, field, path));
  }
};

template <class T>
struct Form<std::vector<T>> {
  static void allow(Allowed& allowed) {
    allowed.add("NSArray").add("NSMutableArray");
    Form<T>::allow(allowed);
  }
  static Result<std::vector<T>> get(Decoding& decoding, const Field& field, const object::Path& path) {
    const Node* const node = decoding.node(field);
    const auto* list = node != nullptr ? std::get_if<List>(&node->value) : nullptr;
    const bool is_array = list != nullptr && (node->class_name == "NSArray" || node->class_name == "NSMutableArray");
    if (!is_array) return decoding.mismatch(path, "NSArray", field);
    Decoding::Level level(decoding);
    std::vector<T> values;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      REEVE_TRY(level.check());
      values.push_back(REEVE_TRY(Form<T>::get(decoding, Field(list->items[i]), {&path, {}, i})));
    }
    return values;
  }
  static Ref put(Graph& graph, const std::vector<T>& values) {
    List list;
    for (const auto& value : values) list.items.push_back(Form<T>::put(graph, value));
    return graph.add(std::move(list));
  }
};

template <class T>
struct Form<std::map<std::string, T>> {
  static void allow(Allowed& allowed) {
    allowed.add("NSDictionary").add("NSMutableDictionary").add("NSString").add("NSMutableString");
    Form<T>::allow(allowed);
  }
  static Result<std::map<std::string, T>> get(Decoding& decoding, const Field& field, const object::Path& path) {
    const Node* const node = decoding.node(field);
    const auto* map = node != nullptr ? std::get_if<Map>(&node->value) : nullptr;
    if (map == nullptr) return decoding.mismatch(path, "NSDictionary", field);
    Decoding::Level level(decoding);
    std::map<std::string, T> values;
    for (const auto& [key, value] : map->entries) {
      REEVE_TRY(level.check());
      std::string name = REEVE_TRY(Form<std::string>::get(decoding, Field(key), path));
      auto got = REEVE_TRY(Form<T>::get(decoding, Field(value), {&path, name}));
      values.emplace(std::move(name), std::move(got));
    }
    return values;
  }
  static Ref put(Graph& graph, const std::map<std::string, T>& values) {
    Map map;
    for (const auto& [key, value] : values) {
      const Ref name = graph.add(key);
      map.entries.emplace_back(name, Form<T>::put(graph, value));
    }
    return graph.add(std::move(map));
  }
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <Archived T>
struct Form<T> {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;

  static void allow(Allowed& allowed) {
    if (allowed.fields_of(T::kArchiveClass) != nullptr) return;  // One that holds others of its kind.
    std::vector<std::string> names;
    boost::mp11::mp_for_each<Members>([&](auto member) { names.emplace_back(member.name); });
    allowed.add_record(T::kArchiveClass, names);
    boost::mp11::mp_for_each<Members>(
        [&](auto member) { Form<std::remove_cvref_t<decltype(T().*member.pointer)>>::allow(allowed); });
  }

  static Result<T> get(Decoding& decoding, const Field& field, const object::Path& path) {
    const Node* const node = decoding.node(field);
    const auto* record = node != nullptr ? std::get_if<Record>(&node->value) : nullptr;
    if (record == nullptr || node->class_name != T::kArchiveClass) {
      return decoding.mismatch(path, T::kArchiveClass, field);
    }
    Decoding::Level level(decoding);
    REEVE_TRY(level.check());
    T value{};
    Result<void> outcome;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      if (outcome) outcome = get_member(decoding, *record, member.name, value.*member.pointer, path);
    });
    REEVE_TRY(std::move(outcome));
    return value;
  }
  template <class Member>
  static Result<void> get_member(Decoding& decoding, const Record& record, const char* name, Member& member,
                                 const object::Path& path) {
    const Field* const found = record.find(name);
    const bool is_there = found != nullptr && !std::holds_alternative<std::monostate>(*found);
    if (!is_there && !IsOptional<Member>::value) return Decoding::missing(path, name);
    if (is_there) member = REEVE_TRY(Form<Member>::get(decoding, *found, {&path, name}));
    return {};
  }

  static Ref put(Graph& graph, const T& value) {
    Record record;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      const auto& each = value.*member.pointer;
      using Member = std::remove_cvref_t<decltype(each)>;
      if constexpr (IsOptional<Member>::value) {
        if (each) record.fields.emplace_back(member.name, Field(Form<typename Member::value_type>::put(graph, *each)));
      } else {
        record.fields.emplace_back(member.name, Field(Form<Member>::put(graph, each)));
      }
    });
    return graph.add(T::kArchiveClass, std::move(record));
  }
};
/// @endcond

/// All classes that an archive of a T may hold objects of.
template <class T>
Allowed allowed_for() {
  Allowed allowed;
  Form<T>::allow(allowed);
  return allowed;
}

/// What the root of a graph is, which must be exactly a T. Errors: bad-archive.
template <class T>
Result<T> value_of(const Graph& graph) {
  Decoding decoding(graph);
  return Form<T>::get(decoding, graph.root ? Field(*graph.root) : Field(), object::kRoot);
}

/// The value that an archive holds, which must be exactly a T.
template <class T>
Result<T> decode(Data bytes) {
  return value_of<T>(REEVE_TRY(read(std::move(bytes), allowed_for<T>())));
}

/// The archive of a value. Errors: bad-property-list for text that is not UTF-8; too-large.
template <class T>
Result<std::vector<std::byte>> encode(const T& value) {
  Graph graph;
  graph.root = Form<T>::put(graph, value);
  return write(graph);
}

}  // namespace reeve::archive
