#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <string_view>

#include "../plist/unicode.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/text.hpp"
#include "archive.hpp"
#include "checks.hpp"
#include "classes.hpp"
#include "varint.hpp"

namespace reeve::archive {
namespace {

using PlistValue = plist::Value;
using plist::ValueType;

constexpr std::size_t kShownBytes = 64;  // Of a stranger's name, in a message.

// Which field of which object leads to another.
struct From {
  std::uint32_t holder = 0;  // its place among the objects; 0: the top
  std::string_view field;
  std::size_t index = SIZE_MAX;  // within that field, where it is an array

  std::string path() const {
    std::string out = holder == 0 ? std::string("$top") : "$objects[" + std::to_string(holder) + "]";
    out += "." + printable(field.substr(0, kShownBytes));
    if (index != SIZE_MAX) out += "[" + std::to_string(index) + "]";
    return out;
  }
};

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadArchive, what); }

std::unexpected<Error> not_allowed(const From& from, std::string_view name) {
  return fail(Kind::denied, code::kClassNotAllowed,
              from.path() + ": class " + printable(name.substr(0, kShownBytes)) + " not allowed here",
              "allow it where it belongs there; else do not read this archive");
}

bool is_plain(const PlistValue& value) {
  return value.type() >= ValueType::boolean && value.type() <= ValueType::string;
}

// "{1, 2}" or "{{1, 2}, {3, 4}}": so many numbers, wherever the braces stand.
std::optional<std::vector<double>> numbers_in(const std::string& text, std::size_t count) {
  std::vector<double> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (std::string_view("{}, ").find(*at) != std::string_view::npos) {
      ++at;
      continue;
    }
    double number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    at = next;
  }
  return numbers.size() == count ? std::optional(std::move(numbers)) : std::nullopt;
}

}  // namespace

// Objects are read one after the other, and what they refer to after them.
class Reader {
 public:
  Reader(const plist::PropertyList& list, const Allowed& allowed) : list_(list), allowed_(allowed) {}

  Result<Graph> run() {
    const PlistValue top = REEVE_TRY(check_frame());
    if (top.uid() != 0) graph_.root = REEVE_TRY(ref_to(top.uid(), {0, "root"}));
    while (!waiting_.empty()) {
      const Waiting next = waiting_.back();
      waiting_.pop_back();
      REEVE_TRY(read_object(next));
    }
    for (const Promise& promise : promises_) {
      if (!promise.is_kept(graph_.at(promise.ref).value)) return bad(promise.from.path() + ": not " + promise.what);
    }
    REEVE_TRY(check_whole());
    return std::move(graph_);
  }

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

