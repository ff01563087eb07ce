// Reading a keyed archive: what the files of archive::read share.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../vocab/bounds.hpp"
#include "archive.hpp"
#include "checks.hpp"
#include "classes.hpp"

namespace reeve::archive {

using PlistValue = plist::Value;
using plist::ValueType;
inline constexpr std::size_t kValueTypes = 16;  // more than there are

/// Which field of which object leads to another.
struct From {
  std::uint32_t holder = 0;  ///< its place among the objects; 0: the top
  std::string_view field;
  std::size_t index = SIZE_MAX;  ///< within that field, where it is an array
  std::string path() const;
};

std::unexpected<Error> not_allowed(const From& from, std::string_view name);

/// A class as it is named in an archive, looked up once in a reading.
struct ClassHere {
  std::string name;
  const Class* known = nullptr;             ///< null of a user's
  const Allowed::Fields* fields = nullptr;  ///< of a user's that is allowed
  bool is_allowed = false;                  ///< one of those, or one that the library knows
};

// Objects are read one after the other, and what they refer to after them.
class Reader {
 public:
  Reader(const plist::PropertyList& list, const Allowed& allowed) : list_(list), allowed_(allowed) {}

  Result<Graph> run();

 private:
  struct Waiting {
    std::uint32_t number;
    Ref ref;
    From from;
  };
  // What a reference is to lead to, which is known at the end.
  struct Promise {
    Ref ref;
    From from;
    const char* what;
    bool (*is_kept)(const Value& value);
  };
  template <class T>
  void promise(Ref ref, const From& from, const char* what) {
    promises_.push_back({ref, from, what, [](const Value& value) { return std::holds_alternative<T>(value); }});
  }

  // What an archive is around its objects; the root's reference.
  Result<PlistValue> check_frame();
  Result<void> check_number(std::uint32_t number, const From& from) const;
  Result<Ref> ref_to(std::uint32_t number, const From& from);
  Result<const ClassHere*> class_of(const PlistValue& object, const From& from);
  static Result<std::string> class_in(const PlistValue& record, const From& from);
  const ClassHere& remember(std::string name);
  Result<void> read_object(const Waiting& next);
  const ClassHere& plain_class(const PlistValue& value);
  Value plain(const PlistValue& value) const;
  Data data_of(const PlistValue& value) const { return {value.data(), list_.bytes().keeper(), list_.bytes().kept()}; }

  Result<Value> known_value(std::uint32_t number, const PlistValue& object, Shape shape);

  // Fields of the object at hand.
  std::string here() const { return "$objects[" + std::to_string(number_) + "]"; }
  From from(std::string_view field, std::size_t index = SIZE_MAX) const { return {number_, field, index}; }
  std::unexpected<Error> bad_field(std::string_view field, const char* what) const;
  Result<std::optional<PlistValue>> may_plain_field(std::string_view field) const;
  Result<PlistValue> plain_field(std::string_view field, ValueType type) const;
  std::unexpected<Error> wrong_type(std::string_view field, ValueType expected, ValueType found) const;
  Result<void> spend(std::size_t bytes);
  Result<std::string> text(std::string_view field);
  Result<double> real(std::string_view field) const;
  Result<std::int64_t> integer(std::string_view field) const;
  Result<std::uint64_t> count(std::string_view field) const;
  Result<std::optional<Ref>> may_ref(std::string_view field);
  Result<Ref> ref_at(const PlistValue& value, const From& from);
  Result<std::vector<Ref>> refs(std::string_view field);
  struct Part {
    std::uint32_t number;
    PlistValue object;
    const ClassHere* kind;  // which is allowed
  };
  Result<Part> part(std::string_view field, const char* what_is_missing);
  Result<std::optional<std::vector<std::uint64_t>>> varints(std::string_view field);

  // One for each shape (read_shapes.cc).
  Result<Value> uuid() const;
  Result<Value> url();
  Result<Value> list() { return List{REEVE_TRY(refs("NS.objects"))}; }
  Result<Value> ordered_set();
  Result<Value> counted_set();
  Result<Value> map();
  Result<Value> index_set();
  Result<Value> index_path();
  Result<Value> attributed_text();
  Result<std::vector<Ref>> attributes();
  Result<Value> boxed();
  Result<std::vector<double>> geometry(std::string_view field, std::size_t size);
  Result<Value> numbers();
  // Of an object within another.
  Reader(const Reader& outer, std::uint32_t number, const PlistValue& object)
      : list_(outer.list_), allowed_(outer.allowed_), objects_(outer.objects_), number_(number), object_(object) {}
  Result<Value> old_style_array(const std::string& type) const;
  Result<Value> failure();
  Result<Value> notification();
  Result<Record> record(std::uint32_t number, const PlistValue& object, const Allowed::Fields& fields);
  Result<Field> field(const PlistValue& value, const From& from);
  Result<void> check_whole() const;

  static constexpr std::string_view kNumbersClass = "_NSKeyedCoderOldStyleArray";

  const plist::PropertyList& list_;
  const Allowed& allowed_;
  std::optional<PlistValue> objects_;
  Graph graph_;
  std::vector<std::optional<Ref>> refs_;  // of each object that was met
  std::deque<ClassHere> kinds_;
  std::vector<const ClassHere*> kind_of_record_;  // by its number in the property list; null of what is none yet
  std::array<const ClassHere*, kValueTypes> plain_kinds_{};  // of plain values, by their type
  std::vector<bool> is_met_;  // objects of the property list that were read as objects of the archive
  std::vector<Waiting> waiting_;
  std::vector<Promise> promises_;
  std::size_t left_ = kPlistBytesMax;  // of what may be copied
  std::uint32_t number_ = 0;           // of the object at hand
  PlistValue object_ = list_.root();
};

}  // namespace reeve::archive