  // The root's reference. What else stands at the top is nobody's.
  Result<PlistValue> check_frame() {
    const PlistValue root = list_.root();
    if (root.type() != ValueType::dictionary) return bad("$top: no keyed archive is anything but a dictionary");
    const auto archiver = root.find("$archiver");
    if (!archiver || archiver->type() != ValueType::string || !archiver->is_text("NSKeyedArchiver")) {
      return bad("$archiver: not NSKeyedArchiver");
    }
    const auto version = root.find("$version");
    if (!version || version->type() != ValueType::integer || version->integer() != plist::Integer{100'000}) {
      return bad("$version: not 100000");
    }
    objects_ = root.find("$objects");
    if (!objects_ || objects_->type() != ValueType::array || objects_->count() == 0) return bad("$objects: none");
    if (objects_->count() > kObjectCountMax) return bad("$objects: more than 262144");
    const PlistValue nil = objects_->value(0);
    if (nil.type() != ValueType::string || !nil.is_text("$null")) return bad("$objects[0]: not $null");
    refs_.assign(objects_->count(), std::nullopt);
    const auto top = root.find("$top");
    if (!top || top->type() != ValueType::dictionary) return bad("$top: none");
    const auto wanted = top->find("root");
    if (!wanted || wanted->type() != ValueType::uid) return bad("$top.root: none");
    return *wanted;
  }

  Result<void> check_number(std::uint32_t number, const From& from) const {
    if (number < objects_->count()) return {};
    return bad(from.path() + ": object " + std::to_string(number) + " is not there");
  }

  Result<Ref> ref_to(std::uint32_t number, const From& from) {
    REEVE_TRY(check_number(number, from));
    std::optional<Ref>& known = refs_[number];
    if (!known) {
      known = graph_.add("", Null());
      waiting_.push_back({number, *known, from});
    }
    return *known;
  }

  // The name of an object's class.
  Result<std::string> class_of(const PlistValue& object, const From& from) {
    const auto number = object.find("$class");
    if (!number || number->type() != ValueType::uid) return bad(from.path() + ": no object");
    REEVE_TRY(check_number(number->uid(), from));
    // Its name alone is remembered: whether it is allowed is asked of each object.
    const PlistValue record = objects_->value(number->uid());
    std::optional<std::string>& known = class_names_[record.number()];
    if (!known) known = REEVE_TRY(class_in(record, from));
    return *known;
  }
  static Result<std::string> class_in(const PlistValue& record, const From& from) {
    const auto bad_record = [&] { return bad(from.path() + ": its class is none"); };
    if (record.type() != ValueType::dictionary || record.find("$class")) return bad_record();
    const auto name = record.find("$classname");
    const auto kin = record.find("$classes");
    if (!name || name->type() != ValueType::string || !kin || kin->type() != ValueType::array) return bad_record();
    if (name->count() > kClassNameMax) return bad_record();
    if (kin->count() == 0 || kin->value(0).type() != ValueType::string) return bad_record();
    if (!kin->value(0).is_text(name->text())) return bad_record();
    return name->text();
  }

  Result<void> read_object(const Waiting& next) {
    const PlistValue object = objects_->value(next.number);
    const From& from = next.from;
    const bool is_plain_one = is_plain(object);
    if (!is_plain_one && object.type() != ValueType::dictionary) return bad(from.path() + ": no object");
    const std::string name = is_plain_one ? std::string(plain_class(object)) : REEVE_TRY(class_of(object, from));
    const Class* const known = class_named(name);
    const auto* const fields = known == nullptr ? allowed_.fields_of(name) : nullptr;
    if (fields == nullptr && (known == nullptr || !allowed_.has(name))) return not_allowed(from, name);
    // Equal plain values may be one in a property list; two objects are never one dictionary.
    const bool is_listed_before = !is_met_.insert(object.number()).second;
    if (is_listed_before && !is_plain_one) return bad(from.path() + ": an object that is another, too");
    if (is_listed_before) REEVE_TRY(spend(3 * object.count()));
    Value value;
    if (is_plain_one) {
      value = plain(object);
    } else if (fields != nullptr) {
      value = REEVE_TRY(record(next.number, object, *fields));
    } else {
      value = REEVE_TRY(known_value(next.number, object, known->shape));
    }
    graph_.at(next.ref) = {name, std::move(value)};
    return {};
  }

  static std::string_view plain_class(const PlistValue& value) {
    switch (value.type()) {
      case ValueType::string:
        return "NSString";
      case ValueType::data:
        return "NSData";
      case ValueType::date:
        return "NSDate";
      default:
        return "NSNumber";
    }
  }

  Value plain(const PlistValue& value) const {
    switch (value.type()) {
      case ValueType::boolean:
        return value.boolean();
      case ValueType::integer:
        return value.integer();
      case ValueType::real:
        return value.real();
      case ValueType::date:
        return Date{value.date()};
      case ValueType::data:
        return data_of(value);
      default:
        return value.text();
    }
  }
  Data data_of(const PlistValue& value) const { return {value.data(), list_.bytes().keeper(), list_.bytes().kept()}; }

  Result<Value> known_value(std::uint32_t number, const PlistValue& object, Shape shape) {
    number_ = number;
    object_ = object;
    switch (shape) {
      case Shape::null:
        return Null();
      case Shape::number:
      case Shape::numbers:
        return bad(here() + ": a class that has no objects of its own");
      case Shape::text:
        return REEVE_TRY(text("NS.string"));
      case Shape::data:
        return data_of(REEVE_TRY(plain_field("NS.data", ValueType::data)));
      case Shape::date:
        return Date{REEVE_TRY(real("NS.time"))};
      case Shape::uuid:
        return REEVE_TRY(uuid());
      case Shape::url:
        return REEVE_TRY(url());
      case Shape::array:
        return REEVE_TRY(list());
      case Shape::ordered_set:
        return REEVE_TRY(object_.find("NS.objects") ? list() : ordered_set());
      case Shape::counted_set:
        return REEVE_TRY(counted_set());
      case Shape::map:
        return REEVE_TRY(map());
      case Shape::index_set:
        return REEVE_TRY(index_set());
      case Shape::index_path:
        return REEVE_TRY(index_path());
      case Shape::attributed_text:
        return REEVE_TRY(attributed_text());
      case Shape::value:
        return REEVE_TRY(boxed());
      case Shape::failure:
        return REEVE_TRY(failure());
      case Shape::notification:
        return REEVE_TRY(notification());
    }
    return bad(here() + ": no object");
  }

  // Fields of the object at hand.

  std::string here() const { return "$objects[" + std::to_string(number_) + "]"; }
  From from(std::string_view field, std::size_t index = SIZE_MAX) const { return {number_, field, index}; }
  std::unexpected<Error> bad_field(std::string_view field, const char* what) const {
    return bad(from(field).path() + ": " + what);
  }

  // What stands there, or what its reference leads to: a plain value. Nothing where it is nil, or not there.
  Result<std::optional<PlistValue>> may_plain_field(std::string_view field) const {
    const auto found = object_.find(field);
    if (!found) return std::nullopt;
    PlistValue value = *found;
    if (value.type() == ValueType::uid) {
      if (value.uid() == 0) return std::nullopt;
      REEVE_TRY(check_number(value.uid(), from(field)));
      value = objects_->value(value.uid());
    }
    if (!is_plain(value)) return bad_field(field, "no plain value");
    return value;
  }
  Result<PlistValue> plain_field(std::string_view field, ValueType type) const {
    const auto value = REEVE_TRY(may_plain_field(field));
    if (!value) return bad_field(field, "missing");
    if (value->type() != type) return wrong_type(field, type, value->type());
    return *value;
  }
  std::unexpected<Error> wrong_type(std::string_view field, ValueType expected, ValueType found) const {
    return bad(from(field).path() + ": expected " + std::string(name_of(expected)) + ", got " +
               std::string(name_of(found)));
  }

  // Many objects may share a part that is copied for each.
  Result<void> spend(std::size_t bytes) {
    if (bytes > left_)
      return fail(Kind::invalid, code::kTooLarge, "parts that objects share take more than 64 MiB for all");
    left_ -= bytes;
    return {};
  }

  // A plain one, or an object of its own, which a mutable string is.
  Result<std::string> text(std::string_view field) {
    const auto found = object_.find(field);
    const bool is_reference = found && found->type() == ValueType::uid && found->uid() < objects_->count();
    PlistValue value = is_reference ? objects_->value(found->uid()) : found.value_or(object_);
    if (is_reference && value.type() == ValueType::dictionary) {
      REEVE_TRY(spend(value.count()));
      const std::string name = REEVE_TRY(class_of(value, from(field)));
      const Class* const known = class_named(name);
      if (known == nullptr || !allowed_.has(name)) return not_allowed(from(field), name);
      const auto content = value.find("NS.string");
      if (known->shape != Shape::text || !content || content->type() != ValueType::string) {
        return bad_field(field, "no text");
      }
      value = *content;
    } else {
      value = REEVE_TRY(plain_field(field, ValueType::string));
    }
    REEVE_TRY(spend(3 * value.count()));
    return value.text();
  }
  Result<double> real(std::string_view field) const {
    const auto value = REEVE_TRY(may_plain_field(field));
    if (!value) return bad_field(field, "missing");
    if (value->type() == ValueType::real) {
      return std::isfinite(value->real()) ? Result<double>(value->real()) : bad_field(field, "no number");
    }
    if (value->type() != ValueType::integer) return wrong_type(field, ValueType::real, value->type());
    const plist::Integer integer = value->integer();
    return integer.is_large ? static_cast<double>(integer.bits) : static_cast<double>(integer.value());
  }
  Result<std::int64_t> integer(std::string_view field) const {
    const plist::Integer integer = REEVE_TRY(plain_field(field, ValueType::integer)).integer();
    if (integer.is_large) return bad_field(field, "more than 63 bits");
    return integer.value();
  }
  // Of Foundation's NSUInteger, in which the largest int64 is the largest index.
  Result<std::uint64_t> count(std::string_view field) const {
    const std::int64_t value = REEVE_TRY(integer(field));
    if (value < 0) return bad_field(field, "negative");
    return static_cast<std::uint64_t>(value);
  }

  Result<std::optional<Ref>> may_ref(std::string_view field) {
    const auto found = object_.find(field);
    if (!found) return std::nullopt;
    if (found->type() != ValueType::uid) return bad_field(field, "no reference");
    if (found->uid() == 0) return std::nullopt;
    return REEVE_TRY(ref_to(found->uid(), from(field)));
  }
  Result<Ref> ref_at(const PlistValue& value, const From& from) {
    if (value.type() != ValueType::uid) return bad(from.path() + ": no reference");
    if (value.uid() == 0) return bad(from.path() + ": nil among objects");
    return ref_to(value.uid(), from);
  }
  Result<std::vector<Ref>> refs(std::string_view field) {
    const auto found = object_.find(field);
    if (!found || found->type() != ValueType::array) return bad_field(field, "no array");
    const std::size_t size = found->count();
    REEVE_TRY(spend(size * sizeof(Ref)));
    std::vector<Ref> all;
    all.reserve(size);
    for (std::size_t i = 0; i < size; ++i) all.push_back(REEVE_TRY(ref_at(found->value(i), from(field, i))));
    return all;
  }

  // The bytes of an object of data that is part of the one at hand, and of no use beside it.
  Result<std::optional<std::vector<std::uint64_t>>> varints(std::string_view field) {
    const auto found = object_.find(field);
    if (!found) return std::nullopt;
    if (found->type() != ValueType::uid) return bad_field(field, "no reference");
    if (found->uid() == 0) return std::nullopt;
    const From source = from(field);
    REEVE_TRY(check_number(found->uid(), source));
    const PlistValue object = objects_->value(found->uid());
    PlistValue bytes = object;
    std::string name = "NSData";
    if (object.type() == ValueType::dictionary) {
      REEVE_TRY(spend(object.count()));
      name = REEVE_TRY(class_of(object, source));
      const auto content = object.find("NS.data");
      if (!content) return bad_field(field, "no data");
      bytes = *content;
    }
    if (!allowed_.has(name)) return not_allowed(source, name);
    const Class* const known = class_named(name);
    if (known == nullptr || known->shape != Shape::data || bytes.type() != ValueType::data)
      return bad_field(field, "no data");
    REEVE_TRY(spend(bytes.count() * sizeof(std::uint64_t)));
    auto numbers = varints_in(bytes.data());
    if (!numbers) return bad_field(field, "numbers that do not end");
    return numbers;
  }

  // One for each shape.

  Result<Value> uuid() const {
    const auto bytes = REEVE_TRY(plain_field("NS.uuidbytes", ValueType::data)).data();
    Uuid uuid;
    if (bytes.size() != uuid.bytes.size()) return bad_field("NS.uuidbytes", "not 16 bytes");
    std::ranges::copy(bytes, uuid.bytes.begin());
    return uuid;
  }

  Result<Value> url() {
    const auto base = REEVE_TRY(may_ref("NS.base"));
    Url url{REEVE_TRY(text("NS.relative")), base};
    if (url.base) promise<Url>(*url.base, from("NS.base"), "a URL");
    return url;
  }

  Result<Value> list() { return List{REEVE_TRY(refs("NS.objects"))}; }

  // A key for each, whatever order they stand in.
  Result<Value> ordered_set() {
    constexpr std::string_view kPrefix = "NS.object.";
    std::vector<std::optional<Ref>> found(object_.count());
    std::size_t size = 0;
    for (std::size_t i = 0; i < object_.count(); ++i) {
      const std::string key = object_.key(i).text();
      if (!key.starts_with(kPrefix)) continue;
      std::size_t place = 0;
      const auto [end, error] = std::from_chars(&key[kPrefix.size()], key.data() + key.size(), place);
      if (error != std::errc() || end != key.data() + key.size() || place >= found.size() || found[place]) {
        return bad(here() + ": a place that is none");
      }
      found[place] = REEVE_TRY(ref_at(object_.value(i), from(kPrefix.substr(0, kPrefix.size() - 1), place)));
      ++size;
    }
    List list;
    for (std::size_t i = 0; i < size; ++i) {
      if (!found[i]) return bad(here() + ": a place is empty");
      list.items.push_back(*found[i]);
    }
    return list;
  }

  Result<Value> counted_set() {
    const std::uint64_t size = REEVE_TRY(count("NS.count"));
    if (size > object_.count() / 2) return bad_field("NS.count", "more than there are");
    // Which of them is which is looked up once, and not by a walk for each.
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < object_.count(); ++i) places.emplace(object_.key(i).text(), i);
    CountedSet set;
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto object = places.find("NS.object" + std::to_string(i));
      const auto times = places.find("NS.count" + std::to_string(i));
      if (object == places.end() || times == places.end()) return bad(here() + ": an object without its count");
      const PlistValue number = object_.value(times->second);
      if (number.type() != ValueType::integer || number.integer().is_large || number.integer().value() < 1) {
        return bad(from("NS.count", i).path() + ": not once or more");
      }
      set.items.emplace_back(REEVE_TRY(ref_at(object_.value(object->second), from("NS.object", i))),
                             number.integer().bits);
    }
    return set;
  }

  Result<Value> map() {
    const std::vector<Ref> keys = REEVE_TRY(refs("NS.keys"));
    const std::vector<Ref> values = REEVE_TRY(refs("NS.objects"));
    if (keys.size() != values.size()) return bad_field("NS.objects", "not as many as keys");
    Map map;
    map.entries.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) map.entries.emplace_back(keys[i], values[i]);
    return map;
  }
  Result<Value> index_set() {
    const std::uint64_t size = REEVE_TRY(count("NSRangeCount"));
    IndexSet set;
    if (size == 1) {
      set.ranges.push_back({REEVE_TRY(count("NSLocation")), REEVE_TRY(count("NSLength"))});
    } else if (size > 1) {
      const auto numbers = REEVE_TRY(varints("NSRangeData"));
      if (!numbers || numbers->size() % 2 != 0 || numbers->size() / 2 != size) {
        return bad_field("NSRangeData", "not as many ranges as there are to be");
      }
      for (std::size_t i = 0; i < numbers->size(); i += 2) set.ranges.push_back({(*numbers)[i], (*numbers)[i + 1]});
    }
    if (!is_index_set(set)) return bad(here() + ": ranges that are no set");
    return set;
  }

  Result<Value> index_path() {
    const std::uint64_t size = REEVE_TRY(count("NSIndexPathLength"));
    IndexPath path;
    if (size == 1) {
      path.indices.push_back(REEVE_TRY(count("NSIndexPathValue")));
    } else if (size > 1) {
      auto numbers = REEVE_TRY(varints("NSIndexPathData"));
      if (!numbers || numbers->size() != size) return bad_field("NSIndexPathData", "not as many as there are to be");
      path.indices = std::move(*numbers);
      if (std::ranges::any_of(path.indices, [](std::uint64_t index) { return index > INT64_MAX; })) {
        return bad_field("NSIndexPathData", "more than 63 bits");
      }
    }
    return path;
  }

  // One dictionary for all of it; or an array of them, and in data which is whose.
  Result<Value> attributed_text() {
    AttributedText attributed{REEVE_TRY(text("NSString")), {}};
    const std::uint64_t length = plist::utf16_length(attributed.text);
    const auto info = REEVE_TRY(varints("NSAttributeInfo"));
    if (!info) {
      const auto whole = REEVE_TRY(may_ref("NSAttributes"));
      if (!whole) return attributed;
      promise<Map>(*whole, from("NSAttributes"), "a dictionary");
      if (length > 0) attributed.runs.push_back({length, *whole});
      return attributed;
    }
    const std::vector<Ref> all = REEVE_TRY(attributes());
    if (info->size() % 2 != 0) return bad_field("NSAttributeInfo", "a run without attributes");
    for (std::size_t i = 0; i < info->size(); i += 2) {
      if ((*info)[i + 1] >= all.size()) return bad_field("NSAttributeInfo", "attributes that are not there");
      attributed.runs.push_back({(*info)[i], all[(*info)[i + 1]]});
    }
    if (!fits_its_runs(attributed)) return bad_field("NSAttributeInfo", "runs that do not fit the text");
    return attributed;
  }
  Result<std::vector<Ref>> attributes() {
    const auto found = object_.find("NSAttributes");
    if (!found || found->type() != ValueType::uid) return bad_field("NSAttributes", "no reference");
    const From source = from("NSAttributes");
    REEVE_TRY(check_number(found->uid(), source));
    const PlistValue array = objects_->value(found->uid());
    if (array.type() != ValueType::dictionary) return bad_field("NSAttributes", "no array");
    const std::string name = REEVE_TRY(class_of(array, source));
    if (!allowed_.has(name)) return not_allowed(source, name);
    const auto items = array.find("NS.objects");
    if ((name != "NSArray" && name != "NSMutableArray") || !items || items->type() != ValueType::array) {
      return bad_field("NSAttributes", "no array");
    }
    REEVE_TRY(spend(items->count() * sizeof(Promise)));
    std::vector<Ref> all;
    for (std::size_t i = 0; i < items->count(); ++i) {
      const From item{found->uid(), "NS.objects", i};
      all.push_back(REEVE_TRY(ref_at(items->value(i), item)));
      promise<Map>(all.back(), item, "a dictionary");
    }
    return all;
  }

  Result<Value> boxed() {
    enum Special : std::int64_t { kPoint = 1, kSize = 2, kRect = 3, kRange = 4, kEdgeInsets = 12 };
    if (!object_.find("NS.special")) return numbers();
    switch (REEVE_TRY(integer("NS.special"))) {
      case kPoint: {
        const auto all = REEVE_TRY(geometry("NS.pointval", 2));
        return Point{all[0], all[1]};
      }
      case kSize: {
        const auto all = REEVE_TRY(geometry("NS.sizeval", 2));
        return Size{all[0], all[1]};
      }
      case kRect: {
        const auto all = REEVE_TRY(geometry("NS.rectval", 4));
        return Rect{{all[0], all[1]}, {all[2], all[3]}};
      }
      case kRange:
        return Range{REEVE_TRY(count("NS.rangeval.location")), REEVE_TRY(count("NS.rangeval.length"))};
      case kEdgeInsets:
        return EdgeInsets{REEVE_TRY(real("NS.edgeval.top")), REEVE_TRY(real("NS.edgeval.left")),
                          REEVE_TRY(real("NS.edgeval.bottom")), REEVE_TRY(real("NS.edgeval.right"))};
      default:
        return bad_field("NS.special", "a value of no known kind");
    }
  }
  Result<std::vector<double>> geometry(std::string_view field, std::size_t size) {
    auto all = numbers_in(REEVE_TRY(text(field)), size);
    if (!all) return bad_field(field, "not so many numbers");
    return std::move(*all);
  }

  // An array of C's, in an object of its own that is part of this one.
  Result<Value> numbers() {
    const auto found = object_.find("$1");
    if (!found || found->type() != ValueType::uid) return bad_field("$1", "no reference");
    const From source = from("$1");
    REEVE_TRY(check_number(found->uid(), source));
    const PlistValue array = objects_->value(found->uid());
    if (array.type() != ValueType::dictionary) return bad_field("$1", "no object");
    REEVE_TRY(spend(array.count() * sizeof(Numbers)));
    const std::string name = REEVE_TRY(class_of(array, source));
    if (!allowed_.has(name)) return not_allowed(source, name);
    if (name != kNumbersClass) return bad_field("$1", "no array of numbers");
    Reader inner(*this, found->uid(), array);
    return inner.old_style_array(REEVE_TRY(text("$0")));
  }
  Reader(const Reader& outer, std::uint32_t number, const PlistValue& object)
      : list_(outer.list_), allowed_(outer.allowed_), objects_(outer.objects_), number_(number), object_(object) {}

  Result<Value> old_style_array(const std::string& type) const {
    const std::int64_t letter = REEVE_TRY(integer("NS.type"));
    const std::uint64_t size = REEVE_TRY(count("NS.count"));
    if (letter <= 0 || letter > 127 || std::strchr("cCsSiIlLqQfd", static_cast<int>(letter)) == nullptr) {
      return bad_field("NS.type", "no type of numbers");
    }
    if (size > object_.count()) return bad_field("NS.count", "more than there are");
    Numbers numbers{static_cast<char>(letter), {}};
    if (type != "[" + std::to_string(size) + numbers.type + "]")
      return bad_field("NS.type", "not the type that it is said to be");
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < object_.count(); ++i) places.emplace(object_.key(i).text(), i);
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto place = places.find("$" + std::to_string(i));
      if (place == places.end()) return bad(here() + ": a number is missing");
      const PlistValue value = object_.value(place->second);
      if (value.type() == ValueType::real) {
        numbers.numbers.emplace_back(value.real());
      } else if (value.type() == ValueType::integer && value.integer().is_large) {
        numbers.numbers.emplace_back(value.integer().bits);
      } else if (value.type() == ValueType::integer) {
        numbers.numbers.emplace_back(value.integer().value());
      } else {
        return bad(here() + ": a number of another type");
      }
    }
    if (!are_of_their_type(numbers)) return bad(here() + ": a number of another type");
    return numbers;
  }

  Result<Value> failure() {
    // First what needs no room: g++ 12 forgets what was made of an object when the rest of it fails.
    const std::int64_t code = REEVE_TRY(integer("NSCode"));
    const auto details = REEVE_TRY(may_ref("NSUserInfo"));
    Failure failure{REEVE_TRY(text("NSDomain")), code, details};
    if (failure.details) promise<Map>(*failure.details, from("NSUserInfo"), "a dictionary");
    return failure;
  }

  Result<Value> notification() {
    const auto object = REEVE_TRY(may_ref("NS.object"));
    const auto details = REEVE_TRY(may_ref("NS.userinfo"));
    Notification notification{REEVE_TRY(text("NS.name")), object, details};
    if (notification.details) promise<Map>(*notification.details, from("NS.userinfo"), "a dictionary");
    return notification;
  }

  Result<Record> record(std::uint32_t number, const PlistValue& object, const Allowed::Fields& fields) {
    number_ = number;
    object_ = object;
    Record record;
    for (std::size_t i = 0; i < object.count(); ++i) {
      std::string name = object.key(i).text();
      if (name == "$class") continue;
      // What begins with one of them is the archiver's own.
      if (name.starts_with('$') && !name.starts_with("$$")) return bad(from(name).path() + ": a field that is none");
      if (name.starts_with('$')) name.erase(0, 1);
      const auto known = fields.find(name);
      if (known == fields.end()) return bad(from(name).path() + ": a field that is none");
      REEVE_TRY(spend(sizeof record.fields[0] + name.size()));
      record.fields.emplace_back(name, REEVE_TRY(field(object.value(i), from(*known))));
    }
    return record;
  }
  Result<Field> field(const PlistValue& value, const From& from) {
    switch (value.type()) {
      case ValueType::uid:
        if (value.uid() == 0) return Field();
        return Field(REEVE_TRY(ref_to(value.uid(), from)));
      case ValueType::boolean:
        return Field(value.boolean());
      case ValueType::integer:
        return Field(value.integer());
      case ValueType::real:
        return Field(value.real());
      case ValueType::string:
        REEVE_TRY(spend(3 * value.count()));
        return Field(value.text());
      case ValueType::data:
        return Field(data_of(value));
      default:
        return bad(from.path() + ": no value of a field");
    }
  }

  // What only the whole tells. A URL that is relative to itself is relative to nothing.
  Result<void> check_whole() const {
    KeyCheck keys(graph_);
    for (std::size_t i = 0; i < graph_.count(); ++i) {
      if (!ends_its_bases(graph_, static_cast<Ref>(i))) return bad("a URL whose base has a base, and so on");
      const auto* map = graph_.get<Map>(static_cast<Ref>(i));
      if (map != nullptr && keys.has_twice(*map)) return bad("a dictionary with a key twice");
    }
    return {};
  }

  static constexpr std::size_t kClassNameMax = 256;
  static constexpr std::string_view kNumbersClass = "_NSKeyedCoderOldStyleArray";

  const plist::PropertyList& list_;
  const Allowed& allowed_;
  std::optional<PlistValue> objects_;
  Graph graph_;
  std::vector<std::optional<Ref>> refs_;                             // of each object that was met
  std::map<std::uint32_t, std::optional<std::string>> class_names_;  // by the number of their record
  std::set<std::uint32_t> is_met_;  // objects of the property list that were read as objects of the archive
  std::vector<Waiting> waiting_;
  std::vector<Promise> promises_;
  std::size_t left_ = kPlistBytesMax;  // of what may be copied
  std::uint32_t number_ = 0;           // of the object at hand
  PlistValue object_ = list_.root();
};

Result<Graph> read(const plist::PropertyList& list, const Allowed& allowed) { return Reader(list, allowed).run(); }

Result<Graph> read(Data bytes, const Allowed& allowed) {
  return read(REEVE_TRY(plist::PropertyList::check(std::move(bytes))), allowed);
}

Ref Graph::add(Value value) {
  constexpr std::string_view kNames[] = {
      "NSNull",       "NSNumber",     "NSNumber",      "NSNumber",    "NSString",
      "NSData",       "NSDate",       "NSUUID",        "NSURL",       "NSArray",
      "NSCountedSet", "NSDictionary", "NSIndexSet",    "NSIndexPath", "NSAttributedString",
      "NSValue",      "NSValue",      "NSValue",       "NSValue",     "NSValue",
      "NSValue",      "NSError",      "NSNotification"};
  static_assert(std::size(kNames) + 1 == std::variant_size_v<Value>, "a Record has a name of its own");
  REEVE_INVARIANT(value.index() < std::size(kNames));
  return add(std::string(kNames[value.index()]), std::move(value));
}

std::optional<Ref> Graph::find(const Map& map, std::string_view key) const {
  for (const auto& [known, value] : map.entries) {
    const auto* text = get<std::string>(known);
    if (text != nullptr && *text == key) return value;
  }
  return std::nullopt;
}

}  // namespace reeve::archive
